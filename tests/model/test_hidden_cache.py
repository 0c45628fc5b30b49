from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.batch import collate
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.hidden_cache import HiddenCache
from qevd_bio.model.layout import Example, LayoutConfig, lay_out
from qevd_bio.model.trainable import make_trainable, trainable
from tests.model.coaches import (
    made_coach,
    made_contexts,
    made_features,
    made_segment,
    with_fusion,
)


@pytest.fixture
def coach(tmp_path: Path) -> Coach:
    made = made_coach(tmp_path)
    with_fusion(made.model)
    make_trainable(made.model, "fusion")
    return made


def examples(coach: Coach, every: int = 9) -> list[Example]:
    return [
        lay_out(
            made_segment((1.0, "lower"), end_s=end_s),
            made_features(20, seed=seed),
            made_contexts(20, every=every),
            coach.tokenizer,
            LayoutConfig(slot_tokens=20),
        )
        for seed, end_s in ((0, 103.0), (1, 105.0))
    ]


@pytest.mark.parametrize("kept", ["memory", "folder"])
def test_the_upper_part_gives_the_same(coach: Coach, tmp_path: Path, kept: str) -> None:
    folder = tmp_path / "states" if kept == "folder" else None
    cache = HiddenCache(coach.model, folder=folder)
    # The first cross-attention comes after layer 1, so two layers are below it.
    assert cache.depth == 2
    rows = examples(coach)
    first, again = cache.states(rows), cache.states(rows)
    assert (cache.found, cache.computed) == (2, 2)
    assert torch.equal(first, again)
    if folder is not None:
        later = HiddenCache(coach.model, folder=folder)
        assert torch.equal(later.states(rows), first) and later.computed == 0
    batch = collate(rows)
    whole, upper = coach.model(batch), coach.model(batch, first)
    assert (whole - upper).abs().max() < 1e-5
    gradients = [
        torch.autograd.grad(logits.square().sum(), list(trainable(coach.model).values()))
        for logits in (whole, upper)
    ]
    for one, other in zip(*gradients, strict=True):
        assert (one - other).abs().max() < 1e-4 * one.abs().max()


def test_other_contexts_are_other_states(coach: Coach) -> None:
    cache = HiddenCache(coach.model)
    cache.states(examples(coach))
    cache.states(examples(coach, every=3))
    assert cache.computed == 4


def test_other_frames_are_not(coach: Coach) -> None:
    cache = HiddenCache(coach.model)
    rows = examples(coach)
    cache.states(rows)
    cache.states([replace(row, frames=row.frames[::-1]) for row in rows])
    assert cache.found == 2


def test_other_weights_are_other_states(coach: Coach, tmp_path: Path) -> None:
    folder = tmp_path / "states"
    HiddenCache(coach.model, folder=folder).states(examples(coach))
    coach.model.language.model.layers[0].mlp.up_proj.weight.data[0, 0] += 1
    cache = HiddenCache(coach.model, folder=folder)
    cache.states(examples(coach))
    assert cache.computed == 2


def test_full_is_full(coach: Coach) -> None:
    cache = HiddenCache(coach.model, most_bytes=70_000)
    for _ in range(2):
        cache.states(examples(coach))
    assert (cache.found, cache.computed) == (1, 3)


def test_a_recipe_that_trains_below_has_no_states(coach: Coach) -> None:
    cache = HiddenCache(coach.model)
    make_trainable(coach.model, "lm-adapter")
    with pytest.raises(DataError, match="changed"):
        cache.states(examples(coach))
    assert HiddenCache(coach.model).states(examples(coach)) is None


def test_an_adapter_of_upper_layers_leaves_the_lower_states(coach: Coach) -> None:
    batch = collate(examples(coach))
    before = coach.model(batch)
    depth = min(map(int, coach.model.cross_attention)) + 1
    parameters = make_trainable(coach.model, "lm-adapter", first_layer=depth)
    cache = HiddenCache(coach.model)
    assert cache.depth == depth
    lower = cache.states(examples(coach))
    assert torch.allclose(coach.model(batch, lower), before, atol=1e-5)
    optimiser = torch.optim.AdamW(parameters.values(), lr=0.05)
    for _ in range(2):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(coach.model(batch, lower), batch.targets)
        loss.backward()
        optimiser.step()
    coach.model.eval()
    assert not torch.allclose(coach.model(batch), before, atol=1e-3), "it was trained"
    assert torch.allclose(coach.model(batch, lower), coach.model(batch), atol=1e-5)
    with pytest.raises(UsageError, match="and none 9"):
        make_trainable(coach.model, "lm-adapter", first_layer=9)


def test_a_damaged_file_is_named(coach: Coach, tmp_path: Path) -> None:
    cache = HiddenCache(coach.model, folder=tmp_path / "states")
    cache.states(examples(coach))
    for file in (tmp_path / "states").iterdir():
        file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(DataError, match=r"states.*safetensors"):
        cache.states(examples(coach))
