"""What a movement looks like in numbers that no camera's direction and no side changes.

T frames, C channels, P = 101 phase points, F features, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.rule import SIDES
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import PosedSkeleton, Skeleton

POINTS = 101
HARMONICS = 3
STILL = 0.09
"""Standard deviation, in rad or of a cosine, that a kept pose stays below: 5 degrees."""

LEAST_KNOWN = 0.5
"""A channel counts where it is known in this share of the frames."""

_BENDS = ("knee_angle", "ankle_angle", "elbow_flexion")
_LEGS = ("hip_flexion", "hip_adduction", "hip_rotation", "knee_angle")
_PELVIS = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")

PAIRED = (
    *_BENDS, "thigh_front", "thigh_down", "thigh_out",
    "arm_elevation", "arm_front", "arm_out", "hand_along_trunk",
    "thigh_up", "shank_up", "upper_arm_up", "forearm_up",
)  # fmt: skip
"""Channels of each side: angles in rad, directions as cosines."""

MIDDLE = ("trunk_up", "chest_up", "feet_apart", "feet_split")
"""Channels of the whole body: cosines, and distances of the ankles in leg lengths."""

CHANNELS = (
    *(f"{name}:{kind}" for name in PAIRED for kind in ("mean", "apart")),
    *MIDDLE,
)
"""Of two sides their mean, or the one that is seen, and the size of their difference: a mirrored
body has the same."""

_TOGETHER = (
    ("knee_angle:mean", "thigh_front:mean"),
    ("knee_angle:mean", "arm_elevation:mean"),
    ("knee_angle:mean", "elbow_flexion:mean"),
    ("thigh_front:mean", "arm_elevation:mean"),
    ("elbow_flexion:mean", "arm_elevation:mean"),
    ("feet_apart", "arm_elevation:mean"),
    ("thigh_front:apart", "elbow_flexion:apart"),
    ("trunk_up", "knee_angle:mean"),
)
"""Channels of which it matters whether they move together."""

STATISTICS = ("mean", "sd", "low", "high", *(f"harmonic{n}" for n in range(1, HARMONICS + 1)))

FEATURES = (
    *(f"{channel} {one}" for channel in CHANNELS for one in STATISTICS),
    *(f"{a} with {b}" for a, b in _TOGETHER),
    "log seconds",
)


def movement_channels(motion: Motion, skeleton: Skeleton) -> FloatArray:
    """Compute the channels of a motion.

    Parameters
    ----------
    motion : Motion
        T frames with continuous angles, as `qevd_bio.exercises.motion_parts.part_of` gives.
    skeleton : Skeleton
        Body whose joints give the directions.

    Returns
    -------
    ndarray (T, C)
        Columns as in `CHANNELS`; NaN where nobody is seen or the backend does not observe what
        a channel needs.

    Notes
    -----
    Directions are taken against gravity and the trunk, never against the camera, so turning the
    person about the vertical changes nothing; sides enter by their mean and the size of their
    difference, so mirroring changes nothing. An angle that is hidden in a frame counts as the
    capture guesses it: too unsure to be judged, it tells more of what is done than its absence.
    """
    posed = PosedSkeleton(motion.q, skeleton)
    sides = {side: _side_channels(posed, motion, side) for side in SIDES}
    columns = [
        column
        for name in PAIRED
        for right, left in [(sides["r"][name], sides["l"][name])]
        for column in (_either_mean(right, left), np.abs(right - left))
    ]
    columns += list(_middle_channels(posed, motion).values())
    channels = np.column_stack(columns)
    channels[~motion.valid] = np.nan
    return channels


def _either_mean(right: FloatArray, left: FloatArray) -> FloatArray:
    """Average two sides (T,); the one that is known where the other is not."""
    mean = (right + left) / 2.0
    return np.where(np.isfinite(mean), mean, np.where(np.isfinite(right), right, left))


def _side_channels(posed: PosedSkeleton, motion: Motion, side: str) -> dict[str, FloatArray]:
    at = posed.place
    trunk, front, out = _trunk_axes(posed, side)
    arm = _unit(at(f"ulna_{side}") - at(f"humerus_{side}"))
    forearm = _unit(at(f"hand_{side}") - at(f"ulna_{side}"))
    thigh = _unit(at(f"tibia_{side}") - at(f"femur_{side}"))
    shank = _unit(at(f"talus_{side}") - at(f"tibia_{side}"))
    up = -motion.gravity[:, None]
    x, y, z = (f"shoulder_{side}_{axis}" for axis in "xyz")
    elbow = f"elbow_flexion_{side}"
    leg = [f"{name}_{side}" for name in _LEGS]
    needed: dict[str, tuple[FloatArray, Sequence[str]]] = {
        "arm_elevation": (np.arccos(np.clip(-_dot(arm, trunk), -1.0, 1.0)), (x,)),
        "arm_front": (_dot(arm, front), (x, y)),
        "arm_out": (_dot(arm, out), (x, y)),
        "hand_along_trunk": (_dot(arm + forearm, trunk) / 2.0, (x, y, z, elbow)),
        "thigh_front": (_dot(thigh, front), leg[:1]),
        "thigh_down": (-_dot(thigh, trunk), leg[:1]),
        "thigh_out": (_dot(thigh, out), leg[:3]),
        "thigh_up": (_dot(thigh, up), (*_PELVIS, *leg[:3])),
        "shank_up": (_dot(shank, up), (*_PELVIS, *leg)),
        "upper_arm_up": (_dot(arm, up), (*_PELVIS, x, y)),
        "forearm_up": (_dot(forearm, up), (*_PELVIS, x, y, z, elbow)),
    }
    for name in _BENDS:
        needed[name] = (motion.q[:, DOF_INDEX[f"{name}_{side}"]], (f"{name}_{side}",))
    return {name: _if_observed(*needed[name], motion) for name in PAIRED}


def _middle_channels(posed: PosedSkeleton, motion: Motion) -> dict[str, FloatArray]:
    at, up = posed.place, -motion.gravity[:, None]
    trunk, front, _ = _trunk_axes(posed, "r")
    hips = _unit(at("femur_l") - at("femur_r"))
    legs = [f"{name}_{side}" for name in _LEGS for side in SIDES]
    apart = at("talus_l") - at("talus_r")
    length = sum(
        np.linalg.norm(at(f"{low}_r") - at(f"{high}_r"), axis=0)
        for high, low in (("femur", "tibia"), ("tibia", "talus"))
    )
    values: dict[str, tuple[FloatArray, Sequence[str]]] = {
        "trunk_up": (_dot(trunk, up), _PELVIS),
        "chest_up": (_dot(front, up), _PELVIS),
        "feet_apart": (np.abs(_dot(apart, hips)) / length, legs),
        "feet_split": (np.linalg.norm(apart - _dot(apart, hips) * hips, axis=0) / length, legs),
    }
    return {name: _if_observed(*values[name], motion) for name in MIDDLE}


def _trunk_axes(posed: PosedSkeleton, side: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the unit directions (3, T) along the trunk, to its front and out to a side."""
    at = posed.place
    middle = [(at(f"{name}_r") + at(f"{name}_l")) / 2.0 for name in ("femur", "humerus")]
    trunk = _unit(middle[1] - middle[0])
    left = at("humerus_l") - at("humerus_r")
    left = _unit(left - _dot(left, trunk) * trunk)
    front = np.cross(left, trunk, axis=0)
    return trunk, front, left if side == "l" else -left


