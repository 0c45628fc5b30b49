"""How made people are recorded: markers, one camera that guesses depth, flat pictures.

T frames, K = 14 joints of the stick body, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.stick_body import JOINT, SKEL_JOINTS
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton, segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_INDEX, DOF_NAMES, DOFS, N_DOFS
from qevd_bio.skeleton.kinematics import forward_kinematics

RATE_HZ = 20.0
HEIGHT_M = 1.75
LOW, HIGH = np.array([[d.low_rad, d.high_rad] for d in DOFS]).T
SHARES = {"markers": 0.4, "camera": 0.36, "interior": 0.14, "flat": 0.1}
"""Of the ways of recording: angles of markers, landmarks with guessed depth, the interior angles
of such landmarks, and the interior angles of a flat picture."""

INTERIOR = {
    "knee": ("hip", "knee", "ankle"),
    "elbow": ("shoulder", "elbow", "wrist"),
    "hip": ("shoulder", "hip", "knee"),
    "shoulder": ("hip", "shoulder", "elbow"),
}
"""Angles between two bones that a set of recordings may give instead of points."""

HIDDEN_BY_SIGHT: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "no pelvis": ("pelvis",),
    "no arms": ("shoulder", "elbow"),
    "no pelvis, elevation of the arms": ("pelvis", "_y", "_z"),
    "right side": ("_l", "_l_x", "_l_y", "_l_z"),
    "left side": ("_r", "_r_x", "_r_y", "_r_z"),
}
"""Parts of names of DoFs that a kind of recording does not show."""
SIGHT_SHARES = (0.6, 0.08, 0.08, 0.08, 0.08, 0.08)

_GUESSED = {"knee": 1.0, "ankle": 1.6, "toe": 1.8, "elbow": 0.8, "wrist": 1.3, "shoulder": 0.5,
            "hip": 0.2}  # fmt: skip
"""How far off the guessed depth of a joint may be, compared with the knee's."""

DOWN = np.array([0.0, 1.0, 0.0])


def recorded(q: FloatArray, rng: np.random.Generator) -> Motion:
    """Record angles (T, 46) of a body in the world: noise, a camera, what is not seen."""
    sway = gaussian_filter1d(rng.standard_normal(q.shape), 8.0, axis=0)
    sway *= np.deg2rad(rng.uniform(0.5, 5.0)) / max(float(sway.std()), 1e-9)
    noise = np.deg2rad(rng.uniform(0.2, 2.0)) * rng.standard_normal(q.shape)
    turned = np.clip(q + sway + noise, LOW, HIGH)
    turned[:, DOF_INDEX["pelvis_rotation"]] += rng.uniform(-np.pi, np.pi)
    way = list(SHARES)[rng.choice(len(SHARES), p=list(SHARES.values()))]
    if way == "markers":
        tilt = np.deg2rad(rng.normal(0.0, 5.0, 2))
        return _motion(turned, _seen(rng), np.array([tilt[0], -1.0, tilt[1]]))
    joints = _joints_before_camera(turned, rng)
    if way != "flat":
        joints = _with_guessed_depth(joints, rng)
    if way == "camera":
        q = unwrap_angles(inverse_kinematics(joints), np.ones(len(q), dtype=np.bool_))
        return _motion(q, _seen(rng) & observed_mask(), DOWN)
    return _of_interior_angles(joints[..., :2] if way == "flat" else joints, rng)


def _seen(rng: np.random.Generator) -> BoolArray:
    """Draw which DoFs (46,) a recording shows."""
    hidden = list(HIDDEN_BY_SIGHT.values())[rng.choice(len(SIGHT_SHARES), p=SIGHT_SHARES)]
    return np.array([not _is_hidden(name, hidden) for name in DOF_NAMES])


def _is_hidden(name: str, parts: Sequence[str]) -> bool:
    return any(name.startswith(part) or name.endswith(part) for part in parts)


