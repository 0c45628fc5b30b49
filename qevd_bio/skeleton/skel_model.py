"""The joints of a SKEL file: at rest for any shape, and posed with a shape of its own per frame.

T frames, D = 46 DoF, J = 24 joints, K = 10 shape numbers, V vertices

The file is its user's own; nothing of it is held here but what joints need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.skeleton.bodies import skel_bone_rotations, skel_skeleton
from qevd_bio.skeleton.dofs import JOINT_NAMES, N_JOINTS, PARENTS
from qevd_bio.skeleton.kinematics import Skeleton, joint_rotations, pose_shift

N_BETAS = 10


@dataclass(frozen=True, slots=True)
class SkelModel:
    """What the joints of a SKEL body follow from.

    Attributes
    ----------
    joints_m : ndarray (24, 3)
        T-pose joints of the mean shape, in metres.
    joints_by_beta_m : ndarray (24, 3, 10)
        How far each shape number moves them.
    per_joint_rot : ndarray (24, 3, 3)
        Template bone orientations.
    apose_rel_transfo : ndarray (24, 4, 4)
        Template bone transforms relative to the parent bone.
    """

    joints_m: FloatArray
    joints_by_beta_m: FloatArray
    per_joint_rot: FloatArray
    apose_rel_transfo: FloatArray

    def __post_init__(self) -> None:
        needed = {
            "joints_m": (N_JOINTS, 3),
            "joints_by_beta_m": (N_JOINTS, 3, N_BETAS),
            "per_joint_rot": (N_JOINTS, 3, 3),
            "apose_rel_transfo": (N_JOINTS, 4, 4),
        }
        for name, shape in needed.items():
            _check(name, getattr(self, name), shape)

    @classmethod
    def from_file(cls, held: Mapping[str, Any], where: str) -> SkelModel:
        """Take what joints need out of a SKEL file.

        Parameters
        ----------
        held : mapping of str to ndarray or sparse matrix
            The file's own names: skin_template_v (V, 3), shapedirs (V, 3, at least 10),
            J_regressor_osim (24, V), per_joint_rot, apose_rel_transfo and osim_kintree_table
            (2, 24).
        where : str
            The file, for errors.

        Returns
        -------
        SkelModel

        Raises
        ------
        DataError
            A name is missing, a shape does not fit, or the tree of joints is another.
        """

        def array(name: str) -> FloatArray:
            if name not in held:
                raise _unfit("is missing", f"{where}: {name}")
            value = held[name]
            dense = value if isinstance(value, np.ndarray) else value.toarray()
            return np.asarray(dense, dtype=np.float64)

        tree = array("osim_kintree_table")
        if tree.shape != (2, N_JOINTS) or tuple(tree[0, 1:].astype(np.int64)) != PARENTS[1:]:
            raise _unfit("is not SKEL's tree of joints", f"{where}: osim_kintree_table")
        regressor, template, by_beta = map(
            array, ("J_regressor_osim", "skin_template_v", "shapedirs")
        )
        vertices = len(template)
        _check(f"{where}: skin_template_v", template, (vertices, 3))
        _check(f"{where}: J_regressor_osim", regressor, (N_JOINTS, vertices))
        by_beta = by_beta[..., :N_BETAS]
        _check(f"{where}: shapedirs", by_beta, (vertices, 3, N_BETAS))
        return cls(
            joints_m=regressor @ template,
            joints_by_beta_m=np.tensordot(regressor, by_beta, axes=1),
            per_joint_rot=array("per_joint_rot"),
            apose_rel_transfo=array("apose_rel_transfo"),
        )

    @classmethod
    def from_weights(cls, arrays: Mapping[str, Any], where: str) -> SkelModel:
        """Take what joints need out of an imported ``skel_male`` or ``skel_female``.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            As `WeightFolder.load` gives them: template, shapedirs, J_regressor_osim,
            per_joint_rot, apose_rel_transfo, kintree.
        where : str
            Their name, for errors.

        Returns
        -------
        SkelModel

        Raises
        ------
        DataError
            As `from_file`.
        """
        renamed = {"template": "skin_template_v", "kintree": "osim_kintree_table"}
        return cls.from_file({renamed.get(k, k): v for k, v in arrays.items()}, where)

    def rest_joints(self, betas: FloatArray) -> FloatArray:
        """Place the joints of shapes (..., 10) in the T-pose (..., 24, 3), in metres."""
        if betas.shape[-1:] != (N_BETAS,):
            raise ValueError(f"betas have shape {betas.shape}, need (..., {N_BETAS})")
        moved = np.tensordot(betas, self.joints_by_beta_m, axes=(-1, -1))
        return np.asarray(self.joints_m + moved)

    def skeleton(self, betas: FloatArray) -> Skeleton:
        """Build the skeleton of one person's shape (10,), for `forward_kinematics`."""
        rest = self.rest_joints(betas)
        return skel_skeleton(rest, self.per_joint_rot, self.apose_rel_transfo)


def posed_joints(
    model: SkelModel, q: FloatArray, rest_joints_m: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Pose bodies, each frame with its own.

    Parameters
    ----------
    model : SkelModel
        Whose bones they are.
    q : ndarray (T, 46)
        Angles in rad, SKEL order.
    rest_joints_m : ndarray (T, 24, 3)
        Joints of the T-pose in metres, as `SkelModel.rest_joints` gives them.

    Returns
    -------
    joints_m : ndarray (T, 24, 3)
        Joint positions in metres; the pelvis stays at its T-pose position.
    orientations : ndarray (T, 24, 3, 3)
        Orientation of each bone.

    Notes
    -----
    NaN angles give NaN for that joint and all below it. Of one shape throughout,
    `forward_kinematics` gives the same at less cost. Source: SKEL (2023), section 3.
    """
    if rest_joints_m.shape != (len(q), N_JOINTS, 3):
        cause = f"rest_joints_m has shape {rest_joints_m.shape}"
        raise ValueError(f"{cause}, needs {(len(q), N_JOINTS, 3)} for q of {q.shape}")
    bones = skel_bone_rotations(rest_joints_m, model.per_joint_rot, model.apose_rel_transfo)
    frames = bones @ np.swapaxes(model.apose_rel_transfo[:, :3, :3], -1, -2)
    local = frames @ joint_rotations(q) @ np.swapaxes(frames, -1, -2)
    joints, turned = rest_joints_m.copy(), local.copy()
    for index, joint in enumerate(JOINT_NAMES):
        parent = PARENTS[index]
        if parent < 0:
            continue
        offset = rest_joints_m[:, index] - rest_joints_m[:, parent]
        moved = pose_shift(rest_joints_m, q, joint)
        if moved is not None:
            offset = offset + moved.T
        joints[:, index] = joints[:, parent] + (turned[:, parent] @ offset[..., None])[..., 0]
        turned[:, index] = turned[:, parent] @ local[:, index]
    return joints, turned @ bones


def _check(name: str, value: FloatArray, shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise _unfit(f"has shape {value.shape}, needs {shape}", name)
    if not np.isfinite(value).all():
        raise _unfit("holds numbers that are not finite", name)


def _unfit(cause: str, where: str) -> DataError:
    return DataError(cause, where=where, next_step="Give the SKEL 1.1.1 file as downloaded")
