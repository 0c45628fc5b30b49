"""Correct and incorrect deep squats of UI-PRMD: generated references against the rule's own.

    python -m benchmarks.generated_references DATA FOLDER

FOLDER is of `qevd-bio references generate squat`. Each accepted motion, and all of them together
(a cycle's score is the highest against any), takes the place of the rule's reference. No
reference was made, chosen or changed by a label.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.correctness import OWN_RULES, area_of, area_under_roc, graded_sum, severity_sum
from benchmarks.correctness import judged as judged_by
from benchmarks.vicon_angles import Recording, read_recordings, upright_rad, vicon_motion
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.given_references import with_references
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.skeleton.bodies import scaled_skeleton

MOVEMENT = "m01"


def scores_of(one: Recording, rule: Rule, upright: float) -> np.ndarray:
    """Score every cycle of a recording."""
    motion = vicon_motion(one, upright)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
    return np.array([item.score.total for item in found.cycles if item.score is not None])


def areas(scores: Mapping[str, np.ndarray], recordings: list[Recording]) -> tuple[float, float]:
    """Area of 1 - score over recordings (mean of cycles), and over cycles."""
    groups = [[scores[one.name] for one in recordings if one.correct is label]
              for label in (True, False)]  # fmt: skip
    means = [[-float(one.mean()) for one in group] for group in groups]
    return area_under_roc(*means), area_under_roc(*(-np.concatenate(group) for group in groups))


def report(data: Path, folder: Path) -> str:
    """Write the table."""
    recordings = read_recordings(data / "uiprmd" / "vicon")
    upright = upright_rad(recordings)
    own = [one for one in recordings if one.movement == MOVEMENT]
    rules = load_rules(OWN_RULES)
    motions = sorted(folder.glob("motion-*"))
    chosen = {"the rule's own": None, "the folder's": folder} | {one.name: one for one in motions}
    rows, each = [], []
    for name, path in chosen.items():
        rule = with_references(rules, path)["squat"]
        scores = {one.name: scores_of(one, rule, upright[one.subject]) for one in own}
        if path in motions:
            each.append(scores)
        found = [judged_by(one, rule, upright[one.subject]) for one in own]
        rows.append((
            name,
            str(sum(len(one) for one in scores.values())),
            *(f"{value:.2f}" for value in areas(scores, own)),
            f"{area_of(found, severity_sum):.2f}",
            f"{area_of(found, graded_sum):.2f}",
            f"{np.mean([one.mean() for one in scores.values()]):.2f}",
        ))  # fmt: skip
    best = {one.name: np.max([scores[one.name] for scores in each], axis=0) for one in own}
    both = (f"{value:.2f}" for value in areas(best, own))
    rows.append(("the best of all motions", "", *both, "", "",
                 f"{np.mean([one.mean() for one in best.values()]):.2f}"))  # fmt: skip
    heads = ("reference", "cycles", "area, 1 - score", "the same, cycle by cycle",
             "area, severity", "area, graded", "mean score")  # fmt: skip
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, ("---",) * 7, *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds uiprmd/")
    parser.add_argument("folder", type=Path, help="of `references generate squat`")
    args = parser.parse_args()
    print(report(args.data, args.folder))


if __name__ == "__main__":
    main()
