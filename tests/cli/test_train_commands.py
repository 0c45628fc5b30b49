"""`qevd-bio train`: made-up data, a forecast, and refusals by exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import qevd_bio

pytest.importorskip("accelerate", reason="training needs accelerate")


def test_a_recipe_trains_on_made_up_data_and_names_the_next_step(tmp_path: Path) -> None:
    out = tmp_path / "selector"
    done = qevd_bio("train", "selector", "--tiny", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["report"]["selector"]["extra_found"] > 0.8
    assert found["report"]["table"]["extra_found"] == 0.0
    assert found["next"] == f"use it: qevd-bio run --salient-joints selector:{out}/selector ..."
    assert "update 44/44" in done.stderr
    made = {path.name for path in out.iterdir()}
    assert made == {"training.json", "checkpoints", "updates.csv", "loss.svg", "learning_rate.svg",
                    "gradient_norm.svg", "tensorboard", "report.json", "selector"}  # fmt: skip
    other = qevd_bio("train", "selector", "--tiny", "--out", str(out), "--set", "seed=3")
    assert other.returncode == 2 and "began with seed = 0, not 3" in other.stderr


def test_a_plan_is_printed_and_nothing_is_written(tmp_path: Path) -> None:
    out = tmp_path / "selector"
    done = qevd_bio("train", "selector", "--tiny", "--plan", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["trained"] == found["parameters"] == 170_776
    assert found["optimizer_bytes"] == 12 * 170_776
    assert found["needed_bytes"] > 0 and found["advice"] == "micro_batch 32 fits"
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fusion", "lm-adapter"])
def test_every_recipe_of_a_coach_trains_on_made_up_data(tmp_path: Path, name: str) -> None:
    pytest.importorskip("transformers", reason="the coach needs transformers")
    given = ("--tiny", "--set", "epochs=1", "--out", str(tmp_path / "out"))
    done = qevd_bio("train", name, *given, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["report"]["held_out"] == 6
    assert (tmp_path / "out" / "coach" / "coach.json").is_file()


def test_missing_data_and_unknown_keys_are_usage_errors(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for arguments, message in (
        (("selector", "--set", "epoch=2"), "Did you mean 'epochs'?"),
        (("selector",), "release: is not given"),
        (("selector", "--tiny", "--config", "x.toml"), "configuration of its own"),
    ):
        done = qevd_bio("train", *arguments, "--out", out)
        assert done.returncode == 2 and message in done.stderr, done.stderr
