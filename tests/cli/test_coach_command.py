"""The command `coach`: its words, its JSON and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qevd_bio.capture.monocular import backend
from tests.cli.calling import qevd_bio
from tests.coach.squatting import SHALLOW, SQUATS, capture_of, film


def test_one_good_and_one_bad_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "capture_motion", capture_of(SHALLOW))
    film(tmp_path / "gym.mp4")
    (tmp_path / "torn.mp4").write_bytes(b"\0" * 100)
    arguments = ("coach", "gym.mp4", "torn.mp4", "--exercise", "squat")
    done = qevd_bio(*arguments, "--json", cwd=tmp_path)
    assert done.returncode == 3 and "failed: torn.mp4" in done.stderr
    result = json.loads(done.stdout)
    assert [one["count"] for one in result["videos"]] == [SQUATS]
    assert [one["source"] for one in result["failed"]] == ["torn.mp4"]
    words = qevd_bio(*arguments, cwd=tmp_path).stdout
    assert f"gym: Squat, {SQUATS} repetitions" in words
    assert f"(in {SQUATS} of {SQUATS})" in words and "page: coach/gym/page.html" in words


def test_only_bad_videos_are_a_failure(tmp_path: Path) -> None:
    done = qevd_bio("coach", "absent.mp4", "--exercise", "squat", cwd=tmp_path)
    assert done.returncode == 1 and "does not exist" in done.stderr


def test_a_live_exercise_has_to_be_named(tmp_path: Path) -> None:
    done = qevd_bio("coach", "absent.mp4", "--live", cwd=tmp_path)
    assert done.returncode == 2 and "Name the exercise" in done.stderr
