"""Repetitions counted in recordings with a published truth, by us and by peers.

Run ``python -m benchmarks.repetitions --data DIR``; DIR holds manifest.json and the recordings.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.peers import (
    Spans,
    bige_velocity,
    gyml_distance,
    pelvis_height,
    plain_peaks,
    released_biocoach,
)
from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.repetitions.cycles import CycleSettings
from qevd_bio.motion.repetitions.detection import detect_cycles

TRULY_NINE = "m03_s02_incorrect"
# Joint and sign that turns the extreme upwards.
REPCOUNT = {
    "squat": ("knee", -1),
    "push_up": ("elbow", -1),
    "pull_up": ("elbow", -1),
    "sit_up": ("hip", -1),
    "jumping_jack": ("shoulder", 1),
    "front_raise": ("shoulder", 1),
}
MARKED_IN_SECONDS = "stu6_68"
# What `cross_validated` tries.
GRID = {
    "done_share": (0.5, 0.65, 0.8, 0.9),
    "set_noise_share": (0.01, 0.02, 0.04),
    "set_prominence_share": (0.3, 0.4, 0.5),
    "outlier_range": (1.0, 1.5, 2.0, 4.0),
}
QUICK = {"shortest_s": 0.3, "longest_s": 10.0}


@dataclass(frozen=True, slots=True)
class Recording:
    """Both sides of the exercise's joint in rad, extreme upwards; all other angles; the truth."""

    name: str
    group: str
    rate_hz: float
    sides: FloatArray
    curves: FloatArray
    known: BoolArray
    count: int
    spans: Spans
    pelvis_m: FloatArray | None = None
    quick: bool = False
    exercise: str = ""


def uiprmd(data: Path) -> Iterator[Recording]:
    for path in sorted((data / "uiprmd" / "vicon").glob("*.npz")):
        if path.stem.startswith("m04"):
            continue
        joint = "hip" if path.stem.startswith("m02") else "knee"
        with np.load(path) as file:
            columns = list(file["columns"])
            curves = np.unwrap(np.deg2rad(file["angles_deg"].astype(float)), axis=0)
            spans = list(zip(file["rep_start"].tolist(), file["rep_end"].tolist(), strict=True))
            rate_hz = float(file["fps"])
        at = [columns.index(f"{joint}_{side}_x") for side in "rl"]
        yield Recording(
            name=path.stem,
            group="UI-PRMD",
            rate_hz=rate_hz,
            sides=curves[:, at],
            curves=curves,
            known=np.ones(len(curves), dtype=bool),
            count=len(spans) - (path.stem == TRULY_NINE),
            spans=spans,
        )


def repcount(data: Path) -> Iterator[Recording]:
    for row in json.loads((data / "manifest.json").read_text()):
        if row["group"] != "repcount_pose":
            continue
        with np.load(data / row["path"]) as file:
            exercise, names = str(file["exercise"]), list(file["angle_names"])
            curves = np.deg2rad(file["angles_deg"][:, :4].astype(float).reshape(-1, 8))
            known = ~file["missed"] & np.isfinite(curves).all(axis=1)
            in_seconds = row["id"].endswith(MARKED_IN_SECONDS)
            spans = [tuple(span) for span in (file["cycles"] * (30 if in_seconds else 1)).tolist()]
            count = int(file["count"])
        joint, sign = REPCOUNT[exercise]
        at = [2 * names.index(joint) + side for side in (1, 0)]
        yield Recording(
            name=row["id"].split("/")[1],
            group=f"RepCount {row['quality']}",
            rate_hz=30.0,
            sides=sign * curves[:, at],
            curves=sign * curves,
            known=known,
            count=count,
            spans=spans,
            quick=True,
            exercise=exercise,
        )


