"""Repetitions counted in recordings whose truth others wrote down, by us and by peers.

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
from qevd_bio.motion.cycles import CycleSettings, detect_cycles
from qevd_bio.motion.shared_movement import with_shared_movement

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
QUICK = {"shortest_s": 0.3, "longest_s": 10.0}


@dataclass(frozen=True, slots=True)
class Recording:
    """Both sides of the exercise's joint in rad, extreme upwards; all other angles; the truth."""

    name: str
    group: str
    rate_hz: float
    sides: np.ndarray
    curves: np.ndarray
    which: int
    known: np.ndarray
    count: int
    spans: Spans
    pelvis_m: np.ndarray | None = None
    quick: bool = False


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
            which=at[int(np.argmax(np.ptp(curves[:, at], axis=0)))],
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
        ranges = np.ptp(np.percentile(curves[known][:, at], [10, 90], axis=0), axis=0)
        yield Recording(
            name=row["id"].split("/")[1],
            group=f"RepCount {row['quality']}",
            rate_hz=30.0,
            sides=sign * curves[:, at],
            curves=sign * curves,
            which=at[int(np.argmax(ranges))],
            known=known,
            count=count,
            spans=spans,
            quick=True,
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
            which=at[0],
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
                which=0,
                known=np.ones(len(curves), dtype=bool),
                count=int(segment["count"]),
                spans=[],
            )


def filled(recording: Recording, curves: np.ndarray) -> np.ndarray:
    """Bridge unknown frames linearly, since the peers know none."""
    frames = np.arange(len(curves))
    known = recording.known
    return np.stack([np.interp(frames, frames[known], c[known]) for c in curves.T], axis=1)


def better_side(recording: Recording) -> np.ndarray:
    sides = filled(recording, recording.sides)
    return sides[:, int(np.argmax(np.ptp(np.percentile(sides, [10, 90], axis=0), axis=0)))]


def ours(recording: Recording, curve: np.ndarray, **changes: float) -> Spans:
    time_s = np.arange(len(curve)) / recording.rate_hz
    known = recording.known & np.isfinite(curve)
    settings = CycleSettings(**((QUICK if recording.quick else {}) | changes))
    return [(c.start, c.end) for c in detect_cycles(curve, time_s, known, settings=settings)]


def ours_one_angle(recording: Recording) -> Spans:
    noisy = recording.quick
    return ours(recording, better_side(recording) if noisy else recording.sides.max(axis=1))


def ours_all_angles(recording: Recording, **changes: float) -> Spans:
    time_s = np.arange(len(recording.known)) / recording.rate_hz
    curve = with_shared_movement(recording.curves, recording.which, time_s, recording.known)
    return ours(recording, curve, **changes)


METHODS: dict[str, Callable[[Recording], Spans | None]] = {
    "ours, one measure": ours_one_angle,
    "ours, all angles": ours_all_angles,
    "ours, all angles, steady": lambda r: ours_all_angles(r, noise_share=0.01),
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    warnings.simplefilter("error")
    table("UI-PRMD Vicon, m01 m02 m03 m05", list(uiprmd(data)), "ours, one measure")
    clips = list(repcount(data))
    table("RepCount angle clips, all grades", clips, "ours, all angles, steady")
    for grade in sorted({clip.group for clip in clips}):
        some = [clip for clip in clips if clip.group == grade]
        table(grade, some, "ours, all angles, steady")
    table("OpenCap squats", list(opencap(data)), "ours, one measure")
    table("CMU squats and jumping jacks", list(cmu(data)), "ours, one measure")


if __name__ == "__main__":
    main()
