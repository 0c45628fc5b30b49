"""People who perform the exercises of rules, each in their own way, and people who do not.

T frames, P phase points, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.stick_body import SKEL_JOINTS
from qevd_bio.exercises.recognition_model import family_of
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton, segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_INDEX, DOF_NAMES, DOFS, N_DOFS, mirror_q
from qevd_bio.skeleton.kinematics import forward_kinematics

RATE_HZ = 20.0
HEIGHT_M = 1.75
LASTS_S = (7.0, 12.0)
SHARE_BY_ONE_CAMERA = 0.6
OFFSET_DEG = 7.0
STYLE_DEG = 14.0
"""How differently people hold and lead their arms."""
ARMS = [i for i, name in enumerate(DOF_NAMES) if name.startswith(("shoulder", "elbow"))]
LEGS = [i for i, d in enumerate(DOFS) if d.joint.startswith(("femur", "tibia", "talus"))]
MIRRORED = [d.mirror_index for d in DOFS]
ARM_MEASURES = ("elbow_flexion", "shoulder_elevation", "shoulder_horizontal_adduction")
BENT_TOO_FAR = ("knee_angle", "elbow_flexion")
"""Captures show straight joints bent: here by a half-normal of 14 degrees."""
LOW, HIGH = np.array([[d.low_rad, d.high_rad] for d in DOFS]).T
HIDDEN_BY_SIGHT: Mapping[str, tuple[str, ...]] = {
    "all": (),
    "no pelvis": ("pelvis",),
    "interior angles": ("pelvis", "hip_adduction", "hip_rotation", "_y", "_z", "ankle"),
    "right side": ("_l", "_l_x", "_l_y", "_l_z"),
    "left side": ("_r", "_r_x", "_r_y", "_r_z"),
}
"""Parts of names of DoFs that a kind of recording does not show."""
SIGHTS, SIGHT_SHARES = list(HIDDEN_BY_SIGHT), (0.52, 0.12, 0.16, 0.1, 0.1)


@dataclass(frozen=True, slots=True)
class Person:
    """One recording of somebody: what she does, and its motion.

    Attributes
    ----------
    label : str
        Family of the exercise, or empty for none of them.
    motion : Motion
        The recording.
    """

    label: str
    motion: Motion


def performer(rule: Rule, others: Sequence[Rule], rng: np.random.Generator) -> Person:
    """Let somebody perform a rule's exercise; arms or legs that it leaves free do as others do."""
    cycle = build_reference(rule)
    if rule.kind == "alternating":
        cycle = np.concatenate([cycle[:-1], mirror_q(cycle)])
    if rng.random() < 0.5:
        cycle = mirror_q(cycle)
    cycle = _in_own_way(cycle, rule, others, rng)
    q = _held(cycle, rng) if rule.kind == "hold" else _repeated(cycle, rule, rng)
    return Person(family_of(rule.id), recorded(q, rng))


def _in_own_way(
    cycle: FloatArray, rule: Rule, others: Sequence[Rule], rng: np.random.Generator
) -> FloatArray:
    """Change how far, and in which posture, somebody moves (P, 46)."""
    moves = cycle - cycle[0]
    share = rng.uniform(0.55, 1.35) * rng.lognormal(0.0, 0.15, N_DOFS)
    if rule.kind == "hold":
        share = rng.normal(1.0, 0.05, N_DOFS)
    share = (share + share[MIRRORED]) / 2.0
    own = cycle[0] + share * moves
    far = np.linalg.norm(moves, axis=1)[:, None]
    far = far / max(float(far.max()), 1e-9)
    own[:, ARMS] += far * _both_sides(rng, STYLE_DEG)[ARMS]
    own[:, ARMS] += _both_sides(rng, STYLE_DEG)[ARMS]
    if _leaves_free(rule, ("humerus", "ulna"), ARM_MEASURES) and rng.random() < 0.75:
        poses = [_some_pose(others, rng)[ARMS] for _ in range(2)]
        with_it = far if rng.random() < 0.5 else rng.uniform(0.0, 0.2) * far
        own[:, ARMS] = poses[0] + with_it * (poses[1] - poses[0])
    if _leaves_free(rule, ("femur", "tibia"), ()) and rng.random() < 0.2:
        for side in "rl":
            own[:, DOF_INDEX[f"hip_flexion_{side}"]] += np.deg2rad(rng.uniform(65, 90))
            own[:, DOF_INDEX[f"knee_angle_{side}"]] += np.deg2rad(rng.uniform(65, 90))
    own += _both_sides(rng, OFFSET_DEG) + np.deg2rad(rng.normal(0.0, 3.0, N_DOFS))
    for name in BENT_TOO_FAR:
        bias, shrink = np.deg2rad(abs(rng.normal(0.0, 14.0))), rng.uniform(0.75, 1.05)
        for side in "rl":
            column = own[:, DOF_INDEX[f"{name}_{side}"]]
            column[:] = bias + shrink * column
    return np.asarray(np.clip(own, LOW, HIGH))


