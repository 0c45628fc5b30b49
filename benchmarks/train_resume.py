"""Kill a training at random updates and compare its losses with those of one that was not killed.

Run ``python -m benchmarks.train_resume --kills 10 --recipe selector``. Each round starts the
recipe on its made-up data in a process of its own, kills it with SIGKILL after a random number of
updates, and lets the next round go on in the same folder, so the kills add up on one training.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from qevd_bio.training.log import LOG_FILE, read_log

CODE = """
import sys
from pathlib import Path
from qevd_bio.training.recipe import run_recipe
from qevd_bio.training.recipes import prepared_recipe

recipe = prepared_recipe(sys.argv[1], None, sys.argv[3:], tiny=True)
run_recipe(recipe, Path(sys.argv[2]), lambda line, _updates: print(line.update, flush=True))
"""
CHANGES = ("tensorboard=false", "loader_workers=1", "checkpoint_every=3")


def started(recipe: str, folder: Path, epochs: int) -> subprocess.Popen[str]:
    """Start or resume the training."""
    command = [sys.executable, "-c", CODE, recipe, str(folder), *CHANGES, f"epochs={epochs}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def killed(recipe: str, folder: Path, epochs: int, after: int) -> int:
    """Kill the training after so many updates of this round; return the last one seen."""
    last = 0
    with started(recipe, folder, epochs) as process:
        assert process.stdout is not None
        for _ in range(after):
            line = process.stdout.readline()
            if not line:
                break
            last = int(line)
        os.killpg(process.pid, signal.SIGKILL)
    return last


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--recipe", choices=("selector", "fusion", "lm-adapter"), default="fusion")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as temporary:
        whole, cut = Path(temporary, "whole"), Path(temporary, "cut")
        with started(asked.recipe, whole, asked.epochs) as process:
            process.communicate()
        seen = [
            killed(asked.recipe, cut, asked.epochs, chance.randint(1, 9))
            for _ in range(asked.kills)
        ]
        with started(asked.recipe, cut, asked.epochs) as process:
            process.communicate()
        found, expected = (
            [(line.update, line.loss) for line in read_log(folder / LOG_FILE)]
            for folder in (cut, whole)
        )
    print(f"{asked.recipe}: killed after updates {seen} of {len(expected)}")
    same = sum(one == other for one, other in zip(found, expected, strict=True))
    print(f"{same} of {len(expected)} losses equal to the bit")
    if same < len(expected):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
