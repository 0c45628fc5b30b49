"""The benchmark of generated squats: what it keeps, when it gives up, and what it prints."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import made_as_asked as drawing
from benchmarks.generated_squats import left_over_lines, objective_lines, rows_of
from qevd_bio.generator.guidance import Objective
from qevd_bio.motion.motion_sets import SetMotion


def model(sha256: str):
    """A model that no squat of these tests moves."""
    return SimpleNamespace(
        sha256=sha256, body=None, actuators=SimpleNamespace(foot_m=np.array([0.2, 0.2]))
    )


def motion(seed: int) -> SetMotion:
    rng = np.random.default_rng(seed)
    return SetMotion(
        time_s=np.arange(20) / 20.0,
        coordinates=rng.normal(size=(20, 4)),
        is_angle=np.array([True, True, False, False]),
        pairs=((0, 1),),
        points_m=rng.normal(size=(20, 2, 3)),
        pelvis_m=rng.normal(size=(20, 3)),
        centre_m=rng.normal(size=(20, 3)),
        tilt_deg=rng.normal(size=20),
        activation=rng.uniform(size=20),
    )


def simulated(number: int):
    """A motion that is `number` degrees deep and can be believed."""
    return SimpleNamespace(
        motion=motion(number), activations=np.zeros((20, 1)), doubts=(),
        measured={"depth": float(number)},
    )  # fmt: skip


@pytest.mark.parametrize("high", [150.0, 200.0])
def test_a_depth_that_nobody_reaches_ends(tmp_path, monkeypatch, high) -> None:
    monkeypatch.setattr(drawing, "MOST_DRAWS", 40)
    asked = [Objective("depth", 140.0, high)]
    with pytest.raises(SystemExit, match="none of 40 styles in a row"):
        drawing.made_as_asked(model("a" * 64), asked, 2, 0, tmp_path / "kept.npz")
    assert not list(tmp_path.iterdir())


def test_squats_of_another_model_are_kept_apart(tmp_path, monkeypatch) -> None:
    made = SimpleNamespace(motion=SimpleNamespace(coordinates=np.zeros((5, 3))))
    drawn = []
    monkeypatch.setattr(drawing, "_drawn", lambda model, *_: drawn.append(model.sha256) or made)
    monkeypatch.setattr(drawing, "simulated_motion", lambda *_: made)
    for sha256 in ("a" * 64, "b" * 64, "a" * 64):
        drawing.made_as_asked(
            model(sha256), [Objective("depth", 90.0, 100.0)], 1, 0, tmp_path / "kept.npz"
        )
    assert drawn == ["a" * 64, "b" * 64]
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {f"kept-{letter * 64}.npz" for letter in "ab"}


def test_a_set_in_which_nothing_was_accepted_says_so() -> None:
    some = [simulated(seed) for seed in range(4)]
    some[0].doubts = ("it falls",)
    lines = rows_of({"made": some, "guided": []}, some, [Objective("depth", 0.0, 2.5)])
    assert lines[-1].startswith("| guided: none was accepted |")
    rows = [line for line in lines if line.startswith("| made (4), ")]
    assert len(rows) == 2 and all(row.endswith("| 75% | 50% |") for row in rows)
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    with pytest.raises(SystemExit, match="no reference"):
        rows_of({"made": some}, [], [])


def test_what_is_left_over_is_told_by_frames_and_by_the_worst_motion() -> None:
    some = [simulated(seed) for seed in range(4)]
    for number, one in enumerate(some):
        one.left_over = np.full((20, 3), float(number))
    some[3].left_over[7] = [9.0, 4.0, 5.0]
    reserve = left_over_lines(some)[1]
    assert reserve.startswith("reserve of a joint, Nm: 95 % of all frames 3.00")
    assert "95th percentile of the worst motion 3.30" in reserve
    assert reserve.endswith("largest 9.00")


@pytest.mark.filterwarnings("error")
def test_objectives_of_which_nothing_was_accepted_say_so() -> None:
    got = {"by_surrogate": {"depth": 90.0}, "by_simulation": {"depth": None}}
    report = {"accepted": [], "rejected": [got], "tried": 1,
              "asked": {"objectives": [{"measure": "depth", "target": [80.0, 95.0]}]}}  # fmt: skip
    assert objective_lines(report)[-1].endswith("by simulation 0%; none was accepted")