def _both_sides(rng: np.random.Generator, sigma_deg: float) -> FloatArray:
    """Draw offsets (46,) in rad that a mirrored body shares."""
    offsets = np.deg2rad(rng.normal(0.0, sigma_deg, N_DOFS))
    return np.asarray((offsets + mirror_q(offsets)) / np.sqrt(2.0))


def _leaves_free(rule: Rule, bones: tuple[str, ...], measures: Sequence[str]) -> bool:
    """Whether a standing exercise leaves limbs to the person."""
    return (
        rule.posture == "standing"
        and rule.kind != "hold"
        and not any(joint.startswith(bones) for joint in rule.dynamic_joints)
        and not any(c.measure in measures for c in rule.constraints)
    )


def _some_pose(others: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    cycle = build_reference(others[rng.integers(len(others))])
    return np.asarray(cycle[rng.integers(len(cycle))])


def _period_s(rule: Rule, rng: np.random.Generator) -> float:
    """Draw how long one side's repetition takes, within or near what the rule calls good."""
    asked = [c for c in rule.constraints if c.check == "tempo"]
    low = max(asked[0].target_low if asked else rule.tempo.shortest_s, 0.3)
    high = min(asked[0].target_high if asked else rule.tempo.longest_s, 4.5)
    return float(np.exp(rng.uniform(np.log(low), np.log(max(high, 1.3 * low)))))


def _repeated(cycle: FloatArray, rule: Rule, rng: np.random.Generator) -> FloatArray:
    """Repeat a cycle (P, 46), never twice the same, with rests where it begins (T, 46)."""
    period_s = _period_s(rule, rng) * (2.0 if rule.kind == "alternating" else 1.0)
    rests = rng.uniform(0.0, 0.35) if period_s > 1.2 else 0.0
    pieces, lasted, lasts_s = [], 0.0, max(rng.uniform(*LASTS_S), 2.2 * period_s)
    while lasted < lasts_s:
        takes_s = period_s * rng.normal(1.0, 0.08)
        frames = max(round(takes_s * (1.0 - rests) * RATE_HZ), 6)
        share = np.arange(frames) / frames
        warp = rng.uniform(-0.35, 0.35)
        phase = share + warp * np.sin(2 * np.pi * share) / (2 * np.pi)
        one = _at(cycle, phase)
        one = one[0] + rng.normal(1.0, 0.05) * (one - one[0])
        pieces += [one, np.repeat(one[:1], round(takes_s * rests * RATE_HZ), axis=0)]
        lasted += takes_s
    return np.concatenate(pieces)


def _held(cycle: FloatArray, rng: np.random.Generator) -> FloatArray:
    frames = round(rng.uniform(*LASTS_S) * RATE_HZ)
    return np.repeat(cycle[:1], frames, axis=0)


def _at(cycle: FloatArray, phase: FloatArray) -> FloatArray:
    grid = np.linspace(0.0, 1.0, len(cycle))
    return np.stack([np.interp(phase, grid, column) for column in cycle.T], axis=1)


def recorded(q: FloatArray, rng: np.random.Generator) -> Motion:
    """Record angles (T, 46) of a body in the world: noise, a tilted camera, what is not seen."""
    sway = gaussian_filter1d(rng.standard_normal(q.shape), 8.0, axis=0)
    sway *= np.deg2rad(rng.uniform(0.5, 5.0)) / max(float(sway.std()), 1e-9)
    noise = np.deg2rad(rng.uniform(0.3, 2.0)) * rng.standard_normal(q.shape)
    turned = np.clip(q + sway + noise, LOW, HIGH)
    turned[:, DOF_INDEX["pelvis_rotation"]] += rng.uniform(-np.pi, np.pi)
    tilt = np.deg2rad(rng.normal(0.0, 6.0, 2))
    gravity = np.array([tilt[0], -1.0, tilt[1]])
    sight = SIGHTS[rng.choice(len(SIGHTS), p=SIGHT_SHARES)]
    observed = np.array([not _is_hidden(name, HIDDEN_BY_SIGHT[sight]) for name in DOF_NAMES])
    if rng.random() < SHARE_BY_ONE_CAMERA:
        turned, observed = _by_one_camera(turned, rng), observed & observed_mask()
        gravity = np.array([0.0, 1.0, 0.0])
    frames = len(q)
    return Motion(
        q=turned,
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


def _by_one_camera(q: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Measure a motion (T, 46) again from joints whose depth one camera has guessed.

    Depth is stretched or squeezed, wrong by a constant for each joint and by a slow wave.
    """
    joints = forward_kinematics(q, generic_skeleton())[0][:, list(SKEL_JOINTS)]
    joints = joints * np.array([1.0, -1.0, -1.0])  # the camera looks along z, y points down
    drift = gaussian_filter1d(rng.standard_normal(joints.shape), 6.0, axis=0)
    drift *= rng.uniform(0.005, 0.03) / max(float(drift.std()), 1e-9)
    depth = joints[..., 2]
    wrong = rng.normal(0.0, rng.uniform(0.0, 0.07), depth.shape[1])
    joints = joints + drift
    joints[..., 2] = rng.uniform(0.4, 1.5) * depth + wrong + 3.0 * drift[..., 2]
    return unwrap_angles(inverse_kinematics(joints), np.ones(len(q), dtype=np.bool_))


def _is_hidden(name: str, parts: Sequence[str]) -> bool:
    return any(name.startswith(part) or name.endswith(part) for part in parts)


def idler(rules: Sequence[Rule], rng: np.random.Generator) -> Person:
    """Let somebody stand, sit, walk, dance or move from pose to pose: no exercise."""
    kinds = (_standing, _walking, _dancing, _from_pose_to_pose, _one_limb, _fidgeting)
    q = kinds[rng.integers(len(kinds))](rules, rng)
    q = q + np.deg2rad(rng.normal(0.0, OFFSET_DEG, N_DOFS))
    return Person("", recorded(np.clip(q, LOW, HIGH), rng))


def _stand(rng: np.random.Generator) -> FloatArray:
    """Return a pose (46,) of somebody who stands or sits with the arms somewhere low."""
    pose = np.zeros(N_DOFS)
    sits = rng.random() < 0.2
    for side in "rl":
        pose[DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(85.0 if sits else 4.0)
        pose[DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(88.0 if sits else 5.0)
        pose[DOF_INDEX[f"elbow_flexion_{side}"]] = np.deg2rad(rng.uniform(5.0, 110.0))
        down = np.deg2rad(rng.uniform(60.0, 82.0))
        pose[DOF_INDEX[f"shoulder_{side}_x"]] = down if side == "r" else -down
        pose[DOF_INDEX[f"shoulder_{side}_z"]] = np.deg2rad(rng.uniform(0.0, 60.0))
    return pose


def _frames(rng: np.random.Generator) -> int:
    return round(rng.uniform(*LASTS_S) * RATE_HZ)


def _standing(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    return np.repeat(_stand(rng)[None], _frames(rng), axis=0)


def _walking(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Walk or jog: hips swing against each other, knees bend in swing, arms opposite."""
    frames, runs = _frames(rng), rng.random() < 0.35
    q = np.repeat(_stand(rng)[None], frames, axis=0)
    pace = 2 * np.pi * rng.uniform(1.2, 1.5) if runs else 2 * np.pi * rng.uniform(0.5, 1.1)
    at = pace * np.arange(frames) / RATE_HZ
    hip, knee = (rng.uniform(20, 35), rng.uniform(50, 95)) if runs else (
        rng.uniform(12, 24), rng.uniform(35, 62))  # fmt: skip
    swing = rng.uniform(5, 30)
    for side, turn in (("r", 0.0), ("l", np.pi)):
        q[:, DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(8 + hip * np.cos(at + turn))
        bend = np.clip(np.cos(at + turn + 0.9), 0, None) ** 1.5
        q[:, DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(8 + knee * bend)
        q[:, DOF_INDEX[f"shoulder_{side}_y"]] += np.deg2rad(
            swing * np.cos(at + turn) * (1 if side == "r" else -1)
        )
    return q


def _dancing(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Sway to a rhythm: every joint with its own size, at one of two paces."""
    frames = _frames(rng)
    q = np.repeat(_stand(rng)[None], frames, axis=0)
    pace, seconds = rng.uniform(0.4, 1.6), np.arange(frames) / RATE_HZ
    for dof in (*ARMS, *LEGS, *range(3), *range(17, 23)):
        size = rng.gamma(1.2, 16.0 if dof in ARMS else 7.0)
        times = rng.choice([0.5, 1.0, 1.0, 2.0])
        drift = gaussian_filter1d(rng.standard_normal(frames), 25.0)
        wave = np.cos(2 * np.pi * (pace * times * seconds + rng.random()) + 6.0 * drift)
        q[:, dof] += np.deg2rad(size) * wave * (0.5 + rng.random(1))
    return q


def _from_pose_to_pose(rules: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Go from one pose of an exercise to one of another, and on."""
    frames = _frames(rng)
    stops = rng.integers(3, 7)
    poses = []
    for _ in range(stops):
        poses.append(_some_pose(rules, rng) if rng.random() < 0.8 else _stand(rng))
    at = np.sort(rng.uniform(0, 1, stops))
    path = np.stack([np.interp(np.linspace(0, 1, frames), at, p) for p in np.array(poses).T], 1)
    return np.asarray(gaussian_filter1d(path, 9.0, axis=0))


def _one_limb(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Wave, reach, bend aside, twist or shrug again and again with a single part of the body."""
    frames = _frames(rng)
    q = np.repeat(_stand(rng)[None], frames, axis=0)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.2, 0.9) * np.arange(frames) / RATE_HZ)
    side = "rl"[rng.integers(2)]
    moves: tuple[tuple[str, float], ...] = (
        (f"shoulder_{side}_x", -1.0 if side == "r" else 1.0), (f"shoulder_{side}_y", 1.0),
        ("thorax_twist", 1.0), ("thorax_bending", 1.0), ("lumbar_bending", 1.0),
        ("pelvis_list", 0.5), ("lumbar_twist", 1.0), (f"hip_adduction_{side}", -0.6),
        ("head_twist", 1.0), (f"elbow_flexion_{side}", 1.0),
    )  # fmt: skip
    for name, sign in [moves[i] for i in rng.choice(len(moves), rng.integers(1, 3), False)]:
        q[:, DOF_INDEX[name]] += np.deg2rad(rng.uniform(20, 110)) * sign * wave
    return q


def _fidgeting(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Shrug, shift the weight, move the arms a little: small, and both sides together."""
    frames = _frames(rng)
    q = np.repeat(_stand(rng)[None], frames, axis=0)
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * rng.uniform(0.2, 0.8) * np.arange(frames) / RATE_HZ)
    small = _both_sides(rng, 9.0)
    chosen = np.array([i in ARMS or i in range(3) or i in LEGS[:6] for i in range(N_DOFS)])
    return np.asarray(q + wave[:, None] * np.where(chosen, small, 0.0))
