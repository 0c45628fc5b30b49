"""A training that is killed, resumed or divided gives the losses of one that is not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from qevd_bio.errors import DataError, UsageError
from qevd_bio.training.checkpoint import newest_checkpoint
from qevd_bio.training.log import LOG_FILE, read_log
from qevd_bio.training.recipe import run_recipe
from tests.model.made_training import recipe_named, small_recipe

pytest.importorskip("accelerate", reason="training needs accelerate")
COMMAND = [sys.executable, "-m", "tests.model.made_training"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(line.update, line.loss) for line in read_log(folder / LOG_FILE)]


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "selector" / "selector.safetensors")


def killed_after(updates: int, folder: Path, *changes: str) -> None:
    """Start a training and kill it once so many updates are printed."""
    command = [*COMMAND, "selector", str(folder), *changes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
                          start_new_session=True) as process:  # fmt: skip
        assert process.stdout is not None
        for _ in range(updates):
            assert process.stdout.readline().strip()
        # its loaders are killed with it
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing interrupts."""
    folder = tmp_path_factory.mktemp("whole") / "training"
    run_recipe(small_recipe("tensorboard=false"), folder)
    return folder


@pytest.mark.parametrize(
    ("updates", "workers"), [pytest.param(4, 0, marks=pytest.mark.slow), (8, 2)]
)
def test_a_killed_training_goes_on_with_the_same_losses_to_the_bit(
    tmp_path: Path, whole: Path, updates: int, workers: int
) -> None:
    folder, changes = tmp_path / "training", (f"loader_workers={workers}",)
    killed_after(updates, folder, *changes)
    done = newest_checkpoint(folder)
    assert done is not None and 0 < done.update < len(losses(whole))
    run_recipe(small_recipe(*changes), folder)
    assert losses(folder) == losses(whole)
    assert all(torch.equal(one, weights(whole)[name]) for name, one in weights(folder).items())


def test_micro_batches_only_change_the_order_of_sums(tmp_path: Path, whole: Path) -> None:
    run_recipe(small_recipe("micro_batch=5", "tensorboard=false"), tmp_path)
    for (update, loss), (_, expected) in zip(losses(tmp_path), losses(whole), strict=True):
        assert loss == pytest.approx(expected, rel=1e-5), update


DIVIDED = {"selector": (), "fusion": (), "lm-adapter": ("lora_dropout=0",)}
"""Recipes that are trained by two processes, with their changes."""


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the training of each recipe by two Gloo processes, which do all of them."""
    home = tmp_path_factory.mktemp("divided")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launch = ["-m", "torch.distributed.run", "--nproc-per-node=2", f"--master-port={port}"]
    asked = [word for name, changes in DIVIDED.items()
             for word in ("--", name, str(home / name), *changes)]  # fmt: skip
    done = subprocess.run(
        [sys.executable, *launch, "-m", "tests.model.made_training", *asked],
        env={**ENVIRONMENT, "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return home


@pytest.mark.slow
@pytest.mark.parametrize("name", DIVIDED)
def test_two_gloo_processes_give_the_losses_of_one(
    tmp_path: Path, divided: Path, name: str
) -> None:
    run_recipe(recipe_named(name, "tensorboard=false", *DIVIDED[name]), tmp_path / "one")
    found, expected = losses(divided / name), losses(tmp_path / "one")
    assert len(found) == len(expected) >= 4
    for (update, loss), (_, alone) in zip(found, expected, strict=True):
        assert loss == pytest.approx(alone, rel=2e-5), update


def test_a_training_that_was_killed_before_its_report_is_finished(
    tmp_path: Path, whole: Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "copy")
    (folder / "report.json").unlink()
    report = run_recipe(small_recipe("tensorboard=false"), folder)
    assert report is not None and losses(folder) == losses(whole)
    assert report == json.loads((whole / "report.json").read_text())


def test_another_configuration_or_data_is_not_resumed(tmp_path: Path, whole: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "copy")
    with pytest.raises(UsageError, match="began with batch_size = 64, not 32"):
        run_recipe(small_recipe("batch_size=32", "tensorboard=false"), folder)
    with pytest.raises(UsageError, match="began with seed = 0, not 1"):
        run_recipe(small_recipe("seed=1"), folder)
    assert run_recipe(small_recipe("micro_batch=7", "loader_workers=0"), folder) is not None


@pytest.mark.parametrize("damage", ["cut", "gone", "state"])
def test_a_damaged_checkpoint_is_refused_by_name(tmp_path: Path, whole: Path, damage: str) -> None:
    folder = shutil.copytree(whole, tmp_path / "copy")
    newest = max((folder / "checkpoints").iterdir())
    file = newest / ("state.json" if damage == "state" else "weights.safetensors")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DataError) as caught:
        newest_checkpoint(folder)
    assert newest.name in caught.value.where
    shutil.rmtree(newest)
    before = newest_checkpoint(folder)
    assert before is not None and before.update < losses(whole)[-1][0]


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path, whole: Path) -> None:
    from qevd_bio.training.checkpoint import restore

    checkpoint = newest_checkpoint(whole)
    model = torch.nn.Linear(3, 2)
    assert checkpoint is not None
    with pytest.raises(DataError, match="holds other parameters"):
        restore(checkpoint, model, torch.optim.AdamW(model.parameters()), where="here")


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    recipe = small_recipe("learning_rate=1e20", "clip_norm=0", "tensorboard=false")
    with pytest.raises(DataError, match=r"the loss is (nan|inf)"):
        run_recipe(recipe, tmp_path)


@pytest.mark.parametrize("name", ["selector", "checkpoints"])
def test_what_lies_in_a_folder_without_a_training_is_not_replaced(
    tmp_path: Path, name: str
) -> None:
    kept = tmp_path / name / "of_the_user.txt"
    kept.parent.mkdir()
    kept.write_text("kept")
    with pytest.raises(UsageError, match="a training here would replace it"):
        run_recipe(small_recipe("tensorboard=false"), tmp_path)
    assert kept.read_text() == "kept" and {one.name for one in tmp_path.iterdir()} == {name}
