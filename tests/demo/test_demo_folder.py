"""The demo folder read back with json, numpy and PyAV alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.demo.sessions import Exercise, Line, Session, demo_sessions
from qevd_bio.demo.workout import DemoTruth, make_demo_folder
from qevd_bio.errors import UsageError
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.skeleton.dofs import DOF_INDEX

SQUAT = Exercise("squat", "squats", "oblique45", "too_shallow", "x.", 1.0,
                 (Line(1.1, "Go deeper on the squat"),))  # fmt: skip
LUNGE = Exercise("walking_lunges", "walking lunges", "side", "leaning_forward", ".", 1.6,
                 (Line(0.6, "keep it up!"),))  # fmt: skip
PLANK = Exercise("plank", "plank", "floor_side", "hips_sagging", "x", 0.8,
                 (Line(0.9, "drop your hips"),))  # fmt: skip
SESSIONS = (
    Session("0007", "train", "man", 0, (SQUAT, LUNGE)),
    Session("0150", "test", "woman", 1, (PLANK,)),
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoTruth:
    root = tmp_path_factory.mktemp("demo") / "QEVD"
    return make_demo_folder(root, SESSIONS, seed=4)


def split_of(demo: DemoTruth, video_id: str) -> Path:
    return demo.root / SPLIT_FOLDERS[demo.videos[video_id].split]


def record(demo: DemoTruth, video_id: str) -> dict:
    listed = json.loads((split_of(demo, video_id) / RECORDS_FILE).read_text(encoding="utf-8"))
    return next(r for r in listed if video_id in r["long_range_video_file"])


def runs(feedbacks: list[str]) -> list[tuple[int, int, str]]:
    """Maximal runs of equal, non-empty text."""
    found: list[tuple[int, int, str]] = []
    for frame, text in enumerate(feedbacks):
        if text and found and found[-1][1:] == (frame, text):
            found[-1] = (found[-1][0], frame + 1, text)
        elif text:
            found.append((frame, frame + 1, text))
    return found


def test_layout_is_that_of_qevd(demo: DemoTruth) -> None:
    files = sorted(str(p.relative_to(demo.root)) for p in demo.root.rglob("*") if p.is_file())
    assert files == [
        "QEVD-FIT-COACH-Benchmark/feedbacks_long_range.json",
        "QEVD-FIT-COACH-Benchmark/long_range_videos/0150.mp4",
        "QEVD-FIT-COACH-Benchmark/long_range_videos/0150_timestamps.npy",
        "QEVD-FIT-COACH/feedbacks_long_range.json",
        "QEVD-FIT-COACH/long_range_videos/0007.mp4",
        "QEVD-FIT-COACH/long_range_videos/0007_timestamps.npy",
    ]
    assert sorted(p.name for p in demo.root.parent.iterdir()) == [
        "QEVD",
        "truth.json",
        "truth.npz",
    ]


@pytest.mark.parametrize("video_id", ["0007", "0150"])
def test_frames_timestamps_and_sentences_agree(demo: DemoTruth, video_id: str) -> None:
    raw, split = record(demo, video_id), split_of(demo, video_id)
    ns = np.load(split / raw["video_timestamps"], allow_pickle=False)
    with av.open(str(split / raw["long_range_video_file"])) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures == len(ns) == len(raw["feedbacks"]) == len(demo.videos[video_id].q)
    spans = runs(raw["feedbacks"])
    assert len(spans) == len(raw["feedback_timestamps"]) == len(raw["is_transition"])
    whole, part = np.divmod(ns, 1_000_000_000)
    seconds = whole + part / 1e9 + 28_800
    for (start, _, _), stamp in zip(spans, raw["feedback_timestamps"], strict=True):
        assert stamp == seconds[start]
    np.testing.assert_array_equal(seconds, demo.videos[video_id].time_s)


def test_utterances_come_in_the_planned_order(demo: DemoTruth) -> None:
    raw = record(demo, "0007")
    said = [text for _, _, text in runs(raw["feedbacks"])]
    assert said == [
        "First up are squats!",
        "Go deeper on the squat",
        "Moving on to walking lunges!",
        "keep it up!",
        "That’s the end of the session.",
    ]
    assert raw["is_transition"] == [True, False, True, False, True]


def test_early_videos_are_stored_sideways(demo: DemoTruth) -> None:
    sizes = {}
    for video_id in demo.videos:
        path = split_of(demo, video_id) / "long_range_videos" / f"{video_id}.mp4"
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            sizes[video_id] = (stream.width, stream.height)
    assert sizes == {"0007": (640, 480), "0150": (480, 640)}
    assert [demo.videos[v].sideways for v in ("0007", "0150")] == [True, False]


def test_a_correction_follows_the_faulty_repetition(demo: DemoTruth) -> None:
    raw = record(demo, "0007")
    squats = demo.videos["0007"].segments[0]
    said_s = raw["feedback_timestamps"][1]
    assert squats.form_error == "too_shallow"
    assert [one.is_faulty for one in squats.repetitions] == [True, False]
    assert squats.repetitions[0].end_s < said_s < squats.repetitions[1].key_s


def test_true_angles_show_the_repetitions(demo: DemoTruth) -> None:
    """The lunge is done on both sides although its reference has one."""
    truth = demo.videos["0007"]
    knee = np.rad2deg(truth.q[:, DOF_INDEX["knee_angle_r"]])
    depth = [np.interp(r.key_s, truth.time_s, knee) for r in truth.segments[0].repetitions]
    assert depth == pytest.approx([55, 100], abs=6)
    lunges = truth.segments[1].repetitions
    assert [r.side for r in lunges] == ["r", "l"]
    for r in lunges:
        hip = np.rad2deg(truth.q[:, DOF_INDEX[f"hip_flexion_{r.side}"]])
        assert np.interp(r.key_s, truth.time_s, hip) == pytest.approx(95, abs=5)
    assert np.abs(np.rad2deg(truth.q[:, 0])).min() > 140, "upright in the camera frame"


def test_written_truth_is_the_returned_truth(demo: DemoTruth) -> None:
    listed = json.loads((demo.root.parent / "truth.json").read_text(encoding="utf-8"))
    with np.load(demo.root.parent / "truth.npz", allow_pickle=False) as arrays:
        for video_id, truth in demo.videos.items():
            np.testing.assert_array_equal(arrays[f"{video_id}_q"], truth.q)
            np.testing.assert_array_equal(arrays[f"{video_id}_time_s"], truth.time_s)
            for stored, segment in zip(listed[video_id]["segments"], truth.segments, strict=True):
                assert stored["rule"] == segment.rule
                assert [r["key_s"] for r in stored["repetitions"]] == [
                    r.key_s for r in segment.repetitions
                ]


def test_same_seed_same_bytes(demo: DemoTruth, tmp_path: Path) -> None:
    make_demo_folder(tmp_path / "QEVD", SESSIONS[1:], seed=4)
    for path in (tmp_path / "QEVD").rglob("*.*"):
        other = demo.root / path.relative_to(tmp_path / "QEVD")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_a_form_error_of_another_exercise_is_named(tmp_path: Path) -> None:
    wrong = replace(PLANK, form_error="too_shallow")
    with pytest.raises(UsageError, match="plank has no form error 'too_shallow'"):
        make_demo_folder(tmp_path / "Q", (replace(SESSIONS[1], exercises=(wrong,)),), seed=1)
    assert not (tmp_path / "Q").exists()


def test_every_exercise_of_the_demo_has_faulty_repetitions_and_sentences_after_them() -> None:
    sessions = demo_sessions()
    assert {s.split for s in sessions} == {"train", "test"}
    assert any(int(s.video_id) <= 145 for s in sessions)
    rules = {e.rule for s in sessions for e in s.exercises}
    assert rules == {"squat", "pushup", "jumping_jack", "walking_lunges", "plank"}
    seconds = 0.0
    for exercise in (e for s in sessions for e in s.exercises):
        assert any(exercise.is_faulty)
        times = [line.after for line in exercise.lines]
        assert times == sorted(times) and times[-1] <= len(exercise.is_faulty)
        gaps = np.diff(times) * exercise.repetition_s
        assert gaps.min(initial=9.0) > 1.2, "sentences do not run into each other"
        seconds += len(exercise.is_faulty) * exercise.repetition_s
    assert 45 < seconds < 75
