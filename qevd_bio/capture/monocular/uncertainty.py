"""How wrong the angles may be: from the fit's covariance and the method's known errors.

T frames, D = 46 DoF, N = 27 unknowns a frame
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.body_chain import N, posed_joints
from qevd_bio.capture.monocular.inverse_kinematics import (
    OBSERVED,
    SIDES,
    SPINE_SHARE_OF_HIPS,
    inverse_kinematics,
)
from qevd_bio.capture.monocular.lifting import Lifted
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS

METHOD_DEG: Mapping[str, float] = {
    "pelvis_tilt": 3.0,
    "pelvis_list": 3.0,
    "pelvis_rotation": 6.0,
    "hip_flexion": 2.0,
    "hip_adduction": 3.0,
    "hip_rotation": 6.0,
    "knee_angle": 2.0,
    "ankle_angle": 6.0,
    "shoulder": 2.0,
    "elbow_flexion": 2.0,
}
"""Standard deviation of what the fit cannot know even of bones in the image plane: landmarks that
sit beside the joint centres, trunk bend that looks like pelvis tilt. Of the angles that are not in
`POINTING_DEG` one sigma holds between 52 % (pelvis tilt) and 95 % (hip rotation, which hardly
varies there) of the errors on rendered people."""

POINTING_DEG: Mapping[str, float] = {
    "hip_flexion": 10.0,
    "knee_angle": 10.0,
    "shoulder": 10.0,
    "elbow_flexion": 20.0,
}
"""Standard deviation added by each of the two bones that make an angle, in proportion to the sine
of the bone's angle to the image plane: what points at the camera is read from world depth, which
is wrong in a way that depends on the pose, and the picture allows its mirror image. World depth of
forearms is the worst. Fitted by likelihood on the rendered grid this explains the errors of knees
and elbows in the other views better than a share of the bend does, and the other way round. The
sizes, in round numbers, and `FIT_SHARE` are chosen on both together: one sigma holds 69 %."""

FIT_SHARE = 0.65
"""The fit's own standard deviation counts so much: `image_sigma_m` is 2 cm, since errors of
landmarks stay for many frames, but landmarks are 1 to 1.5 cm off."""

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
    the image plane (its depth changes its picture only in second order). `FIT_SHARE` of it
    counts; `METHOD_DEG` and `POINTING_DEG` are added in squares.
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
    variance = FIT_SHARE**2 * np.einsum("tdn,tdn->td", slopes @ lifted.covariance, slopes)
    for name, side, dofs in _angles():
        variance[:, dofs] += np.deg2rad(METHOD_DEG[name]) ** 2
        if name in POINTING_DEG:
            pointing = _pointing(lifted.joints_m, name, side)
            variance[:, dofs] += (np.deg2rad(POINTING_DEG[name]) * pointing[:, None]) ** 2
    sigma = np.minimum(np.sqrt(variance), np.pi / 2.0)
    sigma[:, [name not in OBSERVED for name in DOF_INDEX]] = np.inf
    return np.asarray(sigma)


def _angles() -> Iterator[tuple[str, str, list[int]]]:
    """Name the angles of `METHOD_DEG` by side (none for the pelvis), with their DoFs."""
    for name in METHOD_DEG:
        if name.startswith("pelvis"):
            yield name, "", [DOF_INDEX[name]]
        for side in SIDES:
            if name == "shoulder":
                yield name, side, [DOF_INDEX[f"shoulder_{side}_{axis}"] for axis in "xyz"]
            elif f"{name}_{side}" in OBSERVED:
                yield name, side, [DOF_INDEX[f"{name}_{side}"]]


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
