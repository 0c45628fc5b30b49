from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.load import load_records
from qevd_bio.qevd.utterances import Reconciled, reconcile, utterances
from tests.qevd.made_records import SESSION, SESSION_FRAMES, made_raw, made_record, made_timestamps

Raw = dict[str, Any]
TIMES_S = frame_times_s(made_timestamps(SESSION_FRAMES), where="made up")

said_texts = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["nice", "lower", "First up are squats!", "That’s it."]),
        st.integers(1, 12),
        st.just(False),
    ),
    max_size=12,
)


def _record(spoken: list[tuple[int, str, int, bool]], tail: int, known: bool) -> Any:
    frames = sum(silence + length for silence, _, length, _ in spoken) + tail
    frames = max(frames, 1)
    times_s = frame_times_s(made_timestamps(frames), where="made up") if known else None
    return made_record(made_raw(spoken, frames), times_s)


def _expected(spoken: list[tuple[int, str, int, bool]]) -> list[tuple[str, int, int]]:
    frame, expected = 0, []
    for silence, text, length, _ in spoken:
        expected.append((text, frame + silence, frame + silence + length))
        frame += silence + length
    return expected


@given(said_texts, st.integers(0, 5))
def test_utterances_come_back_from_the_dense_list(
    spoken: list[tuple[int, str, int, bool]], tail: int
) -> None:
    """With frame times known even touching equal utterances are separated."""
    record = _record(spoken, tail, known=True)
    found = utterances(record)
    assert [(one.text, one.frame_start, one.frame_end) for one in found] == _expected(spoken)
    assert tuple(one.timestamp_s for one in found) == record.feedback_timestamps
    assert [one.closed for one in found] == [True] * (len(spoken) - 1) + [tail > 0] * bool(spoken)


@given(said_texts, st.integers(1, 5))
def test_without_times_separate_utterances_come_back(
    spoken: list[tuple[int, str, int, bool]], tail: int
) -> None:
    apart = [(silence + 1, *rest) for silence, *rest in spoken]
    record = _record(apart, tail, known=False)
    found = utterances(record)
    assert [(one.text, one.frame_start, one.frame_end) for one in found] == _expected(apart)
    assert tuple(one.timestamp_s for one in found) == record.feedback_timestamps


@given(said_texts.filter(bool), st.data())
def test_one_lost_timestamp_shifts_no_other(
    spoken: list[tuple[int, str, int, bool]], data: st.DataObject
) -> None:
    lost = data.draw(st.integers(0, len(spoken) - 1))
    apart = [(silence + 8, *rest) for silence, *rest in spoken]
    record = _record(apart, 1, known=True)
    frames = sum(silence + length for silence, _, length, _ in apart) + 1
    raw = made_raw(apart, frames)
    own = list(raw["feedback_timestamps"])
    del raw["feedback_timestamps"][lost], raw["is_transition"][lost]
    found = reconcile(made_record(raw, record.times_s))
    expected = [None if index == lost else time for index, time in enumerate(own)]
    assert [one.timestamp_s for one in found.utterances] == expected
    assert [issue.kind for issue in found.issues if issue.kind != "no_session_end"] == [
        "no_timestamp"
    ]


def _reconciled(raw: Raw, times_s: np.ndarray | None = TIMES_S) -> Reconciled:
    return reconcile(made_record(raw, times_s))


def _stamps(found: Reconciled) -> list[float | None]:
    return [one.timestamp_s for one in found.utterances]


def test_sound_session_has_no_issues(session: Raw) -> None:
    found = _reconciled(session)
    assert _stamps(found) == session["feedback_timestamps"]
    assert [one.is_transition for one in found.utterances] == session["is_transition"]
    assert found.issues == ()


def test_open_end_is_kept_and_stated() -> None:
    raw = made_raw(SESSION, 115)
    raw["feedbacks"] = raw["feedbacks"][:103]
    found = _reconciled(raw)
    assert not found.utterances[-1].closed
    assert _stamps(found) == raw["feedback_timestamps"]
    assert [issue.kind for issue in found.issues] == ["open_end"]


@pytest.mark.parametrize("known", [True, False], ids=["times known", "times unknown"])
def test_open_end_without_timestamp_shifts_nothing(session: Raw, known: bool) -> None:
    session["feedbacks"] = session["feedbacks"][:103]
    del session["feedback_timestamps"][-1], session["is_transition"][-1]
    found = _reconciled(session, TIMES_S if known else None)
    assert _stamps(found) == [*session["feedback_timestamps"], None]
    assert {"no_timestamp", "open_end"} <= {issue.kind for issue in found.issues}


