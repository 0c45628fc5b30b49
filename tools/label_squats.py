"""Make squats that bodies can do, simulate each, and keep those that can be believed.

    python tools/label_squats.py MODEL.osim OUT --count 1200 --bodies 8 --seed 1

The model is the user's. OUT is a folder of parts, 000.npz and on, of 60 squats each; parts that
are there are kept, so an interrupted run goes on. `tools/train_surrogate.py` reads it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from qevd_bio.files.atomic import atomic_path
from qevd_bio.muscles.simulate import Options
from qevd_bio.synthetic.labelled_squats import label_squats, make_bodies

PART = 60


def main() -> None:
    """Make the parts and tell what was rejected."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=1200)
    parser.add_argument("--bodies", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--passive-scale", type=float, default=1.0)
    args = parser.parse_args()
    begun = time.process_time()
    models = make_bodies(args.model, args.out / "bodies", args.bodies, args.seed)
    print(f"{len(models)} bodies: {time.process_time() - begun:.0f} s", flush=True)
    for number in range(-(-args.count // PART)):
        part = args.out / f"{number:03}.npz"
        if part.is_file():
            continue
        begun = time.process_time()
        found = label_squats(models, PART, (args.seed, number), Options(args.passive_scale))
        with atomic_path(part) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **found.arrays())
        each = (time.process_time() - begun) / PART
        print(f"{part.name}: {each:.2f} s each, rejected {dict(found.rejected)}", flush=True)


if __name__ == "__main__":
    main()
