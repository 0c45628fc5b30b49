"""The recipe of the correction: clips kept small, and one command that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qevd_bio.capture.monocular.correction.network import NetworkShape
from qevd_bio.capture.monocular.correction.weights import WEIGHTS_FILE, load_weights
from tools.capture_correction import make_clips, mean_weights, train
from tools.capture_correction.calibrate import grouped_networks
from tools.capture_correction.packs import STEPS, pack, read_pack, unpack, write_pack
from tools.capture_correction.recipe import main


def clip(number: int, frames: int = 30) -> dict[str, np.ndarray]:
    """A clip like a rendered one, nobody found in its fifth frame."""
    rng = np.random.default_rng(number)
    walk = np.cumsum(rng.normal(size=(frames, 400)), axis=0)
    image = 150.0 + 300.0 * np.sin(walk[:, :66].reshape(frames, 33, 2) / 20.0)
    image[4] = np.nan
    joints = [0.0, 0.5, 3.0] + 0.4 * np.sin(walk[:, 66:138].reshape(frames, 24, 3) / 20.0)
    arrays = {
        "time_s": np.arange(frames) / 12.0,
        "image_px": image,
        "world_m": 0.5 * np.sin(walk[:, 138:237].reshape(frames, 33, 3) / 20.0),
        "visibility": rng.uniform(size=(frames, 33)),
        "q": 3.0 * np.sin(walk[:, 237:283] / 20.0),
        "joints_m": joints,
    }
    return {name: values.astype(np.float32) for name, values in arrays.items()} | {
        "size_px": np.array([288, 384]),
        "meta": np.array(json.dumps({"number": number, "detector": "heavy"})),
    }


def test_a_pack_gives_its_clips_back_to_half_a_step(tmp_path: Path) -> None:
    clips = {7: clip(7), 11: clip(11, frames=41)}
    write_pack(tmp_path / "one.npz", clips)
    assert (tmp_path / "one.npz").stat().st_size < 20_000 * len(clips)
    again = dict(read_pack(tmp_path / "one.npz"))
    assert list(again) == [7, 11]
    for number, known in clips.items():
        for name in ("image_px", "world_m", "visibility", "q"):
            off = np.abs(again[number][name] - known[name])
            assert np.array_equal(np.isnan(off), np.isnan(known[name]))
            assert np.nanmax(off) <= 0.51 * STEPS[name]
        off = np.abs(again[number]["joints_m"] - known["joints_m"]).max()
        assert off <= 0.51 * (STEPS["joints_m"] + STEPS["place_m"])
        assert np.allclose(again[number]["time_s"], known["time_s"])
        assert np.array_equal(again[number]["size_px"], known["size_px"])
        assert again[number]["meta"] == known["meta"]


def test_clips_are_packed_once_and_are_the_same_on_another_machine(tmp_path: Path) -> None:
    here, packs, there = tmp_path / "clips", tmp_path / "packs", tmp_path / "there"
    here.mkdir()
    for number in (0, 1):
        np.savez(here / f"{number:06d}.npz", **clip(number))
    pack(here, packs)
    np.savez(here / "000002.npz", **clip(2))
    pack(here, packs)
    pack(here, packs)
    assert sorted(one.name for one in packs.iterdir()) == [
        "000000-000001-2.npz", "000002-000002-1.npz",
    ]  # fmt: skip
    for one in packs.iterdir():
        unpack(one, there)
    for path in here.iterdir():
        with np.load(path) as ours, np.load(there / path.name) as theirs:
            assert sorted(ours.files) == sorted(theirs.files)
            for name in ours.files:
                assert ours[name].tobytes() == theirs[name].tobytes()


def test_the_mean_of_a_network_that_ships_and_two_that_went_on(tmp_path: Path) -> None:
    shipped = {k: v.numpy() for k, v in train.shipped_network(WEIGHTS_FILE, 1).items()}
    assert shipped
    for name, more in (("t", 1.0), ("u", 5.0)):
        save_file({k: v + np.float32(more) for k, v in shipped.items()},
                  tmp_path / f"{name}.safetensors", {"left_out": ""})  # fmt: skip
    tuned, out = [str(tmp_path / f"{name}.safetensors") for name in "tu"], tmp_path / "mean"
    mean_weights.main([str(WEIGHTS_FILE), "1", *tuned, "--out", str(out)])
    for name, values in load_file(out).items():
        assert np.allclose(values, shipped[name] + 2.0, atol=1e-5)
    save_file({"other": np.zeros(1, np.float32)}, tmp_path / "u.safetensors")
    with pytest.raises(ValueError, match="other tensors"):
        mean_weights.main([str(WEIGHTS_FILE), "1", *tuned, "--out", str(out)])


@pytest.mark.long
def test_the_tiny_recipe_writes_weights_and_goes_on_from_packs_alone(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    main([str(first), "--tiny", "--minutes", "20"])
    weights = load_weights(first / "correction.safetensors")
    assert len(weights.networks) == 2
    second.mkdir()
    for kept in ("packs", "networks"):
        (first / kept).rename(second / kept)

    def never(*_: object) -> None:
        raise AssertionError("what is there is made again")

    monkeypatch.setattr(make_clips.Recipe, "clip", never)
    monkeypatch.setattr(train, "train", never)
    main([str(second), "--tiny", "--minutes", "20"])
    again = load_weights(second / "correction.safetensors")
    assert np.array_equal(weights.known, again.known)


def test_guard_learns_from_as_many_networks_of_each_family_as_ship(tmp_path: Path) -> None:
    files = []
    for name, left_out in (("a", ""), ("b", ""), ("c", "squat"), ("d", "squat")):
        files.append(tmp_path / f"{name}.safetensors")
        about = {**NetworkShape(channels=4).as_text(), "left_out": left_out}
        save_file({"mean": np.zeros(1, np.float32)}, files[-1], about)
    assert {fold: len(found) for fold, found in grouped_networks(files).items()} == {
        "": 2, "squat": 2,
    }  # fmt: skip
    with pytest.raises(ValueError, match="as many without each family"):
        grouped_networks(files[:3])


def test_a_kind_of_motion_is_left_out_by_name() -> None:
    mixed = {"kind": "mixed", "sources": ["squat", "pull_up"]}
    assert train.shows_one_of(["kind:mixed"], mixed)
    assert train.shows_one_of(["pull"], mixed)
    assert not train.shows_one_of(["kind:random", "lunge"], mixed)
