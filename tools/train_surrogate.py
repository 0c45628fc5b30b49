"""Train the surrogates on parts of `tools/label_squats.py` and compare them with the simulation.

    python tools/train_surrogate.py OUT.safetensors PARTS ... --model MODEL.osim
        [--real MODEL.osim MOTION.mot ...]

The last body and every tenth squat of the others are held out. Real motions only judge.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.fit_surrogate import (
    FitOptions,
    agreement,
    fit_frames,
    fit_sequences,
    predicted,
    predicted_sequences,
)
from qevd_bio.generator.surrogate import Ranges, feature_names, frame_features
from qevd_bio.generator.surrogate_file import Surrogate, save_surrogate
from qevd_bio.muscles.prepared import prepare
from qevd_bio.muscles.simulate import Options, simulate
from qevd_bio.synthetic.labelled_squats import leg_length_m

NAMES = ("q", "ddq", "activations", "squat", "body", "leg_m", "mass_kg")
GROUPS = ("vas", "soleus", "gas", "glmax", "recfem")
HELD_OUT_EVERY = 10

Motions = list[tuple[tuple[float, float], np.ndarray, np.ndarray]]


def read_parts(folders: list[Path], coordinates: tuple[str, ...]) -> Motions:
    """Read squats as body, features (T, F) and activations (T, M)."""
    motions: Motions = []
    for part in (part for folder in folders for part in sorted(folder.glob("[0-9]*.npz"))):
        found = load_npz(part, NAMES)
        for number in np.unique(found["squat"]):
            rows = found["squat"] == number
            body = int(found["body"][rows][0])
            q, ddq = (found[name][rows].astype(np.float64) for name in ("q", "ddq"))
            sizes = float(found["leg_m"][body]), float(found["mass_kg"][body])
            features = frame_features(coordinates, q, ddq, *sizes)
            motions.append((sizes, features, found["activations"][rows].astype(np.float64)))
    return motions


def tell(what: str, ours: np.ndarray, simulated: np.ndarray, muscles: tuple[str, ...]) -> None:
    """Print R2 and RMSE of groups of muscles as a row."""
    groups = {
        group: np.array([i for i, name in enumerate(muscles) if name.startswith(group)])
        for group in GROUPS
    }
    found = agreement(ours, simulated, groups)
    cells = " | ".join(f"{r2:.3f}, {rmse:.3f}" for r2, rmse in found.values())
    print(f"| {what} | {cells} |", flush=True)


def main() -> None:
    """Train, compare, write the network of single frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, required=True, help="the model of the parts")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="MODEL MOTION ...")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--sequence-epochs", type=int, default=0)
    parser.add_argument("--passive-scale", type=float, default=1.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    fits = args.parts[0] / "bodies"
    prepared = prepare(args.model, fits)
    coordinates, muscles = prepared.body.coordinates, prepared.body.muscles
    motions = read_parts(args.parts, coordinates)
    last = motions[-1][0]
    held = [i for i, (body, _, _) in enumerate(motions)
            if body != last and i % HELD_OUT_EVERY == 0]  # fmt: skip
    other = [i for i, (body, _, _) in enumerate(motions) if body == last]
    train = [i for i in range(len(motions)) if i not in {*held, *other}]
    print(f"squats: {len(train)} to train, {len(held)} held out, {len(other)} of another body")
    x = np.concatenate([motions[i][1] for i in train])
    y = np.concatenate([motions[i][2] for i in train])
    begun = time.process_time()
    network = fit_frames(x, y, FitOptions(args.epochs, 256, 2e-3))
    print(f"{len(x)} frames, {time.process_time() - begun:.0f} s\n")
    print("| R2, RMSE | " + " | ".join(GROUPS) + " |\n|" + "---|" * (1 + len(GROUPS)))
    sets = [("held-out squats", held), ("another body", other)]
    for name, chosen in sets:
        tell(f"frame: {name}", predicted(network, np.concatenate([motions[i][1] for i in chosen])),
             np.concatenate([motions[i][2] for i in chosen]), muscles)  # fmt: skip
    real = [_real(model, motion, fits, args.passive_scale)
            for model, motion in zip(args.real[::2], args.real[1::2], strict=True)]  # fmt: skip
    names = feature_names(coordinates)
    for name, features, simulated in real:
        tell(f"frame: {name}", predicted(network, features), simulated, muscles)
        share = Ranges.of(x).outside(features)
        worst = ", ".join(f"{names[i]} {share[i]:.0%}" for i in np.argsort(-share)[:4])
        print(f"<!-- clipped in {name}: {worst}; any: {(share > 0.05).sum()} features -->")
    save_surrogate(Surrogate(network, coordinates, muscles, args.passive_scale), args.out)
    if args.sequence_epochs:
        begun = time.process_time()
        sequences = fit_sequences([motions[i][1] for i in train], [motions[i][2] for i in train],
                                  FitOptions(args.sequence_epochs, 16, 1e-3))  # fmt: skip
        for name, chosen in sets:
            found = predicted_sequences(sequences, [motions[i][1] for i in chosen])
            tell(f"transformer: {name}", np.concatenate(found),
                 np.concatenate([motions[i][2] for i in chosen]), muscles)  # fmt: skip
        for name, features, simulated in real:
            pieces = [features[at : at + 80] for at in range(0, len(features), 80)]
            found = predicted_sequences(sequences, pieces)
            tell(f"transformer: {name}", np.concatenate(found), simulated, muscles)
        print(f"transformer: {time.process_time() - begun:.0f} s")


def _real(
    model: Path, motion: Path, fits: Path, passive_scale: float
) -> tuple[str, np.ndarray, np.ndarray]:
    """Simulate a real motion; return its name, features and activations at 20 frames a second."""
    prepared = prepare(model, fits)
    file = read_mot(motion)
    scale = np.where(prepared.body.rotational & file.in_degrees, np.deg2rad(1.0), 1.0)
    q = np.stack([file.columns[name] for name in prepared.body.coordinates], axis=1) * scale
    found = simulate(prepared.body, prepared.actuators, q, file.time_s, Options(passive_scale))
    step = max(1, round(0.05 / float(np.median(np.diff(file.time_s)))))
    rows = slice(30, -30, step)
    features = frame_features(
        prepared.body.coordinates, found.q[rows], found.ddq[rows],
        leg_length_m(prepared), prepared.body.mass_kg,
    )  # fmt: skip
    return motion.stem, features, found.activations[rows]


if __name__ == "__main__":
    main()
