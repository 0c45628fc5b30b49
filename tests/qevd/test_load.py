from __future__ import annotations

import copy
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.qevd.load import load_records, require_times_s
from qevd_bio.qevd.segments import segments
from qevd_bio.qevd.utterances import utterances
from tests.qevd.made_records import WriteSplit

Raw = dict[str, Any]
BENCHMARK = "QEVD-FIT-COACH-Benchmark"


def _named(raw: Raw, video_id: str) -> Raw:
    return raw | {
        "long_range_video_file": f"./long_range_videos/{video_id}.mp4",
        "video_timestamps": f"./long_range_videos/{video_id}_timestamps.npy",
    }


def _videos(root: Path) -> Path:
    return root / "QEVD-FIT-COACH" / "long_range_videos"


def test_good_record_keeps_source_values_bit_for_bit(
    session: Raw, write_split: WriteSplit
) -> None:
    root = write_split([session | {"unknown_field": 1}])
    loaded = load_records(root)
    (record,) = loaded.records
    assert loaded.rejected == ()
    assert record.issues == ()
    assert (record.unit_id, record.video_id, record.split) == ("0001", "0001", "train")
    assert record.video_file == (_videos(root) / "0001.mp4").resolve()
    assert list(record.feedbacks) == session["feedbacks"]
    assert [time.hex() for time in record.feedback_timestamps] == [
        time.hex() for time in session["feedback_timestamps"]
    ]
    assert list(record.is_transition) == session["is_transition"]
    assert require_times_s(record) is record.times_s


def _without(key: str) -> Any:
    return lambda raw: {name: raw[name] for name in raw if name != key}


def _with(**changed: Any) -> Any:
    return lambda raw: raw | changed


BAD = {
    "no object": (lambda raw: ["0001"], "not of type 'object'"),
    "no number": (lambda raw: math.nan, "^NaN is no JSON number"),
    "no number among the times": (_with(feedback_timestamps=[math.nan]), "^NaN is no JSON number"),
    "missing field": (_without("feedbacks"), "'feedbacks' is a required property"),
    "no frames": (_with(feedbacks=[]), "feedbacks: .*non-empty"),
    "number among the texts": (_with(feedbacks=["", "", 3, 3]), "3 is not of type 'string'"),
    "null among the times": (_with(feedback_timestamps=[None]), "feedback_timestamps.0"),
    "flag as a number": (_with(is_transition=[1]), "is_transition.0"),
    "fewer flags than times": (
        lambda raw: raw | {"is_transition": raw["is_transition"][1:]},
        "6 is_transition flags for 7 feedback_timestamps",
    ),
    "video above the root": (
        _with(long_range_video_file="../../etc/passwd.mp4"),
        r"holds '\.\.'",
    ),
    "timestamps above the root": (_with(video_timestamps="./../x.npy"), r"holds '\.\.'"),
    "absolute video": (_with(long_range_video_file="/0001.mp4"), "is absolute"),
    "id unfit for a folder": (
        _with(long_range_video_file="./long_range_videos/a b.mp4"),
        "cannot name a folder",
    ),
    "half a letter": (_with(feedbacks=["", "\ud83d", ""]), "no valid Unicode"),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
def test_malformed_record_is_rejected_and_the_others_go_on(
    case: tuple[Any, str], session: Raw, tmp_path: Path, write_split: WriteSplit
) -> None:
    spoil, reason = case
    root = write_split([_named(session, "0000"), _named(session, "0002")])
    spoilt = [_named(session, "0000"), spoil(session), _named(session, "0002")]
    (root / "QEVD-FIT-COACH" / "feedbacks_long_range.json").write_text(json.dumps(spoilt))
    loaded = load_records(root)
    assert [record.video_id for record in loaded.records] == ["0000", "0002"]
    assert [record.index for record in loaded.records] == [0, 2]
    (rejected,) = loaded.rejected
    assert (rejected.split, rejected.index) == ("train", 1)
    assert re.search(reason, rejected.reason), rejected.reason


def test_a_file_of_one_nonsense_record_has_no_other(write_split: WriteSplit) -> None:
    root = write_split([])
    (root / "QEVD-FIT-COACH" / "feedbacks_long_range.json").write_text("[NaN]")
    loaded = load_records(root)
    assert loaded.records == ()
    assert [(one.index, one.reason) for one in loaded.rejected] == [(0, "NaN is no JSON number")]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b'[{"feedbacks": ["",\n  }]', "line 2 column 3"),
        (b"[", "line 1 column 2"),
        (b'["\xff"]', "not UTF-8 at byte 2"),
        (b'{"records": []}', "no list of records"),
    ],
    ids=["broken object", "cut off", "latin-1", "object on top"],
)
def test_malformed_file_is_named_with_the_place(
    data: bytes, cause: str, write_split: WriteSplit
) -> None:
    root = write_split([])
    (root / "QEVD-FIT-COACH" / "feedbacks_long_range.json").write_bytes(data)
    with pytest.raises(DataError, match=cause) as caught:
        load_records(root)
    assert "feedbacks_long_range.json" in caught.value.where


