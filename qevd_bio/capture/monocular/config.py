"""Settings of the MediaPipe backend; all of them are part of the identity of its artifacts.

Lengths in metres are those of the assumed body size; a leg is thigh and shank together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from qevd_bio.capture.config import VideoConfig


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


@dataclass(frozen=True, slots=True)
class FitCheckConfig:
    """When a fit is accepted.

    Attributes
    ----------
    least_length, most_length : float
        Lengths of a body as shares of those of an average one of its size; half of the least
        suffices for a foot, which shoes and the floor hide.
    most_residual : float
        Root mean square distance, in sigmas, up to which a frame's landmarks are explained. On
        11 real clips it is .2 to .6 in half of the frames and at most 2.0 in 99 of 100.
    least_explained : float
        Share of the frames that a fit must explain.
    held_sigma : float
        Relative standard deviation of all lengths in a second fit.
    hidden_arm_below, hidden_leg_below : float
        A joint with an end of a bone that is less visible is hidden, and not measured. A leg's
        place is known better: it ends on the floor, and mostly moves as the other one does.
    steady_frames : int
        Visibility is the median over so many frames.
    """

    least_length: float = 0.5
    most_length: float = 1.6
    most_residual: float = 3.0
    least_explained: float = 0.5
    held_sigma: float = 0.03
    hidden_arm_below: float = 0.3
    hidden_leg_below: float = 0.15
    steady_frames: int = 9


@dataclass(frozen=True, slots=True)
class MediaPipeConfig:
    """Everything that changes what the MediaPipe backend makes of a video.

    Attributes
    ----------
    least_confidence : float
        Frames with less confidence are not valid.
    real_pictures_deg : float
        Error that the correction cannot know of, because it was trained on rendered pictures
        alone; added to its own sigma in squares. On the real reference that sigma holds 4 to 25 %
        of the errors of knees (benchmarks/RESULTS-capture.md); with this part more than enough of
        rendered ones.
    """

    least_confidence: float = 0.5
    real_pictures_deg: float = 4.0
    video: VideoConfig = field(default_factory=VideoConfig)
    lifting: LiftingConfig = field(default_factory=LiftingConfig)
    fit_check: FitCheckConfig = field(default_factory=FitCheckConfig)