def opencap(data: Path) -> Iterator[Recording]:
    for row in json.loads((data / "manifest.json").read_text()):
        if row["group"] != "opencap_opensim" or not row["path"].endswith(".mot"):
            continue
        lines = (data / row["path"]).read_text().splitlines()
        header = next(i for i, line in enumerate(lines) if line.strip() == "endheader") + 1
        names = lines[header].split()
        table = np.array([line.split() for line in lines[header + 1 :] if line.strip()], float)
        in_degrees = any(line.strip() == "inDegrees=yes" for line in lines[:header])
        keep = [i for i, n in enumerate(names) if n != "time" and not n.startswith("pelvis_t")]
        curves = np.deg2rad(table[:, keep]) if in_degrees else table[:, keep]
        at = [keep.index(names.index(f"knee_angle_{side}")) for side in "rl"]
        yield Recording(
            name=Path(row["path"]).stem,
            group="OpenCap",
            rate_hz=1 / float(np.median(np.diff(table[:, 0]))),
            sides=curves[:, at],
            curves=curves,
            known=np.ones(len(curves), dtype=bool),
            count=row["reps"],
            spans=[],
            pelvis_m=table[:, names.index("pelvis_ty")],
        )


def cmu(data: Path) -> Iterator[Recording]:
    joints = {"Squat": ("tibia_rx", 2), "JumpJack": ("humerus_rx", 3)}
    for row in json.loads((data / "manifest.json").read_text()):
        if row["group"] != "cmu_mocap6":
            continue
        with gzip.open(data / row["path"], "rt") as file:
            rows = list(csv.DictReader(file))
        for segment in row["segments"]:
            if segment["exercise"] not in joints:
                continue
            column, _ = joints[segment["exercise"]]
            part = rows[segment["start_frame"] : segment["end_frame"]]
            angles = [[float(r[f"{side}{column}"]) for side in "rl"] for r in part]
            curves = np.unwrap(np.deg2rad(angles), axis=0)
            yield Recording(
                name=f"{Path(row['path']).name} {segment['exercise']}",
                group="CMU",
                rate_hz=120.0,
                sides=curves,
                curves=curves,
                known=np.ones(len(curves), dtype=bool),
                count=int(segment["count"]),
                spans=[],
            )


def filled(recording: Recording, curves: FloatArray) -> FloatArray:
    """Bridge unknown frames linearly, since the peers know none."""
    frames = np.arange(len(curves))
    known = recording.known
    return np.stack([np.interp(frames, frames[known], c[known]) for c in curves.T], axis=1)


def better_side(recording: Recording) -> FloatArray:
    sides = filled(recording, recording.sides)
    return sides[:, int(np.argmax(np.ptp(np.percentile(sides, [10, 90], axis=0), axis=0)))]


def representative(recording: Recording) -> FloatArray:
    """Join the sides as the rules do: the mean of two that move alike, else the larger."""
    if not recording.quick:
        return recording.sides.max(axis=1)
    curve = np.full(len(recording.known), np.nan)
    curve[recording.known] = recording.sides[recording.known].mean(axis=1)
    return curve


def ours(recording: Recording, *, with_angles: bool = True, **changes: float) -> Spans:
    time_s = np.arange(len(recording.known)) / recording.rate_hz
    found = detect_cycles(
        representative(recording),
        time_s,
        recording.known,
        settings=CycleSettings(**((QUICK if recording.quick else {}) | changes)),
        angles=recording.curves if with_angles else None,
    )
    return [(c.start, c.end) for c in found]


METHODS: dict[str, Callable[[Recording], Spans | None]] = {
    "ours": ours,
    "ours, one measure": lambda r: ours(r, with_angles=False),
    "plain peaks": lambda r: plain_peaks(better_side(r), r.rate_hz),
    "GyML L2 distance": lambda r: gyml_distance(filled(r, r.curves), r.rate_hz),
    "BIGE angular velocity": lambda r: bige_velocity(*filled(r, r.sides).T, r.rate_hz),
    "OpenCap pelvis height": lambda r: (
        None if r.pelvis_m is None else pelvis_height(r.pelvis_m, r.rate_hz)
    ),
    "released BioCoach": lambda r: released_biocoach(filled(r, r.sides)[:, 0], r.rate_hz),
}


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    joined = max(a[1], b[1]) - min(a[0], b[0])
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) / joined if joined else 0.0