def test_video_id_that_comes_again_is_rejected(session: Raw, write_split: WriteSplit) -> None:
    again = copy.deepcopy(session)
    again["feedbacks"][0] = "other"
    loaded = load_records(write_split([session, _named(session, "0002"), again]))
    assert [(record.video_id, record.index) for record in loaded.records] == [
        ("0001", 0),
        ("0002", 1),
    ]
    assert [(one.index, one.reason) for one in loaded.rejected] == [
        (2, "repeats video id 0001 of record 0")
    ]


def test_id_in_both_splits_gets_the_split_in_front(session: Raw, write_split: WriteSplit) -> None:
    write_split([session, _named(session, "0002")])
    loaded = load_records(
        write_split([_named(session, "0001"), _named(session, "0003")], BENCHMARK)
    )
    assert [(record.unit_id, record.video_id) for record in loaded.records] == [
        ("train-0001", "0001"),
        ("0002", "0002"),
        ("test-0001", "0001"),
        ("0003", "0003"),
    ]


def test_record_without_frame_timestamps_still_loads(
    session: Raw, write_split: WriteSplit
) -> None:
    root = write_split([session])
    (_videos(root) / "0001_timestamps.npy").unlink()
    (record,) = load_records(root).records
    assert record.times_s is None
    assert [issue.kind for issue in record.issues] == ["no_times"]
    assert [one.timestamp_s for one in utterances(record)] == session["feedback_timestamps"]
    assert [(one.start_s, one.end_s) for one in segments(record)] == [(None, None)] * 3
    with pytest.raises(DataError, match=r"0001_timestamps\.npy cannot be read") as caught:
        require_times_s(record)
    assert caught.value.where == "video 0001"


@pytest.mark.parametrize("damage", ["seconds", "cut"])
def test_damaged_frame_timestamps_leave_times_unknown(
    damage: str, session: Raw, write_split: WriteSplit
) -> None:
    root = write_split([session])
    file = _videos(root) / "0001_timestamps.npy"
    if damage == "seconds":
        np.save(file, np.load(file) / 1e9)
    else:
        file.write_bytes(file.read_bytes()[:-9])
    (record,) = load_records(root).records
    assert record.times_s is None
    assert [issue.kind for issue in record.issues] == ["no_times"]


@pytest.mark.parametrize("change", [-60, 30], ids=["shorter", "longer"])
def test_other_number_of_frame_timestamps_is_a_stated_issue(
    change: int, session: Raw, write_split: WriteSplit
) -> None:
    frames = len(session["feedbacks"])
    root = write_split([session])
    file = _videos(root) / "0001_timestamps.npy"
    stamps = np.load(file)
    longer = np.append(stamps, stamps[-1] + np.arange(1, 31) * 64_000_000)
    np.save(file, longer[: frames + change])
    (record,) = load_records(root).records
    issue = record.issues[0]
    assert issue.kind == "frame_count"
    assert f"{frames + change} frame timestamps for {frames} texts" in issue.message
    known = [one for one in utterances(record) if one.frame_start < frames + change]
    assert [one.timestamp_s for one in known] == session["feedback_timestamps"][: len(known)]
    assert all(one.timestamp_s is None for one in utterances(record)[len(known) :])


def test_digest_follows_the_record_and_not_its_neighbours(
    session: Raw, write_split: WriteSplit
) -> None:
    first = load_records(write_split([session, _named(session, "0002")])).records
    changed = copy.deepcopy(session)
    changed["feedbacks"][0] = "Hello"
    second = load_records(write_split([changed, _named(session, "0002")])).records
    assert first[0].digest != second[0].digest
    assert first[1].digest == second[1].digest


@pytest.mark.data
def test_real_sample(shared_data: Path) -> None:
    loaded = load_records(shared_data / "qevd_sample")
    assert loaded.rejected == ()
    issues = {record.video_id: [one.kind for one in record.issues] for record in loaded.records}
    assert issues == {
        "0146": [],
        "0007": ["open_end"],
        "0147": ["no_times", "no_session_end"],
        "0150": [],
    }
