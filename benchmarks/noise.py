"""Perfect and faulty executions of every exercise in noise: who is corrected, what is found.

    python -m benchmarks.noise [--cycles N] [--seed N] [EXERCISE...]

Every repetition is the rule's own reference, disturbed as `benchmarks.noise_kinds` says; the
seeds are fresh in every run unless one is given. A form error is the smallest change of the angles
by which the measure passes its bound by tolerance + 15 degrees (a stance by tolerance + 1 hip
width) at the phase where it is checked, eased in and out over the repetition.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.noise_kinds import (
    NOISE_KINDS,
    RATE_HZ,
    NoiseKind,
    exact_motion,
    white,
)
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

REST_S = 0.4
CALM_S = 2.4
HOLD_S = 6.0
REPETITIONS = 10
FAULTY_RUNS, HOLD_RUNS = 2, 30
BEYOND = {"deg": 15.0, "ratio": 1.0}
STEPS, STEP_RAD, CLOSE = 200, 1e-4, 0.02
SKELETON = generic_skeleton()


def performed(
    rule: Rule, right: FloatArray, left: FloatArray, factors: Sequence[float]
) -> FloatArray:
    """Play two cycles (P, 46) in turn, one a factor on its duration.

    None leaves the tempo that the rule asks for.
    """
    asked = [c for c in rule.constraints if c.check == "tempo"]
    shortest = max([0.0, *(c.target_low for c in asked)])
    longest = min([np.inf, *(c.target_high for c in asked)])
    period_s = HOLD_S if rule.kind == "hold" else min(CALM_S, 0.8 * longest)
    # The steps of a fast movement follow each other, a hold is all there is.
    rest_s = REST_S if period_s == CALM_S else 0.0
    lasting = [min(max(factor * period_s, shortest), longest) for factor in factors]
    return played(rule, right, left, lasting, rest_s)


def played(
    rule: Rule, right: FloatArray, left: FloatArray, seconds: Sequence[float], rest_s: float
) -> FloatArray:
    """Play two cycles (P, 46) in turn, the second mirrored where sides alternate."""
    pause = round(rest_s * RATE_HZ)
    two = mirror_q(left) if rule.kind == "alternating" else left
    pieces = [np.repeat(right[:1], pause, axis=0)]
    for i, lasts_s in enumerate(seconds):
        cycle = two if i % 2 else right
        frames = round(lasts_s * RATE_HZ)
        places = np.arange(frames) / frames * (len(cycle) - 1)
        grid = np.arange(len(cycle))
        cycle_q = np.stack([np.interp(places, grid, column) for column in cycle.T], axis=1)
        pieces += [cycle_q, np.repeat(cycle_q[-1:], pause, axis=0)]
    return np.concatenate(pieces)


def analysed(motion: Motion, rule: Rule) -> list[list[Finding]]:
    found = segment_cycles(motion, rule, 0, len(motion.time_s), SKELETON)
    return segment_findings(motion, rule, [item.cycle for item in found.cycles], SKELETON)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Perfect repetitions in one kind of noise.

    Attributes
    ----------
    performed, found, wrong : int
        Repetitions done, found, and found with any violation.
    by : mapping of str to int
        Violated findings by constraint.
    """

    performed: int
    found: int
    wrong: int
    by: Mapping[str, int]


