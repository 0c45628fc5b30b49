from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.load import load_records
from qevd_bio.qevd.segments import segments
from qevd_bio.qevd.texts import exercise_text, loader_text
from qevd_bio.qevd.utterances import utterances
from tests.qevd.made_records import SESSION_FRAMES, made_record, made_timestamps

Raw = dict[str, Any]
TIMES_S = frame_times_s(made_timestamps(SESSION_FRAMES), where="made up")
# Made-up records, cut into segments by the original loader.
GOLDEN = Path(__file__).parents[1] / "golden" / "qevd" / "segments.json"


def _golden() -> list[Raw]:
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", _golden(), ids=lambda case: f"{len(case['spans'])} utterances")
def test_segments_equal_the_original_loaders(case: Raw) -> None:
    stamps = [case["first_ns"], *(256 * step for step in case["steps_256ns"])]
    times_s = frame_times_s(np.array(list(accumulate(stamps))), where="golden")
    dense = [text for text, frames in case["feedbacks"] for _ in range(frames)]
    record = made_record(case | {"feedbacks": dense}, times_s)

    found = utterances(record)
    assert [[loader_text(one.text), one.frame_start, one.frame_end - 1] for one in found] == case[
        "spans"
    ]
    with_feedback = [one for one in segments(record) if one.utterance_indices]
    assert [
        {
            "exercise_name": one.exercise_text,
            "exercise_start_timestamp": one.start_s,
            "exercise_end_timestamp": one.end_s,
            "responses": [found[index].text for index in one.utterance_indices],
            "response_timestamps": [found[index].timestamp_s for index in one.utterance_indices],
        }
        for one in with_feedback
    ] == case["segments"]


def test_golden_cases_hold_a_segment_without_feedback() -> None:
    transitions = [sum(case["is_transition"]) - 1 for case in _golden()]
    assert any(
        count > len(case["segments"]) for count, case in zip(transitions, _golden(), strict=True)
    )


@pytest.mark.parametrize(
    ("text", "exercise"),
    [
        ("First up are squats!", "squats"),
        ("Moving on to push-ups - left!", "push-ups - left"),
        ("Moving on to armcrosschest!", "deltoid stretch"),
        ("Moving on to armcrosschest right", "deltoid stretch right"),
        ("Now some rest!", "Now some rest"),
    ],
)
def test_exercise_text(text: str, exercise: str) -> None:
    assert exercise_text(text) == exercise


def test_segments_of_a_session(session: Raw) -> None:
    """Counted by hand: the announcements last frames 5-16, 53-63, 84-93 and 97-104."""
    found = segments(made_record(session, TIMES_S))
    assert [(one.exercise_text, one.frame_start, one.frame_end) for one in found] == [
        ("squats", 5, 59),
        ("deltoid stretch", 53, 89),
        ("lunges - left", 84, 101),
    ]
    assert [one.utterance_indices for one in found] == [(1, 2), (4,), ()]


def test_lost_transition_ends_a_segment_and_begins_none(session: Raw) -> None:
    gone = "Moving on to armcrosschest!"
    frame = session["feedbacks"].index(gone)
    session["feedbacks"] = ["" if text == gone else text for text in session["feedbacks"]]
    found = segments(made_record(session, TIMES_S))
    assert [(one.exercise_text, one.frame_end) for one in found] == [
        ("squats", frame),
        ("lunges - left", found[1].frame_end),
    ]
    # "hold it there" belongs to the lost exercise, so to no segment.
    assert [one.utterance_indices for one in found] == [(1, 2), ()]


def test_lost_end_of_session_still_ends_the_last_exercise(session: Raw) -> None:
    gone = "That was all!"
    frame = session["feedbacks"].index(gone)
    session["feedbacks"] = ["" if text == gone else text for text in session["feedbacks"]]
    found = segments(made_record(session, TIMES_S))
    assert [one.exercise_text for one in found] == ["squats", "deltoid stretch", "lunges - left"]
    assert found[-1].frame_end == frame


def test_record_without_transitions_has_no_segments(session: Raw) -> None:
    session["is_transition"] = [False] * 7
    assert segments(made_record(session, TIMES_S)) == ()


@pytest.mark.data
def test_real_segments_equal_the_truth(shared_data: Path) -> None:
    sample = shared_data / "qevd_sample"
    truth = json.loads((sample / "truth.json").read_text(encoding="utf-8"))
    for record in load_records(sample).records:
        if record.times_s is None:
            continue
        expected = truth[record.video_id]
        assert (record.split, len(record.times_s)) == (expected["split"], expected["frames"])
        found = segments(record)
        assert [one.exercise_text for one in found] == [
            segment["exercise"] for segment in expected["segments"]
        ]
        # Each clip of the sample holds the exercise announced first after its start.
        starts_s = [one.start_s - record.times_s[0] for one in found]
        for start_s, clip_s in zip(starts_s, expected["clip_starts_s"], strict=True):
            assert -0.1 <= start_s - clip_s <= 0.5
