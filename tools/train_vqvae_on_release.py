"""Train the VQ-VAE of a generator on the good cycles of a release, for `references generate`.

    python tools/train_vqvae_on_release.py OUT.safetensors RELEASE [--exercise squat]

Only whole cycles of the train split that were seen throughout and have no violation are taken.
What ships is trained on made motions instead (tools/train_vqvae.py); a network trained on people
is theirs who hold the release.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from qevd_bio.errors import DataError, UsageError
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.released_cycles import ReleasedCycle, released_cycles
from qevd_bio.generator.vqvae import VqvaeOptions, fit_vqvae
from qevd_bio.generator.vqvae_file import CycleGenerator, save_vqvae
from qevd_bio.skeleton.opensim_map import USED

LEAST = 8
"""Fewer cycles teach nothing."""


def trained(cycles: Sequence[ReleasedCycle], options: VqvaeOptions) -> CycleGenerator:
    """Train on cycles; their codes are where guidance may start.

    `DataError` where there are too few.
    """
    if len(cycles) < LEAST:
        raise DataError(
            f"has {len(cycles)} good cycles of this exercise, fewer than {LEAST}",
            where="release",
            next_step="Name a release with more, or take the shipped weights",
        )
    pairs = [(one.q, one.time_s) for one in cycles]
    shape = CycleShape.of(USED, pairs)
    shaped = torch.tensor(np.stack([shape.shaped(*one) for one in pairs]), dtype=torch.float32)
    return CycleGenerator.of(fit_vqvae(shaped, options), shape, shaped)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("release", type=Path)
    parser.add_argument("--exercise", default="squat")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--codes", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    try:
        options = VqvaeOptions(
            width=args.width, codes=args.codes, heads=args.heads, epochs=args.epochs, batch=32,
            seed=args.seed,
        )  # fmt: skip
        cycles = released_cycles(args.release, args.exercise)
        save_vqvae(trained(cycles, options), args.out)
    except (UsageError, DataError) as error:
        parser.error(str(error))
    people = len({one.video_id for one in cycles})
    print(f"{args.out}: {len(cycles)} good cycles of {people} videos")


if __name__ == "__main__":
    main()