def test_touching_equal_utterances_are_distinguished_and_stated() -> None:
    raw = made_raw([(4, "nice", 6, False), (0, "nice", 5, False), (3, "lower", 9, False)], 40)
    found = _reconciled(raw)
    assert [(one.frame_start, one.frame_end) for one in found.utterances] == [
        (4, 10),
        (10, 15),
        (18, 27),
    ]
    assert _stamps(found) == raw["feedback_timestamps"]
    (issue,) = found.issues
    assert issue.kind == "touching"
    assert "frame 10" in issue.message


def test_touching_equal_utterances_without_times_stay_unpaired_and_named() -> None:
    raw = made_raw([(4, "nice", 6, False), (0, "nice", 5, False), (3, "lower", 9, False)], 40)
    found = _reconciled(raw, None)
    assert _stamps(found) == [None, None]
    kinds = [issue.kind for issue in found.issues]
    assert kinds == ["no_timestamp"] * 2 + ["no_text"] * 3


def test_timestamp_of_another_kind_inside_an_utterance_does_not_split_it(session: Raw) -> None:
    session["feedback_timestamps"].insert(1, float(TIMES_S[10]))
    session["is_transition"].insert(1, False)
    found = _reconciled(session)
    assert len(found.utterances) == len(SESSION)
    (issue,) = found.issues
    assert issue.kind == "no_text"
    assert "timestamp 1 " in issue.message


def test_timestamp_after_the_video_does_not_split_an_open_end(session: Raw) -> None:
    session["feedbacks"] = session["feedbacks"][:103]
    session["feedback_timestamps"].append(float(TIMES_S[-1]) + 30)
    session["is_transition"].append(True)
    found = _reconciled(session)
    assert _stamps(found) == session["feedback_timestamps"][:-1]
    assert [issue.kind for issue in found.issues] == ["no_text", "open_end"]


def test_equal_numbers_with_one_lost_on_each_side_pair_by_time(session: Raw) -> None:
    """Text 1 is gone from the dense list and timestamp 4 from the other: still 6 and 6."""
    own = list(session["feedback_timestamps"])
    gone = "bend those knees"
    session["feedbacks"] = ["" if text == gone else text for text in session["feedbacks"]]
    del session["feedback_timestamps"][4], session["is_transition"][4]
    found = _reconciled(session)
    assert _stamps(found) == [own[0], own[2], own[3], None, own[5], own[6]]
    assert [issue.kind for issue in found.issues] == ["no_timestamp", "no_text"]


def test_constant_clock_offset_is_paired_in_order_and_stated(session: Raw) -> None:
    session["feedback_timestamps"] = [time - 3600 for time in session["feedback_timestamps"]]
    found = _reconciled(session)
    assert _stamps(found) == session["feedback_timestamps"]
    (issue,) = found.issues
    assert issue.kind == "clock_offset"
    assert "-3600.000 s" in issue.message


def test_text_that_begins_late_is_paired_and_stated(session: Raw) -> None:
    session["feedback_timestamps"][4] -= 0.3
    found = _reconciled(session)
    assert _stamps(found) == session["feedback_timestamps"]
    (issue,) = found.issues
    assert issue.kind == "off_time"
    assert "+0.300 s" in issue.message


def test_transition_without_timestamp_is_known_by_its_form(session: Raw) -> None:
    del session["feedback_timestamps"][3], session["is_transition"][3]
    found = _reconciled(session)
    assert found.utterances[3].timestamp_s is None
    assert [one.is_transition for one in found.utterances] == [one[3] for one in SESSION]


def test_lost_transition_is_placed_on_its_frame(session: Raw) -> None:
    gone = "Moving on to armcrosschest!"
    frame = session["feedbacks"].index(gone)
    session["feedbacks"] = ["" if text == gone else text for text in session["feedbacks"]]
    found = _reconciled(session)
    assert found.lost_transitions == (frame,)
    assert [issue.kind for issue in found.issues] == ["no_text"]


@pytest.mark.data
def test_real_timestamps_are_those_of_first_frames(shared_data: Path) -> None:
    loaded = load_records(shared_data / "qevd_sample")
    counts = {}
    for record in loaded.records:
        found = utterances(record)
        counts[record.video_id] = len(found)
        assert tuple(one.timestamp_s for one in found) == record.feedback_timestamps
        if record.times_s is not None:
            starts = [record.times_s[one.frame_start] for one in found]
            assert starts == list(record.feedback_timestamps)
    assert counts == {"0146": 15, "0007": 10, "0147": 1, "0150": 7}
