"""Correct and incorrect deep squats of UI-PRMD: generated references against the rule's own.

    python -m benchmarks.generated_references DATA FOLDER --most 13

FOLDER is of `qevd-bio references generate squat`. Each of its first `--most` accepted motions, and
all of these together (a cycle's score is the highest against any), takes the place of the rule's
reference: areas by the scorer, and by the rule's constraints on the cycles that are then found.
No reference was made, chosen or changed by a label.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.correctness import (
    OWN_RULES,
    Judged,
    area_of,
    area_under_roc,
    graded_sum,
    severity_sum,
)
from benchmarks.vicon_angles import Recording, read_recordings, upright_rad, vicon_motion
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.given_references import with_references
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton

MOVEMENT = "m01"
HEADS = ("reference", "cycles", "area, 1 - score", "the same, cycle by cycle",
         "area, severity", "area, graded", "mean score")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """A recording by one reference: the scores of its cycles, and what constraints find."""

    scores: np.ndarray
    judged: Judged


def seen_by(one: Recording, motion: Motion, rule: Rule) -> Seen:
    """Find and judge the cycles of a recording once."""
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
    findings = segment_findings(motion, rule, [item.cycle for item in found.cycles], skeleton)
    scores = np.array([item.score.total for item in found.cycles if item.score is not None])
    cycles = tuple(tuple(of_cycle) for of_cycle in findings)
    return Seen(scores, Judged(one, cycles, float(scores.mean()), {}))


def areas(
    scores: Mapping[str, np.ndarray], recordings: Sequence[Recording]
) -> tuple[float, float]:
    """Area of 1 - score over recordings (mean of cycles), and over cycles."""
    groups = [[scores[one.name] for one in recordings if one.correct is label]
              for label in (True, False)]  # fmt: skip
    means = [[-float(one.mean()) for one in group] for group in groups]
    return area_under_roc(*means), area_under_roc(*(-np.concatenate(group) for group in groups))


def report(data: Path, folder: Path, most: int) -> Iterator[str]:
    """Write the table, row after row."""
    recordings = read_recordings(data / "uiprmd" / "vicon")
    upright = upright_rad(recordings)
    own = [one for one in recordings if one.movement == MOVEMENT]
    moved = [vicon_motion(one, upright[one.subject]) for one in own]
    rules = load_rules(OWN_RULES)
    motions = sorted(folder.glob("motion-*"))[:most]
    chosen = {"the rule's own": None, "the folder's": folder} | {one.name: one for one in motions}
    yield "| " + " | ".join(HEADS) + " |"
    yield "|" + " --- |" * len(HEADS)
    each = []
    for name, path in chosen.items():
        rule = with_references(rules, path)["squat"]
        found = [seen_by(one, motion, rule) for one, motion in zip(own, moved, strict=True)]
        scores = {one.judged.recording.name: one.scores for one in found}
        if path in motions:
            each.append(scores)
        constraints = [one.judged for one in found]
        constrained = (area_of(constraints, by) for by in (severity_sum, graded_sum))
        mean = np.mean([one.score for one in constraints])
        cells = (*areas(scores, own), *constrained, mean)
        cycles = sum(len(one) for one in scores.values())
        yield f"| {name} | {cycles} | " + " | ".join(f"{value:.2f}" for value in cells) + " |"
    if each:
        best = {one.name: np.max([scores[one.name] for scores in each], axis=0) for one in own}
        over, by_cycle = areas(best, own)
        mean = np.mean([one.mean() for one in best.values()])
        yield f"| the best of these motions | | {over:.2f} | {by_cycle:.2f} | | | {mean:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds uiprmd/")
    parser.add_argument("folder", type=Path, help="of `references generate squat`")
    parser.add_argument("--most", type=int, default=13, help="motions that are tried one by one")
    args = parser.parse_args()
    for line in report(args.data, args.folder, args.most):
        print(line, flush=True)


if __name__ == "__main__":
    main()
