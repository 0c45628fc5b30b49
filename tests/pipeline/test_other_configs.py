"""A work folder that served two configurations keeps what both need."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from qevd_bio.cli.main import app
from qevd_bio.engine.maintain.garbage import waste
from qevd_bio.errors import DataError, UsageError
from qevd_bio.pipeline.other_configs import plans_of_other_configs
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline, reopen_pipeline
from tests.pipeline.sessions_made import SQUATS, record, with_readers, write_root


@pytest.fixture
def both(walk, tmp_path: Path) -> Pipeline:
    """Run by the one policy, then by the other."""
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    walk(root, policy="paper")
    return walk(root)


def paper_run(pipeline: Pipeline) -> Path:
    """Find the record of the first run; runs of one second have names in any order."""
    paths = pipeline.store.root.glob("runs/*/run.json")
    (found,) = (p for p in paths if json.loads(p.read_text())["config"]["policy"] == "paper")
    return found


def never(line: str) -> None:
    raise AssertionError(line)


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        app(args=list(arguments))
    return int(end.value.code or 0)


def test_clearing_keeps_what_the_other_policy_needs(both: Pipeline) -> None:
    work = str(both.store.root)
    paper = open_pipeline(PipelineConfig(both.config.data_root, policy="paper"), both.store.root)
    assert call("gc", "--work", work, "--yes") == 0
    assert {unit.action for unit in paper.plan()} == {"done"}
    assert call("gc", "--work", work, "--yes", "--last-config") == 0
    lost = [unit for unit in paper.plan() if unit.action != "done"]
    readers = with_readers(paper.stages, ("0001", "annotations"), ("0001", "contexts"))
    assert {unit.stage for unit in lost} == {stage for _, stage in readers}
    assert {unit.action for unit in both.plan()} == {"done"}


def test_clearing_is_refused_while_a_run_goes_on(both: Pipeline, capsys) -> None:
    first = paper_run(both)
    content = json.loads(first.read_text())
    first.write_text(json.dumps({**content, "outcome": None}))
    work = str(both.store.root)
    assert call("gc", "--work", work, "--yes", "--last-config") == 2
    assert f"run {first.parent.name} on" in capsys.readouterr().err
    assert call("gc", "--work", work, "--last-config") == 0, "looking is allowed"
    assert len(list(both.store.units("annotations"))) == 2


def test_a_run_with_unknown_needs_stops_clearing(both: Pipeline, tmp_path: Path) -> None:
    first = paper_run(both)
    whole = json.loads(first.read_text())
    gone = {**whole["config"], "data_root": str(tmp_path / "gone")}
    for damaged in ("{", json.dumps({**whole, "config": gone})):
        first.write_text(damaged)
        with pytest.raises(UsageError, match="--last-config"):
            plans_of_other_configs(both, never)
    messages: list[str] = []
    first.write_text(json.dumps({**whole, "config": {"of": "another version"}}))
    assert plans_of_other_configs(both, messages.append) == []
    assert "data_root is absent" in messages[0]


def test_the_same_configuration_is_planned_once(both: Pipeline) -> None:
    shutil.copytree(paper_run(both).parent, both.store.root / "runs" / "again")
    (plan,) = plans_of_other_configs(both, never)
    assert {unit.action for unit in plan} == {"done"}
    assert waste(both.stages, both.plan(), both.store, others=[plan]) == []


def test_a_damaged_record_of_a_run_hides_nothing_else(both: Pipeline, capsys) -> None:
    first = paper_run(both)
    first.write_text(first.read_text()[:100])
    work = str(both.store.root)
    capsys.readouterr()
    assert call("status", "--work", work, "--json") == 0
    states = {run["run_id"]: run["state"] for run in json.loads(capsys.readouterr().out)["runs"]}
    assert sorted(states.values()) == ["finished", "unreadable"]
    assert call("why", "0001:1", "--work", work) == 0
    shown = capsys.readouterr().out
    assert f"{first.parent.name}: its record malformed JSON" in shown
    assert "commit" in shown, "the other run's record is shown"


def test_a_damaged_record_of_the_last_run_names_the_next_step(both: Pipeline) -> None:
    path = both.store.root / "work.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(DataError, match=r"work\.json: malformed JSON .* Run `qevd-bio run` with"):
        reopen_pipeline(both.store.root)
