"""Angles captured from rendered people against their exactly known angles.

Run ``python -m benchmarks.capture --cache DIR``; DIR keeps the landmarks, so that the detector
looks at each clip once. ``--group other`` takes views and exercises that nothing was chosen on.

T frames, D = 46 DoF, K = 14 joints of the stick body
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.capture_clips import CLIPS, NEEDS, Seen, seen_clip
from benchmarks.capture_sources import SOURCES, Fit
from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS
from qevd_bio.choices import DetectorModel
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import measure_values

GRAVITY = np.array([0.0, 1.0, 0.0])
IN_VIEW_SHARE = 0.5
MOVING_DEG = 20.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One measure of one clip: known, measured, raw and stated sigma, each (T,) in degrees."""

    group: str
    exercise: str
    view: str
    build: str
    measure: str
    seen_share: float
    known: FloatArray
    measured: FloatArray
    raw: FloatArray
    sigma: FloatArray

    @property
    def in_view(self) -> bool:
        """Whether most frames show all points of the limb."""
        return self.seen_share > IN_VIEW_SHARE

    @property
    def moves(self) -> bool:
        """Whether the angle changes enough for a meaningful slope."""
        return bool(np.ptp(self.known) >= MOVING_DEG)


def _sigma(name: str, q: FloatArray, sigma: FloatArray, skeleton: Skeleton) -> FloatArray:
    """Propagate each frame's own sigma to a measure (T,)."""
    if name.startswith("shoulder"):
        # first order, as in `measures.measure_sigmas`, but with each frame's own sigma
        step, variance = 1e-4, np.zeros(len(q))
        still = measure_values([name], q, skeleton, GRAVITY)[name]
        for axis in "xyz":
            dof = DOF_INDEX[f"shoulder_{name[-1]}_{axis}"]
            moved = q.copy()
            moved[:, dof] += step
            slope = (measure_values([name], moved, skeleton, GRAVITY)[name] - still) / step
            variance += (slope * sigma[:, dof]) ** 2
        return np.asarray(np.sqrt(variance))
    dof = name.replace("knee_flexion", "knee_angle")
    return np.asarray(np.rad2deg(sigma[:, DOF_INDEX[dof]]))


def readings(seen: Seen, fit: Fit) -> Iterator[Reading]:
    """Compare the limb angles of one clip, right and left."""
    names = [f"{measure}_{side}" for measure in NEEDS for side in "rl"]
    q, sigma, skeleton = fit(seen)
    valid = np.isfinite(q[:, 0])
    body = seen.skeleton
    known = measure_values(names, seen.q, body, GRAVITY)
    measured = measure_values(names, q[valid], skeleton, GRAVITY)
    world = inverse_kinematics(seen.landmarks.world_m[:, list(BODY_LANDMARKS)])
    raw = measure_values(names, world, body, GRAVITY)
    for name in names:
        points = np.array(NEEDS[name[:-2]]) + 6 * "rl".index(name[-1])
        spread = _sigma(name, q[valid], sigma[valid], skeleton)
        yield Reading(
            seen.clip.group, seen.clip.exercise, seen.clip.view.name, seen.clip.build, name,
            float(seen.visible[:, points].mean(axis=0).min()), known[name][valid],
            measured[name], raw[name][valid], spread,
        )  # fmt: skip


def _row(some: list[Reading]) -> list[str]:
    """Worst slope, RMSE and r over the builds, pooled coverage, and the raw figures."""

    def slope(r: Reading, of: FloatArray) -> float:
        return float(np.polyfit(r.known, of, 1)[0])

    def rmse(r: Reading, of: FloatArray) -> float:
        return float(np.sqrt(np.mean((of - r.known) ** 2)))

    error = np.concatenate([r.measured - r.known for r in some])
    sigma = np.concatenate([r.sigma for r in some])
    moving = [r for r in some if r.moves]
    raw = [rmse(r, r.raw) for r in some]
    out = [" ".join(f"{slope(r, r.measured):.2f}" for r in moving) or "-"]
    out.append(" ".join(f"{rmse(r, r.measured):.1f}" for r in some))
    out.append(f"{min(np.corrcoef(r.known, r.measured)[0, 1] for r in moving):.3f}"
               if moving else "-")  # fmt: skip
    out.append(f"{np.mean(np.abs(error) <= sigma):.0%}")
    out.append(f"{np.sqrt(np.mean(sigma**2)):.1f}")
    out.append(" ".join(f"{slope(r, r.raw):.2f}" for r in moving) or "-")
    out.append(" ".join(f"{value:.0f}" for value in raw))
    return out


