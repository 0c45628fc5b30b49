"""A plain video from file to page: counts, sentences, tables, and what is not said."""

from __future__ import annotations

import csv
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.capture.monocular import backend
from qevd_bio.coach import coach
from qevd_bio.coach.analysis import ChosenRule, turn_to_stand_deg
from qevd_bio.coach.coach import coach_videos
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.recognise import Recognised
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.coach.squatting import FRAMES, RATE_HZ, SHALLOW, SQUATS, capture_of, film
from tests.pipeline.sessions_made import PERIOD_S, squats_motion

Coach = Callable[..., Any]
SQUAT = CoachSettings(exercise="squats")


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Squats half as deep as they should be, and a file that is no video beside them."""
    folder = tmp_path_factory.mktemp("shallow")
    film(folder / "gym.mp4")
    (folder / "notes.mp4").write_text("bring water")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backend, "capture_motion", capture_of(SHALLOW))
        result = coach_videos([folder], CoachSettings(exercise="squats", out=folder / "out"))
    assert [one.source.name for one in result.failed] == ["notes.mp4"]
    assert "not a readable video" in result.failed[0].reason
    return result.videos[0]


def test_repetitions_are_counted_with_their_times(shallow: dict[str, Any]) -> None:
    assert shallow["count"] == SQUATS and shallow["count_words"] == f"{SQUATS} repetitions"
    bottoms = [one["key_s"] for one in shallow["repetitions"]]
    assert bottoms == pytest.approx([(i + 0.5) * PERIOD_S for i in range(SQUATS)], abs=0.25)
    assert [one["set"] for one in shallow["repetitions"]] == [1] * SQUATS


def test_the_most_important_is_what_is_wrong_in_every_repetition(shallow: dict[str, Any]) -> None:
    first = shallow["most_important"][0]
    assert first["repetitions"] == [*range(1, SQUATS + 1)] and first["checked"] == SQUATS
    assert "Increase" in first["sentence"] and len(shallow["most_important"]) <= 3
    severities = [one["severity"] for one in shallow["most_important"]]
    assert severities == sorted(severities, reverse=True)


def test_a_sentence_states_the_angle_of_the_table_of_frames(shallow: dict[str, Any]) -> None:
    told = [re.search(r"[Kk]nee flexion (\d+)°.*bottom", s["sentence"]) for s in
            shallow["most_important"]]  # fmt: skip
    stated = next(float(one.group(1)) for one in told if one)
    with Path(shallow["files"]["angles.csv"]).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == FRAMES
    keys = [round(one["key_s"] * RATE_HZ) for one in shallow["repetitions"]]
    there = [float(rows[frame]["knee_flexion_r_deg"]) for frame in keys]
    assert min(abs(value - stated) for value in there) <= 2.0


def test_tables_are_the_same_in_both_formats(shallow: dict[str, Any]) -> None:
    for name in ("repetitions", "findings", "angles"):
        table = pq.read_table(shallow["files"][f"{name}.parquet"])
        with Path(shallow["files"][f"{name}.csv"]).open(encoding="utf-8") as file:
            rows = list(csv.reader(file))
        assert rows[0] == table.column_names and len(rows) - 1 == table.num_rows
    assert json.loads(
        (Path(shallow["page"]).parent / "coach.json").read_text(encoding="utf-8")
    )["count"] == SQUATS  # fmt: skip


def test_the_motion_is_there_for_opensim(shallow: dict[str, Any]) -> None:
    motion = read_mot(Path(shallow["files"]["motion.mot"]))
    assert len(motion.time_s) == FRAMES


def test_the_page_holds_all_it_shows(shallow: dict[str, Any]) -> None:
    page = Path(shallow["page"]).read_text(encoding="utf-8")
    assert page.count('src="data:video/mp4;base64,') == 1
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    for one in shallow["most_important"]:
        assert one["sentence"] in page
    assert page.count("<details>") == SQUATS


def test_nothing_is_said_where_the_capture_is_unsure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "capture_motion", capture_of(SHALLOW, confidence=0.1))
    settings = CoachSettings(exercise="squats", out=tmp_path / "out")
    (video,) = coach_videos([film(tmp_path / "dark.mp4")], settings).videos
    assert video["count"] == SQUATS
    assert video["most_important"] == []
    assert not any(one["sentences"] for one in video["repetitions"])
    assert video["not_judged"]


def test_a_second_call_captures_nothing_again(
    shallow: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "capture_motion", None)
    out = Path(shallow["page"]).parents[1]
    settings = CoachSettings(exercise="squats", out=out)
    assert coach_videos([Path(shallow["source"])], settings).videos == [shallow]


def test_a_part_of_a_video_counts_from_its_own_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "capture_motion", capture_of(1.0))
    settings = CoachSettings(
        exercise="squats", out=tmp_path / "out", start_s=PERIOD_S, end_s=3 * PERIOD_S
    )
    (video,) = coach_videos([film(tmp_path / "gym.mp4")], settings).videos
    assert video["from_s"] == pytest.approx(PERIOD_S, abs=1 / RATE_HZ)
    assert video["count"] == 2
    angles = pq.read_table(video["files"]["angles.parquet"])
    assert angles["time_s"][0].as_py() == 0.0
    assert angles["time_s"][-1].as_py() == pytest.approx(2 * PERIOD_S, abs=1 / RATE_HZ)


def test_a_part_beyond_the_end_costs_only_this_video(tmp_path: Path) -> None:
    settings = CoachSettings(exercise="squats", out=tmp_path / "out", start_s=100.0)
    result = coach_videos([film(tmp_path / "gym.mp4", 10)], settings)
    assert not result.videos and "it lasts 0.90 s" in result.failed[0].reason


def test_an_exercise_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no exercise 'zorbing'"):
        coach_videos([film(tmp_path / "a.mp4", 3)], CoachSettings(exercise="zorbing"))


def test_a_spelling_that_is_only_near_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "capture_motion", capture_of(1.0))
    settings = CoachSettings(exercise="squatts", out=tmp_path / "out")
    (video,) = coach_videos([film(tmp_path / "a.mp4")], settings).videos
    assert video["exercise"]["id"] == "squat" and video["count"] == SQUATS
    assert "'squatts' was taken for Squat" in video["remarks"]


def test_an_exercise_is_recognised_after_the_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "capture_motion", capture_of(1.0))
    file = film(tmp_path / "gym.mp4")
    (video,) = coach_videos([file], CoachSettings(out=tmp_path / "out")).videos
    exercise = video["exercise"]
    assert (exercise["id"], exercise["by"]) == ("squat", "recognition")
    assert 0.0 < exercise["probability"] <= 1.0 and video["count"] == SQUATS
    assert any("recognised with a probability" in one for one in video["remarks"])


def test_who_lies_is_captured_again_where_the_picture_was_turned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells the first capture that somebody lies: it stands her up."""
    captured: list[int] = []

    def turning(*args: Any, exercises: Any, **named: Any) -> Captured:
        captured.append(0 if exercises else 270)
        motion = capture_of(1.0)(*args, **named).motion
        return Captured(motion, {"turn_deg": captured[-1]})

    def chosen(rules: Any, _motion: Any, turn_deg: int) -> ChosenRule:
        assert turn_deg == captured[-1]
        return ChosenRule(rules["plank"])

    monkeypatch.setattr(backend, "capture_motion", turning)
    monkeypatch.setattr(coach, "recognised_rule", chosen)
    (video,) = coach_videos([film(tmp_path / "a.mp4")], CoachSettings(out=tmp_path / "o")).videos
    assert captured == [270, 0]
    assert not any("turned" in remark for remark in video["remarks"])


