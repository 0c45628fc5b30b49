"""Train the VQ-VAE on made squats.

    python tools/train_vqvae.py OUT.safetensors PARTS --model MODEL.osim [--epochs 120]

PARTS is of `tools/label_motions.py`. It is trained on what its scaled bodies do, laid out for the
legs of the model itself, and on their mirror images; the model's own motions are not trained on
and tell how well cycles come back. `benchmarks.generated_squats` simulates what it makes.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from qevd_bio.errors import UsageError
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.surrogate import mirror_of
from qevd_bio.generator.vqvae import VqvaeOptions, fit_vqvae
from qevd_bio.generator.vqvae_file import CycleGenerator, save_vqvae
from qevd_bio.muscles.prepared import prepare
from qevd_bio.skeleton.opensim_map import TRANSLATIONS

Cycle = tuple[np.ndarray, np.ndarray]
RATE_HZ = 60.0
KEPT_HZ = 20.0
LEGS = ("hip", "knee", "ankle", "subtalar")


def read_cycles(folder: Path, coordinates: tuple[str, ...]) -> tuple[list[Cycle], list[Cycle]]:
    """Read exact motions, q (T, N) and time (T,): of scaled bodies, and of the model itself.

    The pelvis of a scaled body moves as far as legs of the model's length would let it.
    """
    scaled: list[Cycle] = []
    own: list[Cycle] = []
    places = [coordinates.index(name) for name in TRANSLATIONS]
    for part in sorted(folder.glob("[0-9]*.npz")):
        found = load_npz(part, ("q", "motion", "body", "leg_m", "error_deg"))
        if found["error_deg"]:
            continue
        for number in np.unique(found["motion"]):
            rows = found["motion"] == number
            body = int(found["body"][rows][0])
            q = found["q"][rows].astype(np.float64)
            q[:, places] *= float(found["leg_m"][0] / found["leg_m"][body])
            (scaled if body else own).append((q, np.arange(len(q)) / KEPT_HZ))
    return scaled, own


def leg_pairs(coordinates: tuple[str, ...]) -> list[tuple[int, int]]:
    """Pair the right and left angles of the legs."""
    return [
        (coordinates.index(name), coordinates.index(f"{name[:-2]}_l"))
        for name in coordinates
        if name.startswith(LEGS) and name.endswith("_r")
    ]


def main() -> None:
    """Train, write, and print how well cycles come back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--codes", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    args = parser.parse_args()
    try:
        options = VqvaeOptions(
            width=args.width, codes=args.codes, heads=args.heads, epochs=args.epochs, batch=32
        )
    except UsageError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    model = prepare(args.model, args.parts / "bodies")
    coordinates = model.body.coordinates
    scaled, own = read_cycles(args.parts, coordinates)
    shape = CycleShape.of(coordinates, scaled)
    whose, signs = mirror_of(coordinates)
    images = [(q[:, whose] * signs, time_s) for q, time_s in scaled]
    both = [one for pair in zip(scaled, images, strict=True) for one in pair]
    train, held = (
        torch.tensor(np.stack([shape.shaped(*one) for one in cycles]), dtype=torch.float32)
        for cycles in (both, own)
    )
    begun = time.process_time()
    network = fit_vqvae(train, options, leg_pairs(coordinates))
    save_vqvae(CycleGenerator.of(network, shape, train), args.out)
    with torch.no_grad():
        off = (network(held)[0] - held).numpy() * shape.spread
    angles = np.rad2deg(off[..., :-1][..., model.body.rotational])
    rmse_deg = float(np.sqrt((angles**2).mean()))
    cost_s = time.process_time() - begun
    print(f"{len(train)} cycles, {cost_s:.0f} s; held-out cycles: RMSE {rmse_deg:.2f} degrees")


if __name__ == "__main__":
    main()