def corrected(rule: Rule, cycles: int, kind: NoiseKind, seed: int) -> Corrected:
    """Count who is corrected without a fault; `cycles` repetitions are performed."""
    reference, count = build_reference(rule), 1 if rule.kind == "hold" else REPETITIONS
    found, wrong, by = 0, 0, Counter[str]()
    for run in range(cycles // count):
        rng = np.random.default_rng([seed, run])
        whole = performed(rule, reference, reference, rng.uniform(*kind.tempo, count).tolist())
        for cycle in analysed(kind.motion(whole, rng), rule):
            violated = {one.constraint_id for one in cycle if one.violated}
            found, wrong = found + 1, wrong + bool(violated)
            by.update(violated)
    return Corrected(cycles // count * count, found, wrong, by)


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


def faulty_executions(
    rule: Rule, beyond: Mapping[str, float] = BEYOND
) -> Iterator[FaultyExecution | tuple[Constraint, str]]:
    """Make one form error for each end of each constraint, or name an end that is unreachable.

    It lies beyond the tolerance by a number for each unit.
    """
    for c in rule.constraints:
        ends = [(c.target_low, -1.0)] if c.too_low else []
        ends += [(c.target_high, 1.0)] if c.too_high else []
        for bound, sign in ends if c.check != "tempo" else []:
            deviation = sign * (c.tolerance + beyond[c.unit])
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


def detected(rule: Rule, faulty: FaultyExecution, runs: int, seed: int) -> Detection:
    count = 1 if rule.kind == "hold" else REPETITIONS
    whole = performed(rule, faulty.right, faulty.left, [1.0] * count)
    expected, hits, sizes = 0, 0, []
    halves = faulty.constraint.check == "symmetry" and rule.kind == "alternating"
    for run in range(runs):
        motion = NOISE_KINDS[0].motion(whole, np.random.default_rng([seed, run]))
        cycles = analysed(motion, rule)
        expected += max(count, len(cycles)) - halves
        for cycle in cycles[1:] if halves else cycles:
            own = [f for f in cycle if f.constraint_id == faulty.constraint.id]
            hits += bool(own) and all(
                f.violated and (f.deviation or 0.0) * faulty.deviation > 0 for f in own
            )
            sizes += [f.deviation for f in own if f.deviation is not None]
    return Detection(hits / expected, float(np.median(sizes)) if sizes else float("nan"))


def holds_report(rules: Sequence[Rule], seed: int) -> list[tuple[str, ...]]:
    """Check still and noisy holds of 6 s: one each, covering nine tenths."""
    rows = []
    for rule in (rule for rule in rules if rule.kind == "hold"):
        reference, cells = build_reference(rule), []
        for sigma in (0.0, 2.0):
            counts, cover = [], []
            whole = performed(rule, reference, reference, [1.0])
            for run in range(1 if sigma == 0 else HOLD_RUNS):
                shaken = np.deg2rad(sigma) * white(whole.shape, np.random.default_rng([seed, run]))
                motion = exact_motion(whole + shaken, max(sigma, 0.5))
                cycles = segment_cycles(motion, rule, 0, len(whole), SKELETON).cycles
                counts.append(len(cycles))
                cover.append(sum(i.cycle.end - i.cycle.start + 1 for i in cycles) / len(whole))
            cells += [f"{np.mean(np.array(counts) == 1):.2f}", f"{min(cover):.2f}"]
        rows.append((rule.id, *cells))
    return rows


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def perfect_report(rules: Sequence[Rule], cycles: int, seed: int) -> str:
    """Tabulate the perfect repetitions that were corrected, by exercise and kind of noise."""
    rows, blamed = [], []
    sums = [[0, 0, 0] for _ in NOISE_KINDS]
    for rule in rules:
        cells = []
        for total, kind in zip(sums, NOISE_KINDS, strict=True):
            seen = corrected(rule, cycles, kind, seed)
            total[0], total[1] = total[0] + seen.performed, total[1] + seen.found
            total[2] += seen.wrong
            cells.append(f"{seen.wrong} of {seen.found}")
            blamed += [(kind.name, rule.id, name, str(n)) for name, n in seen.by.items()]
        rows.append((rule.id, *cells))
    shares = [f"{100 * wrong / max(found, 1):.2f} % of {found}" for _, found, wrong in sums]
    heads = ("exercise", *(kind.name for kind in NOISE_KINDS))
    return "\n\n".join((
        "## Perfect executions that were corrected",
        table(heads, [*rows, ("all", *shares)]),
        "### By which constraint",
        table(("noise", "exercise", "constraint", "cycles"), sorted(blamed)),
    ))  # fmt: skip


def faults_report(rules: Sequence[Rule], seed: int) -> str:
    """Tabulate the form errors that were found with their size."""
    found, missed, impossible = [], [], []
    for rule in rules:
        results: list[tuple[FaultyExecution, Detection]] = []
        for faulty in faulty_executions(rule):
            if isinstance(faulty, tuple):
                impossible.append((rule.id, faulty[0].id, faulty[1]))
            else:
                many = HOLD_RUNS if rule.kind == "hold" else FAULTY_RUNS
                results.append((faulty, detected(rule, faulty, many, seed)))
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
    counts = [row[1].split(" of ") for row in found]
    whole = " of ".join(str(sum(map(int, column))) for column in zip(*counts, strict=True))
    return "\n\n".join((
        "## One form error of tolerance + 15 degrees, white noise of 2 degrees",
        table(("exercise", "ends found in >= 95 %, size within 2", "median share", "least share",
               "median error of the size"), [*found, ("all", whole, "", "", "")]),
        "### Ends that fall short",
        table(("exercise", "constraint", "deviation put in", "median found", "share"), missed),
        "### Ends that no angle reaches",
        table(("exercise", "constraint", "value"), impossible),
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exercises", nargs="*", help="rule ids; all when none is named")
    parser.add_argument("--cycles", type=int, default=400, help="of each exercise and noise")
    parser.add_argument("--seed", type=int, help="repeats a run")
    given = parser.parse_args()
    known = load_rules()
    rules = [known[name] for name in given.exercises or known]
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if given.seed is None else given.seed
    print(f"seed {seed}\n")
    if given.cycles:
        print(perfect_report(rules, given.cycles, seed), end="\n\n", flush=True)
    print(faults_report(rules, seed))
    heads = ("exercise", "still: one hold", "least cover", "noise of 2: one hold", "least cover")
    print(f"\n## Holds of 6 s\n\n{table(heads, holds_report(rules, seed))}")


if __name__ == "__main__":
    main()
