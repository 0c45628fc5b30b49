from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.qevd.drop_in import drop_in_records, merging_pairs
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.layout import find_splits
from qevd_bio.qevd.load import load_records, read_source
from qevd_bio.qevd.utterances import utterances
from tests.qevd.made_records import (
    SESSION_FRAMES,
    WriteSplit,
    made_raw,
    made_record,
    made_timestamps,
)

Raw = dict[str, Any]


def original_spans(record: Raw) -> list[tuple[str, int, int]]:
    """The original loader's result for a record: spans with inclusive ends, or a refusal."""
    spans, begun = [], None
    texts = [text.replace("armcrosschest", "deltoid stretch") for text in record["feedbacks"]]
    for frame, text in enumerate(texts):
        if begun is not None and texts[begun] != text:
            spans.append((texts[begun], begun, frame - 1))
            begun = None
        if text and begun is None:
            begun = frame
    assert len(spans) == len(record["feedback_timestamps"]), "spans and timestamps differ"
    return spans


def _bits(record: Raw) -> list[str]:
    return [time.hex() for time in record["feedback_timestamps"]]


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: text.strip() and not text.startswith("new ")
)
sessions = st.lists(
    st.tuples(st.integers(0, 3), texts, st.integers(1, 4), st.just(False)), min_size=1, max_size=8
)


def _raw(spoken: list[tuple[int, str, int, bool]]) -> Raw:
    numbered = [(gap, f"{text}{index}", *rest) for index, (gap, text, *rest) in enumerate(spoken)]
    return made_raw(numbered, sum(gap + length for gap, _, length, _ in spoken) + 1)


@given(sessions)
def test_without_replacements_nothing_differs(spoken: list[tuple[int, str, int, bool]]) -> None:
    raw = _raw(spoken)
    before = copy.deepcopy(raw)
    written = drop_in_records([raw], [made_record(raw, None)], {"0001": {}})
    assert written == [before]
    assert json.dumps(written) == json.dumps([before])


@given(sessions, st.data())
def test_only_replaced_texts_differ(
    spoken: list[tuple[int, str, int, bool]], data: st.DataObject
) -> None:
    raw = _raw(spoken)
    before = copy.deepcopy(raw)
    chosen = data.draw(st.sets(st.integers(0, len(spoken) - 1)))
    new = {index: f"new {index}: {data.draw(texts)}" for index in chosen}
    record = made_record(raw, None)
    (written,) = json.loads(json.dumps(drop_in_records([raw], [record], {"0001": new})))
    assert raw == before
    assert list(written) == list(before)
    assert {key: written[key] for key in written if key != "feedbacks"} == {
        key: before[key] for key in before if key != "feedbacks"
    }
    assert _bits(written) == _bits(before)
    expected = [
        (new.get(index, text), start, end)
        for index, (text, start, end) in enumerate(original_spans(before))
    ]
    assert original_spans(written) == expected


def test_the_original_loader_reads_the_new_texts(session: Raw, write_split: WriteSplit) -> None:
    root = write_split([session | {"kept": {"as": ["is", 0.1]}}, {"malformed": True}])
    loaded = load_records(root)
    (split,) = find_splits(root)
    new = {"0001": {1: "Knee flexion 62°, target 90°.", 4: "… hold"}}
    written: Any = drop_in_records(read_source(split.records_file), loaded.records, new)
    assert [span[0] for span in original_spans(written[0])] == [
        "First up are squats!",
        "Knee flexion 62°, target 90°.",
        "nice",
        "Moving on to deltoid stretch!",
        "… hold",
        "Moving on to lunges - left!",
        "That was all!",
    ]
    assert _bits(written[0]) == _bits(session)
    assert written[0]["kept"] == {"as": ["is", 0.1]}
    assert written[1] == {"malformed": True}


TOUCHING = [
    (3, "First up are squats!", 5, True),
    (2, "lower", 6, False),
    (0, "nice armcrosschest", 5, False),
    (1, "done", 4, True),
]


