"""Settings of the HSMR backend; all of them are part of the identity of its artifacts."""

from __future__ import annotations

from dataclasses import dataclass, field

from qevd_bio.capture.config import PersonConfig, VideoConfig
from qevd_bio.choices import Precision
from qevd_bio.errors import UsageError

LANDMARKS = "landmarks"
"""Name of the built-in person detector."""

OFFICIAL_LONGEST_SIDE_PX = 1920


@dataclass(frozen=True, slots=True)
class ConfidenceConfig:
    """How far a frame can be trusted; all unverified.

    Attributes
    ----------
    edge_share : float
        Confidence left for each edge of the picture that the person's box touches.
    edge_px : float
        A box nearer to the edge touches it.
    doubtful_deg : float
        Disagreement of the mirrored crop at which the confidence is halved.
    beyond_deg : float
        An angle further than this beyond its range counts as impossible.
    """

    edge_share: float = 0.8
    edge_px: float = 1.0
    doubtful_deg: float = 30.0
    beyond_deg: float = 10.0


@dataclass(frozen=True, slots=True)
class StandingConfig:
    """When somebody who stands shows which way is down.

    Attributes
    ----------
    least_s : float
        Time of standing still that is enough.
    most_tilt_deg : float
        A body line further from the picture's vertical does not stand, but lies or leans.
    most_spread_deg : float
        Median distance of the body lines from their middle.
    straight_deg : float
        Knees and hips of somebody who stands are bent less.
    level_share : float
        Feet of somebody who stands differ in height by less than this part of the body line.
    """

    least_s: float = 1.0
    most_tilt_deg: float = 30.0
    most_spread_deg: float = 4.0
    straight_deg: float = 20.0
    level_share: float = 0.08


@dataclass(frozen=True, slots=True)
class HsmrConfig:
    """Everything that changes what HSMR makes of a video.

    Attributes
    ----------
    precision : str
        fp32, bf16 or fp16, of the backbone. A CPU takes fp32 only.
    batch_size : int
        Crops in one pass of the network on a GPU, always padded to this many; on a CPU crops go
        one by one. Another size may change the last bits, hence a part of the identity.
    compiled : bool
        Whether the backbone is compiled when it is loaded: minutes then, faster afterwards. May
        change the last bits.
    flip_every : int
        Every so many frames the mirrored crop is estimated, too, which costs that share more;
        0 never.
    detect_every : int
        The person detector runs on every so many frames; boxes in between are interpolated.
    detect_together : int
        Pictures in one call of the detector.
    least_score : float
        Detections with a lower score are left out.
    least_confidence : float
        Frames with less are not valid.
    method_sigma_deg : float
        Standard deviation of an HSMR angle beside jitter and disagreement. Unverified.
    video : VideoConfig
        How the video is turned, scaled and cut into shots, and how its people are told apart.
    """

    precision: Precision = "fp16"
    batch_size: int = 128
    compiled: bool = False
    flip_every: int = 10
    detect_every: int = 5
    detect_together: int = 4
    least_score: float = 0.5
    least_confidence: float = 0.2
    method_sigma_deg: float = 6.0
    video: VideoConfig = field(
        default_factory=lambda: VideoConfig(
            longest_side_px=OFFICIAL_LONGEST_SIDE_PX, person=PersonConfig(detector_model="full")
        )
    )
    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)
    standing: StandingConfig = field(default_factory=StandingConfig)

    def __post_init__(self) -> None:
        for name, least in (
            ("batch_size", 1), ("flip_every", 0), ("detect_every", 1), ("detect_together", 1),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise UsageError(
                    f"is {getattr(self, name)}",
                    where=f"hsmr setting {name}",
                    next_step=f"Give {least} or more",
                )
