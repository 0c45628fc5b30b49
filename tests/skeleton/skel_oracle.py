"""SKEL's joints computed body by body, to compare the package's kinematics with.

T frames, J = 24 joints, K = 10 shape numbers
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES, N_JOINTS, PARENTS
from qevd_bio.skeleton.kinematics import Skeleton, joint_rotations, pose_shift

CHILD = [PARENTS.index(joint) if joint in PARENTS else 0 for joint in range(N_JOINTS)]
UNALIGNED = ("pelvis", "toes_r", "toes_l", "head", "hand_r", "hand_l")


@dataclass(frozen=True, slots=True)
class SkelModel:
    """The joints of a SKEL body: of the mean shape, by shape number, and the template's bones."""

    joints_m: FloatArray
    joints_by_beta_m: FloatArray
    per_joint_rot: FloatArray
    apose_rel_transfo: FloatArray

    def rest_joints(self, betas: FloatArray) -> FloatArray:
        """Place the joints of shapes (..., 10) in the T-pose (..., 24, 3), in metres."""
        return self.joints_m + np.tensordot(betas, self.joints_by_beta_m, axes=(-1, -1))

    def bone_rotations(self, rest_m: FloatArray) -> FloatArray:
        """Align the template's bones with T-pose joints (..., 24, 3)."""
        offsets = rest_m.copy()
        offsets[..., 1:, :] -= rest_m[..., PARENTS[1:], :]
        template = self.apose_rel_transfo[:, :3, 3]
        aligned = np.empty((*rest_m.shape, 3))
        aligned[...] = self.per_joint_rot
        for joint, name in enumerate(JOINT_NAMES):
            if name in UNALIGNED:
                continue
            child = CHILD[joint]
            bone, rest = offsets[..., child, :], template[child]
            if name.startswith("ulna"):
                bone, rest = bone + offsets[..., child + 1, :], rest + template[child + 1]
            elif name == "thorax":
                bone = offsets[..., JOINT_INDEX["thorax"], :]
            turn = smallest_turn(self.per_joint_rot[joint] @ rest, bone)
            aligned[..., joint, :, :] = turn @ self.per_joint_rot[joint]
        return aligned

    def frames(self, rest_m: FloatArray) -> FloatArray:
        """Give the joints' frames (..., 24, 3, 3) of T-pose joints."""
        return self.bone_rotations(rest_m) @ np.swapaxes(self.apose_rel_transfo[:, :3, :3], -1, -2)

    def skeleton(self, rest_m: FloatArray) -> Skeleton:
        """Build the skeleton of one body's T-pose joints (24, 3)."""
        return Skeleton(joints_m=rest_m, frames=self.frames(rest_m))


def smallest_turn(source: FloatArray, target: FloatArray) -> FloatArray:
    """Rotate directions (..., 3) onto others by the shortest way (..., 3, 3)."""
    a = source / np.linalg.norm(source, axis=-1, keepdims=True)
    b = target / np.linalg.norm(target, axis=-1, keepdims=True)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1) + 2.2e-16
    x, y, z = np.moveaxis(axis, -1, 0)
    none = np.zeros_like(x)
    cross = np.stack([none, -z, y, z, none, -x, -y, x, none], axis=-1).reshape(*x.shape, 3, 3)
    bent = ((1.0 - (a * b).sum(axis=-1)) / sine**2)[..., None, None]
    return np.eye(3) + cross + cross @ cross * bent


def posed_joints(
    model: SkelModel, q: FloatArray, rest_m: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Pose bodies (T, 24, 3), each frame with its own: joints in metres, bone orientations."""
    frames = model.frames(rest_m)
    local = frames @ joint_rotations(q) @ np.swapaxes(frames, -1, -2)
    joints, turned = rest_m.copy(), local.copy()
    for index, joint in enumerate(JOINT_NAMES[1:], start=1):
        parent = PARENTS[index]
        offset = rest_m[:, index] - rest_m[:, parent]
        moved = pose_shift(rest_m, q, joint)
        if moved is not None:
            offset = offset + moved.T
        joints[:, index] = joints[:, parent] + (turned[:, parent] @ offset[..., None])[..., 0]
        turned[:, index] = turned[:, parent] @ local[:, index]
    return joints, turned @ model.bone_rotations(rest_m)
