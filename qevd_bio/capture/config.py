"""Settings of every backend that looks at the pictures of a video."""

from __future__ import annotations

from dataclasses import dataclass, field

from qevd_bio.choices import DetectorModel


@dataclass(frozen=True, slots=True)
class PerformerConfig:
    """How the one who exercises is chosen among the people of a shot.

    Attributes
    ----------
    idle_deg : float
        What somebody who does nothing counts for: among people who do nothing, or the same, the
        nearest is chosen.
    walking_sizes_s : float
        Somebody who moves through the picture at this speed, in sizes of a body's longest bone
        a second, counts half.
    size_power : float
        Power of the size by which exercise counts: of two who do the same the nearer one wins.
    least_share : float
        People who move less than this share of the usual best do not exercise.
    change_s : float
        Seconds of exercise by which another person must do better.
    """

    idle_deg: float = 5.0
    walking_sizes_s: float = 1.0
    size_power: float = 1.5
    least_share: float = 0.25
    change_s: float = 4.0


@dataclass(frozen=True, slots=True)
class PersonConfig:
    """How a person is found in a picture, and kept apart from others.

    Attributes
    ----------
    detector_model : str
        The landmark network: ``heavy``, or ``full``, which is faster and less exact.
    detection_confidence, tracking_confidence : float
        Least probability of a person in the whole picture; in the region of her landmarks.
    least_visibility : float
        Landmarks less visible are no part of a person's box.
    least_overlap : float
        Boxes of one person in successive frames share this part of the smaller one.
    most_growth : float
        Sizes of one person differ by no more than this factor, from frame to frame or found
        again.
    alike_colour : float
        Mean torso colours (0..255) of one person found again differ by no more than this.
    strange_colour, strange_frames : float, int
        Somebody followed whose colours differ by more than this, for so many frames, and who
        has gone elsewhere meanwhile, is another person who has passed.
    least_confidence : float
        Others are only seen where they are at least this visible.
    most_people : int
        People followed at once.
    least_size_share : float
        People smaller than this share of the largest are too far away to be followed.
    outline_share : float
        Landmarks lie inside of the body: part of their box's longer side added all around it.
    recheck_frames, return_frames, return_within_frames : int
        Every so many frames others are looked for; how often for so long after somebody was lost.
    performer : PerformerConfig
        How one of them is chosen.
    """

    detector_model: DetectorModel = "heavy"
    detection_confidence: float = 0.5
    tracking_confidence: float = 0.5
    least_visibility: float = 0.3
    least_overlap: float = 0.3
    most_growth: float = 1.6
    alike_colour: float = 40.0
    strange_colour: float = 50.0
    strange_frames: int = 6
    least_confidence: float = 0.5
    most_people: int = 3
    least_size_share: float = 0.35
    outline_share: float = 0.08
    recheck_frames: int = 30
    return_frames: int = 5
    return_within_frames: int = 150
    performer: PerformerConfig = field(default_factory=PerformerConfig)


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
    detector_model : str
        The landmark network that looks at the frames.
    samples, sample_side_px : int
        Frames looked at, at most, and their longest side.
    agreeing : int
        Frames that confirm the expected turn without a look at the others.
    doubtful_weight : float
        What somebody counts for who is upright and in balance, and may not stand.
    least_votes, least_share : float
        Weight of frames (a frame's visibility), and its share of all, by which another turn wins.
    people_share : float
        Weight by which another turn wins, as a share of all frames with a person.
    slant_deg : float
        A trunk or leg further from upright does not stand.
    least_arm_cosine : float
        Arms that are held further away from the line of the trunk do not hang or point up.
    most_overhang : float
        Somebody whose middle lies further beyond the feet, in body lengths, does not stand.
    """

    fixed_deg: int | None = None
    sideways_up_to_id: int = 145
    detector_model: DetectorModel = "full"
    samples: int = 12
    sample_side_px: int = 480
    agreeing: int = 4
    doubtful_weight: float = 0.7
    least_votes: float = 1.8
    least_share: float = 0.7
    people_share: float = 0.4
    slant_deg: float = 30.0
    least_arm_cosine: float = 0.5
    most_overhang: float = 0.08


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
    same_scene : float
        Thumbnails that correlate this much show one scene, whatever its brightness.
    fade_rest : float
        What a mixture of both ends leaves unexplained of a picture in a fade, as a share of the
        difference between the ends.
    """

    longest_side_px: int = 960
    least_shot_frames: int = 5
    salvage_share: float = 0.5
    cut_difference: float = 15.0
    cut_ratio: float = 5.0
    cut_memory_frames: int = 15
    same_scene: float = 0.9
    fade_rest: float = 0.2
    turn: TurnConfig = field(default_factory=TurnConfig)
    person: PersonConfig = field(default_factory=PersonConfig)