@pytest.mark.parametrize(
    "new",
    [
        {1: "nice armcrosschest"},
        {1: "nice deltoid stretch"},
        {1: "same", 2: "same"},
    ],
    ids=["as its neighbour", "as the loader rewrites its neighbour", "both alike"],
)
def test_touching_utterances_never_merge(new: dict[int, str]) -> None:
    raw = made_raw(TOUCHING, 40)
    record = made_record(raw, None)
    assert merging_pairs(record, new) == ((1, 2),)
    with pytest.raises(DataError, match="utterances 1 and 2 touch"):
        drop_in_records([raw], [record], {"0001": new})


def test_equal_texts_with_silence_between_are_written(session: Raw) -> None:
    record = made_record(session, None)
    (written,) = drop_in_records([session], [record], {"0001": {1: "same", 2: "same"}})
    assert [span[0] for span in original_spans(written)][1:3] == ["same", "same"]


def test_touching_utterances_that_stay_apart_are_written() -> None:
    raw = made_raw(TOUCHING, 40)
    record = made_record(raw, None)
    new = {1: "nice", 2: "lower"}
    assert merging_pairs(record, new) == ()
    (written,) = drop_in_records([raw], [record], {"0001": new})
    assert [span[0] for span in original_spans(written)] == [
        "First up are squats!",
        "nice",
        "lower",
        "done",
    ]


def test_utterances_merged_in_the_source_may_stay_so_or_be_separated() -> None:
    raw = made_raw([(4, "nice", 6, False), (0, "nice", 5, False)], 20)
    record = made_record(raw, frame_times_s(made_timestamps(20), where="made up"))
    assert len(utterances(record)) == 2
    assert drop_in_records([raw], [record], {"0001": {0: "nice", 1: "nice"}}) == [raw]
    (written,) = drop_in_records([raw], [record], {"0001": {1: "lower"}})
    assert original_spans(written) == [("nice", 4, 9), ("lower", 10, 14)]


@pytest.mark.parametrize(
    ("new", "cause"),
    [
        ({"0002": {1: "x"}}, "video 0002: has new texts but no record"),
        ({"0001": {7: "x"}}, "no utterance 7"),
        ({"0001": {-1: "x"}}, "no utterance -1"),
        ({"0001": {1: ""}}, "utterance 1 would lose its text"),
        ({"0001": {1: " "}}, "utterance 1 would lose its text"),
        ({"0001": {1: "\ud83d"}}, "utterance 1 .* no valid Unicode"),
        ({"0001": {3: "Moving on to rows!"}}, "utterance 3 is a transition"),
    ],
    ids=["video", "index", "negative index", "empty", "blank", "half a letter", "transition"],
)
def test_what_cannot_be_written_is_refused(
    new: dict[str, dict[int, str]], cause: str, session: Raw
) -> None:
    with pytest.raises(DataError, match=cause):
        drop_in_records([session], [made_record(session, None)], new)


def test_file_changed_since_loading_is_refused(session: Raw, write_split: WriteSplit) -> None:
    loaded = load_records(write_split([session]))
    session["feedbacks"][SESSION_FRAMES - 1] = "late"
    (split,) = find_splits(write_split([session]))
    with pytest.raises(DataError, match="not the one loaded"):
        drop_in_records(read_source(split.records_file), loaded.records, {"0001": {1: "x"}})


@pytest.mark.data
def test_real_file_stays_as_it_is(shared_data: Path) -> None:
    root = shared_data / "qevd_sample"
    records = load_records(root).records
    for split in find_splits(root):
        own = [record for record in records if record.split == split.split]
        source = read_source(split.records_file)
        written: Any = drop_in_records(source, own, {record.unit_id: {} for record in own})
        assert written == source
        assert [_bits(one) for one in written] == [_bits(one) for one in source]
        for record in written:
            if "0007" in record["long_range_video_file"]:
                with pytest.raises(AssertionError, match="spans and timestamps differ"):
                    original_spans(record)
            else:
                assert original_spans(record)
