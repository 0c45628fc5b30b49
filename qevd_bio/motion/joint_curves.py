"""Joint angles as comparable curves: rotations of ball joints, angles of hinges.

C cycles, P phase points, K salient DoFs, N orientations
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import DOFS, JOINT_NAMES, joint_dofs


def joint_curves(
    cycles: FloatArray, reference: FloatArray, dofs: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    """Express cycles and their reference as curves on common axes.

    Parameters
    ----------
    cycles : ndarray (C, P, K)
        Angles in rad; NaN where not known.
    reference : ndarray (P, K)
        Angles in rad at the same phases, finite.
    dofs : sequence of int
        The K DoFs.

    Returns
    -------
    (ndarray (C, P, L), ndarray (P, L))
        L <= K curves in rad of the cycles and of the reference; NaN in all curves of a joint
        that is not known throughout.

    Notes
    -----
    A joint with all three DoFs given becomes rotation vectors from the reference's mean
    orientation, along the principal axes of the reference's movement: so neither the choice
    among equivalent angle triples matters nor their divergence near gimbal lock. Other DoFs stay
    angles, without turns of 2 pi between cycle and reference. A cycle equal to the reference
    gives equal numbers.
    """
    column = {dof: k for k, dof in enumerate(dofs)}
    users, models = [cycles[:, :, :0]], [reference[:, :0]]
    for joint in JOINT_NAMES:
        own = [dof for dof in joint_dofs(joint) if dof in column]
        if not own:
            continue
        at = [column[dof] for dof in own]
        curves_of = _along_principal_axes if len(own) == 3 else _without_turns
        user, model = curves_of(cycles[:, :, at], reference[:, at], own)
        users.append(user)
        models.append(model)
    curves, model = np.concatenate(users, axis=2), np.concatenate(models, axis=1)
    curves[(cycles == reference).all(axis=(1, 2))] = model
    return curves, model


def _without_turns(
    user: FloatArray, model: FloatArray, dofs: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    apart = user.mean(axis=1) - model.mean(axis=0)
    return user - 2 * np.pi * np.round(apart / (2 * np.pi))[:, None], model


def _along_principal_axes(
    user: FloatArray, model: FloatArray, dofs: Sequence[int]
) -> tuple[FloatArray, FloatArray]:
    turns = _quaternions(model, dofs)
    back = np.linalg.eigh(turns @ turns.T)[1][:, -1:] * [[1.0], [-1.0], [-1.0], [-1.0]]
    vectors = _rotation_vectors(_product(back, turns))
    axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)[2]
    known = np.isfinite(user).all(axis=(1, 2))
    curves = np.full(user.shape, np.nan)
    moved = _rotation_vectors(_product(back, _quaternions(user[known].reshape(-1, 3), dofs)))
    curves[known] = (moved @ axes.T).reshape(-1, *model.shape)
    return curves, vectors @ axes.T


def _quaternions(angles_rad: FloatArray, dofs: Sequence[int]) -> FloatArray:
    """Turn the three angles (N, 3) of a joint into quaternions (4, N), real part first."""
    turned = np.array([[1.0], [0.0], [0.0], [0.0]])
    for angle, dof in zip(angles_rad.T, dofs, strict=True):
        sine = np.sin(angle / 2)
        turned = _product(
            np.stack([np.cos(angle / 2), *(sine * e for e in DOFS[dof].axis)]), turned
        )
    return turned


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """Multiply quaternions (4, N): first `b`, then `a`."""
    aw, ax, ay, az = a
    bw, bx, by, bz = b
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def _rotation_vectors(turns: FloatArray) -> FloatArray:
    """Convert quaternions (4, N) to their shorter rotation vectors (N, 3)."""
    real, x, y, z = np.where(turns[:1] < 0, -turns, turns)
    sine = np.sqrt(x * x + y * y + z * z)
    angle = 2 * np.arctan2(sine, real)
    scale = np.divide(angle, sine, out=np.full_like(sine, 2.0), where=sine > 1e-12)
    return np.stack([x * scale, y * scale, z * scale], axis=1)
