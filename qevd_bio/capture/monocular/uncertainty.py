"""How wrong the angles may be: from the fit's covariance and the method's known errors.

T frames, D = 46 DoF, N = 27 unknowns a frame
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.body_chain import N, pose_chain
from qevd_bio.capture.monocular.config import UncertaintyConfig
from qevd_bio.capture.monocular.inverse_kinematics import (
    OBSERVED,
    SIDES,
    inverse_kinematics,
)
from qevd_bio.capture.monocular.lifting import Lifted
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS

_ENDS = {
    "hip_flexion": ("hip", "knee"),
    "knee_angle": ("hip", "knee", "ankle"),
    "shoulder": ("shoulder", "elbow"),
    "elbow_flexion": ("shoulder", "elbow", "wrist"),
}
"""Ends of the bones that make an angle; where one is named, the trunk is the other."""

_EVERY = 5
"""The derivatives of every fifth frame serve the two on either side of it."""

_STEP = 0.02
"""Metres or rad: wide enough to cross the fold of a straight hinge."""


def angle_sigma(lifted: Lifted, config: UncertaintyConfig, *, spine_share: float) -> FloatArray:
    """Estimate the standard deviation of each angle in each frame (T, 46): rad, inf if unobserved.

    The covariance of the fit's unknowns is carried to the angles by central differences of the
    inverse kinematics: large for a hidden limb (its landmarks weigh little) and for a bone near
    the image plane (its depth changes its picture only in second order). `fit_share` of it
    counts; the method's errors are added in squares.
    """
    lengths = np.array([lifted.lengths_m[name] for name in LENGTH_NAMES])
    every = np.arange(0, len(lifted.joints_m), _EVERY)
    frames = len(every)
    steps = np.concatenate([_STEP * np.eye(N), -_STEP * np.eye(N)])
    moved = lifted.state.select(np.tile(every, 2 * N)).moved(np.repeat(steps, frames, axis=0))
    angles = inverse_kinematics(pose_chain(moved, lengths).joints_m, spine_share=spine_share)
    ends = angles.reshape(2, N, frames, N_DOFS)
    change = np.angle(np.exp(1j * (ends[0] - ends[1])))
    slopes = np.moveaxis(change, 0, 2) / (2.0 * _STEP)
    nearest = np.minimum((np.arange(len(lifted.joints_m)) + _EVERY // 2) // _EVERY, frames - 1)
    slopes = slopes[nearest]
    variance = config.fit_share**2 * np.einsum("tdn,tdn->td", slopes @ lifted.covariance, slopes)
    for error in config.errors:
        for side, dofs in _dofs(error.angle):
            variance[:, dofs] += np.deg2rad(error.method_deg) ** 2
            if error.pointing_deg:
                pointing = _pointing(lifted.joints_m, error.angle, side)
                variance[:, dofs] += (np.deg2rad(error.pointing_deg) * pointing[:, None]) ** 2
    sigma = np.minimum(np.sqrt(variance), np.pi / 2.0)
    sigma[:, [name not in OBSERVED for name in DOF_INDEX]] = np.inf
    return np.asarray(sigma)


def _dofs(angle: str) -> Iterator[tuple[str, list[int]]]:
    """DoFs of an angle by side; no side for the pelvis."""
    if angle.startswith("pelvis"):
        yield "", [DOF_INDEX[angle]]
        return
    for side in SIDES:
        if angle == "shoulder":
            yield side, [DOF_INDEX[f"shoulder_{side}_{axis}"] for axis in "xyz"]
        else:
            yield side, [DOF_INDEX[f"{angle}_{side}"]]


def _pointing(joints_m: FloatArray, name: str, side: str) -> FloatArray:
    """Sines of the angles of an angle's two bones to the image plane, added in squares (T,)."""
    ends = [joints_m[:, JOINT[f"{joint}_{side}"]] for joint in _ENDS[name]]
    bones = [after - before for before, after in pairwise(ends)]
    if len(bones) == 1:
        middles = [0.5 * (joints_m[:, JOINT[f"{joint}_l"]] + joints_m[:, JOINT[f"{joint}_r"]])
                   for joint in ("hip", "shoulder")]  # fmt: skip
        bones.append(middles[1] - middles[0])
    return np.asarray(
        np.linalg.norm([bone[:, 2] / np.linalg.norm(bone, axis=-1) for bone in bones], axis=0)
    )
