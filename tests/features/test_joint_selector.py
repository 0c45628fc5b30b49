from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.features.joint_selector import (
    JointSelector,
    most_important,
    pooled_tokens,
    segment_maps,
    window_means,
)
from qevd_bio.features.selector_folder import load_selector, save_selector
from qevd_bio.skeleton.dofs import JOINT_NAMES


def saved(folder: Path, channels: int = 40, decide_s: float = 5.0) -> JointSelector:
    torch.manual_seed(3)
    network = JointSelector(channels).eval()
    save_selector(folder, network, features="made 0", decide_s=decide_s, labels="made", report={})
    return network


def test_the_network_of_the_supplement_has_its_parameters() -> None:
    assert sum(p.numel() for p in JointSelector().parameters()) == 793_368


def test_scores_are_those_of_three_layers_written_out() -> None:
    torch.manual_seed(0)
    network = JointSelector(6).double().eval()
    x = torch.randn(5, 6, dtype=torch.float64)
    w = {name: value.detach().numpy() for name, value in network.named_parameters()}
    network.standardise(3.0 + 2.0 * torch.randn(50, 6, dtype=torch.float64) + torch.eye(6)[0])
    hidden = (x.numpy() - network.mean.numpy()) / network.deviation.numpy()
    for name in ("layer1", "layer2"):
        hidden = np.maximum(hidden @ w[f"{name}.weight"].T + w[f"{name}.bias"], 0.0)
    expected = hidden @ w["layer3.weight"].T + w["layer3.bias"]
    np.testing.assert_allclose(network(x).detach().numpy(), expected, atol=1e-12)


def test_channels_are_standardised_but_for_constant_ones() -> None:
    windows = torch.randn(400, 5) * torch.tensor([0.01, 1.0, 5.0, 2.0, 0.0]) + 3.0
    network = JointSelector(5)
    network.standardise(windows)
    shown = (windows - network.mean) / network.deviation
    assert torch.allclose(shown[:, :4].std(dim=0, correction=0), torch.ones(4), atol=1e-3)
    assert torch.equal(shown[:, 4], torch.zeros(400))


def test_dropout_drops_a_tenth_and_depends_on_the_row_alone() -> None:
    torch.manual_seed(0)
    network, x = JointSelector(6), torch.randn(64, 6)
    seeds = list(range(64))
    whole = network(x, seeds)
    assert torch.allclose(network(x[5:9], seeds[5:9]), whole[5:9], atol=1e-6)
    assert not torch.allclose(whole, network(x))
    from qevd_bio.features.joint_selector import _dropout_masks

    first, second = _dropout_masks(list(range(200)), torch.device("cpu"))
    kept = torch.cat([first, second], dim=1)
    assert kept.unique().tolist() == pytest.approx([0.0, 1 / 0.9])
    assert float((kept == 0).float().mean()) == pytest.approx(0.1, abs=0.004)


@given(st.integers(0, 30))
def test_a_window_is_the_mean_of_twelve_maps(length: int) -> None:
    maps = np.random.default_rng(length).uniform(0, 6, (length, 4, 7, 5)).astype(np.float16)
    pooled = pooled_tokens(maps)
    np.testing.assert_allclose(pooled, maps.astype(np.float64).mean(axis=(2, 3)), atol=1e-5)
    windows = window_means(pooled)
    if length < 12:
        assert len(windows) == min(length, 1)
        if length:
            np.testing.assert_allclose(windows[0], pooled.mean(axis=0), atol=1e-6)
        return
    assert len(windows) == length - 11
    for start in range(length - 11):
        expected = pooled[start : start + 12].mean(axis=0)
        np.testing.assert_allclose(windows[start], expected, atol=1e-5)


def test_a_window_may_be_shorter_and_is_kept_with_the_selector(tmp_path: Path) -> None:
    network = JointSelector(40, window_maps=8)
    save_selector(tmp_path / "s", network, features="f", decide_s=5.0, labels="l", report={})
    trained = load_selector(tmp_path / "s")
    maps = np.random.default_rng(0).uniform(0, 6, (20, 40, 7, 5)).astype(np.float16)
    windows = window_means(pooled_tokens(maps), 8)
    assert len(windows) == 13
    with torch.inference_mode():
        expected = torch.sigmoid(network(torch.from_numpy(windows))).mean(dim=0)
    np.testing.assert_allclose(trained.scores(maps), expected.numpy(), atol=1e-6)
    about = tmp_path / "s" / "selector.json"
    about.write_text(about.read_text().replace('"window_maps": 8', '"window_maps": 0'))
    with pytest.raises(DataError, match="'window_maps' of 1 or more"):
        load_selector(tmp_path / "s")


def test_the_beginning_of_a_segment_decides() -> None:
    time_s = np.arange(10.0)
    assert segment_maps(time_s, 2.0, 8.0, 100.0) == slice(3, 9)
    assert segment_maps(time_s, 2.0, 8.0, 3.0) == slice(3, 6)
    assert segment_maps(time_s, 20.0, 30.0, 3.0) == slice(10, 10)


def test_a_segment_gets_its_twelve_highest_joints_once(tmp_path: Path) -> None:
    network = saved(tmp_path / "selector")
    trained = load_selector(tmp_path / "selector")
    maps = np.random.default_rng(0).uniform(0, 6, (20, 40, 7, 5)).astype(np.float16)
    scores = trained.scores(maps)
    with torch.inference_mode():
        by_window = torch.sigmoid(network(torch.from_numpy(window_means(pooled_tokens(maps)))))
    assert scores is not None
    np.testing.assert_allclose(scores, by_window.mean(dim=0).numpy(), atol=1e-6)
    chosen = most_important(scores)
    assert len(chosen) == 12
    rest = [scores[i] for i, name in enumerate(JOINT_NAMES) if name not in chosen]
    assert min(scores[JOINT_NAMES.index(name)] for name in chosen) >= max(rest)
    assert trained.scores(maps[:0]) is None
    assert most_important(np.zeros(24)) == JOINT_NAMES[:12]


@pytest.mark.parametrize(
    ("damage", "value"),
    [("cut", None), ("gone", None), ("format", 9), ("joints", ["knee"]), ("channels", 41),
     ("channels", 10**13), ("channels", -4), ("channels", True), ("decide_s", 0),
     ("decide_s", True), ("decide_s", "5")],
)  # fmt: skip
def test_a_damaged_selector_is_refused(tmp_path: Path, damage: str, value: object) -> None:
    folder = tmp_path / "selector"
    saved(folder)
    weights, about = folder / "selector.safetensors", folder / "selector.json"
    content = json.loads(about.read_text())
    if damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-8])
    elif damage == "gone":
        weights.unlink()
    else:
        content[damage] = value
        about.write_text(json.dumps(content))
    with pytest.raises(DataError, match="train selector"):
        load_selector(folder)
