"""The motion of one person in one video.

T frames, 46 DoF, 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.skeleton.dofs import N_DOFS

N_BETAS = 10


@dataclass(frozen=True, slots=True)
class Motion:
    """Joint angles over time, with their confidence and noise.

    Attributes
    ----------
    q : ndarray (T, 46)
        SKEL degrees of freedom in rad; q0..2 turn the pelvis in the camera frame.
    time_s : ndarray (T,)
        Seconds on the data set's clock, strictly increasing.
    confidence : ndarray (T,)
        Between 0 (no person found) and 1.
    valid : ndarray (T,) of bool
        False where no person was found; q then repeats the last valid pose.
    observed : ndarray (46,) of bool
        DoFs that the backend measures; the others stay at a prior and are never judged.
    sigma_rad : ndarray (46,)
        Angle noise of each DoF over the video (one standard deviation, rad); infinite when not
        observed.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame (x right, y down, z away).
    gravity_source : str
        How gravity is known; ``camera`` means that the image's down is assumed.
    backend : str
        The backend that measured the motion.
    betas : ndarray (T, 10) or None
        SKEL shape numbers of each frame, NaN where no person was found; None when the backend
        has none. `body.shape_average` averages them.
    segment_lengths_m : mapping of str to float
        thigh, shank, foot, trunk, upper_arm, forearm, hip_width, shoulder_width in metres.
    root_m : ndarray (T, 3) or None
        Mid-hips in the camera frame, in metres by the segment lengths; repeated like q where no
        person was found. None when the backend does not measure the translation.
    focal_share : float or None
        Focal length as a share of the upright picture's longer side, principal point in its
        middle; projects `root_m` onto the picture. None without `root_m`.
    frame_sigma_rad : ndarray (T, 46) or None
        Angle noise of each DoF in each frame, rad; infinite where not observed, not valid or
        hidden: a hidden angle is not judged.
        None when the backend has only `sigma_rad`.
    height_m : float or None
        Given body height that fixes the scale. None: all metres rest on an assumed height, and
        only their ratios are meaningful.
    """

    q: FloatArray
    time_s: FloatArray
    confidence: FloatArray
    valid: BoolArray
    observed: BoolArray
    sigma_rad: FloatArray
    gravity: FloatArray
    gravity_source: str
    backend: str
    betas: FloatArray | None
    segment_lengths_m: Mapping[str, float]
    root_m: FloatArray | None = None
    focal_share: float | None = None
    frame_sigma_rad: FloatArray | None = None
    height_m: float | None = None

    def __post_init__(self) -> None:
        frames = len(self.time_s)
        shapes = {
            "q": (frames, N_DOFS),
            "confidence": (frames,),
            "valid": (frames,),
            "observed": (N_DOFS,),
            "sigma_rad": (N_DOFS,),
            "gravity": (3,),
            "root_m": (frames, 3),
            "betas": (frames, N_BETAS),
            "frame_sigma_rad": (frames, N_DOFS),
        }
        for name, shape in shapes.items():
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise ValueError(f"Motion.{name} has shape {value.shape}, needs {shape}")
        if frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise ValueError("Motion.time_s does not increase strictly")

    def noise_rad(self) -> FloatArray:
        """Return the angle noise (T, 46) in rad: of valid frames, of the video in others."""
        of_video = np.broadcast_to(self.sigma_rad, self.q.shape)
        if self.frame_sigma_rad is None:
            return of_video
        is_known = np.isfinite(self.frame_sigma_rad) | self.valid[:, None]
        return np.where(is_known, self.frame_sigma_rad, of_video)
