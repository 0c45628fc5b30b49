"""Motions performed from the references, with known repetitions, noise and faults."""

from __future__ import annotations

import numpy as np

from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, mirror_q

RATE_HZ = 30.0
REST_S = 0.4
FACING = {"pelvis_tilt": np.pi}
RULES = load_rules()
SKELETON = generic_skeleton()
REPETITIVE = [name for name, rule in RULES.items() if rule.kind != "hold"]
HOLDS = [name for name, rule in RULES.items() if rule.kind == "hold"]


def as_motion(
    q: np.ndarray, *, rate_hz: float = RATE_HZ, sigma_deg: float = 2.0, **changes
) -> Motion:
    frames = len(q)
    parts = {
        "q": q,
        "time_s": 28_800.0 + np.arange(frames) / rate_hz,
        "confidence": np.full(frames, 0.9),
        "valid": np.ones(frames, dtype=bool),
        "observed": np.ones(46, dtype=bool),
        "sigma_rad": np.full(46, np.deg2rad(sigma_deg)),
        "gravity": np.array([0.0, 1.0, 0.0]),
        "gravity_source": "camera",
        "backend": "made",
        "betas": None,
        "segment_lengths_m": {},
    }
    return Motion(**(parts | changes))


def fitting_period_s(rule: Rule) -> float:
    """A calm tempo: 2.4 s, or near the slowest that the rule calls good."""
    slowest = [c.target_high for c in rule.constraints if c.check == "tempo"]
    return min([2.4, *(0.8 * seconds for seconds in slowest)])


def fitting_rest_s(rule: Rule) -> float:
    """Steps of a fast movement follow each other without a rest."""
    return REST_S if fitting_period_s(rule) == 2.4 else 0.0


def one_repetition(
    rule: Rule, period_s: float, *, rate_hz: float = RATE_HZ, fault: dict[str, float] | None = None
) -> np.ndarray:
    """One cycle of the reference, a fault in degrees added in full at the key phase."""
    reference = build_reference(rule)
    phase = np.arange(round(period_s * rate_hz)) / (period_s * rate_hz)
    grid = np.linspace(0, 1, len(reference))
    q = np.stack([np.interp(phase, grid, column) for column in reference.T], axis=1)
    bump = np.ones(len(q)) if rule.kind == "hold" else 0.5 - 0.5 * np.cos(2 * np.pi * phase)
    for name, degrees in (fault or {}).items():
        q[:, DOF_INDEX[name]] += np.deg2rad(degrees) * bump
    return q


def performed(
    rule: Rule,
    repetitions: int,
    *,
    period_s: float | None = None,
    noise_deg: float = 0.0,
    seed: int = 0,
    fault: dict[str, float] | None = None,
    alternate: bool = True,
    rest_s: float | None = None,
    rate_hz: float = RATE_HZ,
) -> np.ndarray:
    """Repetitions between rests, facing the camera; alternating ones change sides."""
    period_s = fitting_period_s(rule) if period_s is None else period_s
    single = one_repetition(rule, period_s, fault=fault, rate_hz=rate_hz)
    rest_s = fitting_rest_s(rule) if rest_s is None else rest_s
    rest = np.tile(single[:1], (round(rest_s * rate_hz), 1))
    pieces = [rest]
    for i in range(repetitions):
        mirrored = rule.kind == "alternating" and alternate and i % 2 == 1
        pieces += [mirror_q(single) if mirrored else single, rest]
    q = np.concatenate(pieces)
    for name, angle in FACING.items():
        q[:, DOF_INDEX[name]] += angle
    return q + np.deg2rad(noise_deg) * np.random.default_rng(seed).standard_normal(q.shape)


def both_sides(name: str, degrees: float) -> dict[str, float]:
    right = DOFS[DOF_INDEX[f"{name}_r"]]
    return {right.name: degrees, DOFS[right.mirror_index].name: right.mirror_sign * degrees}


def cycle_findings(motion, rule, cycle, before=None):
    """Findings of one cycle; `before` is the other half of an alternating movement."""
    cycles = [cycle] if before is None else [before, cycle]
    return segment_findings(motion, rule, cycles, SKELETON)[-1]


def analysed(motion, rule, start=0, stop=None):
    result = segment_cycles(motion, rule, start, stop or len(motion.time_s), SKELETON)
    cycles = [item.cycle for item in result.cycles]
    return result, [
        cycle_findings(motion, rule, cycle, before)
        for before, cycle in zip([None, *cycles], cycles, strict=False)
    ]
