"""Motions to train on: exercises done in many ways, recorded people, mixtures and random motion.

T frames, D = 46 DoF

A motion is in the world (an upright pelvis has q0..2 = 0), rad. Four kinds: `exercise` performs
a rule's reference with other depth, tempo, faults and asymmetry; `recorded` plays an optical
recording (HDM05, CC BY-SA 3.0); `mixed` takes legs, trunk and each arm from different motions,
so that nothing can be learned from one limb about another; `random` wanders through the joint
ranges about a pose of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, N_DOFS, mirror_q
from qevd_bio.synthetic.form_errors import excursion, scaled, with_offsets
from qevd_bio.synthetic.performance import is_hold, perform, swings
from qevd_bio.synthetic.scene import pelvis_angles, pelvis_rotation

RATE_HZ = 12.0
_LOW, _HIGH = np.array([[dof.low_rad, dof.high_rad] for dof in DOFS]).T
_LEG, _ARM = ("femur", "tibia", "talus", "calcn", "toes"), ("scapula", "humerus", "ulna", "radius",
                                                             "hand")  # fmt: skip
_PART = {
    f"{name}_{side}": [d.index for d in DOFS if d.joint in {f"{one}_{side}" for one in joints}]
    for name, joints in (("leg", _LEG), ("arm", _ARM))
    for side in "rl"
} | {"spine": [d.index for d in DOFS if d.joint in ("lumbar_body", "thorax", "head")]}
_SPINE_BENDS = [DOF_INDEX["lumbar_extension"], DOF_INDEX["thorax_extension"]]
_HIPS = [DOF_INDEX["hip_flexion_r"], DOF_INDEX["hip_flexion_l"]]
_WANDER_DEG = {
    "pelvis": 6.0, "hip_flexion": 22.0, "hip_adduction": 8.0, "hip_rotation": 10.0,
    "knee_angle": 28.0, "ankle_angle": 8.0, "shoulder": 32.0, "elbow_flexion": 38.0,
    "lumbar": 5.0, "thorax": 5.0, "head": 10.0, "pro_sup": 20.0, "wrist": 12.0, "scapula": 4.0,
}  # fmt: skip
_COMMON = ("squat", "pushup", "walking_lunges", "jumping_jack", "plank")
"""Exercises drawn three times as often: most videos show them."""

_ON_TOES = {"mtp_angle_r": -35.0, "mtp_angle_l": -35.0}
_ON_PALMS = {"wrist_flexion_r": -70.0, "wrist_flexion_l": -70.0}


@dataclass(frozen=True, slots=True)
class Moved:
    """A motion (T, 46), whether it is on hands and feet, and what it was made of."""

    q: FloatArray
    prone: bool
    kind: str
    sources: tuple[str, ...]


SHARES = {"exercise": 0.68, "recorded": 0.10, "mixed": 0.12, "random": 0.10}

Source = Callable[[np.random.Generator, int], Moved]


class Library:
    """All sources of motion by name; `leave_out` drops some of them."""

    def __init__(self, recordings: Path | None, leave_out: Sequence[str] = ()) -> None:
        self.rules = {n: r for n, r in load_rules().items() if n not in leave_out}
        self.recorded: dict[str, FloatArray] = {}
        for file in sorted(recordings.glob("*.npz")) if recordings else ():
            with np.load(file, allow_pickle=False) as stored:
                if str(stored["exercise"]) not in leave_out:
                    self.recorded[file.stem] = recorded_angles(
                        stored["points"].astype(float), list(stored["point_names"]),
                        stored["time_s"].astype(float))  # fmt: skip

    def draw(self, rng: np.random.Generator, frames: int) -> Moved:
        """Draw a motion, its kind by `SHARES`."""
        kind = rng.choice(list(SHARES), p=list(SHARES.values()))
        if kind == "recorded" and not self.recorded:
            kind = "mixed"
        return getattr(self, f"_{kind}")(rng, frames)

    def _exercise(self, rng: np.random.Generator, frames: int) -> Moved:
        names = sorted(self.rules)
        often = np.array([3.0 if name in _COMMON else 1.0 for name in names])
        rule = self.rules[str(rng.choice(names, p=often / often.sum()))]
        return performed(rule, rng, frames)

    def _recorded(self, rng: np.random.Generator, frames: int) -> Moved:
        name = str(rng.choice(sorted(self.recorded)))
        return Moved(_played(self.recorded[name], rng, frames), False, "recorded", (name,))

    def _simple(self, rng: np.random.Generator, frames: int) -> Moved:
        return self._recorded(rng, frames) if self.recorded and rng.random() < 0.3 \
            else self._exercise(rng, frames)  # fmt: skip

    def _mixed(self, rng: np.random.Generator, frames: int) -> Moved:
        base = self._simple(rng, frames)
        q, sources = base.q.copy(), [*base.sources]
        takes = [("arm_r", "arm_l")] if rng.random() < 0.4 else [("arm_r",), ("arm_l",)]
        if rng.random() < 0.3:
            takes.append(("leg_l",))
        for parts in takes:
            other = self._simple(rng, frames)
            sources += other.sources
            for part in parts:
                q[:, _PART[part]] = other.q[:, _PART[part]]
        return Moved(q, False, "mixed", tuple(sources))

    def _random(self, rng: np.random.Generator, frames: int) -> Moved:
        base = self._simple(rng, frames)
        start = base.q[rng.integers(len(base.q))]
        q = start + _wander(rng, frames)
        if rng.random() < 0.3:
            parts = ["arm_r", "arm_l"] if rng.random() < 0.5 else ["leg_r", "leg_l", "spine"]
            for part in parts:
                q[:, _PART[part]] = base.q[:, _PART[part]]
        return Moved(np.clip(q, _LOW, _HIGH), False, "random", base.sources)


def performed(rule: Rule, rng: np.random.Generator, frames: int) -> Moved:
    """Perform an exercise in one of many ways, right or wrong (seconds from a random moment)."""
    reference = build_reference(rule)
    if rule.kind == "alternating" and len(swings(reference)) == 1:
        reference = np.concatenate([reference[:-1], mirror_q(reference)])
    if rng.random() < 0.5:
        reference = mirror_q(reference)
    reference = _varied(reference, rng, loose=0.25 if rule.posture == "prone" else 0.6)
    if rule.posture == "prone":
        bent = reference[0, DOF_INDEX["elbow_flexion_r"]] >= np.deg2rad(45.0)
        carriage = _ON_TOES if bent else _ON_TOES | _ON_PALMS
        reference = with_offsets(reference, carriage, np.ones(len(reference)))
    parts = max(1, len(swings(reference)))
    repetition_s = float(np.exp(rng.uniform(np.log(0.7), np.log(4.5)))) * parts
    count = int(np.ceil(frames / RATE_HZ / repetition_s)) + 2
    performance = perform(reference, reference, (False,) * count, repetition_s, rng)
    start = rng.uniform(-0.5, 0.6 * repetition_s)
    q = performance.q(start + np.arange(frames) / RATE_HZ)
    q += np.deg2rad(rng.uniform(0.0, 2.0)) * _wander(rng, frames) / np.deg2rad(10.0)
    return Moved(np.clip(q, _LOW, _HIGH), rule.posture == "prone", "exercise", (rule.id,))


def _varied(reference: FloatArray, rng: np.random.Generator, *, loose: float) -> FloatArray:
    """Change depth, single joints, sides and carriage of a reference cycle.

    `loose` scales what would carry hands or feet away from the floor.
    """
    far = excursion(reference)
    weight = far / far.max() if not is_hold(reference) else np.ones(len(reference))
    varied = scaled(reference, rng.uniform(0.45, 1.3))
    if rng.random() < 0.6 * loose:
        for joints in (("femur", "tibia", "talus"), ("humerus", "ulna", "scapula"), ("pelvis",)):
            varied = scaled(varied, rng.uniform(0.6, 1.15), joints)
    if rng.random() < 0.5 * loose:
        side = _PART["leg_r"] + _PART["arm_r"]
        varied[:, side] = varied[0, side] + rng.uniform(0.5, 1.0) * (
            varied[:, side] - varied[0, side]
        )
    spread = loose * np.array([_wander_deg(dof.name) for dof in DOFS]) / 3.0
    varied = varied + np.deg2rad(spread * rng.normal(0.0, 0.7, N_DOFS))
    varied = varied + weight[:, None] * np.deg2rad(spread * rng.normal(0.0, 0.9, N_DOFS))
    rounding = rng.uniform(-0.02, 0.22) * np.maximum(varied[:, _HIPS].mean(axis=1), 0.0)
    varied[:, _SPINE_BENDS] -= rounding[:, None]
    return np.clip(varied, _LOW, _HIGH)


def _wander_deg(name: str) -> float:
    return next((deg for start, deg in _WANDER_DEG.items() if name.startswith(start)), 3.0)


def _wander(rng: np.random.Generator, frames: int) -> FloatArray:
    """Sum of slow waves of every DoF (T, 46), rad."""
    time_s = np.arange(frames) / RATE_HZ
    total = np.zeros((frames, N_DOFS))
    for low, high, share in ((0.08, 0.3, 1.0), (0.3, 0.9, 0.6), (0.9, 1.6, 0.15)):
        hz, phase = rng.uniform(low, high, N_DOFS), rng.uniform(0.0, 1.0, N_DOFS)
        total += share * np.sin(2.0 * np.pi * (time_s[:, None] * hz + phase))
    return np.deg2rad([_wander_deg(dof.name) for dof in DOFS]) * total * rng.uniform(0.6, 1.3)


def recorded_angles(points: FloatArray, names: Sequence[str], time_s: FloatArray) -> FloatArray:
    """Turn recorded points (y up) into angles at `RATE_HZ`, the pelvis upright at 0."""
    long = {"l": "left_", "r": "right_"}
    order = [names.index(long[n[-1]] + n[:-2].replace("toe", "foot_index")) for n in BODY_JOINTS]
    joints = points[:, order] * np.array([1.0, -1.0, -1.0])
    q = inverse_kinematics(joints, spine_share=0.12)
    flip = np.diag([1.0, -1.0, -1.0])
    rotation = flip @ pelvis_rotation(q)
    q[:, :3] = pelvis_angles(rotation)
    q = np.unwrap(q, axis=0)
    grid = np.arange(time_s[0], time_s[-1], 1.0 / RATE_HZ)
    return np.stack([np.interp(grid, time_s, column) for column in q.T], axis=1)


def _played(q: FloatArray, rng: np.random.Generator, frames: int) -> FloatArray:
    """Play a recording to and fro at another tempo, turned, deeper or less deep."""
    place = rng.uniform(0.0, len(q)) + np.arange(frames) * rng.uniform(0.5, 1.3)
    place = np.abs((place + len(q) - 1) % (2 * (len(q) - 1)) - (len(q) - 1))
    before = np.minimum(place.astype(int), len(q) - 2)
    share = (place - before)[:, None]
    played = (1 - share) * q[before] + share * q[before + 1]
    if rng.random() < 0.5:
        played = mirror_q(played)
    middle = np.median(played, axis=0)
    played[:, 3:] = (middle + rng.uniform(0.7, 1.15) * (played - middle))[:, 3:]
    played[:, 2] -= played[0, 2]
    return np.clip(played + 0.15 * _wander(rng, frames), _LOW, _HIGH)
