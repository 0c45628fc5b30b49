"""Settings of the MediaPipe backend; all of them are part of the identity of its artifacts.

Lengths in metres are those of the assumed body size; a leg is thigh and shank together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qevd_bio.capture.config import VideoConfig


@dataclass(frozen=True, slots=True)
class LegSwapConfig:
    """When the landmarks of both legs have changed places.

    Attributes
    ----------
    step_share : float
        A leg's landmark goes this share of the person's height from one frame to the next.
    most_jump : float
        What a landmark's jump costs at most, in squared steps.
    swapped_cost, change_cost : float
        What a swapped frame costs, and each change from swapped to not and back.
    """

    step_share: float = 0.06
    most_jump: float = 6.0
    swapped_cost: float = 0.3
    change_cost: float = 3.0


@dataclass(frozen=True, slots=True)
class ArmDepthConfig:
    """Whether an arm points towards the camera or away from it.

    Attributes
    ----------
    farthest_back, back_sigma : float
        How far behind the trunk the upper arm points, as the sine of the angle.
    least_forwards, forwards_sigma : float
        How far forwards the forearm folds, in the upper arm's frame by the shortest turn.
    world_share : float
        Weight of the world landmarks.
    world_sigma_m, world_sigma_share : float
        Their error: a constant part, and a share of the depth.
    unlike, most_unlike : float
        How unlike both arms are (difference of unit vectors), and what that costs at most:
        little, since arms may do different things, but enough where nothing else decides.
    speed_m_s : float
        A joint goes as fast along the line of sight as across it, and this much faster.
    most_strain, most_jump : float
        What a joint's range, and a jump in depth, cost at most.
    steady_s : float
        Jumps are read off a running mean: depth by foreshortening is noisy near the image plane.
    """

    farthest_back: float = 0.45
    back_sigma: float = 0.15
    least_forwards: float = -0.2
    forwards_sigma: float = 0.25
    world_share: float = 0.5
    world_sigma_m: float = 0.06
    world_sigma_share: float = 0.6
    unlike: float = 0.5
    most_unlike: float = 2.0
    speed_m_s: float = 0.10
    most_strain: float = 6.0
    most_jump: float = 24.0
    steady_s: float = 0.4


@dataclass(frozen=True, slots=True)
class SupportConfig:
    """Which arms carry the body, and what that changes.

    Attributes
    ----------
    window_s : float
        About a repetition: within it the shoulder of a carrying arm goes and comes.
    least_travel_legs : float
        Least way of that shoulder, in leg lengths.
    most_hand_share : float
        The hand of a carrying arm travels at most this share of its shoulder's way.
    least_visibility : float
        A less visible hand is assumed to do the same as the other.
    alike_deg : float
        Standard deviation of the difference between the elbows of two carrying arms when one
        of them is fully hidden; chosen among 3, 5 and 10 on rendered push-ups.
    depth_share, noise_share : float
        Weight of a carrying arm's world depth, which is squeezed to a quarter (push-ups from
        the side), and image noise of its joints, as shares of the usual ones.
    """

    window_s: float = 4.0
    least_travel_legs: float = 0.06
    most_hand_share: float = 0.5
    least_visibility: float = 0.5
    alike_deg: float = 5.0
    depth_share: float = 0.3
    noise_share: float = 0.7


@dataclass(frozen=True, slots=True)
class PostureConfig:
    """What postures bodies take: ranges, and a trunk that hardly twists.

    Attributes
    ----------
    spine_sigma_deg : (float, float, float)
        Side bend, twist and forward bend of the trunk; the last is not visible.
    hinge_sigma_deg : float
        Of knees and elbows beyond their range.
    ankle_mean_deg, ankle_sigma_deg : float
    knee_axis_sigma : float
        How far the knee's axis points away from the pelvis' right.
    bent_deg, straight_knee, straight_hip, straight_elbow : float
        Joints are assumed to be straight unless they visibly bend: from this angle on, with these
        weights. Robust: a clear bend is not resisted.
    hip_back, shoulder_back, hip_back_sigma, shoulder_back_sigma : float
        How far behind the trunk a thigh and an upper arm point, as the sine of the angle.
    """

    spine_sigma_deg: tuple[float, float, float] = (8.0, 12.0, 2.0)
    hinge_sigma_deg: float = 3.0
    ankle_mean_deg: float = 8.0
    ankle_sigma_deg: float = 40.0
    knee_axis_sigma: float = 0.45
    bent_deg: float = 10.0
    straight_knee: float = 0.12
    straight_hip: float = 0.20
    straight_elbow: float = 0.05
    hip_back: float = 0.60
    shoulder_back: float = 0.45
    hip_back_sigma: float = 0.10
    shoulder_back_sigma: float = 0.12


@dataclass(frozen=True, slots=True)
class LandmarkConfig:
    """How MediaPipe's landmarks differ from joint centres.

    Measured on rendered people of three builds in four exercises from three sides.

    Attributes
    ----------
    shoulder, hip, knee, ankle, toe : (float, float, float)
        Where the landmark is, seen from the joint centre: forward, up and outwards of the
        segment above (for the hip, of the thigh: its landmark is in the fold before it), in
        leg lengths. The builds agree to 0.015.
    trunk_lean, thigh_lean, shank_lean : float
        What world landmarks add to the depth of a bone, in leg lengths: people lean towards
        the camera and have their feet farther away.
    shank_squeeze : float
        Share of a shank's depth that world landmarks show.
    """

    shoulder: tuple[float, float, float] = (0.004, 0.032, -0.012)
    hip: tuple[float, float, float] = (0.032, 0.001, -0.011)
    knee: tuple[float, float, float] = (-0.006, -0.004, 0.0)
    ankle: tuple[float, float, float] = (-0.003, 0.029, 0.0)
    toe: tuple[float, float, float] = (0.026, -0.002, -0.036)
    trunk_lean: float = -0.07
    thigh_lean: float = 0.02
    shank_lean: float = 0.07
    shank_squeeze: float = 0.7


@dataclass(frozen=True, slots=True)
class LiftingConfig:
    """The fit of a body with constant bone lengths.

    Attributes
    ----------
    focal_share : float
        Assumed focal length as a share of the longer image side (1.2: 45 degrees across it).
    image_sigma_m : float
        Noise of a fully visible image landmark, in metres at the person's distance.
    image_outlier : float
        Image residuals beyond so many sigmas count linearly: a landmark on the wrong thing.
    depth_sigma_m : float
        Noise of the depth between the ends of a bone in world landmarks, frame by frame.
    arm_depth_share : float
        The same for the bones of the arms, as a share: they are shorter.
    depth_bias_m : float
        Error of that depth which stays the same through a shot.
    steady_bias_share : float
        The same for arms, hips and shoulders, as a share.
    doubted_depth_m, doubt, arm_shortening : float
        World depth of an arm's bone that is farther than this from a first fit loses weight by
        this factor; the fitted bone is assumed to be shorter by this share.
    acceleration_m_s2 : float
        Usual acceleration of a joint along the line of sight (robust, so fast limbs may pass).
    wrist_acceleration_share : float
        How many times more the wrists accelerate.
    flat_acceleration_share : float
        How many times more joints may accelerate across the line of sight, where it is visible.
    end_speed_m_s : float
        Usual speed of hands and feet along the line of sight (robust), beyond the speed they
        have across it in the picture: a joint that stands still there stands still.
    speed_window_frames : int
        Frames of the running median of speeds.
    size_sigma : float
        Relative error of the body size that the world landmarks show.
    least_visibility : float
        Landmarks are weighted by visibility, never below this.
    independent_frames : float
        How many independent frames a whole shot counts for where lengths are concerned:
        landmarks err alike in frames that look alike.
    spine_share_of_hips : float
        Degrees by which the line hips to shoulders bends against the pelvis for a degree of
        hip flexion (mean of both hips): people who bend at the hips also round their back
        (unverified).
    most_iterations : int
        Steps after which the fit stops.
    chunk_frames, overlap_frames, sample_frames : int
        Longest stretch fitted at once, and frames shared by two; longer shots take their
        lengths from samples of so many frames.
    loose_rad : float
        Standard deviation of an angle that nothing else determines.
    """

    focal_share: float = 1.2
    image_sigma_m: float = 0.020
    image_outlier: float = 3.0
    depth_sigma_m: float = 0.08
    arm_depth_share: float = 0.6
    depth_bias_m: float = 0.055
    steady_bias_share: float = 0.4
    doubted_depth_m: float = 0.06
    doubt: float = 5.0
    arm_shortening: float = 0.9
    acceleration_m_s2: float = 12.0
    wrist_acceleration_share: float = 2.0
    flat_acceleration_share: float = 4.0
    end_speed_m_s: float = 0.2
    speed_window_frames: int = 5
    size_sigma: float = 0.03
    least_visibility: float = 0.20
    independent_frames: float = 15.0
    spine_share_of_hips: float = 0.12
    most_iterations: int = 25
    chunk_frames: int = 900
    overlap_frames: int = 20
    sample_frames: int = 90
    loose_rad: float = 1.5
    landmarks: LandmarkConfig = field(default_factory=LandmarkConfig)
    posture: PostureConfig = field(default_factory=PostureConfig)
    support: SupportConfig = field(default_factory=SupportConfig)
    arms: ArmDepthConfig = field(default_factory=ArmDepthConfig)


@dataclass(frozen=True, slots=True)
class AngleError:
    """Standard deviation of what the fit cannot know of one kind of angle, in degrees.

    Attributes
    ----------
    angle : str
        A DoF without its side; ``shoulder`` for its three.
    method_deg : float
        Of bones in the image plane: landmarks that sit beside the joint centres, trunk bend that
        looks like pelvis tilt.
    pointing_deg : float
        Added by each of the two bones that make the angle, in proportion to the sine of the
        bone's angle to the image plane.
    """

    angle: str
    method_deg: float
    pointing_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class UncertaintyConfig:
    """How wrong angles may be.

    Attributes
    ----------
    fit_share : float
        Share of the fit's own standard deviation that counts: `image_sigma_m` is 2 cm, since
        errors of landmarks stay for many frames, but landmarks are 1 to 1.5 cm off.
    errors : tuple of AngleError
        One for each kind of angle that is observed.

    Notes
    -----
    What points at the camera is read from world depth, which is wrong in a way that depends on
    the pose, and the picture allows its mirror image; world depth of forearms is the worst.
    Fitted by likelihood on the rendered grid, `pointing_deg` explains the errors of knees and
    elbows in the other views better than a share of the bend does. The sizes, in round numbers,
    and `fit_share` are chosen on both grids together: one sigma holds 69 %. Of the angles
    without `pointing_deg` it holds between 52 % (pelvis tilt) and 95 % (hip rotation, which
    hardly varies there).
    """

    fit_share: float = 0.65
    errors: tuple[AngleError, ...] = (
        AngleError("pelvis_tilt", 3.0),
        AngleError("pelvis_list", 3.0),
        AngleError("pelvis_rotation", 6.0),
        AngleError("hip_flexion", 2.0, 10.0),
        AngleError("hip_adduction", 3.0),
        AngleError("hip_rotation", 6.0),
        AngleError("knee_angle", 2.0, 10.0),
        AngleError("ankle_angle", 6.0),
        AngleError("shoulder", 2.0, 10.0),
        AngleError("elbow_flexion", 2.0, 20.0),
    )


@dataclass(frozen=True, slots=True)
class MediaPipeConfig:
    """Everything that changes what the MediaPipe backend makes of a video.

    Attributes
    ----------
    least_confidence : float
        Frames with less confidence are not valid.
    """

    least_confidence: float = 0.5
    video: VideoConfig = field(default_factory=VideoConfig)
    leg_swaps: LegSwapConfig = field(default_factory=LegSwapConfig)
    lifting: LiftingConfig = field(default_factory=LiftingConfig)
    uncertainty: UncertaintyConfig = field(default_factory=UncertaintyConfig)
