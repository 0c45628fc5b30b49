"""Make motions that bodies can do, simulate each, and keep those that can be believed.

    python tools/label_motions.py MODEL.osim OUT --count 2400 --bodies 16 --seed 1

The model is the user's. OUT is a folder of parts, 000.npz and on, of 60 motions each; parts that
are there are kept, so an interrupted run goes on. Every second part is simulated as a measurement
would give it. `tools/train_surrogate.py` and `tools/train_vqvae.py` read OUT.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qevd_bio.files.atomic import atomic_path
from qevd_bio.muscles.simulate import Options
from qevd_bio.synthetic.labelled_motions import Make, label_motions, make_bodies
from qevd_bio.synthetic.sit_to_stand import random_sit_to_stand
from qevd_bio.synthetic.split_squats import random_split_squat
from qevd_bio.synthetic.squats import random_squat

MAKERS: Mapping[str, Make] = {
    "squat": random_squat,
    "split_squat": random_split_squat,
    "sit_to_stand": random_sit_to_stand,
}
PART = 60
EVERY = 3
"""Of the 60 frames a second of a made motion, these are simulated and kept."""

MEASURED_EVERY, ERROR_DEG = 2, 1.5


def main() -> None:
    """Make the parts and tell what was rejected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--exercise", choices=sorted(MAKERS), default="squat")
    parser.add_argument("--count", type=int, default=2400)
    parser.add_argument("--part", type=int, default=PART, help="motions of a part")
    parser.add_argument("--bodies", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--passive-scale", type=float, default=1.0)
    args = parser.parse_args()
    options = Options(args.passive_scale, every=EVERY)
    begun = time.process_time()
    models = make_bodies(args.model, args.out / "bodies", args.bodies, args.seed)
    print(f"{len(models)} bodies: {time.process_time() - begun:.0f} s", flush=True)
    for number in range(-(-args.count // args.part)):
        part = args.out / f"{number:03}.npz"
        if part.is_file():
            continue
        begun = time.process_time()
        error_deg = ERROR_DEG if number % MEASURED_EVERY == MEASURED_EVERY - 1 else 0.0
        found = label_motions(
            models, MAKERS[args.exercise], args.part, (args.seed, number), options, error_deg
        )
        with atomic_path(part) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, error_deg=error_deg, **found.arrays())
        each = (time.process_time() - begun) / args.part
        print(f"{part.name}: {each:.2f} s each, rejected {dict(found.rejected)}", flush=True)


if __name__ == "__main__":
    main()
