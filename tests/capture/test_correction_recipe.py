"""The recipe of the correction: clips kept small, and one command that goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qevd_bio.capture.monocular.correction.network import NetworkShape
from qevd_bio.capture.monocular.correction.weights import WEIGHTS_FILE, load_weights
from tools.capture_correction import make_clips, mean_weights, train
from tools.capture_correction.calibrate import grouped_networks
from tools.capture_correction.packs import STEPS, pack, read_pack, unpack, write_pack
from tools.capture_correction.recipe import (
    FAMILIES,
    GOAL,
    WHOLE,
    ClipSet,
    Recipe,
    Step,
    Work,
    go_on,
    main,
    needed,
)


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


class Tools:
    """Stand in for the tools: write down what each was told, and a file unlike the others."""

    def __init__(self) -> None:
        self.told: list[list[str]] = []

    def __call__(self, words: Sequence[str]) -> None:
        *told, option, out = words
        assert option == "--out"
        self.told.append(told)
        Path(out).write_text(f"file {len(self.told)}")


def small_recipe(tools: Tools, rate: str = "1") -> Recipe:
    """Two networks of which one goes on, from clips of two sets."""
    steps = {
        "n": Step(tools, "{A} {B} --epochs 3"),
        "first": Step(tools, "{A} {n}"),
        "t": Step(tools, f"{{B}} --start {{first}} --rate {rate}"),
        GOAL: Step(tools, "{B} {t} --keep {first}"),
    }
    return Recipe(0, {"A": ClipSet(1, 1), "B": ClipSet(2, 2)}, steps)


def work_in(state: Path, *, clips: dict[str, int], minutes: float = 1.0) -> Work:
    """A state in which sets have so many clips."""
    work = Work(state, None, time.monotonic() + 60.0 * minutes)
    for name, count in clips.items():
        work.folder(name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            np.savez(work.folder(name) / f"{number:06d}.npz", **clip(number))
    return work


def test_the_recipe_is_carried_out_in_order_once(tmp_path: Path) -> None:
    tools, work = Tools(), work_in(tmp_path, clips={"A": 1, "B": 2})
    assert go_on(small_recipe(tools), work, {})
    made = {path.name.split("-")[0]: str(path) for path in (tmp_path / "networks").iterdir()}
    a, b = str(work.folder("A")), str(work.folder("B"))
    assert tools.told == [
        [a, b, "--epochs", "3"],
        [a, made["n"]],
        [b, "--start", made["first"], "--rate", "1"],
        [b, made["t"], "--keep", made["first"]],
    ]
    written = tmp_path / "correction.safetensors"
    assert written.read_bytes() == Path(made[GOAL]).read_bytes()
    assert sorted(one.parent.name for one in (tmp_path / "packs").glob("*/*.npz")) == ["A", "B"]
    assert go_on(small_recipe(tools), work, {}) and len(tools.told) == 4


def test_what_changed_is_made_again_with_all_that_follows(tmp_path: Path) -> None:
    tools, work = Tools(), work_in(tmp_path, clips={"A": 1, "B": 2})
    go_on(small_recipe(tools), work, {})
    go_on(small_recipe(tools, rate="2"), work, {})
    assert [told[1] for told in tools.told[4:]] == ["--start", tools.told[5][1]]
    assert len(list((tmp_path / "networks").iterdir())) == 4, "the older ones are gone"
    np.savez(work.folder("B") / "000002.npz", **clip(2))
    go_on(small_recipe(tools, rate="2"), work, {})
    assert len(tools.told) == 10


def test_the_second_round_goes_on_from_weights_that_ship(tmp_path: Path) -> None:
    tools, work = Tools(), work_in(tmp_path, clips={"B": 2})
    assert go_on(small_recipe(tools), work, {"first": WEIGHTS_FILE})
    assert [told[0] for told in tools.told] == [str(work.folder("B"))] * 2
    assert tools.told[0][2] == tools.told[1][3] == str(WEIGHTS_FILE)


def test_weights_to_go_on_from_are_looked_for_before_hours_of_rendering(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path / "state"), "--minutes", "0", "--first", str(tmp_path / "none")])
    assert "no such file" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()


def test_nothing_begins_when_the_time_is_over(tmp_path: Path, capsys) -> None:
    tools = Tools()
    assert not go_on(small_recipe(tools), work_in(tmp_path, clips={"A": 1}, minutes=-1.0), {})
    assert "2 clips are missing" in capsys.readouterr().out
    both = {"A": 1, "B": 2}
    assert not go_on(small_recipe(tools), work_in(tmp_path, clips=both, minutes=-1.0), {})
    assert "4 files are missing" in capsys.readouterr().out and not tools.told
    assert not (tmp_path / "correction.safetensors").exists()


def test_the_whole_recipe_declares_how_the_shipped_weights_were_made() -> None:
    order = needed(WHOLE, {})
    for nth, name in enumerate(order):
        if name in WHOLE.steps:
            assert set(WHOLE.steps[name].takes) <= set(order[:nth])
    assert set(order) == {*WHOLE.clips, *WHOLE.steps} and order[-1] == GOAL
    pairs = [f"{name}{nth}" for name in FAMILIES for nth in (0, 1)]
    assert needed(WHOLE, {"first": WEIGHTS_FILE}) == [
        "C7", "t0", "u0", "m0", "t1", "u1", "m1", *pairs, GOAL,
    ]  # fmt: skip
    assert WHOLE.steps["m1"] == Step(mean_weights.main, "{first} 1 {t1} {u1}")
    assert "--start {first} --nth 1" in WHOLE.steps["u1"].arguments
    families = " ".join(f"{{{name}}}" for name in pairs)
    assert WHOLE.steps[GOAL].arguments.strip() == f"{{C7}} {{m0}} {{m1}} {families}"


@pytest.mark.long
def test_the_tiny_recipe_writes_weights_and_goes_on_from_packs_alone(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    main([str(first), "--tiny", "--minutes", "20"])
    weights = load_weights(first / "correction.safetensors")
    assert len(weights.networks) == 2
    made = {path.name.split("-")[0]: path for path in (first / "networks").iterdir()}
    assert sorted(made) == ["correction", "first", "m0", "m1", "n0", "n1", "t0", "t1", "u0", "u1"]
    began = load_weights(made["first"])
    steps = "steps.weight"
    for nth in (0, 1):
        parts = [load_file(made[f"{one}{nth}"])[steps] for one in "tu"]
        mean = (began.networks[nth].weights[steps] + sum(parts)) / 3.0
        assert np.allclose(weights.networks[nth].weights[steps], mean, atol=1e-4)
        assert not np.array_equal(parts[0], parts[1])
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
