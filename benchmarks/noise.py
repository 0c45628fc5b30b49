"""Perfect and faulty executions of every exercise in noise: who is corrected, what is found.

    python -m benchmarks.noise [--seeds N] [EXERCISE...]

Every repetition is the rule's own reference. White noise of 2 degrees on all 46 angles, or
correlated noise of 3 degrees (0.2 s), each stated as the backend's sigma. A form error is the
smallest change of the angles by which the measure passes its bound by tolerance + 15 degrees (a
stance by tolerance + 1 hip width) at the phase where it is checked, eased in and out over the
repetition.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import THROUGHOUT, Constraint, Finding
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, mirror_q
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

RATE_HZ = 30.0
REST_S = 0.4
CALM_S = 2.4
HOLD_S = 6.0
REPETITIONS = 10
FAULTY_SEEDS = 2
CORRELATED_FRAMES = 6
BEYOND = {"deg": 15.0, "ratio": 1.0}
STEPS, STEP_RAD, CLOSE = 200, 1e-4, 0.02
SKELETON = generic_skeleton()


def as_motion(q: FloatArray, sigma_deg: float) -> Motion:
    frames = len(q)
    return Motion(
        q=q,
        time_s=np.arange(frames) / RATE_HZ,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(sigma_deg)),
        gravity=WORLD_GRAVITY,
        gravity_source="made",
        backend="made",
        betas=None,
        segment_lengths_m={},
    )


def noise(shape: tuple[int, ...], seed: int, sigma_deg: float, correlated: bool) -> FloatArray:
    values = np.random.default_rng(seed).standard_normal(shape)
    if correlated:
        values = gaussian_filter1d(values, CORRELATED_FRAMES, axis=0)
        values /= values.std(axis=0)
    return np.asarray(np.deg2rad(sigma_deg) * values)


def performed(rule: Rule, right: FloatArray, left: FloatArray, repetitions: int) -> FloatArray:
    """Play two cycles (P, 46) in turn; the second mirrored where sides alternate."""
    slowest = [c.target_high for c in rule.constraints if c.check == "tempo"]
    period_s = HOLD_S if rule.kind == "hold" else min([CALM_S, *(0.8 * s for s in slowest)])
    phase = np.arange(round(period_s * RATE_HZ)) / (period_s * RATE_HZ)
    grid = np.linspace(0, 1, len(right))
    one, two = (
        np.stack([np.interp(phase, grid, column) for column in cycle.T], axis=1)
        for cycle in (right, left)
    )
    if rule.kind == "alternating":
        two = mirror_q(two)
    # The steps of a fast movement follow each other, a hold is all there is.
    pause = round(REST_S * RATE_HZ) if period_s == CALM_S else 0
    pieces = [np.repeat(one[:1], pause, axis=0)]
    for i in range(repetitions):
        cycle = two if i % 2 else one
        pieces += [cycle, np.repeat(cycle[-1:], pause, axis=0)]
    return np.concatenate(pieces)


def analysed(q: FloatArray, rule: Rule, sigma_deg: float) -> list[list[Finding]]:
    motion = as_motion(q, sigma_deg)
    found = segment_cycles(motion, rule, 0, len(q), SKELETON)
    return segment_findings(motion, rule, [item.cycle for item in found.cycles], SKELETON)


def corrected(rule: Rule, seeds: int, sigma_deg: float, correlated: bool) -> tuple[int, int, int]:
    """Count perfect repetitions performed, found, and found with any violation."""
    reference, count = build_reference(rule), 1 if rule.kind == "hold" else REPETITIONS
    whole = performed(rule, reference, reference, count)
    runs = [
        analysed(whole + noise(whole.shape, seed, sigma_deg, correlated), rule, sigma_deg)
        for seed in range(seeds)
    ]
    cycles = [cycle for run in runs for cycle in run]
    return seeds * count, len(cycles), sum(any(f.violated for f in cycle) for cycle in cycles)


@dataclass(frozen=True, slots=True)
class FaultyExecution:
    """Two cycles with one form error, and the deviation that the check should measure."""

    constraint: Constraint
    right: FloatArray
    left: FloatArray
    deviation: float


def _names(c: Constraint) -> list[str]:
    """Measures of the shown side: where either may lead, the right one does."""
    ends = {"both": ("_r", "_l"), "none": ("",), "r": ("_r",), "l": ("_l",), "lead": ("_r",)}
    return [c.measure + end for end in ends.get(c.side, ("_l",))]


def _changed(cycle: FloatArray, change_rad: dict[str, FloatArray], paired: bool) -> FloatArray:
    """Add changes to DoFs, mirrored to the other side where both are wrong."""
    q = cycle.copy()
    for dof, change in change_rad.items():
        one = DOFS[DOF_INDEX[dof]]
        q[:, one.index] += change
        if paired and one.mirror_index != one.index:
            q[:, one.mirror_index] += one.mirror_sign * change
    return q


def _way_to(name: str, pose: FloatArray, paired: bool, wanted: float) -> dict[str, float] | None:
    """Find the smallest change of the DoFs in rad that brings a measure to a value.

    Each step goes along the gradient, 3 degrees at most.
    """
    needs = [dof for dof in CATALOGUE[name].needs if dof != "pelvis_rotation"]
    if paired:
        needs = [dof for dof in needs if not dof.endswith("_l")]
    way = np.zeros(len(needs))
    for _ in range(STEPS):
        tried = [way, *(way + STEP_RAD * row for row in np.eye(len(needs)))]
        poses = [
            _changed(pose[None], dict(zip(needs, x[:, None], strict=True)), paired) for x in tried
        ]
        values = measure_values([name], np.concatenate(poses), SKELETON, WORLD_GRAVITY)[name]
        off, slope = wanted - values[0], (values[1:] - values[0]) / STEP_RAD
        if abs(off) < CLOSE:
            return dict(zip(needs, way.tolist(), strict=True))
        if not slope.any():
            return None
        step = off * slope / (slope @ slope)
        way = way + step * min(1.0, np.deg2rad(3.0) / np.linalg.norm(step))
    return None


def faulty_executions(rule: Rule) -> Iterator[FaultyExecution | tuple[Constraint, str]]:
    """Make one form error for each end of each constraint, or name an end that is unreachable."""
    for c in rule.constraints:
        ends = [(c.target_low, -1.0)] if c.too_low else []
        ends += [(c.target_high, 1.0)] if c.too_high else []
        for bound, sign in ends if c.check != "tempo" else []:
            deviation = sign * (c.tolerance + BEYOND[c.unit])
            yield _faulty(rule, c, bound, deviation) or (c, f"{bound + deviation:g}")


def _faulty(rule: Rule, c: Constraint, bound: float, deviation: float) -> FaultyExecution | None:
    reference = build_reference(rule)
    phase = np.linspace(0, 1, len(reference))
    names = _names(c)[:1] if c.check == "symmetry" else _names(c)
    paired = len(names) == 2 or c.side == "none"
    name = names[0]
    curve = measure_values([name], reference, SKELETON, WORLD_GRAVITY)[name]
    key = round(rule.key_phase.at * (len(phase) - 1))
    if c.check == "static":
        row, wanted = key, curve[key] + bound + deviation
        shape = np.sqrt(2.0) * np.sin(2 * np.pi * phase * (1 if rule.kind == "hold" else 2))
    else:
        row = key
        if c.phase != THROUGHOUT:
            row = round(rule.phase(c.phase).at * (len(phase) - 1))
        wanted = (curve[row] if c.check == "symmetry" else 0.0) + bound + deviation
        shape = 0.5 + 0.5 * np.cos(2 * np.pi * (phase - phase[row]))
        if rule.kind == "hold":
            shape = np.ones(len(phase))
    way = _way_to(name, reference[row], paired, wanted)
    if way is None:
        return None
    faulty = _changed(reference, {dof: x * shape for dof, x in way.items()}, paired)
    other = reference if c.check == "symmetry" and rule.kind == "alternating" else faulty
    return FaultyExecution(c, faulty, other, deviation)


@dataclass(frozen=True, slots=True)
class Detection:
    """How often a form error was found, and its measured size."""

    share: float
    size: float


def detected(rule: Rule, faulty: FaultyExecution, seeds: int) -> Detection:
    count = 1 if rule.kind == "hold" else REPETITIONS
    whole = performed(rule, faulty.right, faulty.left, count)
    expected, hits, sizes = 0, 0, []
    halves = faulty.constraint.check == "symmetry" and rule.kind == "alternating"
    for seed in range(seeds):
        runs = analysed(whole + noise(whole.shape, 1000 + seed, 2.0, False), rule, 2.0)
        expected += max(count, len(runs)) - halves
        for cycle in runs[1:] if halves else runs:
            own = [f for f in cycle if f.constraint_id == faulty.constraint.id]
            hits += bool(own) and all(
                f.violated and (f.deviation or 0.0) * faulty.deviation > 0 for f in own
            )
            sizes += [f.deviation for f in own if f.deviation is not None]
    return Detection(hits / expected, float(np.median(sizes)) if sizes else float("nan"))


def holds_report(rules: Sequence[Rule], seeds: int) -> list[tuple[str, ...]]:
    """Check still and noisy holds of 6 s: one each, covering nine tenths."""
    rows = []
    for rule in (rule for rule in rules if rule.kind == "hold"):
        reference, cells = build_reference(rule), []
        for sigma in (0.0, 2.0):
            counts, cover = [], []
            whole = performed(rule, reference, reference, 1)
            for seed in range(1 if sigma == 0 else seeds):
                motion = as_motion(whole + noise(whole.shape, seed, sigma, False), max(sigma, 0.5))
                cycles = segment_cycles(motion, rule, 0, len(whole), SKELETON).cycles
                counts.append(len(cycles))
                cover.append(sum(i.cycle.end - i.cycle.start + 1 for i in cycles) / len(whole))
            cells += [f"{np.mean(np.array(counts) == 1):.2f}", f"{min(cover):.2f}"]
        rows.append((rule.id, *cells))
    return rows


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(rules: Sequence[Rule], seeds: int) -> str:
    perfect, found, missed, impossible = [], [], [], []
    for rule in rules:
        cells = []
        for sigma, correlated in ((2.0, False), (3.0, True)):
            many = 10 * seeds if rule.kind == "hold" else seeds
            done, found_count, wrong = corrected(rule, many, sigma, correlated)
            cells += [f"{found_count} of {done}", f"{100 * wrong / max(found_count, 1):.1f} %"]
        perfect.append((rule.id, *cells))
        results: list[tuple[FaultyExecution, Detection]] = []
        for faulty in faulty_executions(rule):
            if isinstance(faulty, tuple):
                impossible.append((rule.id, faulty[0].id, faulty[1]))
            else:
                many = 3 * seeds if rule.kind == "hold" else FAULTY_SEEDS
                results.append((faulty, detected(rule, faulty, many)))
        off = [abs(c.size - f.deviation) for f, c in results]
        good = [c.share >= 0.95 and o <= 2.0 for (_, c), o in zip(results, off, strict=True)]
        shares = [c.share for _, c in results]
        found.append((rule.id, f"{sum(good)} of {len(good)}", f"{np.median(shares):.2f}",
                      f"{min(shares):.2f}", f"{np.nanmedian(off):.1f}"))  # fmt: skip
        missed += [
            (rule.id, f.constraint.id, f"{f.deviation:+.1f}", f"{c.size:+.1f}", f"{c.share:.2f}")
            for (f, c), fine in zip(results, good, strict=True)
            if not fine
        ]
    return "\n\n".join((
        "## Perfect executions",
        table(("exercise", "white 2: cycles", "corrected", "correlated 3: cycles", "corrected"),
              perfect),
        "## One form error of tolerance + 15 degrees, white noise of 2 degrees",
        table(("exercise", "ends found in >= 95 %, size within 2", "median share", "least share",
               "median error of the size"), found),
        "### Ends that fall short",
        table(("exercise", "constraint", "deviation put in", "median found", "share"), missed),
        "### Ends that no angle reaches",
        table(("exercise", "constraint", "value"), impossible),
        "## Holds of 6 s",
        table(("exercise", "still: one hold", "least cover", "noise of 2: one hold",
               "least cover"), holds_report(rules, 3 * seeds)),
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", help="rule ids; all when none is named")
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    rules = load_rules()
    print(report([rules[name] for name in given.exercises or rules], given.seeds))


if __name__ == "__main__":
    main()
