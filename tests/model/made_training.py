"""Small trainings for tests, also as a process that can be killed or started twice.

python -m tests.model.made_training RECIPE FOLDER key=value ... [-- RECIPE FOLDER ...]
"""

from __future__ import annotations

import sys
import time
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from qevd_bio.training import train_selector
from qevd_bio.training.configuration import read_config
from qevd_bio.training.log import LogLine
from qevd_bio.training.recipe import Recipe, run_recipe
from qevd_bio.training.recipes import prepared_recipe
from qevd_bio.training.tiny_selector import TINY_CONFIG, tiny_selector_data
from qevd_bio.training.train_selector import selector_recipe

SLOW_S = 0.02


def small_recipe(*changes: str) -> Recipe:
    """The selector's recipe on made-up data, of two epochs."""
    config = read_config(TINY_CONFIG, changes=["epochs=2", "checkpoint_every=3", *changes])
    return selector_recipe(config, tiny_selector_data())


def recipe_named(name: str, *changes: str) -> Recipe:
    """The recipe of a name on made-up data, short."""
    if name == "selector":
        return small_recipe(*changes)
    return prepared_recipe(name, None, ["epochs=1", *changes], tiny=True)


def main() -> None:
    """Train, slowly enough to be killed in between; one training after the other."""
    torch.set_num_threads(1)
    usual = train_selector.WindowDataset.__getitem__

    def slow(self: train_selector.WindowDataset, index: int) -> tuple[Tensor, Tensor]:
        if index % 64 == 0:
            time.sleep(SLOW_S)
        return usual(self, index)

    train_selector.WindowDataset.__getitem__ = slow  # type: ignore[method-assign]

    def show(line: LogLine, _updates: int) -> None:
        print(line.update, flush=True)

    for is_end, words in groupby(sys.argv[1:], "--".__eq__):
        if not is_end:
            name, folder, *changes = words
            run_recipe(recipe_named(name, *changes), Path(folder), show)


if __name__ == "__main__":
    main()
