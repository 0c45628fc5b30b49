"""Everything that changes what capture makes of a video."""

from __future__ import annotations

from dataclasses import dataclass, field

from qevd_bio.capture.monocular.lifting import LiftingConfig


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """Settings of the MediaPipe backend; part of the identity of its artifacts.

    Attributes
    ----------
    turn_deg : int or None
        Clockwise turn (0, 90, 180, 270) that puts the person upright; None looks at the video.
    sideways_up_to_id : int
        Landscape videos whose id is a number up to this are expected to lie on their side, to
        be turned 90 degrees clockwise (QEVD: 145); -1 expects none.
    upright_samples : int
        Frames looked at to decide the turn.
    longest_side_px : int
        Larger frames are scaled down to this before landmarks are sought.
    detection_confidence, tracking_confidence : float
        MediaPipe's thresholds for finding and for keeping a person.
    least_confidence : float
        Frames with less than this visibility are not valid.
    least_shot_frames : int
        Shots with fewer valid frames are not fitted.
    salvage_share : float
        Share of the timestamps for which frames must decode; a video cut shorter is refused.
    cut_difference : float
        Mean change of a thumbnail's colours (0..255) that a camera cut makes at least.
    cut_ratio : float
        How many times the usual change a cut makes at least.
    lifting : LiftingConfig
        The fit of a body to the landmarks.
    """

    turn_deg: int | None = None
    sideways_up_to_id: int = 145
    upright_samples: int = 12
    longest_side_px: int = 960
    detection_confidence: float = 0.5
    tracking_confidence: float = 0.5
    least_confidence: float = 0.5
    least_shot_frames: int = 5
    salvage_share: float = 0.5
    cut_difference: float = 15.0
    cut_ratio: float = 5.0
    lifting: LiftingConfig = field(default_factory=LiftingConfig)
