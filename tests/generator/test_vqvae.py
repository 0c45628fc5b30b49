"""The VQ-VAE on sines, and cycles laid out in one shape and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open

from qevd_bio.errors import DataError, UsageError
from qevd_bio.generator.cycle_shape import FRAMES, CycleShape
from qevd_bio.generator.vqvae import Vqvae, VqvaeOptions, fit_vqvae, sampled_latents, sided
from qevd_bio.generator.vqvae_file import CycleGenerator, load_vqvae, save_vqvae
from qevd_bio.weights.tensor_file import write_tensors
from tools import train_vqvae

COORDINATES = ("pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz", "knee", "fixed")
TINY = VqvaeOptions(width=16, codes=16, heads=2, epochs=60, batch=16, rate=3e-3)


def squat(depth: float, duration_s: float, heading: float = 0.0):
    """A knee bends and the pelvis goes down and back, as the person heads."""
    time_s = np.arange(round(duration_s * 30) + 1) / 30.0
    down = 0.5 - 0.5 * np.cos(2 * np.pi * time_s / time_s[-1])
    back = -0.2 * depth * down
    columns = (
        np.full_like(down, heading), 3.0 + np.cos(heading) * back, 0.9 - 0.3 * down,
        -1.0 - np.sin(heading) * back, depth * down, np.full_like(down, 0.3),
    )  # fmt: skip
    q = np.stack(columns, axis=1)
    return q, time_s


CYCLES = [squat(0.8 + 0.02 * n, 1.5 + 0.03 * n) for n in range(32)]


@pytest.fixture(scope="module")
def shape():
    return CycleShape.of(COORDINATES, CYCLES)


@pytest.fixture(scope="module")
def cycles(shape):
    return torch.tensor(np.stack([shape.shaped(*one) for one in CYCLES]), dtype=torch.float32)


@pytest.fixture(scope="module")
def network(cycles):
    torch.set_num_threads(1)
    return fit_vqvae(cycles, TINY)


def test_a_cycle_comes_back_with_its_duration(shape) -> None:
    q, time_s = squat(1.1, 2.0)
    again, times = shape.cycle(shape.shaped(q, time_s), 30.0)
    assert times[-1] == pytest.approx(2.0, abs=1 / 30) and len(again) == len(times)
    assert np.allclose(again[:, 4], q[:, 4], atol=0.01)
    assert np.allclose(again[:, 5], 0.3), "what never changes keeps its value"


def test_place_and_heading_do_not_matter(shape) -> None:
    ahead, turned = (shape.shaped(*squat(1.0, 2.0, heading)) for heading in (0.0, 1.3))
    assert ahead.shape == (FRAMES, len(COORDINATES) + 1)
    assert np.allclose(ahead, turned, atol=1e-6)


def test_cycles_come_back_through_the_codebook(network, cycles) -> None:
    with torch.no_grad():
        rebuilt, _ = network(cycles)
    assert float((rebuilt - cycles).square().mean()) < 0.1 * float(cycles.square().mean())


def test_the_codebook_is_used_and_follows_the_latents(network, cycles) -> None:
    with torch.no_grad():
        latents = network.encode(cycles)
        used = network.nearest(latents).unique()
        off = (network.quantised(latents) - latents).square().mean()
    assert len(used) > TINY.codes // 3
    assert float(off) < 0.3 * float(latents.var())


def test_a_dead_code_is_put_onto_a_latent_of_the_batch() -> None:
    network = Vqvae(4, VqvaeOptions(width=8, codes=4, heads=2))
    network.codebook[1, 3] = 1e6
    network.chosen[1, 3] = 0.1
    latents = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    network._follow(latents, network.nearest(latents))
    assert float(torch.cdist(network.codebook[1, 3:4], latents[:, 4:]).min()) < 1e-2


def test_each_part_of_a_latent_has_a_codebook_of_its_own() -> None:
    network = Vqvae(4, VqvaeOptions(width=6, codes=5, heads=3))
    codes = torch.tensor([[[4, 0, 2], [1, 3, 0]]])
    latents = network.looked_up(codes)
    expected = [network.codebook[head, code] for head, code in enumerate((4, 0, 2))]
    assert torch.equal(latents[0, 0], torch.cat(expected))
    assert torch.equal(network.nearest(latents + 1e-4), codes)


def test_a_width_that_cannot_be_cut_is_refused_with_those_that_can() -> None:
    with pytest.raises(UsageError, match=r"100 cannot be cut into 8 parts.* as 96 or 104"):
        VqvaeOptions(width=100, heads=8)
    with pytest.raises(UsageError, match="heads 0 must be 1 or more"):
        VqvaeOptions(heads=0)


def test_the_tool_says_which_widths_are_possible(capsys, monkeypatch) -> None:
    monkeypatch.setattr(
        "sys.argv", ["train_vqvae", "out", "parts", "--model", "m.osim", "--width", "100"]
    )
    with pytest.raises(SystemExit):
        train_vqvae.main()
    assert "96 or 104" in capsys.readouterr().err


def test_sides_that_never_differ_are_refused_before_training() -> None:
    cycles = torch.randn(8, FRAMES, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 1, 3)
    cycles[..., 2] += torch.linspace(0.0, 1.0, FRAMES)
    with pytest.raises(DataError, match=r"cycles: right and left .*\(0, 1\).*never differ"):
        fit_vqvae(cycles, TINY, [(0, 2), (0, 1)])
    with pytest.raises(DataError, match="never differ"):
        sided(Vqvae(3, TINY), cycles, [(0, 1)])


def test_small_differences_of_right_and_left_come_back_when_they_count() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(5)
    phase = torch.linspace(0.0, 2.0 * np.pi, FRAMES)
    size, apart = torch.randn(2, 48, 1, 1, generator=generator)
    down = (1.0 - torch.cos(phase))[None, :, None] * (1.0 + 0.3 * size)
    cycles = torch.cat([down + 0.1 * apart, down - 0.1 * apart, down.roll(8, 1)], dim=2)

    def lost(pairs) -> float:
        options = replace(TINY, epochs=30, sided_epochs=60, sided=0.3)
        network = fit_vqvae(cycles, options, pairs)
        with torch.no_grad():
            off = network(cycles)[0] - cycles
        difference = cycles[..., 0] - cycles[..., 1]
        return float((off[..., 0] - off[..., 1]).square().mean() / difference.var())

    assert lost([(0, 1)]) < 0.5 * lost([])


def test_reading_does_not_move_the_codebook(network, cycles) -> None:
    before = network.codebook.clone()
    with torch.no_grad():
        network(cycles)
    assert torch.equal(network.codebook, before)


def test_samples_are_new_and_alike_for_one_seed(network, cycles) -> None:
    codes = network.nearest(network.encode(cycles))
    first, again, other = (sampled_latents(network, codes, 5, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    motions = network.decode(first).detach()
    assert motions.shape == (5, FRAMES, cycles.shape[2])
    nearest = torch.cdist(motions.flatten(1), network(cycles)[0].detach().flatten(1)).min(dim=1)
    assert float(nearest.values.max()) > 1e-3


def test_same_seed_same_bytes(cycles) -> None:
    options = VqvaeOptions(width=8, codes=8, epochs=2, batch=16)
    first, second = (fit_vqvae(cycles, options).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_file_gives_the_same_network_shape_and_starts(network, cycles, tmp_path) -> None:
    shape = CycleShape.of(COORDINATES, CYCLES)
    kept = CycleGenerator.of(network, shape, cycles)
    for name in ("a", "b"):
        save_vqvae(kept, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    again = load_vqvae(tmp_path / "a")
    assert again.shape.coordinates == COORDINATES and np.array_equal(again.shape.mean, shape.mean)
    assert torch.equal(again.latents(), network.quantised(network.encode(cycles)))
    assert torch.equal(again.network.decode(again.latents()), network.decode(kept.latents()))


@pytest.mark.parametrize("codes", [256, 257])
def test_the_last_code_comes_back_however_many_there_are(shape, tmp_path, codes) -> None:
    options = VqvaeOptions(width=16, codes=codes, heads=2, epochs=1, batch=1, rate=1e-3)
    starts = torch.tensor([0, codes - 1]).repeat(16, 1)[None]
    save_vqvae(
        CycleGenerator(Vqvae(len(COORDINATES) + 1, options).eval(), shape, starts), tmp_path / "a"
    )
    assert torch.equal(load_vqvae(tmp_path / "a").starts, starts)


@pytest.mark.parametrize("content", [b"", b"no network", None])
def test_another_file_is_no_generator(content, tmp_path) -> None:
    path = tmp_path / "vqvae.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"vqvae\.safetensors.*no VQ-VAE"):
        load_vqvae(path)


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("starts", np.zeros((8, 16, 1), dtype=np.int32)),
        ("starts", np.zeros((8, 16), dtype=np.int32)),
        ("starts", np.zeros((8, 16, 3), dtype=np.int32)),
        ("starts", np.zeros((8, 15, 2), dtype=np.int32)),
        ("starts", np.zeros((0, 16, 2), dtype=np.int32)),
        ("starts", np.full((8, 16, 2), 16, dtype=np.int32)),
        ("starts", np.zeros((8, 16, 2), dtype=np.float32)),
        ("shape.mean", np.zeros(5)),
        ("shape.spread", np.full(len(COORDINATES) + 1, np.nan)),
        ("codebook", np.full((2, 16, 8), np.nan, dtype=np.float32)),
        ("heads", "0"),
        ("width", "17"),
    ],
)
def test_a_file_that_does_not_fit_together_is_refused_by_name_and_key(
    network, shape, cycles, tmp_path, key, changed
) -> None:
    path = tmp_path / "vqvae.safetensors"
    save_vqvae(CycleGenerator.of(network, shape, cycles), path)
    with safe_open(str(path), framework="np") as file:
        metadata = file.metadata()
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    (metadata if isinstance(changed, str) else state)[key] = changed
    write_tensors(path, state, metadata)
    with pytest.raises(DataError, match=rf"vqvae\.safetensors.*{key}"):
        load_vqvae(path)
