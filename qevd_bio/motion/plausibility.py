"""Metrics of the physical plausibility of a captured motion.

T frames, D = 46 DoF, J = 24 joints

Metrics of BIGE (Maheshwari et al., "BIGE: Biomechanics-informed GenAI for Exercise Science",
sections 3.3 and 4.3, table 1). These definitions reproduce its pelvis, asymmetry and velocity
figures on OpenCap squats; where its formulas leave a choice, the docstring names ours. NaN is
ignored, and the result is NaN when nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.angles import wrap_angle
from qevd_bio.skeleton.dofs import (
    DOF_INDEX,
    DOFS,
    JOINT_INDEX,
    JOINT_NAMES,
    N_DOFS,
    joint_dofs,
)
from qevd_bio.skeleton.kinematics import joint_turn

LEG_PAIRS: tuple[tuple[int, int], ...] = tuple(
    (DOF_INDEX[f"{name}_r"], DOF_INDEX[f"{name}_l"])
    for name in ("hip_flexion", "knee_angle", "ankle_angle")
)
"""Right and left DoFs that BIGE compares: hip, knee and ankle flexion."""

FEET = {side: tuple(JOINT_INDEX[f"{name}_{side}"] for name in ("calcn", "toes")) for side in "rl"}

PLANTED_M = 0.03
"""Both feet count as planted while their lowest points differ less in height (unverified)."""

_LOW = np.array([max(dof.low_rad, -np.pi) for dof in DOFS])
_HIGH = np.array([min(dof.high_rad, np.pi) for dof in DOFS])
_BALLS = {
    joint: dofs
    for joint in JOINT_NAMES
    if len(dofs := joint_dofs(joint)) == 3 and np.isfinite(DOFS[dofs[0]].high_rad)
}

NEAREST_ROUNDS = 4
"""Rounds over the three angles in the search for the nearest possible rotation."""


@dataclass(frozen=True, slots=True)
class FloorMetrics:
    """How a body with known translation meets the floor.

    Attributes
    ----------
    penetration_m, floating_m : float
        Mean depth below and height above the floor of the lowest joint centre.
    sliding_m_s : float
        Mean speed of the lowest joint centre.
    """

    penetration_m: float
    floating_m: float
    sliding_m_s: float


def pelvis_tilt_deg(pelvis: FloatArray, up: FloatArray) -> FloatArray:
    """Measure the tilt of the pelvis against the vertical.

    Parameters
    ----------
    pelvis : ndarray (T, 3, 3)
        How the pelvis is turned from the T-pose (x left, y up, z forward).
    up : ndarray (3,)
        Unit vector against gravity, in the same frame.

    Returns
    -------
    ndarray (T,)
        Degrees; tilted forward (anterior) is negative, as in OpenSim and BIGE; prone is -90.
    """
    return np.asarray(np.rad2deg(np.arctan2(pelvis[:, :, 2] @ up, pelvis[:, :, 1] @ up)))


def asymmetry_deg(q: FloatArray, pairs: tuple[tuple[int, int], ...] = LEG_PAIRS) -> float:
    """Average the absolute difference of right and left in degrees, over frames and pairs of DoFs.

    Parameters
    ----------
    q : ndarray (T, 46)
        Angles in rad.
    pairs : tuple of pairs of int
        DoFs to compare; only those that the backend observes are meaningful.

    Notes
    -----
    BIGE prints a sum over pairs in table 1; only the mean agrees with its table 3.
    """
    differences = [wrap_angle(q[:, right] - q[:, left]) for right, left in pairs]
    return float(np.rad2deg(_mean(np.abs(np.array(differences)))))


def angular_speed_deg_s(angles_rad: FloatArray, time_s: FloatArray) -> float:
    """Average the absolute speed of angles over steps and angles, in degrees per second.

    Parameters
    ----------
    angles_rad : ndarray (T, K)
        Angles in rad, not smoothed: noise must show.
    time_s : ndarray (T,)
        Strictly increasing seconds.

    Notes
    -----
    Over the six flexions of the legs it agrees with BIGE's table 3; over all angles, as in table
    1, it does not.
    """
    steps = wrap_angle(np.diff(angles_rad, axis=0)) / np.diff(time_s)[:, None]
    return float(np.rad2deg(_mean(np.abs(steps))))


def mean_speed_m_s(points_m: FloatArray, time_s: FloatArray) -> float:
    """Average the speed of a point (T, 3) in metres; time in seconds, strictly increasing."""
    return _mean(np.linalg.norm(_velocity(points_m, time_s), axis=1))


def mean_acceleration_m_s2(points_m: FloatArray, time_s: FloatArray) -> float:
    """Average the acceleration of a point (T, 3) in metres over three successive frames each.

    Times are strictly increasing seconds, evenly spaced or not. BIGE's Laplacian in units of time.
    """
    middle_s = (time_s[2:] - time_s[:-2]) / 2.0
    change = np.diff(_velocity(points_m, time_s), axis=0)
    return _mean(np.linalg.norm(change / middle_s[:, None], axis=1))


def floor_metrics(joints_m: FloatArray, time_s: FloatArray, up: FloatArray) -> FloorMetrics:
    """Measure how joint centres meet the floor, at the median height of the lowest joint.

    Parameters
    ----------
    joints_m : ndarray (T, 24, 3)
        Joint centres in a frame that does not move with the person, in metres. Without the root's
        translation these metrics have no meaning, see `feet_drift_m_s`.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    up : ndarray (3,)
        Unit vector against gravity.

    Returns
    -------
    FloorMetrics
        Metres and metres per second (BIGE 4.3; it prints centimetres and means metres per second
        where it writes no division by the time step).
    """
    height = np.where(np.isfinite(joints_m).all(axis=2), joints_m @ up, np.nan)
    whole = np.asarray(np.isfinite(height).all(axis=1))
    lowest = np.argmin(np.where(whole[:, None], height, 0.0), axis=1)
    points = np.where(whole[:, None], joints_m[np.arange(len(joints_m)), lowest], np.nan)
    above = points @ up
    floor = _median(above)
    return FloorMetrics(
        penetration_m=_mean(np.maximum(0.0, floor - above)),
        floating_m=_mean(np.maximum(0.0, above - floor)),
        sliding_m_s=mean_speed_m_s(points, time_s),
    )


def feet_drift_m_s(joints_m: FloatArray, time_s: FloatArray, up: FloatArray) -> float:
    """Measure foot sliding in m/s without the translation of the body.

    The mean speed, along the floor, of one foot against the other while the lowest points of
    both are within `PLANTED_M` in height. Two planted feet keep their distance whatever the
    translation; a slide of both together is not measured. NaN without such steps. Arguments as
    in `floor_metrics`, with any position of the root.
    """
    feet = {side: joints_m[:, indices] for side, indices in FEET.items()}
    lowest = {side: (foot @ up).min(axis=1) for side, foot in feet.items()}
    planted = np.abs(lowest["r"] - lowest["l"]) < PLANTED_M
    apart = feet["r"].mean(axis=1) - feet["l"].mean(axis=1)
    flat = apart - (apart @ up)[:, None] * up
    speed = np.linalg.norm(_velocity(flat, time_s), axis=1)
    return _mean(speed[planted[1:] & planted[:-1]])


def range_excess_deg(q: FloatArray) -> FloatArray:
    """Measure how far angles (T, 46) in rad lie beyond the possible range of their joints.

    Returns
    -------
    ndarray (T, 46)
        Degrees beyond the nearer bound of `skeleton.dofs`; 0 inside, and always 0 for the pelvis,
        which turns freely. Whole turns do not matter; NaN stays NaN.

    Notes
    -----
    Many triples of angles are nearly the same rotation of a joint with three DoFs: with an arm
    held out, near the pole of its triple, the outer two may be anything. So such a joint is judged
    by its rotation: the angle to the nearest possible one, given to the DoF farthest beyond its
    range in the better of the two triples.
    """
    beyond = _beyond(q)
    for joint, dofs in _BALLS.items():
        other = q[:, dofs] * [1.0, -1.0, 1.0] + np.pi
        equivalent = _beyond(other, dofs)
        better = equivalent.sum(axis=1) < beyond[:, dofs].sum(axis=1)
        beyond[np.ix_(better, dofs)] = equivalent[better]
        out = np.flatnonzero(beyond[:, dofs].sum(axis=1) > 0)
        apart = _from_possible_rad(joint, np.stack([q[out][:, dofs], other[out]]))
        own = np.zeros((len(out), 3))
        own[np.arange(len(out)), np.argmax(beyond[out][:, dofs], axis=1)] = apart
        beyond[out[:, None], dofs] = own
    return np.asarray(np.rad2deg(beyond))


def _from_possible_rad(joint: str, triples: FloatArray) -> FloatArray:
    """Measure how far rotations lie from the nearest one in a joint's ranges (T,), in rad.

    Both triples (2, T, 3) of each rotation, and 27 triples spread over the ranges, are brought
    into the ranges and improved angle by angle: with two of them fixed, the cosine of the
    distance is a sinusoid of the third. The nearest of these ends counts.
    """
    dofs = joint_dofs(joint)
    low, high = _LOW[list(dofs)], _HIGH[list(dofs)]
    middle = (low + high) / 2.0

    def inside(angles: FloatArray, dof: int) -> FloatArray:
        near = middle[dof] + wrap_angle(angles - middle[dof])
        return np.asarray(np.clip(near, low[dof], high[dof]))

    frames = len(triples[0])
    shares = np.stack(np.meshgrid(*[(0.1, 0.5, 0.9)] * 3), axis=-1).reshape(-1, 3)
    starts = [*triples, *(np.tile(low + share * (high - low), (frames, 1)) for share in shares)]
    turned = np.tile(joint_turn(joint, triples[0]), len(starts))
    flat = np.concatenate(starts)
    best = np.stack([inside(flat[:, dof], dof) for dof in range(3)], axis=1)
    for _ in range(NEAREST_ROUNDS):
        for dof in range(3):
            at_0, at_quarter, at_half = (
                _likeness(turned, joint, np.where(np.arange(3) == dof, angle, best))
                for angle in (0.0, np.pi / 2, np.pi)
            )
            mean = (at_0 + at_half) / 2
            best[:, dof] = inside(np.arctan2(at_quarter - mean, at_0 - mean), dof)
    cosine = (_likeness(turned, joint, best) - 1.0) / 2.0
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)).reshape(len(starts), -1).min(axis=0))


def _likeness(turned: FloatArray, joint: str, angles: FloatArray) -> FloatArray:
    """Compute the trace (T,) of what turns one rotation (3, 3, T) into that of angles (T, 3)."""
    return np.asarray((turned * joint_turn(joint, angles)).sum(axis=(0, 1)))


def _beyond(angles: FloatArray, dofs: tuple[int, ...] = tuple(range(N_DOFS))) -> FloatArray:
    low, high = _LOW[list(dofs)], _HIGH[list(dofs)]
    middle = (low + high) / 2.0
    near = middle + wrap_angle(angles - middle)
    return np.asarray(np.maximum(np.maximum(low - near, near - high), 0.0))


def longest_gap_s(time_s: FloatArray, valid: BoolArray) -> float:
    """Find the longest time without a measurement, ends of the motion included; in seconds."""
    if not valid.any():
        return float(time_s[-1] - time_s[0])
    between_s = np.diff(np.concatenate([time_s[:1], time_s[valid], time_s[-1:]]))
    gaps = np.diff(np.concatenate([[0], np.flatnonzero(valid), [len(valid) - 1]])) > 1
    gaps[0], gaps[-1] = not valid[0], not valid[-1]
    return float(between_s[gaps].max(initial=0.0))


def _velocity(points_m: FloatArray, time_s: FloatArray) -> FloatArray:
    return np.asarray(np.diff(points_m, axis=0) / np.diff(time_s)[:, None])


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
