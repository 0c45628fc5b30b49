"""The recipes of a coach train what they say, keep all else to the bit, and resume."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.batch import collate
from qevd_bio.model.coach_folder import Coach, load_coach
from qevd_bio.training.configuration import read_config
from qevd_bio.training.forecast import forecast, kept_bytes
from qevd_bio.training.log import LOG_FILE, LogLine, read_log
from qevd_bio.training.loop import start_processes
from qevd_bio.training.recipe import Recipe, run_recipe
from qevd_bio.training.recipes import prepared_recipe
from qevd_bio.training.tiny_coach_data import (
    TINY_ADAPTER,
    TINY_FUSION,
    tiny_coach_data,
    tiny_coach_in_memory,
)
from qevd_bio.training.train_fusion import fusion_recipe
from qevd_bio.training.train_lm_adapter import adapter_recipe

pytest.importorskip("accelerate", reason="training needs accelerate")
pytest.importorskip("transformers", reason="the coach needs transformers")
SHORT = ("epochs=1", "batch_size=4", "micro_batch=2", "checkpoint_every=2", "tensorboard=false")


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def coaches() -> dict[bool, Coach]:
    return {sees: tiny_coach_in_memory(sees=sees) for sees in (False, True)}


def recipe_of(name: str, coaches: dict[bool, Coach], *changes: str) -> tuple[Recipe, Coach]:
    """A recipe with a coach of its own."""
    coach = load_coach(coaches[name == "fusion"].folder)
    coach.model.load_state_dict(coaches[name == "fusion"].model.state_dict())
    if name == "fusion":
        config = read_config(TINY_FUSION, changes=[*SHORT, *changes])
        return fusion_recipe(config, coach, tiny_coach_data()), coach
    adapter = read_config(TINY_ADAPTER, changes=[*SHORT, *changes])
    return adapter_recipe(adapter, coach, tiny_coach_data()), coach


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(line.update, line.loss) for line in read_log(folder / LOG_FILE)]


class Interrupted(Exception):
    pass


def interrupt_at(update: int) -> Any:
    def on_update(line: LogLine, _updates: int) -> None:
        if line.update == update:
            raise Interrupted

    return on_update


@pytest.mark.parametrize("name", ["fusion", "lm-adapter"])
def test_a_recipe_changes_its_part_alone_and_goes_on_with_the_same_losses(
    tmp_path: Path, coaches: dict[bool, Coach], name: str
) -> None:
    recipe, coach = recipe_of(name, coaches)
    model = coach.model
    before = {key: one.detach().clone() for key, one in model.named_parameters()}
    trained = {key for key, one in model.named_parameters() if one.requires_grad}
    assert run_recipe(recipe, tmp_path / "whole") is not None
    for key, one in model.named_parameters():
        assert torch.equal(one, before[key]) != (key in trained), key

    again, _ = recipe_of(name, coaches)
    with pytest.raises(Interrupted):
        run_recipe(again, tmp_path / "cut", interrupt_at(5))
    assert [update for update, _ in losses(tmp_path / "cut")] == [1, 2, 3, 4, 5]
    resumed, resumed_coach = recipe_of(name, coaches, "loader_workers=1")
    run_recipe(resumed, tmp_path / "cut")
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    for key, one in resumed_coach.model.named_parameters():
        assert torch.equal(one, model.get_parameter(key)), key

    saved = load_coach(tmp_path / "whole" / "coach")
    batch = collate([recipe.task.dataset[0], recipe.task.dataset[3]])
    with torch.inference_mode():
        torch.testing.assert_close(saved.model(batch), model(batch), atol=2e-5, rtol=1e-5)
    assert (saved.settings.release, saved.settings.network) == ("0.0.0", "made-up features")


def test_the_adapter_learns_what_frames_ask_for(
    tmp_path: Path, coaches: dict[bool, Coach]
) -> None:
    recipe, _ = recipe_of("lm-adapter", coaches, "epochs=4")
    report = run_recipe(recipe, tmp_path)
    first = losses(tmp_path)[0][1]
    assert report is not None and float(str(report["held_out_loss"])) < 0.7 * first


def test_the_loss_of_an_update_is_that_of_its_samples_in_one_batch(
    tmp_path: Path, coaches: dict[bool, Coach]
) -> None:
    recipe, coach = recipe_of("fusion", coaches, "micro_batch=1")
    with torch.inference_mode():
        from qevd_bio.model.loss import weighted_next_token_loss
        from qevd_bio.training.order import BatchPlan

        plan = BatchPlan(24, 4, 4, seed=0)
        batch = collate([recipe.task.dataset[plan.sample(0, row)] for row in range(4)])
        alone = weighted_next_token_loss(coach.model(batch), batch.targets, batch.weights)
    run_recipe(recipe, tmp_path)
    assert losses(tmp_path)[0][1] == pytest.approx(float(alone), rel=1e-6)


def test_states_that_are_kept_change_no_loss(tmp_path: Path, coaches: dict[bool, Coach]) -> None:
    for cache_gb in (0.0, 8.0):
        recipe, _ = recipe_of("fusion", coaches, f"cache_gb={cache_gb}")
        run_recipe(recipe, tmp_path / f"{cache_gb}")
    for (_, kept), (_, plain) in zip(
        losses(tmp_path / "8.0"), losses(tmp_path / "0.0"), strict=True
    ):
        assert kept == pytest.approx(plain, rel=1e-6)


def test_another_coach_or_another_network_is_refused(
    tmp_path: Path, coaches: dict[bool, Coach]
) -> None:
    recipe, _ = recipe_of("fusion", coaches)
    run_recipe(recipe, tmp_path / "one")
    other = replace(recipe, made_from={**recipe.made_from, "coach": "0" * 64})
    with pytest.raises(UsageError, match="began with coach = "):
        run_recipe(other, tmp_path / "one")
    saved = load_coach(tmp_path / "one" / "coach")
    strange = replace(tiny_coach_data(), network="another network")
    with pytest.raises(DataError, match="another network"):
        fusion_recipe(TINY_FUSION, saved, strange)


def test_a_truncated_coach_is_refused(tmp_path: Path, coaches: dict[bool, Coach]) -> None:
    folder = shutil.copytree(coaches[True].folder, tmp_path / "coach")
    file = folder / "language.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="cut short"):
        prepared_recipe("fusion", None, [f"coach={folder}", "release=r", "work=w"])


@pytest.mark.parametrize("name", ["fusion", "lm-adapter"])
def test_a_forecast_counts_what_a_pass_keeps_and_proposes_a_batch_that_fits(
    coaches: dict[bool, Coach], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qevd_bio.training import forecast as module

    recipe, coach = recipe_of(name, coaches, "batch_size=16", "micro_batch=16")
    task = recipe.task
    before = {key: one.detach().clone() for key, one in coach.model.named_parameters()}
    monkeypatch.setattr(module, "_TIMED_AT_LEAST_S", 0.0)
    found = forecast(task, recipe.config, start_processes())
    assert all(torch.equal(one, before[key]) for key, one in coach.model.named_parameters())
    assert found.trained == sum(p.numel() for p in coach.model.parameters() if p.requires_grad)
    batch = task.collate([task.dataset[task.largest()]] * 8)
    coach.model.train()
    eight = kept_bytes(coach.model, lambda: task.loss(coach.model, batch, []))
    assert found.fixed_bytes + 8 * found.sample_bytes == pytest.approx(eight, rel=0.05)

    enough = (found.optimizer_bytes + found.fixed_bytes + 5.5 * found.sample_bytes) / 0.85
    monkeypatch.setattr(module, "free_bytes", lambda _device: int(enough))
    tight = forecast(task, recipe.config, start_processes())
    assert not tight.fits
    assert tight.largest_micro_batch == 5
    assert "--set micro_batch=5" in tight.advice
    monkeypatch.setattr(module, "free_bytes", lambda _device: 0)
    assert "not even one sample" in forecast(task, recipe.config, start_processes()).advice


def test_what_a_pass_keeps_is_counted_in_bytes() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    x = torch.zeros(11, 7)
    # the input (11, 7) for the first weight, and the result of tanh (11, 5), kept twice
    assert kept_bytes(layer, lambda: layer(x).sum()) == 4 * (11 * 7 + 11 * 5)
