"""Predictions of crops: official numbers, precision, numbers that are not finite, refusals."""

from __future__ import annotations

import hashlib
from typing import get_args

import numpy as np
import pytest
import torch

from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.crops import crop, squares, windows
from qevd_bio.capture.hsmr.predict import normalised, predict, prepare
from qevd_bio.choices import Precision
from qevd_bio.errors import UsageError
from qevd_bio.weights.hsmr_shapes import AttentionHeads, HsmrSize
from tests.capture.hsmr_tiny import golden, tiny_network


def official_crops() -> torch.Tensor:
    """Cut the three crops of the second and third picture, in their order."""
    known = golden("crops")
    cut = []
    for i in (1, 2):
        boxes = known[f"boxes{i}"].astype(np.float32) / np.float32(known["ratios"][i])
        window = windows(squares(boxes))
        frame = torch.from_numpy(known[f"img{i}"])[None]
        cut.append(crop(frame, np.zeros(len(window), dtype=np.int64), window))
    return torch.cat(cut)


def random_crops(count: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 256, 256, 3), dtype=torch.uint8, generator=generator)


def test_matches_the_official_implementation() -> None:
    known = golden("tiny_outputs")
    made = predict(tiny_network(), official_crops(), "fp32")
    assert np.abs(made.q.numpy() - known["crops_poses"]).max() < 2e-5
    assert np.abs(made.betas.numpy() - known["crops_betas"]).max() < 1e-5
    assert np.abs(made.camera.numpy() - known["crops_pd_cam"]).max() < 1e-5
    assert bool(made.finite.all())


def test_normalised_colours_are_the_official_ones_to_the_bit() -> None:
    made = normalised(official_crops()).contiguous().numpy()
    digests = [hashlib.sha256(one.tobytes()).hexdigest() for one in made]
    assert digests == golden("crops")["normalised_sha256"][3:].tolist()


@pytest.mark.parametrize(("precision", "mean_rad"), [("fp16", 1e-3), ("bf16", 1e-2)])
def test_sixteen_bits_stay_near_single_precision(precision: Precision, mean_rad: float) -> None:
    network, crops = tiny_network(), random_crops(4)
    exact, rounded = (predict(network, crops, p) for p in ("fp32", precision))
    assert all(v.dtype == torch.float32 for v in (rounded.q, rounded.betas, rounded.camera))
    error = (rounded.q - exact.q).abs().mean()
    assert 0.0 < error < mean_rad


def test_crops_do_not_mix() -> None:
    network, crops = tiny_network(), random_crops(5)
    together = predict(network, crops, "fp32")
    alone = predict(network, crops[3:4], "fp32")
    assert (together.q[3] - alone.q[0]).abs().max() < 1e-5
    assert (together.q[3] - together.q[2]).abs().max() > 1e-4


@pytest.mark.parametrize("precision", get_args(Precision))
def test_preparing_changes_no_bit(precision: Precision) -> None:
    network, crops = tiny_network(), random_crops(2)
    before = predict(network, crops, precision)
    after = predict(prepare(network, precision), crops, precision)
    assert torch.equal(before.q, after.q)
    assert torch.equal(before.camera, after.camera)


@pytest.mark.parametrize("other", ["fp32", "bf16"])
def test_a_prepared_network_refuses_another_precision(other: Precision) -> None:
    with pytest.raises(UsageError, match=r"prepared for torch\.float16"):
        predict(prepare(tiny_network(), "fp16"), random_crops(1), other)
    with pytest.raises(UsageError, match=r"prepared for torch\.float16"):
        prepare(prepare(tiny_network(), "fp16"), other)


@pytest.mark.long
def test_a_compiled_network_keeps_its_keys_and_predicts_alike() -> None:
    network, crops = tiny_network(), random_crops(1)
    keys, before = list(network.state_dict()), predict(network, crops, "fp32")
    after = predict(prepare(network, "fp32", compiled=True), crops, "fp32")
    assert list(network.state_dict()) == keys
    assert (after.q - before.q).abs().max() < 1e-5


def test_overflow_in_half_precision_is_flagged_for_its_crop_alone() -> None:
    network = tiny_network()
    network.backbone.patch_embed.proj.weight[0] = 100.0
    middling = torch.tensor([124, 116, 104], dtype=torch.uint8).expand(256, 256, 3)
    crops = torch.stack([middling, torch.full_like(middling, 255), middling])
    assert predict(network, crops, "fp32").finite.tolist() == [True, True, True]
    made = predict(network, crops, "fp16")
    assert made.finite.tolist() == [True, False, True]
    assert bool(torch.isfinite(made.q[[0, 2]]).all())


def test_infinity_is_flagged_even_where_an_angle_comes_out() -> None:
    network = tiny_network()
    network.head.poses_decoder.bias[12] = torch.inf  # the knee's cosine: atan2 gives 0
    made = predict(network, random_crops(1), "fp32")
    assert bool(torch.isfinite(made.q).all())
    assert made.finite.tolist() == [False]


@pytest.mark.parametrize(
    ("crops", "precision", "message"),
    [
        (torch.zeros(1, 256, 256, 3), "fp32", "torch.float32"),
        (torch.zeros(1, 3, 256, 256, dtype=torch.uint8), "fp32", r"\(1, 3, 256, 256\)"),
        (torch.zeros(256, 256, 3, dtype=torch.uint8), "fp32", r"\(256, 256, 3\)"),
        (torch.zeros(1, 256, 256, 3, dtype=torch.uint8), "fp8", "no precision 'fp8'"),
    ],
)
def test_refuses_what_it_cannot_use(
    crops: torch.Tensor, precision: Precision, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        predict(tiny_network(), crops, precision)


def test_there_is_no_preparing_for_an_unknown_precision() -> None:
    unknown: Precision = "half"  # type: ignore[assignment]
    with pytest.raises(UsageError, match="no precision 'half'"):
        prepare(tiny_network(), unknown)


def test_no_crop_gives_no_prediction() -> None:
    made = predict(tiny_network(), random_crops(0), "fp32")
    assert [len(v) for v in (made.q, made.betas, made.camera, made.finite)] == [0, 0, 0, 0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU: run this where there is one")
def test_a_gpu_agrees_with_the_processor() -> None:
    crops = random_crops(8)
    network = random_network(HsmrSize(width=640, depth=4, hidden=1280), AttentionHeads(8, 8))
    here = predict(network, crops, "fp32")
    network.to("cuda")
    there = predict(network, crops.cuda(), "fp32")
    assert (there.q.cpu() - here.q).abs().max() < 1e-4
    halves = predict(network, crops.cuda(), "fp16")
    assert (halves.q.cpu() - here.q).abs().mean() < 1e-3
