"""status, failed, retry, verify, gc, adopt, why, archive: on a folder without its video."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calling import data_root_with, qevd_bio

COMMANDS = ("status", "failed", "retry", "verify", "gc", "adopt", "why")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without results: its video is absent."""
    home = tmp_path_factory.mktemp("upkeep")
    root = data_root_with(home, [1.69e9])
    done = qevd_bio("run", "--data-root", str(root), "--work", "work", "--json", cwd=home)
    assert done.returncode == 3
    counts = json.loads(done.stdout)["counts"]
    assert counts == {"completed": 0, "done": 0, "failed": 1, "skipped": counts["skipped"]}
    assert counts["skipped"] >= 5, "every other stage waits for it"
    lines = [line for line in done.stderr.splitlines() if "the video is absent" in line]
    assert len(lines) == 1, "a failure is reported once, not for each stage that waits for it"
    return home


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    done = qevd_bio(command, "--help")
    assert done.returncode == 0
    assert "--json" in done.stdout and "--work" in done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in ("adopt", "why")])
def test_a_folder_without_a_run_is_reported_in_text_and_json(tmp_path: Path, command: str) -> None:
    done = qevd_bio(command, "--work", "absent", "--json", cwd=tmp_path)
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert "no run has been made" in error["cause"] and error["exit_code"] == 1
    assert error["cause"] in done.stderr
    assert qevd_bio(command, "--work", "absent", cwd=tmp_path).stdout == ""


def test_status_failed_retry_and_plan_name_the_absent_video(folder: Path) -> None:
    status = json.loads(qevd_bio("status", "--json", cwd=folder).stdout)
    assert status["counts"]["kinematics"]["failed"] == 1
    assert status["counts"]["cycles"]["blocked"] == 1
    assert status["runs"][0]["state"] == "finished" and status["time_left_s"] is None
    (group,) = json.loads(qevd_bio("failed", "--json", cwd=folder).stdout)
    assert group["videos"] == ["0300"] and "the video is absent" in group["cause"]
    assert (folder / group["records"][0]).is_file()
    assert (folder / group["logs"][0] / "log.jsonl").is_file()
    retried = json.loads(qevd_bio("retry", "--stage", "kinematics", "--json", cwd=folder).stdout)
    assert retried["units"] == [{"video_id": "0300", "stage": "kinematics"}]
    assert retried["next"] == (f"qevd-bio run --data-root {folder}/QEVD --work {folder}/work"), (
        "the whole command goes on from any folder"
    )
    plan = qevd_bio("plan", "--data-root", "QEVD", "--why", "--json", cwd=folder)
    units = {unit["stage"]: unit for unit in json.loads(plan.stdout)["units"]}
    assert units["kinematics"]["action"] == "run"
    assert units["annotations"]["action"] == "blocked"
    assert "the video is absent" in units["annotations"]["why"][0]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("retry", "--stage", "dance"), 2, "no such stage"),
        (("retry", "--video", "9999"), 2, "no record has this video id"),
        (("adopt", "--stage", "dance", "--reason", "r"), 2, "no such stage"),
        (("adopt", "--stage", "cycles"), 2, "--reason"),
        (("why", "0300"), 2, "names no row"),
        (("why", "0300:0"), 1, "has no current annotations"),
        (("why", "absent.parquet:0"), 1, "is absent"),
        (("run", "--data-root", "QEVD", "--shard", "3/2"), 2, "no part of a whole"),
        (("run", "--data-root", "QEVD", "--unit-timeout-s", "0"), 2, "limit unit_s"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_errors_name_cause_and_next_step(
    folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = qevd_bio(*arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_verify_gc_and_adopt_find_nothing_to_do(folder: Path) -> None:
    assert json.loads(qevd_bio("verify", "--json", cwd=folder).stdout) == {
        "sound": 0,
        "damaged": [],
    }
    assert qevd_bio("gc", "--yes", cwd=folder).returncode == 0
    adopted = qevd_bio("adopt", "--stage", "kinematics", "--reason", "r", "--json", cwd=folder)
    (unit,) = json.loads(adopted.stdout)["units"]
    assert unit["obstacle"] == "there is no older output"


def test_archives_are_exported_and_imported(tmp_path: Path) -> None:
    root = data_root_with(tmp_path, [1.69e9])
    run = ("run", "--data-root", str(root), "--workers", "0", "--work")
    assert qevd_bio(*run, "node", cwd=tmp_path).returncode == 3
    export = ("archive", "export", "part.tar", "--work", "node", "--json")
    assert json.loads(qevd_bio(*export, cwd=tmp_path).stdout) == {
        "archive": "part.tar", "units": 0, "failures": 1, "damaged": []
    }  # fmt: skip
    into = ("archive", "import", "part.tar", "--work", "whole")
    imported = qevd_bio(*into, cwd=tmp_path)
    assert imported.returncode == 0
    assert "part.tar: 0 units and 1 failures, 1 new" in imported.stdout
    done = qevd_bio(*run, "whole", "--json", cwd=tmp_path)
    (failure,) = json.loads(done.stdout)["failures"]
    assert failure["reason"].count("absent") == 1
    status = json.loads(qevd_bio("status", "--work", "whole", "--json", cwd=tmp_path).stdout)
    assert len(status["runs"]) == 2
    torn = tmp_path / "part.tar"
    torn.write_bytes(torn.read_bytes()[:512])
    bad = qevd_bio(*into, cwd=tmp_path)
    assert bad.returncode == 1 and "part.tar" in bad.stderr


def test_the_parts_of_a_run_are_the_whole(folder: Path) -> None:
    parts = [
        json.loads(
            qevd_bio(
                "run", "--data-root", "QEVD", "--work", f"w{i}", "--shard", f"{i}/2", "--json",
                cwd=folder,
            ).stdout
        )["counts"]["failed"]
        for i in (1, 2)
    ]  # fmt: skip
    assert sorted(parts) == [0, 1]


@pytest.mark.parametrize("command", ["status", "diff"])
def test_a_work_folder_without_its_rules_names_what_is_gone(tmp_path: Path, command: str) -> None:
    data_root_with(tmp_path, [1.69e9])
    qevd_bio("rules", "new", "deadlift", "--from", "squat", "--rules", "own", cwd=tmp_path)
    options = ("--data-root", "QEVD", "--workers", "0")
    assert qevd_bio("run", *options, "--rules", "own", cwd=tmp_path).returncode == 3
    (tmp_path / "own").rename(tmp_path / "moved")
    done = qevd_bio(command, cwd=tmp_path)
    assert done.returncode == 1
    assert f"work.json: names the folder of rules {tmp_path}/own, which does not" in done.stderr
    assert "Restore the folder, or name another by `qevd-bio run --rules DIR`" in done.stderr
    work_file = tmp_path / "work" / "work.json"
    work_file.write_text(work_file.read_text().replace('"mediapipe"', '"mediapip"'))
    assert "Did you mean 'mediapipe'? Run `qevd-bio" in qevd_bio(command, cwd=tmp_path).stderr
    assert qevd_bio("run", *options, "--rules", "moved", cwd=tmp_path).returncode == 3
    assert "names the folder" not in qevd_bio(command, cwd=tmp_path).stderr
