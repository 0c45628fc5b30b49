"""How wrong the angles may be: from the fit's covariance and the method's known errors.

T frames, D = 46 DoF, K = 14 joints of the stick body
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from qevd_bio.capture.inverse_kinematics import OBSERVED, SIDES
from qevd_bio.capture.stick_body import JOINT, K
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS

FloatArray = NDArray[np.float64]

METHOD_DEG: Mapping[str, float] = {
    "pelvis_tilt": 4.0,
    "pelvis_list": 3.0,
    "pelvis_rotation": 9.0,
    "hip_flexion": 8.0,
    "hip_adduction": 5.0,
    "hip_rotation": 8.0,
    "knee_angle": 5.5,
    "ankle_angle": 10.0,
    "shoulder": 12.0,
    "elbow_flexion": 10.0,
}
"""Standard deviation of what the fit cannot know: landmarks that sit beside the joint centres,
trunk bend that looks like pelvis tilt, proportions other than the assumed ones. Set so that the
whole sigma covers about two thirds of the errors on rendered squats, lunges, push-ups and jumping
jacks of three builds, from the front, at 45 degrees and from the side."""

_LEAST_HINGE_SINE = np.sin(np.deg2rad(20.0))


def angle_sigma(joints_m: FloatArray, covariance_m2: FloatArray, q: FloatArray) -> FloatArray:
    """Estimate the standard deviation of each angle in each frame.

    Parameters
    ----------
    joints_m : ndarray (T, K, 3)
        Fitted joints.
    covariance_m2 : ndarray (T, K, 3, K, 3)
        Their covariance.
    q : ndarray (T, 46)
        Angles computed from them.

    Returns
    -------
    ndarray (T, 46)
        rad; infinite for DoFs that are not observed.

    Notes
    -----
    A bone's direction is as uncertain as the difference of its ends across it, over its
    length: large for a hidden limb (low visibility, wide ends) and for a bone near the image
    plane (its depth changes its picture only in second order). An angle between two bones
    adds both variances and the square of `METHOD_DEG`. A limb's turn about its own axis is
    read from its hinge plane, hence the division by the sine of the hinge.
    """
    if joints_m.shape[1:] != (K, 3) or covariance_m2.shape[1:] != (K, 3, K, 3):
        raise ValueError(f"shapes {joints_m.shape}, {covariance_m2.shape} are not of {K} joints")

    def bone(tail: Mapping[str, float], head: Mapping[str, float]) -> FloatArray:
        return _direction_variance(joints_m, covariance_m2, _difference(tail, head))

    hips, shoulders = {"hip_l": 0.5, "hip_r": 0.5}, {"shoulder_l": 0.5, "shoulder_r": 0.5}
    trunk = bone(hips, shoulders)
    across = bone({"hip_l": 1.0}, {"hip_r": 1.0})
    variance = np.full((len(q), N_DOFS), np.inf)

    def put(dof: str, method: str, spread: FloatArray) -> None:
        variance[:, DOF_INDEX[dof]] = spread + np.deg2rad(METHOD_DEG[method]) ** 2

    put("pelvis_tilt", "pelvis_tilt", trunk)
    put("pelvis_list", "pelvis_list", trunk)
    put("pelvis_rotation", "pelvis_rotation", across)
    for side in SIDES:
        thigh = bone({f"hip_{side}": 1.0}, {f"knee_{side}": 1.0})
        shank = bone({f"knee_{side}": 1.0}, {f"ankle_{side}": 1.0})
        foot = bone({f"ankle_{side}": 1.0}, {f"toe_{side}": 1.0})
        upper_arm = bone({f"shoulder_{side}": 1.0}, {f"elbow_{side}": 1.0})
        forearm = bone({f"elbow_{side}": 1.0}, {f"wrist_{side}": 1.0})
        bend = np.maximum(np.sin(q[:, DOF_INDEX[f"knee_angle_{side}"]]), _LEAST_HINGE_SINE)
        put(f"hip_flexion_{side}", "hip_flexion", thigh + trunk)
        put(f"hip_adduction_{side}", "hip_adduction", thigh + trunk)
        put(f"hip_rotation_{side}", "hip_rotation", (thigh + shank) / bend**2)
        put(f"knee_angle_{side}", "knee_angle", thigh + shank)
        put(f"ankle_angle_{side}", "ankle_angle", shank + foot)
        put(f"elbow_flexion_{side}", "elbow_flexion", upper_arm + forearm)
        for axis in "xyz":
            put(f"shoulder_{side}_{axis}", "shoulder", upper_arm + trunk)
    sigma = np.minimum(np.sqrt(variance), np.pi / 2.0)
    sigma[:, [name not in OBSERVED for name in DOF_INDEX]] = np.inf
    return np.asarray(sigma)


def _difference(tail: Mapping[str, float], head: Mapping[str, float]) -> FloatArray:
    """Weights (K,) that take the vector from tail to head."""
    weights = np.zeros(K)
    for name, share in tail.items():
        weights[JOINT[name]] -= share
    for name, share in head.items():
        weights[JOINT[name]] += share
    return weights


def _direction_variance(
    joints: FloatArray, covariance: FloatArray, weights: FloatArray
) -> FloatArray:
    """Variance (T,) in rad² of the direction of a weighted difference of joints, per axis."""
    vector = np.einsum("k,tkc->tc", weights, joints)
    spread = np.einsum("k,tkcld,l->tcd", weights, covariance, weights, optimize=True)
    squared = np.sum(vector**2, axis=-1)
    along = np.einsum("tc,tcd,td->t", vector, spread, vector) / squared
    return np.asarray((np.trace(spread, axis1=1, axis2=2) - along) / 2.0 / squared)


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
