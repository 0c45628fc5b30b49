"""Settings of every backend that looks at the pictures of a video."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PersonConfig:
    """How a person is found in a picture, and kept apart from others.

    Attributes
    ----------
    detection_confidence, tracking_confidence : float
        MediaPipe's thresholds for finding and for following a person.
    least_visibility : float
        Landmarks less visible are no part of a person's box.
    least_overlap : float
        Boxes of one person in successive frames share this part of the smaller one.
    most_growth : float
        Sizes of one person differ by no more than this factor, from frame to frame or found
        again.
    alike_colour : float
        Mean torso colours (0..255) of one person found again differ by no more than this.
    clearly_larger : float
        Another person is preferred to the one followed from this ratio of sizes on.
    most_people : int
        People looked for in one picture.
    outline_share : float
        Landmarks lie inside of the body: part of their box's longer side added all around it.
    recheck_frames, return_frames : int
        Every so many frames somebody larger is looked for; and the person of the shot, while
        another is followed.
    """

    detection_confidence: float = 0.5
    tracking_confidence: float = 0.5
    least_visibility: float = 0.3
    least_overlap: float = 0.3
    most_growth: float = 1.6
    alike_colour: float = 40.0
    clearly_larger: float = 1.3
    most_people: int = 3
    outline_share: float = 0.08
    recheck_frames: int = 60
    return_frames: int = 6


@dataclass(frozen=True, slots=True)
class TurnConfig:
    """How the quarter turn that puts a person upright is decided.

    Attributes
    ----------
    fixed_deg : int or None
        Clockwise turn (0, 90, 180, 270) of every video; None looks at the video.
    sideways_up_to_id : int
        Landscape videos with a number up to this as id are expected to lie on their side, to
        be turned 90 degrees clockwise (QEVD: 145); -1 expects none.
    samples, sample_side_px : int
        Frames looked at, and their longest side.
    agreeing : int
        Frames that confirm the expected turn without a look at the others.
    least_votes, least_share : float
        Weight of frames, and its share of all, by which another turn wins.
    slant_deg : float
        A trunk or leg further from upright does not stand.
    least_arm_cosine : float
        Arms that are held further away from the line of the trunk do not hang or point up.
    """

    fixed_deg: int | None = None
    sideways_up_to_id: int = 145
    samples: int = 12
    sample_side_px: int = 480
    agreeing: int = 4
    least_votes: float = 2.0
    least_share: float = 0.7
    slant_deg: float = 30.0
    least_arm_cosine: float = 0.5


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """How a video is turned, scaled, cut into shots and accepted.

    Attributes
    ----------
    longest_side_px : int
        Larger frames are scaled down to this before a person is looked for.
    least_shot_frames : int
        Shots with fewer valid frames are left out.
    salvage_share : float
        Share of the timestamps for which frames must decode; a video cut shorter is refused.
    cut_difference : float
        Mean change of a thumbnail's colours (0..255) that a camera cut makes at least.
    cut_ratio : float
        How many times the usual change a cut makes at least.
    cut_memory_frames : int
        Frames whose median change is the usual one.
    """

    longest_side_px: int = 960
    least_shot_frames: int = 5
    salvage_share: float = 0.5
    cut_difference: float = 15.0
    cut_ratio: float = 5.0
    cut_memory_frames: int = 15
    turn: TurnConfig = field(default_factory=TurnConfig)
    person: PersonConfig = field(default_factory=PersonConfig)
