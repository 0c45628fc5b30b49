"""How wrong the angles may be: from the fit's covariance and the method's known errors.

T frames, D = 46 DoF, N = 27 unknowns a frame
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qevd_bio.capture.body_chain import N, posed_joints
from qevd_bio.capture.inverse_kinematics import (
    OBSERVED,
    SIDES,
    SPINE_SHARE_OF_HIPS,
    inverse_kinematics,
)
from qevd_bio.capture.lifting import Lifted
from qevd_bio.capture.stick_body import JOINT, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS

FloatArray = NDArray[np.float64]

METHOD_DEG: Mapping[str, float] = {
    "pelvis_tilt": 3.0,
    "pelvis_list": 3.0,
    "pelvis_rotation": 6.0,
    "hip_flexion": 3.5,
    "hip_adduction": 3.0,
    "hip_rotation": 6.0,
    "knee_angle": 2.0,
    "ankle_angle": 6.0,
    "shoulder": 3.0,
    "elbow_flexion": 4.0,
}
"""Standard deviation of what the fit cannot know: landmarks that sit beside the joint centres,
trunk bend that looks like pelvis tilt, world depth that is wrong in a way that depends on the
pose. Knee, hip, elbow and shoulder chosen together with `BEND_SHARE` between the rendered grid,
where one sigma covers more than 68 % of the errors, and views not in the grid, where it covers
less; the others unverified."""

BEND_SHARE: Mapping[str, float] = {"knee": 0.07, "elbow": 0.13}
"""Standard deviation added to a hinge in proportion to its bend: squeezed depth and landmarks
inside the bend scale the angle, they hardly touch a straight limb."""

POINTING_DEG = 10.0
"""Standard deviation added to a shoulder whose upper arm points along the line of sight: the
picture then allows the mirror image in depth. In proportion to the sine of the angle to the image
plane; chosen as `METHOD_DEG`."""

_EVERY = 5
"""The derivatives of every fifth frame serve the two on either side of it."""

_STEP = 0.02
"""Metres or rad: wide enough to cross the fold of a straight hinge."""


def angle_sigma(lifted: Lifted) -> FloatArray:
    """Estimate the standard deviation of each angle in each frame.

    Parameters
    ----------
    lifted : Lifted
        Postures and their covariance.

    Returns
    -------
    ndarray (T, 46)
        rad; infinite for DoFs that are not observed.

    Notes
    -----
    The covariance of the fit's unknowns is carried to the angles by central differences of the
    inverse kinematics: large for a hidden limb (its landmarks weigh little) and for a bone near
    the image plane (its depth changes its picture only in second order). `METHOD_DEG`,
    `BEND_SHARE` and `POINTING_DEG` are added in squares.
    """
    lengths = np.array([lifted.lengths_m[name] for name in LENGTH_NAMES])
    every = np.arange(0, len(lifted.joints_m), _EVERY)
    frames = len(every)
    steps = np.concatenate([_STEP * np.eye(N), -_STEP * np.eye(N)])
    moved = lifted.state.taken(np.tile(every, 2 * N)).moved(np.repeat(steps, frames, axis=0))
    angles = inverse_kinematics(posed_joints(moved, lengths), spine_share=SPINE_SHARE_OF_HIPS)
    ends = angles.reshape(2, N, frames, N_DOFS)
    change = np.angle(np.exp(1j * (ends[0] - ends[1])))
    slopes = np.moveaxis(change, 0, 2) / (2.0 * _STEP)
    nearest = np.minimum((np.arange(len(lifted.joints_m)) + _EVERY // 2) // _EVERY, frames - 1)
    slopes = slopes[nearest]
    variance = np.einsum("tdn,tdn->td", slopes @ lifted.covariance, slopes)
    for dof, name in _method().items():
        variance[:, dof] += np.deg2rad(METHOD_DEG[name]) ** 2
    for side in SIDES:
        for hinge, angle in (("knee", "knee_angle"), ("elbow", "elbow_flexion")):
            bend = lifted.state.hinges_rad[f"{hinge}_{side}"]
            variance[:, DOF_INDEX[f"{angle}_{side}"]] += (BEND_SHARE[hinge] * bend) ** 2
        bone = (
            lifted.joints_m[:, JOINT[f"elbow_{side}"]]
            - lifted.joints_m[:, JOINT[f"shoulder_{side}"]]
        )
        share = bone[:, 2] / np.linalg.norm(bone, axis=-1)
        arm = [DOF_INDEX[f"shoulder_{side}_{axis}"] for axis in "xyz"]
        variance[:, arm] += (np.deg2rad(POINTING_DEG) * share[:, None]) ** 2
    sigma = np.minimum(np.sqrt(variance), np.pi / 2.0)
    sigma[:, [name not in OBSERVED for name in DOF_INDEX]] = np.inf
    return np.asarray(sigma)


def _method() -> dict[int, str]:
    """Which of `METHOD_DEG` each observed DoF takes."""
    named = {name: name for name in METHOD_DEG if name.startswith("pelvis")}
    for side in SIDES:
        named |= {f"{name}_{side}": name for name in METHOD_DEG if f"{name}_{side}" in OBSERVED}
        named |= {f"shoulder_{side}_{axis}": "shoulder" for axis in "xyz"}
    return {DOF_INDEX[dof]: name for dof, name in named.items()}


def jitter_sigma(q: FloatArray, sections: NDArray[np.int64]) -> FloatArray:
    """Estimate the frame-to-frame noise of each angle.

    Parameters
    ----------
    q : ndarray (T, 46)
        Unwrapped angles in rad.
    sections : ndarray (T,) of int
        Uninterrupted stretches.

    Returns
    -------
    ndarray (46,)
        rad; 0 when no stretch has four frames.

    Notes
    -----
    From third differences, which movement slower than the frame rate hardly enters; the
    median keeps single jumps out: median |d3| = 0.6745 sqrt(20) sigma for white noise.
    """
    if len(q) < 4:
        return np.zeros(q.shape[1])
    third = np.diff(q, n=3, axis=0)
    inside = sections[3:] == sections[:-3]
    if not inside.any():
        return np.zeros(q.shape[1])
    return np.asarray(np.median(np.abs(third[inside]), axis=0) / (0.6745 * np.sqrt(20.0)))
