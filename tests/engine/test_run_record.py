from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from qevd_bio.engine.runs import close_run, git_state, open_run, read_run
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.digest import sha256_json

CONFIG = {"sigma_s": 0.066, "backend": "mediapipe", "rules": None}


def test_run_is_recorded_when_it_begins_and_when_it_ends(tmp_path):
    folder = open_run(
        tmp_path / "work", argv=["run", "--data-root", "Q"], config=CONFIG, execution={}
    )
    assert folder.parent == tmp_path / "work" / "runs"
    begun = read_run(folder)
    assert begun["run_id"] == folder.name
    assert begun["argv"] == ["run", "--data-root", "Q"]
    assert begun["config"] == CONFIG
    assert begun["config_sha256"] == sha256_json(CONFIG)
    assert begun["versions"]["numpy"]
    assert begun["outcome"] is None
    close_run(folder, outcome="interrupted", counts={"completed": 3, "failed": 1})
    ended = json.loads((folder / "run.json").read_text())
    assert ended["outcome"] == "interrupted"
    assert ended["counts"] == {"completed": 3, "failed": 1}
    assert ended["finished_utc"] >= ended["started_utc"]
    unchanged = set(begun) - {"outcome", "counts", "finished_utc"}
    assert {name: begun[name] for name in unchanged} == {name: ended[name] for name in unchanged}


def test_two_runs_at_once_have_two_records(tmp_path):
    folders = {open_run(tmp_path, argv=[], config={}, execution={}) for _ in range(3)}
    assert len(folders) == 3


@pytest.mark.parametrize("text", [None, "{", "[]", '{"schema_version": 99}'])
def test_damaged_record_is_refused(tmp_path, text):
    folder = open_run(tmp_path, argv=[], config={}, execution={})
    if text is None:
        (folder / "run.json").unlink()
    else:
        (folder / "run.json").write_text(text)
    with pytest.raises(DataError) as caught:
        close_run(folder, outcome="finished", counts={})
    assert caught.value.where == str(folder / "run.json")


def test_config_that_is_no_json_is_refused(tmp_path):
    with pytest.raises(DataError):
        open_run(tmp_path, argv=[], config={"sigma": float("nan")}, execution={})
    assert list(tmp_path.iterdir()) == []


def test_work_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        open_run(tmp_path / "file", argv=[], config={}, execution={})


def git(folder: Path, *arguments: str) -> str:
    identity = {"GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e@x", "GIT_COMMITTER_NAME": "n"}
    environment = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "e@x"}
    command = ["git", "-C", str(folder), "-c", "core.hooksPath=/dev/null", *arguments]
    return subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()


def test_git_state_is_that_of_a_checkout_and_of_nothing_around_it(tmp_path):
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None, "no commit yet"
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert git_state(tmp_path) == {"commit": commit, "dirty": False}
    (tmp_path / "a").write_text("2")
    assert git_state(tmp_path) == {"commit": commit, "dirty": True}
    (tmp_path / "site-packages").mkdir()
    assert git_state(tmp_path / "site-packages") is None, "a wheel inside someone's repository"