def met(reading: Reading) -> bool:
    """Check whether a limb in view meets slope, RMSE and r, a hidden one RMSE or sigma."""
    error = reading.measured - reading.known
    rmse = float(np.sqrt(np.mean(error**2)))
    if not reading.in_view:
        return rmse <= 10.0 or float(np.sqrt(np.mean(reading.sigma**2))) >= 0.8 * rmse
    if not reading.moves:
        return rmse <= 6.0
    slope = np.polyfit(reading.known, reading.measured, 1)[0]
    r = np.corrcoef(reading.known, reading.measured)[0, 1]
    return bool(rmse <= 6.0 and 0.93 <= slope <= 1.07 and r >= 0.98)


def _grouped(all_readings: Iterable[Reading]) -> dict[tuple[str, str, str, bool], list[Reading]]:
    groups: dict[tuple[str, str, str, bool], list[Reading]] = {}
    for r in all_readings:
        groups.setdefault((r.exercise, r.view, r.measure, r.in_view), []).append(r)
    return groups


def report(all_readings: list[Reading]) -> str:
    """Lay the tables out as Markdown."""
    lines = [
        "| exercise | view | limb | | slopes | RMSE | least r | in 68 % | sigma | raw slopes | "
        "raw RMSE | met |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (exercise, view, measure, in_view), some in sorted(_grouped(all_readings).items()):
        if not any(r.moves for r in some):
            continue
        good = f"{sum(met(r) for r in some)}/{len(some)}"
        cells = [exercise, view, measure, "in view" if in_view else "hidden", *_row(some), good]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| | limbs | met | median RMSE | frames in 68 % |", "|---|---|---|---|---|"]
    for label, wanted in (
        ("in view, moving", lambda r: r.in_view and r.moves),
        ("in view, still", lambda r: r.in_view and not r.moves),
        ("hidden", lambda r: not r.in_view),
        ("all", lambda r: True),
    ):
        some = [r for r in all_readings if wanted(r)]
        if not some:
            continue
        rmse = np.median([np.sqrt(np.mean((r.measured - r.known) ** 2)) for r in some])
        inside = np.concatenate([np.abs(r.measured - r.known) <= r.sigma for r in some])
        lines.append(
            f"| {label} | {len(some)} | {sum(met(r) for r in some)} | {rmse:.1f} | "
            f"{inside.mean():.0%} |"
        )
    return "\n".join(lines)


def bottoms(all_readings: list[Reading]) -> str:
    """Bottom knee angle of each build's squats by view, measured minus known (near leg)."""
    lines = ["| build | view | known | measured |", "|---|---|---|---|"]
    for r in all_readings:
        if r.exercise == "squat" and r.measure == "knee_flexion_l":
            known, got = (np.percentile(x, 97) for x in (r.known, r.measured))
            lines.append(f"| {r.build} | {r.view} | {known:.0f} | {got:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--group", choices=sorted(CLIPS), default="grid")
    parser.add_argument("--source", choices=sorted(SOURCES), default="landmarks")
    parser.add_argument("--detector-model", choices=get_args(DetectorModel), default="heavy")
    chosen = parser.parse_args()
    model = chosen.detector_model
    clips = [seen_clip(clip, chosen.cache, model) for clip in CLIPS[chosen.group]]
    before = time.process_time()
    found = [r for seen in clips for r in readings(seen, SOURCES[chosen.source])]
    spent = time.process_time() - before
    frames = sum(len(seen.time_s) for seen in clips)
    landmark_s = sum(seen.landmark_s for seen in clips)
    print(report(found), bottoms(found), sep="\n\n")
    print(f"\n{frames} frames: landmarks {1e3 * landmark_s / frames:.1f} ms, fit and this "
          f"comparison {1e3 * spent / frames:.1f} ms of processor time a frame")  # fmt: skip


if __name__ == "__main__":
    main()
