"""From records to rows and back: no loss, no shift, no sentence without cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.release.assembly import release_from
from qevd_bio.release.evidence import sentence_issues
from qevd_bio.released.drop_in import drop_in_of_release
from qevd_bio.views.statistics import statistics_of
from qevd_bio.views.work_folder import annotation_rows
from tests.pipeline.sessions_made import SQUATS, TIMES_S, record, write_root

DEEPER = "Sink deeper into these squats"


def rows_of(pipeline: Any) -> dict[int, dict[str, Any]]:
    return {row["feedback_index"]: row for row in annotation_rows(pipeline)}


def test_a_supported_sentence_is_rewritten_where_it_stood(walk, tmp_path: Path) -> None:
    rows = rows_of(walk(write_root(tmp_path / "QEVD", [record("0001", SQUATS)])))
    assert [row["status"] for row in rows.values()] == [
        "kept",
        "rewritten",
        "kept",
        "kept",
        "unmeasurable",
        "kept",
    ]
    said = rows[1]
    assert said["feedback"].startswith("Knee flexion ")
    assert said["timestamp_s"] == float(TIMES_S[150]) and said["frame_start"] == 150
    assert said["salient_source"] == "rules" and "tibia_r" in said["salient_joints"]
    assert said["motion_context"].startswith("Pose state: right knee flexion ")
    assert rows[4]["reason"] == "the exercise has no rule"
    assert (rows[4]["exercise"], rows[4]["exercise_text"]) == (None, "zorbing")
    assert (rows[4]["salient_joints"], rows[4]["pose"]) == ([], [])
    assert rows[0]["motion_context"] == "", "a transition belongs to no segment"


def test_deep_squats_are_not_asked_to_go_deeper(walk, tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    row = rows_of(walk(root, depth=1.0))[1]
    assert (row["status"], row["feedback"]) == ("unsupported", DEEPER)
    assert "knee flexion " in row["reason"] and "(target: " in row["reason"]
    row = rows_of(walk(root, depth=1.0, policy="paper"))[1]
    assert row["status"] == "rewritten"
    assert "Increase" not in row["feedback"] and "(target: " in row["feedback"]


def with_text(text: str) -> dict[str, Any]:
    said = [one if one[1] != "Lovely!" else (190, text, 10, False) for one in SQUATS]
    return record("0001", said)


def without_stamp(index: int) -> dict[str, Any]:
    raw = record("0001", SQUATS)
    for name in ("feedback_timestamps", "is_transition"):
        del raw[name][index]
    return raw


def with_another_stamp() -> dict[str, Any]:
    raw = record("0001", SQUATS)
    raw["feedback_timestamps"].insert(2, float(TIMES_S[180]))
    raw["is_transition"].insert(2, False)
    return raw


def touching() -> dict[str, Any]:
    said = [*SQUATS[:2], (170, DEEPER, 20, False), *SQUATS[3:]]
    return record("0001", said)


LONG = "Go deeper, and then deeper still. " * 300
TEXTS = {
    "emoji": "Bend those knees more 💪🏽🔥 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "curly quotes": "\u201cDon\u2019t lean forward!\u201d \u2026 \u2014 ok?",
    "10,000 characters": LONG,
    "blanks only": " \t ",
    "line break": "Go deeper!\nAnd again",
    "other script": "もっと深く",
    "combining": "Gut gemacht, Jose\u0301 \u202e",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_text_has_its_row_and_survives_to_the_character(
    walk, tmp_path: Path, text: str
) -> None:
    raw = with_text(text)
    pipeline = walk(write_root(tmp_path / "QEVD", [raw]))
    row = rows_of(pipeline)[2]
    assert row["feedback_original"] == text and row["status"] and row["reason"]
    assert row["timestamp_s"] == float(TIMES_S[190])
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    assert json.dumps(drop_in_of_release(folder, "train", original=True)) == json.dumps([raw])


MALFORMED = {
    "a text more": (without_stamp(1), [0, None, 1, 2, 3, 4]),
    "a time more": (with_another_stamp(), [0, 1, 3, 4, 5, 6]),
    "two equal utterances touch": (touching(), [0, 1, 2, 3, 4, 5]),
}


@pytest.mark.parametrize(("raw", "stamps"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_record_keeps_every_row_at_its_own_time(
    walk, tmp_path: Path, raw: dict[str, Any], stamps: list[int | None]
) -> None:
    """`stamps` gives, by hand, which of the record's timestamps belongs to which utterance."""
    pipeline = walk(write_root(tmp_path / "QEVD", [raw]))
    rows = rows_of(pipeline)
    own = [None if one is None else raw["feedback_timestamps"][one] for one in stamps]
    assert [row["timestamp_s"] for row in rows.values()] == own
    for row in rows.values():
        frames = raw["feedbacks"][row["frame_start"] : row["frame_end"]]
        assert set(frames) == {row["feedback_original"]}
        assert row["status"] and row["reason"]
        if row["timestamp_s"] is not None:
            assert TIMES_S[row["frame_start"]] == row["timestamp_s"]
    assert rows[1]["status"] == "rewritten"
    assert pipeline.source_issues() != []

    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    assert sentence_issues(folder) == []
    written = json.loads(
        (folder / "drop_in" / "QEVD-FIT-COACH" / "feedbacks_long_range.json").read_text()
    )
    assert len(written[0]["feedbacks"]) == len(raw["feedbacks"])
    assert written[0]["feedback_timestamps"] == raw["feedback_timestamps"]
    assert json.dumps(drop_in_of_release(folder, "train", original=True)) == json.dumps([raw])
    assert drop_in_of_release(folder, "train") == written


