"""The motion of one person in one video.

T frames, D = 46 DoF, N = 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray

N_DOFS = 46
N_BETAS = 10


@dataclass(frozen=True, slots=True)
class Motion:
    """Joint angles over time, with what is known about their worth.

    Attributes
    ----------
    q : ndarray (T, 46)
        SKEL degrees of freedom in rad; q0..2 turn the pelvis in the camera frame.
    time_s : ndarray (T,)
        Seconds on the data set's clock, strictly increasing.
    confidence : ndarray (T,)
        Between 0 (nobody seen) and 1.
    valid : ndarray (T,) of bool
        False where nobody was seen; q then repeats the last valid pose.
    observed : ndarray (46,) of bool
        DoFs the backend measures; the others stay at a prior and are never judged.
    sigma_rad : ndarray (46,)
        Angle noise of each DoF over the video (one standard deviation, rad); infinite when not
        observed.
    gravity : ndarray (3,)
        Unit vector pointing down, in the camera frame (x right, y down, z away).
    gravity_source : str
        How gravity is known; ``camera`` means the image's down is taken for it.
    backend : str
        What measured the motion.
    betas : ndarray (T, 10) or None
        SKEL shape numbers of each frame as the backend sees them, NaN where nobody was seen.
        None when the backend has none. `body.shape_average` makes one shape of them.
    segment_lengths_m : mapping of str to float
        thigh, shank, foot, trunk, upper_arm, forearm, hip_width, shoulder_width in metres.
    root_m : ndarray (T, 3) or None
        Mid-hips in the camera frame, in metres by the segment lengths; repeated as q is where
        nobody was seen. None when the backend does not measure where the body is.
    focal_share : float or None
        Focal length as a share of the upright picture's longer side, principal point in its
        middle: what projects `root_m` onto the picture. None without `root_m`.
    frame_sigma_rad : ndarray (T, 46) or None
        Angle noise of each DoF in each frame, rad; infinite where not observed or not valid.
        None when the backend knows only `sigma_rad`.
    height_m : float or None
        Body height that fixes the scale. None: nobody gave one, all metres rest on a guess and
        only their ratios mean anything.
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
            "q": (self.q.shape, (frames, N_DOFS)),
            "confidence": (self.confidence.shape, (frames,)),
            "valid": (self.valid.shape, (frames,)),
            "observed": (self.observed.shape, (N_DOFS,)),
            "sigma_rad": (self.sigma_rad.shape, (N_DOFS,)),
            "gravity": (self.gravity.shape, (3,)),
        }
        if self.root_m is not None:
            shapes["root_m"] = (self.root_m.shape, (frames, 3))
        if self.betas is not None:
            shapes["betas"] = (self.betas.shape, (frames, N_BETAS))
        if self.frame_sigma_rad is not None:
            shapes["frame_sigma_rad"] = (self.frame_sigma_rad.shape, (frames, N_DOFS))
        for name, (has, needs) in shapes.items():
            if has != needs:
                raise ValueError(f"Motion.{name} has shape {has}, needs {needs}")
        if frames > 1 and not np.all(np.diff(self.time_s) > 0):
            raise ValueError("Motion.time_s does not increase strictly")

    def noise_rad(self) -> FloatArray:
        """Give the angle noise of each DoF in each frame.

        Returns
        -------
        ndarray (T, 46)
            Of the frame where the backend knows it, of the whole video elsewhere; rad.
        """
        of_video = np.broadcast_to(self.sigma_rad, self.q.shape)
        if self.frame_sigma_rad is None:
            return of_video
        return np.where(np.isfinite(self.frame_sigma_rad), self.frame_sigma_rad, of_video)
