"""Ablations: the same table from the same seed, after a kill too, and rows that were not run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.ablation import run_stage
from qevd_bio.ablation.config import AblationConfig, read_ablation
from qevd_bio.ablation.table import write_table
from qevd_bio.engine.events import RunSummary
from qevd_bio.errors import DataError, UsageError
from qevd_bio.evaluation.score_report import ScoreReport
from qevd_bio.released.contents import Release
from tests.evaluation.made_sessions import squat_sessions, squat_sessions_in

pytest.importorskip("transformers", reason="the coach needs transformers")
pytest.importorskip("accelerate", reason="training needs accelerate")
from tests.ablation.made_ablation import (
    ROWS,
    carried_out,
    config_for,
    made_features,
)

__all__ = ["squat_sessions"]  # a fixture
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module", autouse=True)
def _made_features() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_stage, "features_of_work", made_features)
        yield


@dataclass(frozen=True)
class Whole:
    """An ablation that nothing interrupted, in the folder `whole` of its home."""

    home: Path
    config: AblationConfig
    summary: RunSummary
    report: ScoreReport


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("ablation")
    config = config_for(home, squat_sessions_in(home).folder)
    return Whole(home, config, *carried_out(config, home / "whole"))


def test_each_row_is_one_unit_and_stands_beside_the_controls(whole: Whole) -> None:
    config, summary, report = whole.config, whole.summary, whole.report
    assert summary.counts["completed"] == 3 and summary.counts["skipped"] == 1
    rows = [one.name for one in report.systems if not one.is_control]
    assert rows == [row for row in ROWS if row != "paper policy"]
    assert {"silent", "interval", "template"} <= {one.name for one in report.systems}
    assert "qevd-bio run --policy paper" in report.not_computed["paper policy, seed 0"]
    assert set(report.differences) >= {"no motion context", "no morphology", "template"}
    trainings = list((whole.home / "whole" / "trainings").iterdir())
    assert len(trainings) == 4, "two adapters, one of which two rows share, and two fusions"
    again, same = carried_out(config, whole.home / "whole")
    assert again.counts["completed"] == 0 and same.as_json() == report.as_json()


def test_a_changed_switch_or_key_runs_its_rows_again(
    tmp_path: Path, squat_sessions: Release
) -> None:
    config = config_for(tmp_path, squat_sessions.folder, rows=("full", "no morphology"))
    carried_out(config, tmp_path / "once")
    assert config.fusion is not None
    other = replace(config, fusion=replace(config.fusion, learning_rate=2e-2))
    assert carried_out(other, tmp_path / "once")[0].counts["completed"] == 1


def test_a_row_with_a_release_of_its_own_is_run_on_it(
    tmp_path: Path, squat_sessions: Release
) -> None:
    rows = ("full", "paper policy")
    config = config_for(tmp_path, squat_sessions.folder, rows=rows, fusion=None)
    assert carried_out(config, tmp_path / "one")[0].counts["skipped"] == 1
    config = replace(config, others={"paper policy": config.source})
    summary, report = carried_out(config, tmp_path / "one")
    assert summary.counts["completed"] == 1 and summary.counts["done"] == 1
    assert [one.name for one in report.systems if not one.is_control] == list(rows)
    assert "paper policy, seed 0" not in report.not_computed


def test_several_seeds_are_counted_together(tmp_path: Path, squat_sessions: Release) -> None:
    config = config_for(tmp_path, squat_sessions.folder, rows=("full",), seeds=(0, 1), fusion=None)
    report = carried_out(config, tmp_path / "two")[1]
    single = [
        carried_out(replace(config, seeds=(seed,)), tmp_path / "two")[1].systems[0]
        for seed in (0, 1)
    ]
    assert report.systems[0].sentences == sum(one.sentences for one in single)
    assert "2 seeds" in report.systems[0].about


@pytest.mark.slow
def test_a_killed_ablation_resumes_to_the_same_table(tmp_path: Path, whole: Whole) -> None:
    after = random.Random(os.getpid()).randrange(1, 9)
    arguments = [sys.executable, "-m", "tests.ablation.made_ablation"]
    process = subprocess.Popen(
        [*arguments, str(whole.home), str(whole.config.source.release)], cwd=CHECKOUT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    seen = 0
    for line in process.stdout:
        seen += line.startswith("update")
        if seen == after:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert seen == after and process.returncode == -signal.SIGKILL
    resumed = carried_out(whole.config, whole.home / "killed")[1]
    assert resumed.as_json() == whole.report.as_json(), f"killed after {after} updates"
    files = [write_table(tmp_path / name, report)
             for name, report in (("a", whole.report), ("b", resumed))]  # fmt: skip
    for one, other in zip(*files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_table_without_the_full_coach_is_refused(
    tmp_path: Path, squat_sessions: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise DataError("is broken", where="training", next_step="Mend it")

    monkeypatch.setattr(run_stage, "run_recipe", broken)
    config = config_for(tmp_path, squat_sessions.folder, rows=("full",))
    with pytest.raises(DataError, match="no finished run of the row 'full'"):
        carried_out(config, tmp_path / "none")


def test_the_file_of_an_ablation_is_read(tmp_path: Path) -> None:
    file = tmp_path / "ablation.toml"
    file.write_text(
        'coach = "coach"\nrelease = "release/1.0.0"\nwork = "WORK"\nseeds = [0, 1]\n'
        'rows = ["full", "paper policy"]\n[adapter]\nepochs = 3\n'
        '[releases."paper policy"]\nrelease = "paper/1.0.0"\nwork = "PAPER"\n'
    )
    config = read_ablation(file)
    assert config.adapter.epochs == 3 and config.seeds == (0, 1)
    assert config.source.work == tmp_path / "WORK"
    other = config.source_of("paper policy")
    assert other is not None and other.release == tmp_path / "paper/1.0.0"
    assert replace(config, others={}).source_of("paper policy") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "'coach' is no path"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nrow = ["full"]', "Did you mean 'rows'?"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nrows = ["no selector"]', "begin with 'full'"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nrows = 5', "is no list of names"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nrows = [["full"]]', "is no list of names"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\ntrain_fusion = "no"', "neither true nor"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nrows = ["ful"]', "no row is named 'ful'"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nseeds = [1, 1]', "seeds must be different"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\nbatch = "8"', "of the wrong type"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\n[adapter]\nseed = 3', "set by the ablation"),
        ('coach = "c"\nrelease = "r"\nwork = "w"\n[fusion]\nepoch = 3', "Did you mean 'epochs'?"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "ablation.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        read_ablation(file)
    assert message in str(refused.value)
