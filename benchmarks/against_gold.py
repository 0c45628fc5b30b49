"""Correct and incorrect executions of UI-PRMD, told apart by gold executions and no rule.

    python -m benchmarks.against_gold DATA              # subjects 1 to 3, for choices
    python -m benchmarks.against_gold DATA --held-out   # subjects 4 and 5, once

Gold are the other subjects' correct executions: of the development subjects only for these, of all
subjects for the held-out ones. The authors' boundaries of repetitions are used; the extreme of a
repetition is its pose farthest from its rest. A recording's score is the mean of its repetitions'.
Beside it stands GyML's coach (section 4.3): the L2 norm of pose vectors between a repetition and
the gold ones at start and midpoint, on the same angles.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.correctness import area_under_roc, table
from benchmarks.vicon_angles import read_recordings, upright_rad, vicon_motion
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.phase_curves import POINTS, angle_noise_deg, phase_curves
from qevd_bio.motion.against_gold import KEY_AT, difference, gold_of
from qevd_bio.motion.phase import cycle_phases, resample_cycle
from qevd_bio.motion.repetitions.cycles import Cycle

DEVELOPMENT, HELD_OUT = ("s01", "s02", "s03"), ("s04", "s05")
MOVEMENTS = {
    "m01": "deep squat",
    "m02": "hurdle step",
    "m03": "inline lunge",
    "m04": "side lunge",
    "m05": "sit to stand",
    "m06": "straight leg raise",
    "m07": "shoulder abduction",
    "m08": "shoulder extension",
    "m09": "shoulder rotation",
    "m10": "shoulder scaption",
}
NOISE_DEG = 2.0
"""Of every Vicon angle (unverified), as in `vicon_angles`."""

Curves = FloatArray
"""(C, P, K) in degrees."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One recording: its repetitions on a common axis of phase."""

    movement: str
    subject: str
    correct: bool
    curves: Curves
    noise: FloatArray


def executions_of_angles(folder: Path) -> list[Execution]:
    """Read all 39 Cardan angles of every recording, as they are."""
    found = []
    for path, columns in [
        *((path, "columns") for path in sorted((folder / "uiprmd" / "vicon").glob("*.npz"))),
        *(
            (path, "names")
            for path in sorted((folder / "more" / "uiprmd_m06_m10").glob("vicon_*.npz"))
        ),
    ]:
        movement, subject, label = path.stem.removeprefix("vicon_").split("_")
        with np.load(path) as data:
            angles = np.rad2deg(np.unwrap(np.deg2rad(data["angles_deg"].astype(float)), axis=0))
            time_s = np.arange(len(angles)) / float(data["fps"])
            spans = zip(data["rep_start"].tolist(), data["rep_end"].tolist(), strict=True)
            count = len(data[columns])
        angles -= 360.0 * np.round(np.median(angles, axis=0) / 360.0)
        curves = np.stack([_curve(angles, time_s, start, end) for start, end in spans])
        noise = np.full(count, NOISE_DEG)
        found.append(Execution(movement, subject, label == "correct", curves, noise))
    return found


def _curve(angles: FloatArray, time_s: FloatArray, start: int, end: int) -> FloatArray:
    cycle = _cycle(angles, time_s, start, end)
    frames = slice(cycle.start, cycle.end + 1)
    phase = cycle_phases(time_s[frames], cycle, KEY_AT)
    return resample_cycle(angles[frames], phase, POINTS)


def _cycle(angles: FloatArray, time_s: FloatArray, start: int, end: int) -> Cycle:
    """Make a repetition of the authors' boundaries; the inner 80 % hold its extreme."""
    last = min(end, len(angles) - 1)
    own = angles[start : last + 1]
    away = np.linalg.norm(own - (own[0] + own[-1]) / 2.0, axis=1)
    edge = len(own) // 10
    key = start + edge + int(np.argmax(away[edge : len(own) - edge]))
    times = (float(time_s[at]) for at in (start, key, last))
    return Cycle("cycle", start, key, last, *times, side=None)


