"""Train the VQ-VAE on squats of one body and lay its samples beside them: rows of two tables.

    python tools/train_vqvae.py PARTS --model MODEL.osim [--epochs 120] [--samples 20]

PARTS is of `tools/label_squats.py`; its first body, the model itself, is used. Every second squat
is trained on, the others are the reference row. Samples are simulated as everything else.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import astuple
from pathlib import Path

import numpy as np
import torch

from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.vqvae import VqvaeOptions, fit_vqvae, sampled
from qevd_bio.motion.motion_sets import SetMotion, corrected_row, noise_floor, printed_row
from qevd_bio.muscles.prepared import PreparedModel, prepare
from qevd_bio.muscles.simulate import Options, simulate

Cycle = tuple[np.ndarray, np.ndarray]
RATE_HZ = 60.0
KEPT_HZ = 20.0
JOINTS = tuple(f"{n}_{s}" for n in ("femur", "tibia", "talus", "calcn", "toes") for s in "rl")
HEADS = ("fidelity", "diversity", "penetration, cm", "floating, cm", "sliding, m/s", "tilt",
         "asymmetry", "angular speed", "COM speed", "COM acceleration", "constraint")  # fmt: skip


def read_cycles(folder: Path) -> list[Cycle]:
    """Read the squats of the first body: q (T, N) and time (T,)."""
    cycles = []
    for part in sorted(folder.glob("[0-9]*.npz")):
        found = load_npz(part, ("q", "squat", "body"))
        for number in np.unique(found["squat"][found["body"] == 0]):
            q = found["q"][found["squat"] == number].astype(np.float64)
            cycles.append((q, np.arange(len(q)) / KEPT_HZ))
    return cycles


def set_motion(model: PreparedModel, cycle: Cycle, options: Options) -> tuple[SetMotion, bool]:
    """Simulate a cycle and gather what the tables need; tell whether it can be believed."""
    q, time_s = cycle
    body = model.body
    low, high = body.ranges.T
    inside = bool(((q >= low - 1e-3) & (q <= high + 1e-3))[:, body.rotational].all())
    found = simulate(body, model.actuators, q, time_s, options)
    at = body.places(q, JOINTS)
    place = body.coordinates.index
    vasti = [body.muscles.index(f"vasmed_{side}") for side in "rl"]
    motion = SetMotion(
        time_s=time_s,
        coordinates=q,
        is_angle=body.rotational,
        pairs=tuple((place(f"{n}_r"), place(f"{n}_l"))
                    for n in ("hip_flexion", "knee_angle", "ankle_angle")),
        points_m=at.origins_m,
        pelvis_m=q[:, [place(f"pelvis_t{axis}") for axis in "xyz"]],
        centre_m=at.centre_m,
        tilt_deg=np.rad2deg(q[:, place("pelvis_tilt")]),
        activation=found.activations[:, vasti].max(axis=1),
    )  # fmt: skip
    return motion, inside and not found.doubts()


def main() -> None:
    """Train, sample, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--low", type=float, default=0.3)
    parser.add_argument("--high", type=float, default=0.5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = prepare(args.model, args.parts / "bodies")
    cycles = read_cycles(args.parts)
    shape = CycleShape.of(model.body.coordinates, cycles[::2])
    shaped = torch.tensor(np.stack([shape.shaped(*one) for one in cycles]), dtype=torch.float32)
    begun = time.process_time()
    network = fit_vqvae(shaped[::2], VqvaeOptions(width=args.width, epochs=args.epochs, batch=32))
    with torch.no_grad():
        off = (network(shaped[1::2])[0] - shaped[1::2]).numpy() * shape.spread
        made = sampled(network, shaped[::2], args.samples, seed=0).numpy()
        rebuilt = network(shaped[1::2][: args.samples])[0].numpy()
    angles = np.rad2deg(off[..., :-1][..., model.body.rotational])
    print(f"{len(shaped[::2])} cycles, {time.process_time() - begun:.0f} s; held-out cycles come "
          f"back with an RMSE of {np.sqrt((angles**2).mean()):.2f} degrees")  # fmt: skip
    sets: dict[str, list[Cycle]] = {
        "trained on": cycles[::2][: args.samples],
        "rebuilt": [shape.cycle(one.astype(np.float64), RATE_HZ) for one in rebuilt],
        "VQ-VAE": [shape.cycle(one.astype(np.float64), RATE_HZ) for one in made],
    }
    options = Options(1.0, floor_m=0.0)
    reference = [set_motion(model, one, options)[0] for one in cycles[1::2][: 2 * args.samples]]
    print(f"noise floor of the fidelity: {noise_floor(reference):.4f}\n")
    print("| set, form | " + " | ".join(HEADS) + " | believed |")
    print("|" + "---|" * (len(HEADS) + 2))
    measured = {"reference": ([(one, True) for one in reference])}
    for name, chosen in sets.items():
        measured[name] = [set_motion(model, one, options) for one in chosen]
    for name, pairs in measured.items():
        motions, believed = [one for one, _ in pairs], np.mean([sound for _, sound in pairs])
        for form, row_of in (("printed", printed_row), ("corrected", corrected_row)):
            row = astuple(row_of(motions, reference, args.low, args.high))
            cells = " | ".join(f"{value:.3f}" for value in row)
            print(f"| {name}, {form} | {cells} | {believed:.0%} |", flush=True)


if __name__ == "__main__":
    main()