def test_the_whole_file_comes_back_from_the_release(walk, tmp_path: Path) -> None:
    """Rejected records, unknown fields, odd numbers and both splits, from the tables alone."""
    extra = {**record("0001", SQUATS), "note": {"as": ["is", 0.1, 1e-7]}, "feedback_id": 3}
    odd = [
        extra,
        {"no": "record"},
        "not even an object",
        {**record("0002", SQUATS), "feedbacks": ["", 3, None]},
        {**record("0003", SQUATS), "feedbacks": ["\ud83d"] * 4},
        dict(reversed(record("0004", SQUATS).items())),
    ]
    root = tmp_path / "QEVD"
    write_root(root, [json.loads(json.dumps(one)) for one in odd if one is not odd[4]])
    path = root / "QEVD-FIT-COACH" / "feedbacks_long_range.json"
    path.write_text(json.dumps(odd), encoding="ascii")
    write_root(root, [record("0001", SQUATS[:3])], "QEVD-FIT-COACH-Benchmark")
    pipeline = walk(root)
    assert len(pipeline.rejected()) == 4
    folder = release_from(pipeline, out=tmp_path, version="0.1.0").folder
    for split, name in (("train", "QEVD-FIT-COACH"), ("test", "QEVD-FIT-COACH-Benchmark")):
        source = (root / name / "feedbacks_long_range.json").read_text(encoding="utf-8")
        written = (folder / "drop_in" / name / "feedbacks_long_range.json").read_text()
        rebuilt = drop_in_of_release(folder, split, original=True)
        assert json.dumps(rebuilt) == json.dumps(json.loads(source))
        assert json.dumps(drop_in_of_release(folder, split)) + "\n" == written
        assert (json.loads(written) != json.loads(source)) == (split == "train")
    counted = statistics_of(folder)
    assert counted["train"].counts.videos == 2 and counted["train"].counts.rewritten == 2
    assert statistics_of(pipeline.store.root) == counted


def test_touching_new_sentences_stay_two_utterances(walk, tmp_path: Path) -> None:
    """Two cues on one cycle would give one sentence twice in a row; the second stays as it was."""
    said = [
        SQUATS[0],
        (160, DEEPER, 10, False),
        (170, "Sink deeper now", 10, False),
        *SQUATS[3:],
    ]
    rows = rows_of(walk(write_root(tmp_path / "QEVD", [record("0001", said)])))
    assert [rows[1]["status"], rows[2]["status"]] == ["rewritten", "kept"]
    assert rows[2]["feedback"] == "Sink deeper now"
    assert "neighbour" in rows[2]["reason"]
    assert not any(finding["spoken"] for finding in rows[2]["findings"])


def test_of_three_touching_new_sentences_only_the_middle_one_stays_old(
    walk, tmp_path: Path
) -> None:
    said = [
        SQUATS[0],
        (160, DEEPER, 10, False),
        (170, "Sink deeper now", 10, False),
        (180, DEEPER, 10, False),
        *SQUATS[3:],
    ]
    rows = rows_of(walk(write_root(tmp_path / "QEVD", [record("0001", said)])))
    assert [rows[i]["status"] for i in (1, 2, 3)] == ["rewritten", "kept", "rewritten"]