def _joints_before_camera(q: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Place the joints (T, K, 3) before a camera near or far, tilted a little; x right, y down.

    Pictures show what is near larger; the depth stays that of the room.
    """
    joints = forward_kinematics(q, generic_skeleton())[0][:, list(SKEL_JOINTS)]
    joints = joints * np.array([1.0, -1.0, -1.0])
    middle = joints[:, [JOINT["hip_l"], JOINT["hip_r"]]].mean(axis=(0, 1))
    joints = joints - middle
    pitch, roll = np.deg2rad(rng.normal(0.0, (8.0, 3.0)))
    y, z = joints[..., 1].copy(), joints[..., 2].copy()
    joints[..., 1] = np.cos(pitch) * y - np.sin(pitch) * z
    joints[..., 2] = np.sin(pitch) * y + np.cos(pitch) * z
    x, y = joints[..., 0].copy(), joints[..., 1].copy()
    joints[..., 0] = np.cos(roll) * x - np.sin(roll) * y
    joints[..., 1] = np.sin(roll) * x + np.cos(roll) * y
    away = rng.uniform(1.8, 6.0)
    joints[..., :2] *= away / np.maximum(away + joints[..., 2:], 0.5)
    drift = gaussian_filter1d(rng.standard_normal(joints.shape), rng.uniform(1.0, 6.0), axis=0)
    joints += drift * rng.uniform(0.003, 0.025) / max(float(drift.std()), 1e-9)
    return np.asarray(joints)


def _with_guessed_depth(joints: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Put depths (T, K, 3) wrong, as one camera guesses them.

    Stretched or squeezed, leaning, wrong by a constant that grows along a limb, by a part that
    comes and goes with the movement, and by a slow wave.
    """
    wrong = joints.copy()
    depth = wrong[..., 2]
    poor = rng.uniform(0.0, 0.12) if rng.random() < 0.85 else rng.uniform(0.1, 0.25)
    wave = gaussian_filter1d(rng.standard_normal(depth.shape), rng.uniform(2.0, 8.0), axis=0)
    wave *= rng.uniform(0.1, 0.6) * poor / max(float(wave.std()), 1e-9)
    stretched = np.clip(rng.lognormal(-0.1, 0.45), 0.25, 2.5) * depth
    with_pose = _moved_along(joints)[:, None] * _offsets(0.5 * poor, rng)
    leaning = rng.normal(0.0, 0.18) * joints[..., 1]
    wrong[..., 2] = stretched + leaning + _offsets(poor, rng) + with_pose + wave
    return wrong


def _offsets(sigma_m: float, rng: np.random.Generator) -> FloatArray:
    """Draw how far off each joint's depth (K,) is: more at the ends, half of it on both sides."""
    offset = np.zeros(len(JOINT))
    for part, share in _GUESSED.items():
        common = rng.normal(0.0, share * sigma_m)
        for side in "lr":
            offset[JOINT[f"{part}_{side}"]] = common + rng.normal(0.0, 0.6 * share * sigma_m)
    return offset


def _moved_along(joints: FloatArray) -> FloatArray:
    """Say where in its largest movement the body (T, K, 3) is, from 0 to 1 (T,)."""
    flat = joints[..., :2].reshape(len(joints), -1)
    flat = flat - flat.mean(axis=0)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    along = flat @ vectors[:, values.argmax()]
    return np.asarray((along - along.min()) / max(float(np.ptp(along)), 1e-9))


def _of_interior_angles(points: FloatArray, rng: np.random.Generator) -> Motion:
    """Give the motion that interior angles of points (T, K, 2 or 3) tell, one side or both."""
    q = np.zeros((len(points), N_DOFS))
    observed = np.zeros(N_DOFS, dtype=np.bool_)
    chance = rng.random()
    sides = "rl" if chance < 0.7 else "r" if chance < 0.85 else "l"
    for side in sides:
        bent = {
            name: np.pi - _between(*(points[:, JOINT[f"{joint}_{side}"]] for joint in three))
            for name, three in INTERIOR.items()
        }
        raised = np.pi / 2 - (np.pi - bent["shoulder"])
        columns = {
            f"knee_angle_{side}": bent["knee"],
            f"hip_flexion_{side}": bent["hip"],
            f"elbow_flexion_{side}": bent["elbow"],
            f"shoulder_{side}_x": raised if side == "r" else -raised,
        }
        for name, values in columns.items():
            q[:, DOF_INDEX[name]] = values
            observed[DOF_INDEX[name]] = True
    return _motion(q, observed, DOWN)


def _between(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return the angle at b (T,) between a and c, in rad."""
    one, two = a - b, c - b
    cosine = (one * two).sum(axis=1)
    cosine /= np.maximum(np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1), 1e-9)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


def _motion(q: FloatArray, observed: BoolArray, gravity: FloatArray) -> Motion:
    frames = len(q)
    return Motion(
        q=q,
        time_s=np.arange(frames) / RATE_HZ,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=np.bool_),
        observed=observed,
        sigma_rad=np.where(observed, np.deg2rad(2.0), np.inf),
        gravity=gravity / np.linalg.norm(gravity),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m=segment_lengths_for_height(HEIGHT_M),
    )
