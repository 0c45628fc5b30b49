"""Average the weights of a network that ships and of ones that went on from it.

``python -m tools.capture_correction.mean_weights correction.safetensors 0 T.safetensors
U.safetensors --out NET.safetensors``. Going on forgets some of what the first clips taught; the
mean of the weights keeps it and the new, as all lie in one basin of the loss (Wortsman et al.,
Model soups, ICML 2022).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tools.capture_correction.train import shipped_network


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the mean; `ValueError` where the networks have other tensors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shipped", type=Path)
    parser.add_argument("nth", type=int, help="network of the shipped file")
    parser.add_argument("tuned", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    parts = [shipped_network(chosen.shipped, chosen.nth), *map(load_file, chosen.tuned)]
    if any(part.keys() != parts[0].keys() for part in parts):
        raise ValueError("the networks have other tensors: they did not go on from the same one")
    with safe_open(chosen.tuned[0], "np") as opened:
        about = opened.metadata()
    mean = {name: torch.stack([part[name] for part in parts]).mean(0) for name in parts[0]}
    save_file(mean, chosen.out, about)


if __name__ == "__main__":
    main()
