"""People who perform the exercises of rules, each in their own way, and people who do not.

T frames, P phase points, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.recognition_model import family_of
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_INDEX, DOF_NAMES, DOFS, N_DOFS, mirror_q
from tools.recognition.cameras import HIGH, LOW, RATE_HZ, recorded

LASTS_S = (5.0, 12.0)
SHARE_ONCE = 0.2
SHARE_AS_SHOWN = 0.25
"""Of those who do an exercise as its reference shows it, apart from tempo and recording."""
OFFSET_DEG = 7.0
STYLE_DEG = 17.0
"""How differently people hold and lead their arms."""
MOVES_ALONG_DEG = 6.0
"""Most that the deviation is of how far joints at rest go along with an exercise."""
SHARE_ONE_SIDED, SHARE_WIDE = 0.3, 0.3
"""Of those who do an alternating exercise: to one side only; with the feet apart all the time."""
ARMS = [i for i, name in enumerate(DOF_NAMES) if name.startswith(("shoulder", "elbow"))]
LEGS = [i for i, d in enumerate(DOFS) if d.joint.startswith(("femur", "tibia", "talus"))]
MIRRORED = [d.mirror_index for d in DOFS]
ARM_MEASURES = ("elbow_flexion", "shoulder_elevation", "shoulder_horizontal_adduction")
BENT_TOO_FAR = ("knee_angle", "elbow_flexion")
"""Captures show straight joints bent: here by a half-normal of 14 degrees."""

GAITS = (
    (0.5, 1.1, (12, 25), (30, 62)),
    (1.1, 1.6, (18, 38), (45, 95)),
    (0.25, 0.7, (20, 50), (40, 85)),
)
"""Walking, jogging and sneaking: strides a second, degrees of hip and knee."""
GAIT_SHARES = (0.45, 0.3, 0.25)


@dataclass(frozen=True, slots=True)
class Person:
    """One recording of somebody: what she does, and its motion.

    Attributes
    ----------
    label : str
        Family of the exercise, or empty for none of them.
    motion : Motion
        The recording.
    cycles : tuple of (int, int)
        First and last frame of each repetition; none of those who hold a pose or do nothing.
    """

    label: str
    motion: Motion
    cycles: tuple[Span, ...]


Span = tuple[int, int]


def performer(rule: Rule, others: Sequence[Rule], rng: np.random.Generator) -> Person:
    """Let somebody perform a rule's exercise as it is shown, or in her own way.

    Then arms or legs that it leaves free do as others do.
    """
    cycle = build_reference(rule)
    if rule.kind == "alternating":
        cycle = _stood_wide(cycle) if rng.random() < SHARE_WIDE else cycle
        if rng.random() > SHARE_ONE_SIDED:
            cycle = np.concatenate([cycle[:-1], mirror_q(cycle)])
    if rng.random() < 0.5:
        cycle = mirror_q(cycle)
    if rng.random() > SHARE_AS_SHOWN:
        cycle = _in_own_way(cycle, rule, others, rng)
    if rule.kind == "hold":
        return Person(family_of(rule.id), recorded(_held(cycle, rng), rng), ())
    q, spans = _repeated(cycle, rule, rng)
    return Person(family_of(rule.id), recorded(q, rng), tuple(spans))


def _stood_wide(cycle: FloatArray) -> FloatArray:
    """Keep the feet (P, 46) as far apart all the time as they come."""
    wide = cycle.copy()
    for side in "rl":
        column = wide[:, DOF_INDEX[f"hip_adduction_{side}"]]
        column[:] = column[np.abs(column).argmax()]
    return wide


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
    if _leaves_free(rule, ("femur", "tibia"), ()) and rng.random() < 0.35:
        sits = rng.random() < 0.5
        bent = (80.0, 80.0) if sits else (rng.uniform(0, 25), rng.uniform(20, 100))
        hip, knee = np.deg2rad(bent)
        for side in "rl":
            own[:, DOF_INDEX[f"hip_flexion_{side}"]] += hip * rng.uniform(0.8, 1.1)
            own[:, DOF_INDEX[f"knee_angle_{side}"]] += knee * rng.uniform(0.8, 1.1)
    elif _leaves_free(rule, ("femur", "tibia"), ()) and rng.random() < 0.6:
        own[:, LEGS] *= rng.uniform(0.0, 1.0)  # legs straighter than the reference's
    own += far * _both_sides(rng, rng.uniform(0.0, MOVES_ALONG_DEG))
    own += far * np.deg2rad(rng.normal(0.0, rng.uniform(0.0, MOVES_ALONG_DEG / 2.0), N_DOFS))
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
    return float(np.exp(rng.uniform(np.log(0.75 * low), np.log(max(1.2 * high, 1.3 * low)))))


def _repeated(
    cycle: FloatArray, rule: Rule, rng: np.random.Generator
) -> tuple[FloatArray, list[Span]]:
    """Repeat a cycle (P, 46), never twice the same, with rests where it begins (T, 46).

    Some do it a single time, from rest to rest; the others begin anywhere.
    """
    period_s = _period_s(rule, rng) * (2.0 if rule.kind == "alternating" else 1.0)
    rests = rng.uniform(0.0, 0.35) if period_s > 1.2 else 0.0
    once = rng.random() < SHARE_ONCE
    lasts_s = 0.1 if once else max(rng.uniform(*LASTS_S), 2.2 * period_s)
    pieces: list[FloatArray] = []
    spans: list[Span] = []
    frames = 0
    while frames < lasts_s * RATE_HZ:
        takes_s = period_s * rng.normal(1.0, 0.08)
        moves = max(round(takes_s * (1.0 - rests) * RATE_HZ), 6)
        share = np.arange(moves) / moves
        warp = rng.uniform(-0.35, 0.35)
        one = _at(cycle, share + warp * np.sin(2 * np.pi * share) / (2 * np.pi))
        one = one[0] + rng.normal(1.0, 0.05) * (one - one[0])
        pieces += [one, np.repeat(one[:1], round(takes_s * rests * RATE_HZ), axis=0)]
        spans.append((frames, frames + moves - 1))
        frames += len(pieces[-2]) + len(pieces[-1])
    q = np.concatenate(pieces)
    if once:
        before, after = (rng.uniform(0.0, 1.5, 2) * RATE_HZ).round().astype(int)
        q = np.concatenate([np.repeat(q[:1], before, axis=0), q, np.repeat(q[-1:], after, axis=0)])
        return q, [(before + start, before + end) for start, end in spans]
    late = round(rng.uniform(0.0, period_s) * RATE_HZ)
    return q[late:], [(start - late, end - late) for start, end in spans if start >= late]


def _held(cycle: FloatArray, rng: np.random.Generator) -> FloatArray:
    return np.repeat(cycle[:1], _frames(rng), axis=0)


def _at(cycle: FloatArray, phase: FloatArray) -> FloatArray:
    grid = np.linspace(0.0, 1.0, len(cycle))
    return np.stack([np.interp(phase, grid, column) for column in cycle.T], axis=1)


def idler(rules: Sequence[Rule], rng: np.random.Generator) -> Person:
    """Let somebody stand, sit, walk, dance or move from pose to pose: no exercise."""
    kinds = (
        _standing, _walking, _walking, _dancing, _dancing, _from_pose_to_pose, _one_limb,
        _one_limb, _fidgeting,
    )  # fmt: skip
    q = kinds[rng.integers(len(kinds))](rules, rng)
    q = q + np.deg2rad(rng.normal(0.0, OFFSET_DEG, N_DOFS))
    return Person("", recorded(np.clip(q, LOW, HIGH), rng), ())


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


def _upright(rng: np.random.Generator) -> FloatArray:
    """Return a pose (46,) of somebody who stands, a little bent or not."""
    pose = _stand(rng)
    bent = rng.random() < 0.25
    for side in "rl":
        pose[DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(20.0 if bent else 4.0)
        pose[DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(25.0 if bent else 5.0)
    pose[DOF_INDEX["pelvis_tilt"]] = np.deg2rad(rng.normal(-12.0 if bent else 0.0, 5.0))
    return pose


def _frames(rng: np.random.Generator) -> int:
    return round(rng.uniform(*LASTS_S) * RATE_HZ)


def _standing(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    return np.repeat(_stand(rng)[None], _frames(rng), axis=0)


def _walking(_: Sequence[Rule], rng: np.random.Generator) -> FloatArray:
    """Walk, jog or sneak, on or on the spot: hips and arms swing, knees bend in swing."""
    frames = _frames(rng)
    q = np.repeat(_upright(rng)[None], frames, axis=0)
    low, high, hip, knee = GAITS[rng.choice(len(GAITS), p=GAIT_SHARES)]
    at = 2 * np.pi * rng.uniform(low, high) * np.arange(frames) / RATE_HZ
    hip_deg, knee_deg, swing = rng.uniform(*hip), rng.uniform(*knee), rng.uniform(0, 30)
    on_the_spot = rng.random() < 0.35
    for side, turn in (("r", 0.0), ("l", np.pi)):
        wave = np.cos(at + turn)
        wave = np.clip(wave, 0.0, None) if on_the_spot else wave
        q[:, DOF_INDEX[f"hip_flexion_{side}"]] += np.deg2rad(5 + hip_deg * wave)
        bend = np.clip(np.cos(at + turn + (0.3 if on_the_spot else 0.9)), 0, None) ** 1.5
        q[:, DOF_INDEX[f"knee_angle_{side}"]] += np.deg2rad(5 + knee_deg * bend)
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
    chosen = rng.choice(len(moves), rng.integers(1, 3), False)
    if rng.random() < 0.5:
        chosen = np.array([0, *chosen[:1]])  # raise an arm, and perhaps do something else
    for name, sign in [moves[i] for i in np.unique(chosen)]:
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
