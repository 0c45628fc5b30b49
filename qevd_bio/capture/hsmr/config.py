"""Everything that changes what HSMR's pipeline makes of a video."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

from qevd_bio.capture.config import CaptureConfig
from qevd_bio.choices import Precision
from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import JsonValue

LANDMARKS = "landmarks"
"""Name of the built-in person detector."""

OFFICIAL_LONGEST_SIDE_PX = 1920


@dataclass(frozen=True, slots=True)
class HsmrConfig:
    """Settings of the HSMR backend; part of the identity of its artifacts.

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
        Every so many frames the mirrored crop is looked at, too, which costs that share more;
        0 never.
    detect_every : int
        Frames from one look of the person detector to the next; boxes in between are
        interpolated.
    detect_together : int
        Pictures the detector looks at in one call.
    least_score : float
        Detections with a lower score are nobody.
    least_confidence : float
        Frames with less are not valid.
    method_sigma_deg : float
        Standard deviation of an HSMR angle beside jitter and disagreement. Unverified: the
        value of `recorded.RecordedConfig`.
    video : CaptureConfig
        How the video is turned, scaled and cut into shots.
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
    video: CaptureConfig = field(
        default_factory=lambda: CaptureConfig(longest_side_px=OFFICIAL_LONGEST_SIDE_PX)
    )

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

    def resolved(self) -> dict[str, JsonValue]:
        """Spell out what decides the output: without the fit, which HSMR does not need."""
        settings: dict[str, JsonValue] = asdict(self)
        video = asdict(self.video)
        del video["lifting"]
        return {**settings, "video": video}
