"""Train the surrogates on parts of `tools/label_motions.py` and compare them with the simulation.

    python tools/train_surrogate.py OUT.safetensors PARTS ... --model MODEL.osim
        [--real MODEL.osim MOTION.mot ...]

The last three bodies and every tenth motion of the others are held out. Real motions only judge.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
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
from qevd_bio.generator.surrogate import Ranges, feature_names, frame_features, mirror_of
from qevd_bio.generator.surrogate_file import Surrogate, save_surrogate
from qevd_bio.muscles.prepared import prepare
from qevd_bio.muscles.simulate import Options, simulate
from qevd_bio.synthetic.labelled_motions import leg_length_m

NAMES = ("q", "dq", "ddq", "activations", "motion", "body", "leg_m", "mass_kg", "error_deg")
APART = "vas, right - left"
GROUPS = ("vas", "soleus", "gas", "glmax", "recfem")
HELD_OUT_EVERY, HELD_OUT_BODIES = 10, 3


@dataclass(frozen=True)
class Labelled:
    """A motion: number of its body, whether exact, features (T, F) and activations (T, M)."""

    body: int
    exact: bool
    features: np.ndarray
    activations: np.ndarray


def read_parts(folders: list[Path], coordinates: tuple[str, ...]) -> list[Labelled]:
    """Read the motions of all parts."""
    motions = []
    for part in (part for folder in folders for part in sorted(folder.glob("[0-9]*.npz"))):
        found = load_npz(part, NAMES)
        for number in np.unique(found["motion"]):
            rows = found["motion"] == number
            body = int(found["body"][rows][0])
            moved = [found[name][rows].astype(np.float64) for name in ("q", "dq", "ddq")]
            sizes = float(found["leg_m"][body]), float(found["mass_kg"][body])
            features = frame_features(coordinates, moved[0], moved[1], moved[2], *sizes)
            activations = found["activations"][rows].astype(np.float64)
            motions.append(Labelled(body, not found["error_deg"], features, activations))
    return motions


def with_mirrored(
    motions: list[Labelled], coordinates: tuple[str, ...], muscles: tuple[str, ...]
) -> list[Labelled]:
    """Add the mirror image of each motion: the model's sides are alike."""
    whose, signs = mirror_of(feature_names(coordinates))
    theirs, _ = mirror_of(muscles)
    return motions + [
        Labelled(one.body, one.exact, one.features[:, whose] * signs, one.activations[:, theirs])
        for one in motions
    ]


def tell(what: str, ours: np.ndarray, simulated: np.ndarray, muscles: tuple[str, ...]) -> None:
    """Print R2 and RMSE of groups of muscles, and of how the vasti share, as a row."""
    groups = {
        group: np.array([i for i, name in enumerate(muscles) if name.startswith(group)])
        for group in GROUPS
    }
    found = agreement(ours, simulated, groups)
    right, left = ([i for i, name in enumerate(muscles) if re.match(f"vas.*_{side}$", name)]
                   for side in "rl")  # fmt: skip
    apart = [one[:, right] - one[:, left] for one in (ours, simulated)]
    found |= agreement(apart[0], apart[1], {APART: np.arange(len(right))})
    cells = " | ".join(f"{r2:.3f}, {rmse:.3f}" for r2, rmse in found.values())
    print(f"| {what} | {cells} |", flush=True)


def main() -> None:
    """Train, compare, write the network of single frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, required=True, help="the model of the parts")
    parser.add_argument("--real", type=Path, nargs="*", default=[], help="MODEL MOTION ...")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--noise", type=float, default=0.05)
    parser.add_argument("--every", type=int, default=1, help="train on every n-th frame only")
    parser.add_argument("--sequence-epochs", type=int, default=0)
    parser.add_argument("--passive-scale", type=float, default=1.0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    fits = args.parts[0] / "bodies"
    prepared = prepare(args.model, fits)
    coordinates, muscles = prepared.body.coordinates, prepared.body.muscles
    motions = read_parts(args.parts, coordinates)
    strange = max(one.body for one in motions) - HELD_OUT_BODIES
    other = [one for one in motions if one.body > strange]
    own = [one for one in motions if one.body <= strange]
    sets = {
        "held-out motions": own[::HELD_OUT_EVERY],
        "other bodies": [one for one in other if one.exact],
        "other bodies, as measured": [one for one in other if not one.exact],
    }
    kept = [one for i, one in enumerate(own) if i % HELD_OUT_EVERY]
    train = with_mirrored(kept, coordinates, muscles)
    print(f"motions: {len(kept)} to train, " + ", ".join(f"{len(v)} {k}" for k, v in sets.items()))
    x = np.concatenate([one.features[:: args.every] for one in train])
    y = np.concatenate([one.activations[:: args.every] for one in train])
    begun = time.process_time()
    network = fit_frames(x, y, FitOptions(args.epochs, 512, 2e-3, noise=args.noise))
    print(f"{len(x)} frames with their mirror images, {time.process_time() - begun:.0f} s\n")
    save_surrogate(Surrogate(network, coordinates, muscles, args.passive_scale), args.out)
    print("| R2, RMSE | " + " | ".join((*GROUPS, APART)) + " |\n|" + "---|" * (2 + len(GROUPS)))
    truths = {name: np.concatenate([one.activations for one in chosen])
              for name, chosen in sets.items() if chosen}  # fmt: skip
    for name, truth in truths.items():
        tell(f"frame: {name}",
             predicted(network, np.concatenate([one.features for one in sets[name]])),
             truth, muscles)  # fmt: skip
    real = [_real(model, motion, fits, args.passive_scale)
            for model, motion in zip(args.real[::2], args.real[1::2], strict=True)]  # fmt: skip
    names = feature_names(coordinates)
    for name, features, simulated in real:
        tell(f"frame: {name}", predicted(network, features), simulated, muscles)
        share = Ranges.of(x).outside(features)
        worst = ", ".join(f"{names[i]} {share[i]:.0%}" for i in np.argsort(-share)[:4])
        print(f"<!-- clipped in {name}: {worst}; any: {(share > 0.05).sum()} features -->")
    if args.sequence_epochs:
        begun = time.process_time()
        sequences = fit_sequences(
            [one.features for one in train], [one.activations for one in train],
            FitOptions(args.sequence_epochs, 16, 1e-3),
        )  # fmt: skip
        for name, truth in truths.items():
            found = predicted_sequences(sequences, [one.features for one in sets[name]])
            tell(f"transformer: {name}", np.concatenate(found), truth, muscles)
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
        prepared.body.coordinates, found.q[rows], found.dq[rows], found.ddq[rows],
        leg_length_m(prepared), prepared.body.mass_kg,
    )  # fmt: skip
    return motion.stem, features, found.activations[rows]


if __name__ == "__main__":
    main()