@pytest.mark.parametrize(("list_deg", "turn_deg"), [(0.0, 0), (90.0, 270), (-90.0, 90), (50.0, 0)])
def test_legs_show_how_far_to_turn_somebody_who_stands(list_deg: float, turn_deg: int) -> None:
    motion = squats_motion(1.0, np.arange(FRAMES) / RATE_HZ)
    motion.q[:, DOF_INDEX["pelvis_list"]] += np.deg2rad(list_deg)
    assert turn_to_stand_deg(motion) == turn_deg


def test_legs_held_out_and_some_time_on_the_floor_turn_no_picture() -> None:
    sits = squats_motion(1.0, np.arange(FRAMES) / RATE_HZ)
    for side in "rl":
        sits.q[:, DOF_INDEX[f"hip_flexion_{side}"]] = np.pi / 2
        sits.q[:, DOF_INDEX[f"knee_angle_{side}"]] = 0.0
    assert turn_to_stand_deg(sits) == 0, "a bench dip"
    drops = squats_motion(0.0, np.arange(FRAMES) / RATE_HZ)
    drops.q[: FRAMES // 2, DOF_INDEX["pelvis_list"]] += np.pi / 2
    assert turn_to_stand_deg(drops) == 0, "a burpee"


def test_a_video_that_shows_nobody_is_not_turned() -> None:
    motion = squats_motion(1.0, np.arange(FRAMES) / RATE_HZ)
    nobody = replace(motion, valid=np.zeros_like(motion.valid))
    with warnings.catch_warnings(action="error"):
        assert turn_to_stand_deg(nobody) == 0


def test_who_stands_is_captured_again_where_she_lies_in_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int | None] = []

    def sideways(*args: Any, config: Any, **named: Any) -> Captured:
        turns.append(config.video.turn.fixed_deg)
        motion = capture_of(1.0)(*args, config=config, **named).motion
        if turns[-1] is None:
            motion.q[:, DOF_INDEX["pelvis_list"]] -= np.pi / 2
        return Captured(motion, {"turn_deg": turns[-1] or 0})

    monkeypatch.setattr(backend, "capture_motion", sideways)
    settings = CoachSettings(exercise="squats", out=tmp_path / "out")
    (video,) = coach_videos([film(tmp_path / "a.mp4")], settings).videos
    assert turns == [None, 90] and video["count"] == SQUATS
    assert "the picture was turned clockwise by 90 degrees" in video["remarks"]


@pytest.mark.parametrize(
    ("exercise", "said"),
    [
        (None, "no exercise is recognised (most likely: lunge 0.30)"),
        ("lateral_raise", "it looks like Lateral raise (0.70), but there is no repetition of it"),
    ],
)
def test_what_is_no_exercise_is_refused(
    exercise: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Recognised(exercise, 0.7, (("lunge", 0.3),))
    monkeypatch.setattr(coach, "recognise_turned", lambda motion, *_: (answer, motion))
    monkeypatch.setattr(backend, "capture_motion", capture_of(0.0))
    result = coach_videos([film(tmp_path / "a.mp4")], CoachSettings(out=tmp_path / "out"))
    assert result.videos == []
    assert said in result.failed[0].reason and "Name the exercise" in result.failed[0].reason


def test_two_videos_of_one_name_are_told_apart_by_the_user(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        film(tmp_path / name / "gym.mp4", 3)
    with pytest.raises(DataError, match="second video 'gym'"):
        coach_videos([tmp_path / "a", tmp_path / "b"], SQUAT)


def test_numbers_in_tables_are_finite_or_null(shallow: dict[str, Any]) -> None:
    angles = pq.read_table(shallow["files"]["angles.parquet"])
    for name in angles.column_names[2:]:
        values = angles[name].drop_null().to_numpy()
        assert np.isfinite(values).all(), name