def _if_observed(values: FloatArray, needs: Sequence[str], motion: Motion) -> FloatArray:
    """Return values (T,), or NaN where a DoF they need is not observed."""
    frames = len(motion.time_s)
    if not motion.observed[[DOF_INDEX[name] for name in needs]].all():
        return np.full(frames, np.nan)
    return np.broadcast_to(values, frames)


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray((a * b).sum(axis=0))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))


def curves_of_span(channels: FloatArray, time_s: FloatArray, start: int, end: int) -> FloatArray:
    """Resample one span of channels (T, C), both ends included, to (P, C).

    NaN channels are those known in less than half of the frames.
    """
    span, times = channels[start : end + 1], time_s[start : end + 1]
    grid = np.linspace(times[0], times[-1], POINTS)
    curves = np.full((POINTS, channels.shape[1]), np.nan)
    known: BoolArray = np.isfinite(span)
    for column in np.flatnonzero(known.mean(axis=0) >= LEAST_KNOWN):
        is_known = known[:, column]
        curves[:, column] = np.interp(grid, times[is_known], span[is_known, column])
    return curves


def features_of_curves(curves: FloatArray, seconds: float) -> FloatArray:
    """Describe one cycle or window (P, C) that lasts so long by features (F,).

    Notes
    -----
    Means, deviations, the values that 5 and 95 % stay below, the sizes of the first harmonics, and
    correlations weighted by how far both channels move: nothing depends on where in the cycle the
    span begins. NaN where a channel is unknown.
    """
    low, high = np.percentile(curves, [5.0, 95.0], axis=0)
    waves = np.abs(np.fft.rfft(curves[:-1], axis=0))[1 : HARMONICS + 1] * 2.0 / (POINTS - 1)
    table = np.stack([curves.mean(axis=0), curves.std(axis=0), low, high, *waves], axis=1)
    place = {name: i for i, name in enumerate(CHANNELS)}
    together = [_together(curves[:, place[a]], curves[:, place[b]]) for a, b in _TOGETHER]
    return np.concatenate([table.ravel(), together, [np.log(max(seconds, 1e-3))]])


def is_still(features: FloatArray) -> bool:
    """Whether the cycles or windows (N, F) of a set show a body that keeps its pose.

    True where no known channel deviates by `STILL` in half of them.
    """
    deviations = features[:, 1 : len(CHANNELS) * len(STATISTICS) : len(STATISTICS)]
    largest = np.where(np.isfinite(deviations), deviations, 0.0).max(axis=1)
    return bool(np.median(largest) < STILL)


def _together(a: FloatArray, b: FloatArray) -> float:
    """Correlate two channels (P,), shrunk towards 0 where one hardly moves; NaN: unknown."""
    product = float(np.mean((a - a.mean()) * (b - b.mean())))
    return product / (float(a.std() * b.std()) + 0.01)