def executions_of_measures(folder: Path) -> list[Execution]:
    """Read m01 to m05 as `coach --against` reads a video: as measures of a posed body."""
    recordings = read_recordings(folder / "uiprmd" / "vicon")
    upright, found = upright_rad(recordings), []
    for one in recordings:
        motion = vicon_motion(one, upright[one.subject])
        with np.load(folder / "uiprmd" / "vicon" / f"{one.name}.npz") as data:
            spans = list(zip(data["rep_start"].tolist(), data["rep_end"].tolist(), strict=True))
        raw = np.rad2deg(np.stack(list(one.angles_rad.values()), axis=1))
        cycles = [_cycle(raw, motion.time_s, start, end) for start, end in spans]
        noise = angle_noise_deg(motion, cycles)
        curves = phase_curves(motion, cycles)
        known = np.isfinite(noise) & np.isfinite(curves).any(axis=(0, 1))
        found.append(
            Execution(one.movement, one.subject, one.correct, curves[:, :, known], noise[known])
        )
    return found


def of_gold(own: Execution, golds: Sequence[Execution]) -> list[float]:
    """Score the repetitions of a recording by this project's comparison."""
    gold = gold_of([one.curves for one in golds], own.noise)
    return [difference(curve, gold).total for curve in own.curves]


def of_norms(own: Execution, golds: Sequence[Execution]) -> list[float]:
    """Score them as GyML does: mean L2 norm (rad) to the gold poses at start and midpoint."""
    middle = round(KEY_AT * (POINTS - 1))
    poses = np.deg2rad(np.concatenate([one.curves for one in golds])[:, [0, middle]])
    own_poses = np.deg2rad(own.curves[:, [0, middle]])
    norms = np.linalg.norm(own_poses[:, None] - poses, axis=-1)
    return [float(one) for one in norms.mean(axis=(1, 2))]


Score = Callable[[Execution, Sequence[Execution]], list[float]]


def areas(
    executions: Sequence[Execution], tested: Sequence[str], known: Sequence[str], score: Score
) -> dict[str, tuple[float, float]]:
    """Measure the area under ROC by movement: over recordings, and over repetitions."""
    found = {}
    for movement in sorted({one.movement for one in executions}):
        scores: dict[bool, list[list[float]]] = {True: [], False: []}
        for own in executions:
            if own.movement != movement or own.subject not in tested:
                continue
            golds = [
                one
                for one in executions
                if one.movement == movement
                and one.correct
                and one.subject in known
                and one.subject != own.subject
            ]
            scores[own.correct].append(score(own, golds))
        found[movement] = (
            area_under_roc(*([float(np.mean(one)) for one in scores[label]]
                             for label in (True, False))),
            area_under_roc(*([x for one in scores[label] for x in one]
                             for label in (True, False))),
        )  # fmt: skip
    return found


def report(folder: Path, *, held_out: bool) -> str:
    """Run everything and write it out as text."""
    tested = HELD_OUT if held_out else DEVELOPMENT
    known = (*DEVELOPMENT, *HELD_OUT) if held_out else DEVELOPMENT
    raw, measures = executions_of_angles(folder), executions_of_measures(folder)
    columns = {
        "against gold": areas(raw, tested, known, of_gold),
        "GyML's norm": areas(raw, tested, known, of_norms),
        "against gold, measures of coach": areas(measures, tested, known, of_gold),
    }
    rows = [
        (
            f"{movement} {title}",
            *(_two(found.get(movement)) for found in columns.values()),
        )
        for movement, title in MOVEMENTS.items()
    ]
    means = [np.mean(list(found.values()), axis=0) for found in columns.values()]
    rows.append(("**mean**", *(f"**{_two(tuple(one))}**" for one in means)))
    heads = ("movement", *columns)
    title = f"Subjects {', '.join(tested)}: area over recordings / over repetitions"
    return f"{title}\n\n{table(heads, rows)}"


def _two(pair: Sequence[float] | None) -> str:
    return "-" if pair is None else f"{pair[0]:.2f} / {pair[1]:.2f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds uiprmd/ and more/")
    parser.add_argument("--held-out", action="store_true", help="subjects 4 and 5")
    options = parser.parse_args()
    print(report(options.data, held_out=options.held_out))
