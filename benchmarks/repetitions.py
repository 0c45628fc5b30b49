"""Repetitions counted in recordings with a known truth, by what the pipeline runs and by peers.

Run ``python -m benchmarks.repetitions --data DIR --cache DIR``. *ours* is `segment_cycles` with
the rule of the exercise over the whole recording; *cut ones counted* takes the convention that a
first repetition of which only the way back is seen counts. ``--held-out`` prints the half of the
subjects that no value may be chosen on; without it only the development half is read.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.counted_recordings import Recording, own_rules, read_recordings
from benchmarks.peers import (
    bige_velocity,
    gyml_distance,
    pelvis_height,
    plain_peaks,
    released_biocoach,
)
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.count_without_rule import count_without_rule
from qevd_bio.exercises.cycle_search import observed_sides, representative_curves, segment_cycles
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.repetitions.cycles import COUNTED
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics

Found = list[tuple[int, int]]
RULES = own_rules()

COUNTS_CUT_ONES = ("UI-PRMD m01-m05", "UI-PRMD m06-m10", "hdm05_cut")
"""Data sets whose marks begin with the first frame, so also within a repetition. Those of the
others begin after it."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one method made of one recording: cycles too many, and overlap of each mark."""

    error: int
    overlaps: tuple[float, ...]


def ours(one: Recording, rule: Rule, counted: str = COUNTED) -> Found:
    """Search by the rule, as the stage ``cycles`` does, by a convention for what is cut."""
    skeleton = scaled_skeleton(one.motion.segment_lengths_m)
    frames = len(one.motion.time_s)
    found = segment_cycles(one.motion, rule, 0, frames, skeleton, counted=counted)
    return [(item.cycle.start, item.cycle.end) for item in found.cycles]


def _with_cut_ones(one: Recording, rule: Rule) -> Found:
    return ours(one, rule, "cut")


def without_rule(one: Recording, rule: Rule | None) -> Found:
    """Count by the movement alone, as the stage ``quality`` does."""
    skeleton = scaled_skeleton(one.motion.segment_lengths_m)
    found = count_without_rule(one.motion, 0, len(one.motion.time_s), skeleton)
    return [(cycle.start, cycle.end) for cycle in found.cycles]


def _sides(one: Recording, rule: Rule) -> FloatArray:
    """Return the rule's measure (T, sides) in rad, extreme upwards, bridged where unknown."""
    skeleton = scaled_skeleton(one.motion.segment_lengths_m)
    sides = observed_sides(one.motion, rule)
    curves = representative_curves(one.motion.q, rule, sides, skeleton, one.motion.gravity)
    return np.column_stack([_bridged(one, curve) for curve in curves])


def _bridged(one: Recording, curve: FloatArray) -> FloatArray:
    frames = np.arange(len(curve))
    known = one.motion.valid & np.isfinite(curve)
    return np.interp(frames, frames[known], curve[known])


def _rate_hz(one: Recording) -> float:
    return 1.0 / float(np.median(np.diff(one.motion.time_s)))


def _plain_peaks(one: Recording, rule: Rule) -> Found:
    sides = _sides(one, rule)
    swing = np.ptp(np.percentile(sides, [10, 90], axis=0), axis=0)
    return plain_peaks(sides[:, int(np.argmax(swing))], _rate_hz(one))


def _gyml(one: Recording, rule: Rule) -> Found:
    return gyml_distance(one.motion.q[:, one.motion.observed], _rate_hz(one))


def _bige(one: Recording, rule: Rule) -> Found:
    knees = [one.motion.q[:, DOF_INDEX[f"knee_angle_{side}"]] for side in "rl"]
    return bige_velocity(knees[0], knees[1], _rate_hz(one))


