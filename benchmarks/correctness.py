"""Correct and incorrect executions of UI-PRMD, separated by rules not fitted to them.

    python -m benchmarks.correctness DATA

The score of a recording was fixed before any label was used: the severities of all violated
findings of a cycle added up, averaged over the recording's cycles. A finding that is not violated
or not measured counts 0. *Graded* adds up every measured deviation from the target in tolerances,
violated or not: a ranking needs no guard against false corrections, and a score of 0 for
everything within the guard band would tie recordings that differ.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.vicon_angles import (
    Recording,
    feet_sway,
    read_recordings,
    upright_rad,
    vicon_motion,
)
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.plausibility import asymmetry_deg
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

BAR = 0.85
OWN_RULES = Path(__file__).parent / "rules"
MOVEMENTS = {
    "m01": ("deep squat", "squat"),
    "m03": ("inline lunge", "walking_lunges"),
    "m05": ("sit to stand", "sit_to_stand"),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One recording with the findings of each of its cycles."""

    recording: Recording
    cycles: tuple[tuple[Finding, ...], ...]
    score: float
    measures: dict[str, float]


def judged(one: Recording, rule: Rule, upright: float) -> Judged:
    motion = vicon_motion(one, upright)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
    findings = segment_findings(motion, rule, [item.cycle for item in found.cycles], skeleton)
    scores = [item.score.total for item in found.cycles if item.score is not None]
    return Judged(
        recording=one,
        cycles=tuple(tuple(of_cycle) for of_cycle in findings),
        score=float(np.mean(scores)),
        measures=key_measures(motion, [item.cycle for item in found.cycles], skeleton),
    )


def key_measures(motion: Motion, cycles: Sequence[Cycle], skeleton: Skeleton) -> dict[str, float]:
    """Average over cycles what no rule chose: every measure the angles allow, at the key frame."""
    names = [name for name, measure in CATALOGUE.items()
             if all(motion.observed[DOF_INDEX[dof]] for dof in measure.needs)]  # fmt: skip
    values = measure_values(names, motion.q, skeleton, motion.gravity)
    keys = [cycle.key for cycle in cycles]
    spans = [slice(cycle.start, cycle.end + 1) for cycle in cycles]
    found: dict[str, float] = {}
    for name in names:
        if name.endswith("_r"):
            both = values[name], values[f"{name[:-2]}_l"]
            found[f"{name[:-2]}, mean of both sides"] = float(np.mean(both, axis=0)[keys].mean())
            found[f"{name[:-2]}, right against left"] = float(
                np.abs(both[0] - both[1])[keys].mean()
            )
        elif not name.endswith("_l"):
            found[name] = float(values[name][keys].mean())
    for name in ("trunk_forward_lean", "trunk_side_lean"):
        most = [np.abs(values[name][span]).max() for span in spans]
        found[f"{name}, largest of the cycle"] = float(np.mean(most))
    asymmetry = [asymmetry_deg(motion.q[span]) for span in spans]
    found["asymmetry of the legs (BIGE)"] = float(np.mean(asymmetry))
    found["duration, s"] = float(np.mean([cycle.end_s - cycle.start_s for cycle in cycles]))
    return found


def severity_sum(one: Judged) -> float:
    """Score a recording: added severities of a cycle, averaged over cycles."""
    return float(np.mean([sum(f.severity for f in cycle) for cycle in one.cycles]))


def graded_sum(one: Judged) -> float:
    """Score a recording by all measured deviations, in tolerances."""
    return float(np.mean([sum(_graded(f) for f in cycle) for cycle in one.cycles]))


def _graded(finding: Finding) -> float:
    if finding.status != "measured" or finding.deviation is None:
        return 0.0
    return abs(finding.deviation) / (finding.tolerance or finding.target_high or 1.0)


def violated_mean(one: Judged) -> float:
    """Score a recording by the mean severity of its violated findings alone."""
    severities = [f.severity for cycle in one.cycles for f in cycle if f.violated]
    return float(np.mean(severities)) if severities else 0.0


def violated_share(one: Judged) -> float:
    """Score a recording by the share of its measured findings that are violated."""
    known = [f.violated for cycle in one.cycles for f in cycle if f.status == "measured"]
    return float(np.mean(known)) if known else 0.0


def area_under_roc(correct: Sequence[float], incorrect: Sequence[float]) -> float:
    """Share of pairs in which the incorrect one scores higher; ties count half."""
    wins = np.subtract.outer(np.asarray(incorrect), np.asarray(correct))
    return float(np.mean((wins > 0) + 0.5 * (wins == 0)))


