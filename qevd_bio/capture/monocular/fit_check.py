"""Accept a fit, or state why not: proportions, landmarks that it explains, limbs in view.

T frames, K = 14 joints of the stick body, L lengths, D = 46 DoF
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.monocular.body_chain import SIDES, landmark_offsets, posed_points
from qevd_bio.capture.monocular.config import FitCheckConfig, LiftingConfig
from qevd_bio.capture.monocular.lifting import Lifted, ShotLandmarks, lift
from qevd_bio.capture.monocular.stick_body import (
    JOINT,
    LENGTH_NAMES,
    standing_size_m,
    usual_lengths,
)
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS

_LIMB_OF = {
    "hip_flexion": ("hip", "knee"),
    "hip_adduction": ("hip", "knee"),
    "hip_rotation": ("hip", "knee", "ankle"),
    "knee_angle": ("hip", "knee", "ankle"),
    "ankle_angle": ("knee", "ankle", "toe"),
    "elbow_flexion": ("shoulder", "elbow", "wrist"),
}
"""Ends of the bones that make an angle; those of the shoulder are added below."""


@dataclass(frozen=True, slots=True)
class CheckedFit:
    """A fit with what is wrong with it.

    Attributes
    ----------
    lifted : Lifted
        The fit.
    explained : ndarray (T,) of bool
        Frames whose landmarks it explains; none in a fit that is refused as a whole.
    refusal : str
        Why it is refused as a whole; empty if it is not.
    restarted : bool
        Whether it is a second one, with proportions held.
    """

    lifted: Lifted
    explained: BoolArray
    refusal: str
    restarted: bool


@dataclass(frozen=True, slots=True)
class FitDoubts:
    """Which fits of a video were repeated or refused.

    Attributes
    ----------
    repeated : int
        Fits repeated with held proportions.
    refused : tuple of str
        Those refused as a whole, with the reason.
    unexplained : int
        Frames whose landmarks no fit explains.
    """

    repeated: int = 0
    refused: tuple[str, ...] = ()
    unexplained: int = 0

    @property
    def reason(self) -> str:
        """Why fits were refused; empty if none was."""
        return "; ".join(self.refused)

    def with_fit(self, shot: int, checked: CheckedFit) -> FitDoubts:
        """Add the fit of a shot."""
        refused = (f"shot {shot}: {checked.refusal}",) if checked.refusal else ()
        return FitDoubts(
            self.repeated + checked.restarted,
            self.refused + refused,
            self.unexplained + int((~checked.explained).sum()),
        )

    def notes(self) -> dict[str, int | float | str | bool]:
        """Return the entries for the record of a video."""
        return {
            "fits_repeated": self.repeated,
            "fits_refused": self.reason,
            "frames_unexplained": self.unexplained,
        }


def checked_lift(shot: ShotLandmarks, config: LiftingConfig, check: FitCheckConfig) -> CheckedFit:
    """Fit a body, once more with usual proportions where the first fit is impossible.

    Notes
    -----
    A body that shrinks before the camera explains the picture better than any other, whatever it
    shows: where the camera's lens or pitch is far from what is assumed, its gain may exceed
    what is known of sizes. With held proportions it cannot shrink.
    """
    first = _checked(shot, lift(shot, config), config, check, restarted=False)
    if not first.refusal:
        return first
    second = lift(shot, config, held_sigma=check.held_sigma)
    return _checked(shot, second, config, check, restarted=True)


def _checked(
    shot: ShotLandmarks,
    lifted: Lifted,
    config: LiftingConfig,
    check: FitCheckConfig,
    *,
    restarted: bool,
) -> CheckedFit:
    usual = usual_lengths(standing_size_m(shot.world_m, shot.visibility))
    lengths = np.array([lifted.lengths_m[name] for name in LENGTH_NAMES])
    refusal = wrong_proportions(lengths / usual, check)
    residuals = frame_residuals(shot, lifted, config)
    explained = residuals <= check.most_residual
    if not refusal and explained.mean() < check.least_explained:
        refusal = (
            f"the body fitted misses the landmarks by {np.median(residuals):.1f} sigma, "
            f"more than {check.most_residual:g} in most frames"
        )
    return CheckedFit(lifted, explained & (refusal == ""), refusal, restarted)


def wrong_proportions(ratios: FloatArray, check: FitCheckConfig) -> str:
    """Name the lengths (L,), as shares of an average body's, that no person has; empty if none."""
    low, high = check.least_length, check.most_length
    wrong = [
        f"{name.replace('_', ' ')} {ratio:.2f}"
        for name, ratio in zip(LENGTH_NAMES, ratios, strict=True)
        if not (low if name != "foot" else low / 2) <= ratio <= high
    ]
    if not wrong:
        return ""
    return f"the body fitted is impossible, as shares of usual lengths: {', '.join(wrong)}"


def frame_residuals(shot: ShotLandmarks, lifted: Lifted, config: LiftingConfig) -> FloatArray:
    """Root mean square distance of the landmarks from the fit in each frame (T,), in sigmas.

    A landmark's sigma is that of the fit; a small body's is as much smaller, so that no fit gains
    by shrinking.
    """
    usual = usual_lengths(standing_size_m(shot.world_m, shot.visibility))
    lengths = np.array([lifted.lengths_m[name] for name in LENGTH_NAMES])
    leg = [LENGTH_NAMES.index(name) for name in ("thigh", "shank")]
    offsets = landmark_offsets(config.landmarks, float(usual[leg].sum()))
    _, marks = posed_points(lifted.state, lengths, offsets)
    far = marks[..., 2:]
    off = (marks[..., :2] / far - shot.rays(config.focal_share)) * np.median(far)
    trust = np.clip(shot.visibility, config.least_visibility, 1.0) / config.image_sigma_m
    shrunk = float(usual[leg].sum() / lengths[leg].sum())
    squared = np.sum(off**2, axis=-1) * (trust * shrunk) ** 2
    # a landmark behind the camera is explained by nothing
    squared[far[..., 0] <= 0.0] = np.inf
    return np.asarray(np.sqrt(squared.mean(axis=1)))


def hidden_angles(visibility: FloatArray, check: FitCheckConfig) -> BoolArray:
    """Find the angles (T, 46) with a bone that is hidden, by visibility (T, K) of its ends."""
    frames = min(check.steady_frames, len(visibility))
    steady = median_filter(visibility, size=(frames, 1), mode="nearest")
    hidden = np.zeros((len(visibility), N_DOFS), dtype=np.bool_)
    limbs = {f"{angle}_{side}": (ends, side) for angle, ends in _LIMB_OF.items() for side in SIDES}
    for side in SIDES:
        limbs |= {f"shoulder_{side}_{axis}": (("shoulder", "elbow"), side) for axis in "xyz"}
    for dof, (ends, side) in limbs.items():
        worst = steady[:, [JOINT[f"{end}_{side}"] for end in ends]].min(axis=1)
        is_arm = "shoulder" in ends
        hidden[:, DOF_INDEX[dof]] = worst < (
            check.hidden_arm_below if is_arm else check.hidden_leg_below
        )
    return hidden
