"""Muscles against measured ground forces and OpenSim's own optimisation: RESULTS-muscles.md.

    python -m benchmarks.muscles FORCES [--fits DIR] [--without-opensim-so]

FORCES holds subject4_squats1_grf.mot, subject4_squats1_ik_scaled.mot and
subject4_manually_scaled.osim, as a data set of squats on force plates.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.signal import butter, filtfilt

from benchmarks.static_optimisation import static_optimisation
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.muscles.prepared import PreparedModel, prepare
from qevd_bio.muscles.simulate import Options, Plates, Simulation, simulate

TRIAL = "subject4_squats1"
VASTI = tuple(f"{name}_{side}" for name in ("vasmed", "vaslat", "vasint") for side in "rl")
ENDS_S = 0.3
"""Left out at both ends, where filters continue the motion."""


@dataclass(frozen=True)
class Trial:
    """Coordinates (T, N), times (T,), and plates as measured and low-passed at 6 Hz."""

    q: np.ndarray
    time_s: np.ndarray
    measured: Plates
    filtered: Plates
    columns: dict[str, np.ndarray]


def read_trial(folder: Path, model: PreparedModel) -> Trial:
    """Read the motion and what the plates measured; plate 1 is under the right foot."""
    motion = read_mot(folder / f"{TRIAL}_ik_scaled.mot")
    scale = np.where(model.body.rotational, np.deg2rad(1.0) if motion.in_degrees else 1.0, 1.0)
    q = np.stack([motion.columns[n] for n in model.body.coordinates], axis=1) * scale
    text = (folder / f"{TRIAL}_grf.mot").read_text(encoding="utf-8").split("endheader\n")[1]
    names, *rows = text.splitlines()
    table = np.array([row.split() for row in rows if row.strip()], dtype=np.float64)
    columns = dict(zip(names.split(), table.T, strict=True))
    rate = 1.0 / np.median(np.diff(columns["time"]))
    b, a = butter(2, 6.0 / (np.sqrt(2.0) - 1.0) ** 0.25 / (rate / 2.0))

    def plates(smooth: bool) -> Plates:
        def both(kind: str) -> np.ndarray:
            found = []
            for number in (1, 2):
                one = np.stack([columns[f"ground_force_{number}_{kind}{x}"] for x in "xyz"], 1)
                one = filtfilt(b, a, one, axis=0) if smooth and kind == "v" else one
                at = [np.interp(motion.time_s, columns["time"], c) for c in one.T]
                found.append(np.stack(at, axis=1))
            return np.stack(found, axis=1)

        return Plates(both("v"), both("p"), both("m"))

    for name in columns:
        if "_v" in name:
            columns[name] = filtfilt(b, a, columns[name])
    return Trial(q, motion.time_s, plates(smooth=False), plates(smooth=True), columns)


def against_plates(trial: Trial, found: Simulation, weight_n: float) -> None:
    """Compare estimated with measured vertical forces."""
    inside = (trial.time_s > ENDS_S) & (trial.time_s < trial.time_s[-1] - ENDS_S)
    ours, theirs = found.ground_n[inside, :, 1], trial.measured.force_n[inside, :, 1]
    for name, x, y in (
        ("both feet", ours.sum(axis=1), theirs.sum(axis=1)),
        ("right foot", ours[:, 0], theirs[:, 0]),
        ("left foot", ours[:, 1], theirs[:, 1]),
    ):
        off = x - y
        print(f"| {name} | {np.corrcoef(x, y)[0, 1]:.3f} | {np.sqrt((off**2).mean()):.1f} | "
              f"{np.sqrt((off**2).mean()) / weight_n:.1%} | {off.mean():+.1f} |")  # fmt: skip
    apart = np.abs(found.centres_m - trial.measured.place_m)[inside]
    along, across = (np.nanmean(apart[..., axis]) * 1e3 for axis in (0, 2))
    print(
        f"\ncentre of pressure, mean distance: fore-aft {along:.0f} mm, sideways {across:.0f} mm"
    )


def against_optimisation(
    time_s: np.ndarray,
    theirs: dict[str, np.ndarray],
    trial: Trial,
    found: Simulation,
    muscles: tuple[str, ...],
) -> str:
    """Describe agreement of the vasti: pooled, and the worst of the six."""
    inside = (time_s > ENDS_S) & (time_s < trial.time_s[-1] - ENDS_S)
    pairs = []
    for name in VASTI:
        curve = found.activations[:, muscles.index(name)]
        pairs.append((np.interp(time_s[inside], trial.time_s, curve), theirs[name][inside]))
    each = [(_r2(x, y), np.sqrt(((x - y) ** 2).mean())) for x, y in pairs]
    ours, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return (
        f"{_r2(ours, other):.3f} | {np.sqrt(((ours - other) ** 2).mean()):.3f} | "
        f"{min(r2 for r2, _ in each):.3f} | {max(rmse for _, rmse in each):.3f}"
    )


def _r2(x: np.ndarray, y: np.ndarray) -> float:
    return float(1.0 - ((x - y) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def cost(model: PreparedModel, trial: Trial) -> None:
    """Measure the processor time of a squat of 196 frames at 60 a second."""
    time_s = trial.time_s[0] + 2.0 + np.arange(196) / 60.0
    q = np.stack([np.interp(time_s, trial.time_s, column) for column in trial.q.T], axis=1)
    spent = []
    for _ in range(5):
        begun = time.process_time()
        simulate(model.body, model.actuators, q, time_s, Options(1.0))
        spent.append(time.process_time() - begun)
    print(f"\n196 frames: {min(spent):.2f} to {max(spent):.2f} s of one core")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("forces", type=Path)
    parser.add_argument("--fits", type=Path, default=None)
    parser.add_argument("--without-opensim-so", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        begun = time.process_time()
        model = prepare(args.forces / "subject4_manually_scaled.osim", args.fits or folder)
        print(f"fit: {time.process_time() - begun:.1f} s, {model.fit_notes()}")
        trial = read_trial(args.forces, model)
        weight_n = model.body.mass_kg * 9.80665
        found: dict[tuple[str, float], Simulation] = {}
        for scale in (0.0, 1.0):
            for label, plates in (("measured", trial.filtered), ("estimated", None)):
                found[label, scale] = simulate(
                    model.body, model.actuators, trial.q, trial.time_s, Options(scale), plates
                )
        print(
            "\n| vertical force | r | RMSE, N | of body weight | bias, N |\n|---|---|---|---|---|"
        )
        against_plates(trial, found["estimated", 1.0], weight_n)
        print("\n| forces | passive scale | reserve, Nm | pelvis, N | pelvis, Nm |")
        print("|---|---|---|---|---|")
        for (label, scale), one in found.items():
            print(f"| {label} | {scale:g} | {one.reserve_nm():.2f} | {one.residual_n():.2f} | "
                  f"{one.residual_nm():.2f} |")  # fmt: skip
        cost(model, trial)
        if args.without_opensim_so:
            return
        table = np.column_stack(list(trial.columns.values()))
        header = (f"forces\nversion=1\nnRows={len(table)}\nnColumns={table.shape[1]}\n"
                  "inDegrees=no\nendheader\n" + "\t".join(trial.columns))  # fmt: skip
        np.savetxt(folder / "plates.mot", table, fmt="%.8f", delimiter="\t", header=header,
                   comments="")  # fmt: skip
        begun = time.process_time()
        time_s, theirs = static_optimisation(
            args.forces / "subject4_manually_scaled.osim",
            args.forces / f"{TRIAL}_ik_scaled.mot", folder / "plates.mot",
            float(trial.time_s[-1]) - 0.05, folder,
        )  # fmt: skip
        print(f"\nStaticOptimization: {len(time_s)} frames, {time.process_time() - begun:.0f} s")
        print(
            "\n| vasti, forces | passive scale | R2, all | RMSE, all | R2, worst | RMSE, worst |"
        )
        print("|---|---|---|---|---|---|")
        for (label, scale), one in found.items():
            agreement = against_optimisation(time_s, theirs, trial, one, model.body.muscles)
            print(f"| {label} | {scale:g} | {agreement} |")


if __name__ == "__main__":
    main()