def area_of(found: Sequence[Judged], score: Callable[[Judged], float]) -> float:
    groups = {label: [score(j) for j in found if j.recording.correct == label]
              for label in (True, False)}  # fmt: skip
    return area_under_roc(groups[True], groups[False])


def per_constraint(found: Sequence[Judged]) -> list[tuple[str, ...]]:
    """Measure for each constraint how far its severity and its measure separate the labels."""
    severity: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    measured: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        for cycle in one.cycles:
            for finding in cycle:
                if finding.measured is not None:
                    measured[finding.constraint_id][one.recording.name].append(finding.measured)
                    severity[finding.constraint_id][one.recording.name].append(finding.severity)
    label = {one.recording.name: one.recording.correct for one in found}
    rows = []
    for name in sorted(measured):
        means, areas = [], []
        for values in (severity[name], measured[name]):
            mean = {key: float(np.mean(v)) for key, v in values.items()}
            groups = [[m for k, m in mean.items() if label[k] is right] for right in (True, False)]
            means.append(groups)
            areas.append(area_under_roc(*groups))
        apart = max(areas[1], 1.0 - areas[1])
        way = "larger" if areas[1] >= 0.5 else "smaller"
        correct, incorrect = (f"{np.median(group):.1f}" for group in means[1])
        rows.append((name, f"{areas[0]:.2f}", f"{apart:.2f}", way, correct, incorrect))
    return rows


def per_measure(found: Sequence[Judged]) -> list[tuple[str, ...]]:
    """Rank measures by how far their mean over cycles parts the labels."""
    rows = []
    for name in found[0].measures:
        groups = [[one.measures[name] for one in found if one.recording.correct is label]
                  for label in (True, False)]  # fmt: skip
        area = area_under_roc(*groups)
        middle = [f"{np.median(group):.1f}" for group in groups]
        way = "larger" if area >= 0.5 else "smaller"
        rows.append((name, f"{max(area, 1.0 - area):.2f}", way, *middle))
    return sorted(rows, key=lambda row: (-float(row[1]), row[0]))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(folder: Path) -> str:
    """Run everything and write it out as text."""
    recordings = read_recordings(folder / "uiprmd" / "vicon")
    upright, rules = upright_rad(recordings), load_rules(OWN_RULES)
    summary, scores, details = [], [], []
    for movement, (title, rule_id) in MOVEMENTS.items():
        rule = rules[rule_id]
        own = [one for one in recordings if one.movement == movement]
        found = [judged(one, rule, upright[one.subject]) for one in own]
        by_cycle = [replace(one, cycles=(cycle,)) for one in found for cycle in one.cycles]
        area = area_of(found, severity_sum)
        summary.append(
            (
                f"{movement} {title}",
                rule.id,
                f"{sum(j.recording.correct for j in found)} + "
                f"{sum(not j.recording.correct for j in found)}",
                f"{sum(len(j.cycles) for j in found)} of {sum(o.repetitions for o in own)}",
                f"**{area:.2f}**",
                "yes" if area >= BAR else "no",
                f"{area_of(found, graded_sum):.2f}",
                f"{area_of(found, violated_mean):.2f}",
                f"{area_of(found, violated_share):.2f}",
                f"{area_of(by_cycle, severity_sum):.2f}",
                f"{area_of(found, lambda one: -one.score):.2f}",
            )
        )
        scores += [
            (one.recording.name, f"{len(one.cycles)}", f"{severity_sum(one):.2f}",
             f"{graded_sum(one):.2f}",
             f"{feet_sway(one.recording, upright[one.recording.subject]):.2f}")
            for one in found
        ]  # fmt: skip
        heads = ("constraint", "area, severity", "area, measure", "incorrect is",
                 "median correct", "median incorrect")  # fmt: skip
        details.append(f"### {movement} {title}\n\n{table(heads, per_constraint(found))}")
        heads = ("measure", "area", "incorrect is", "median correct", "median incorrect")
        details.append(table(heads, per_measure(found)))
    heads = (
        "movement", "rule", "recordings", "cycles", "area", f">= {BAR}", "graded",
        "mean of violated", "share violated", "cycle by cycle", "1 - cycle score",
    )  # fmt: skip
    return "\n\n".join(
        (
            table(heads, summary),
            "## Which measure separates",
            *details,
            "## Recordings",
            table(("recording", "cycles", "score", "graded", "feet sway, hip widths"), scores),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds uiprmd/")
    print(report(parser.parse_args().data))


if __name__ == "__main__":
    main()