def _opencap(one: Recording, rule: Rule) -> Found:
    skeleton = scaled_skeleton(one.motion.segment_lengths_m)
    joints, _ = forward_kinematics(one.motion.q, skeleton)
    feet = [JOINT_INDEX[f"calcn_{side}"] for side in "rl"]
    down = joints[:, feet] @ one.motion.gravity
    height = down.max(axis=1) - joints[:, JOINT_INDEX["pelvis"]] @ one.motion.gravity
    return pelvis_height(height, _rate_hz(one))


def _released(one: Recording, rule: Rule) -> Found:
    return released_biocoach(_sides(one, rule)[:, 0], _rate_hz(one))


NO_RULE = "ours, without a rule"
CUT_TOO = "ours, cut ones counted"
METHODS: dict[str, Callable[[Recording, Rule], Found]] = {
    "ours": ours,
    CUT_TOO: _with_cut_ones,
    NO_RULE: without_rule,
    "plain peaks": _plain_peaks,
    "GyML L2 distance": _gyml,
    "BIGE angular velocity": _bige,
    "OpenCap pelvis height": _opencap,
    "released BioCoach": _released,
}


def overlap(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Divide the time two spans share by the time either covers."""
    joined = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / joined if joined else 0.0


def scored(found: Found, truth: Recording) -> Score:
    """Compare with the truth; each mark takes the cycle that overlaps it most."""
    count = len(found)
    error = count - min(max(count, truth.least), truth.most)
    best = (max((overlap(s, mark) for s in found), default=0.0) for mark in truth.spans)
    return Score(error, tuple(best))


def table(title: str, recordings: Sequence[Recording], methods: Sequence[str]) -> str:
    """Lay one group of recordings out, a row a method, and name those that are miscounted."""
    lines = [
        f"### {title}: {len(recordings)} recordings, "
        f"{len({one.subject for one in recordings})} subjects or clips\n",
        "| method | exact | off by one | MAE | IoU, median of marks |",
        "|---|---|---|---|---|",
    ]
    wrong = []
    stated = CUT_TOO if recordings[0].group in COUNTS_CUT_ONES else "ours"
    for method in methods:
        scores = []
        if method != NO_RULE and any(one.rule_id is None for one in recordings):
            continue
        for one in recordings:
            if method == NO_RULE:
                found = without_rule(one, None)
            else:
                found = METHODS[method](one, RULES[str(one.rule_id)])
            scores.append(scored(found, one))
            if method == stated and scores[-1].error:
                wrong.append(f"{one.name} {one.exercise} ({one.least}{scores[-1].error:+d})")
        counts = np.array([max(one.least, 1) for one in recordings])
        off = np.abs([score.error for score in scores])
        overlaps = [value for score in scores for value in score.overlaps]
        place = f"{np.median(overlaps):.2f}" if overlaps else "-"
        lines.append(
            f"| {method} | {np.mean(off == 0):.2f} | {np.mean(off <= 1):.2f} "
            f"| {np.mean(off / counts):.3f} | {place} |"
        )
    lines.append(f"\nMiscounted by {stated}: {', '.join(wrong) or 'none'}.\n")
    return "\n".join(lines)


def groups_of(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Group recordings by data set and grade; grades A and B of RepCount also together."""
    groups: dict[str, list[Recording]] = {}
    for one in recordings:
        if one.rule_id is None:
            groups.setdefault(f"{one.group}, no rule", []).append(one)
            continue
        if one.group == "RepCount" and one.grade in "AB":
            groups.setdefault("RepCount A+B", []).append(one)
        groups.setdefault(f"{one.group} {one.grade}".strip(), []).append(one)
    return dict(sorted(groups.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--only-ours", action="store_true")
    options = parser.parse_args()
    methods = ["ours", CUT_TOO, NO_RULE] if options.only_ours else list(METHODS)
    half = [one for one in read_recordings(options.data, options.cache)
            if one.is_development != options.held_out]  # fmt: skip
    print(f"## {'Held-out' if options.held_out else 'Development'} half\n")
    for title, recordings in groups_of(half).items():
        print(table(title, recordings, methods))


if __name__ == "__main__":
    main()
