"""The script that trains the stand-in: exact resume, and labels that are what was rendered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.errors import UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.features.networks import load_standin
from qevd_bio.synthetic.performance import perform_exercise
from qevd_bio.weights.tensor_file import write_tensors
from tools import train_feature_standin as script
from tools.standin_clips import (
    FRAMES,
    HELD_OUT_AZIMUTH_DEG,
    Clip,
    _view,
    clip_orders,
    phase_at,
)

SETTINGS = script.Settings(
    exercises=2, clips_per_exercise=1, steps=4, windows_per_step=1, window_frames=16
)


@pytest.fixture
def clips() -> list[Clip]:
    rng = np.random.default_rng(0)
    shape = (FRAMES, 224, 160, 3)
    return [
        Clip(order, rng.integers(0, 256, shape, np.uint8), np.arange(FRAMES) / FRAMES)
        for order in clip_orders(1, 0, 2, seed=1)
    ]


def test_a_killed_training_goes_on_to_the_same_weights(
    tmp_path: Path, clips: list[Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(script, "KEEP_EVERY", 1)
    whole = script.train(SETTINGS, tmp_path / "whole", clips)
    loss_of, calls = script.loss_of, []

    def killed(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss_of(*given)

    monkeypatch.setattr(script, "loss_of", killed)
    with pytest.raises(KeyboardInterrupt):
        script.train(SETTINGS, tmp_path / "killed", clips)
    monkeypatch.setattr(script, "loss_of", loss_of)
    resumed = script.train(SETTINGS, tmp_path / "killed", clips)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name
    begun = script.Learner(SETTINGS).state_dict()
    assert not torch.equal(begun["network.cnn.0.0.weight"], whole.network.cnn[0][0].weight)
    with pytest.raises(UsageError, match="other settings"):
        script.train(script.Settings(), tmp_path / "killed", clips)
    written = tmp_path / "standin.safetensors"
    write_tensors(written, {k: v.numpy() for k, v in whole.network.state_dict().items()}, {})
    assert load_standin(written).layers == whole.network.layers


def test_the_phase_is_that_of_the_performed_cycle() -> None:
    rng = np.random.default_rng(2)
    performance = perform_exercise(load_rules()["squat"], "", (False,) * 3, 2.0, rng)
    for repetition in range(3):
        for phase in (0.0, 0.25, 0.6, 0.99):
            at = performance.when(repetition, phase)
            found = float(phase_at(performance, np.array([at]))[0])
            assert abs((found - phase + 0.5) % 1.0 - 0.5) < 0.01


@pytest.mark.parametrize("prone", [False, True])
def test_held_out_views_are_not_trained_on(prone: bool) -> None:
    rng = np.random.default_rng(0)
    low, high = HELD_OUT_AZIMUTH_DEG[prone]
    for _ in range(300):
        trained = abs(_view(rng, prone=prone, held_out=False).azimuth_deg)
        held_out = abs(_view(rng, prone=prone, held_out=True).azimuth_deg)
        assert not low <= trained < high and low <= held_out <= high