def table(title: str, recordings: list[Recording], wrong_of: str) -> None:
    print(f"\n### {title} ({len(recordings)} recordings)\n")
    print("| method | exact | off by one | MAE | IoU median | halves, exact / off by one |")
    print("|---|---|---|---|---|---|")
    for method, count in METHODS.items():
        found = [count(r) for r in recordings]
        if any(spans is None for spans in found):
            continue
        errors = np.array([len(s or []) - r.count for s, r in zip(found, recordings, strict=True)])
        counts = np.array([r.count for r in recordings])
        best = [
            max((overlap(s, true) for s in spans or []), default=0.0)
            for spans, r in zip(found, recordings, strict=True)
            for true in r.spans
        ]
        halves = [errors[i::2] for i in (0, 1)]
        split = ", ".join(
            f"{np.mean(h == 0):.2f} / {np.mean(np.abs(h) <= 1):.2f}" for h in halves if len(h)
        )
        print(
            f"| {method} | {np.mean(errors == 0):.3f} | {np.mean(np.abs(errors) <= 1):.3f} "
            f"| {np.mean(np.abs(errors) / counts):.3f} "
            f"| {f'{np.median(best):.2f}' if best else '-'} | {split} |"
        )
        if method == wrong_of:
            wrong = [
                f"{r.name} ({r.count}{e:+d})"
                for r, e in zip(recordings, errors, strict=True)
                if e != 0
            ]
    print(f"\nMiscounted by '{wrong_of}': {', '.join(wrong) if wrong else 'none'}.")


def cross_validated(clips: list[Recording]) -> None:
    """Choose the four shares on some clips, count the others; print a row a way of splitting."""
    names = list(GRID)
    options = list(product(*GRID.values()))
    errors = np.array(
        [
            [
                len(ours(clip, **dict(zip(names, option, strict=True)))) - clip.count
                for clip in clips
            ]
            for option in options
        ]
    )
    counts = np.array([clip.count for clip in clips])
    exercises = np.array([clip.exercise for clip in clips])
    halves = np.arange(len(clips)) % 2
    print("\n### RepCount, shares chosen on other clips than counted\n")
    print("| split | exact | off by one | MAE | chosen |")
    print("|---|---|---|---|---|")
    for split, parts in (("halves", halves), ("leave one exercise out", exercises)):
        left_out = np.zeros(len(clips), dtype=int)
        chosen = []
        for part in np.unique(parts):
            inside = parts == part
            rest = errors[:, ~inside]
            gain = np.mean(rest == 0, axis=1) + np.mean(np.abs(rest) <= 1, axis=1)
            best = int(np.argmax(gain - np.mean(np.abs(rest) / counts[~inside], axis=1)))
            left_out[inside] = errors[best, inside]
            chosen.append(" ".join(f"{value:g}" for value in options[best]))
        print(
            f"| {split} | {np.mean(left_out == 0):.3f} | {np.mean(np.abs(left_out) <= 1):.3f} "
            f"| {np.mean(np.abs(left_out) / counts):.3f} | {'; '.join(chosen)} |"
        )
    print(f"\nChosen: {', '.join(names)}, out of {', '.join(str(v) for v in GRID.values())}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    warnings.simplefilter("error")
    table("UI-PRMD Vicon, m01 m02 m03 m05", list(uiprmd(data)), "ours")
    clips = list(repcount(data))
    table("RepCount angle clips, all grades", clips, "ours")
    for grade in sorted({clip.group for clip in clips}):
        some = [clip for clip in clips if clip.group == grade]
        table(grade, some, "ours")
    cross_validated(clips)
    table("OpenCap squats", list(opencap(data)), "ours")
    table("CMU squats and jumping jacks", list(cmu(data)), "ours")


if __name__ == "__main__":
    main()
