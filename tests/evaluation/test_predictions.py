"""Predictions are read strictly, matched by time as FitCoach does, and written in two forms."""

from __future__ import annotations

import json

import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.evaluation.pairs import SegmentKey, TrueSegment, Utterance, matched_pairs
from qevd_bio.evaluation.predictions import read_pairs, write_predictions
from qevd_bio.released.loading import load_table, splits_of
from tests.evaluation.archived import unpacked


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return unpacked(tmp_path_factory.mktemp("archive"))


TRUE = {
    SegmentKey("v_1", 0): TrueSegment("squat", (Utterance(10.0, "a"), Utterance(20.0, "b"))),
    SegmentKey("v_1", 1): TrueSegment(None, (Utterance(50.0, "c"),)),
}


def test_silence_is_missed_and_chatter_is_extra():
    said = {
        SegmentKey("v_1", 0): [Utterance(11.0, "A"), Utterance(15.0, "B"), Utterance(16.0, "")]
    }
    pairs = matched_pairs(said, TRUE, where="f")
    assert [(one.key, one.kind, one.true, one.predicted) for one in pairs] == [
        ("v_1_0:0", "matched", "a", "A"),
        ("v_1_0:1", "missed", "b", ""),
        ("v_1_0:extra1", "extra", "", "B"),
        ("v_1_1:0", "missed", "c", ""),
    ]
    assert [one.exercise for one in pairs] == ["squat", "squat", "squat", None]
    with pytest.raises(DataError, match="segment 7 of v_1"):
        matched_pairs({SegmentKey("v_1", 7): []}, TRUE, where="f")


def test_both_forms_of_a_release_s_own_sentences_match_throughout(tmp_path, archive):
    split = "train"
    said: dict[SegmentKey, list[Utterance]] = {}
    for row in load_table(split, archive).to_pylist():
        if not row["is_transition"] and row["segment_index"] is not None:
            key = SegmentKey(row["video_id"], row["segment_index"])
            said.setdefault(key, []).append(Utterance(row["timestamp_s"], row["feedback"]))
    assert said
    for name in ("said.json", "said.parquet"):
        write_predictions(said, tmp_path / name)
    first, second = (
        read_pairs(tmp_path / n, archive, split) for n in ("said.json", "said.parquet")
    )
    assert first == second
    assert len(first) == sum(map(len, said.values()))
    assert all(one.kind == "matched" and one.true == one.predicted for one in first)
    assert len({one.key for one in first}) == len(first)


def test_pairs_of_fitcoach_are_read(tmp_path, archive):
    file = tmp_path / "pairs.json"
    file.write_text(
        json.dumps([{"GT": "a", "Pred": "b"}, {"GT": "c", "Pred": "d", "video_id": "v"}])
    )
    pairs = read_pairs(file)
    assert [(one.key, one.session, one.true, one.predicted) for one in pairs] == [
        ("0", "", "a", "b"),
        ("1", "v", "c", "d"),
    ]
    with pytest.raises(UsageError, match="holds true sentences itself"):
        read_pairs(file, archive)


SEGMENT = {"mini_episode_id": "v_0", "pred_feedbacks": ["a"], "pred_feedback_timestamps": [1.0]}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[]", "top"),
        ("{}", "top"),
        ("[1]", "key 0"),
        (json.dumps([{"GT": "a"}]), "Pred"),
        (json.dumps([{"GT": "a", "Pred": 5}]), "key 0.Pred"),
        (json.dumps([{"GT": "half a letter \ud83d", "Pred": "b"}]), "key 0.GT"),
        (json.dumps([{"GT": "a", "Pred": "b", "exercise": "\ud83d"}]), "key 0.exercise"),
        (json.dumps([SEGMENT | {"pred_feedbacks": ["\udc00"]}]), "key 0.pred_feedbacks.0"),
        (json.dumps([SEGMENT, {"GT": "a", "Pred": "b"}]), "key 1"),
        (json.dumps([{**SEGMENT, "mini_episode_id": "v"}]), "key 0.mini_episode_id"),
        (json.dumps([{**SEGMENT, "pred_feedbacks": []}]), "0 feedbacks and 1 timestamps"),
        (json.dumps([SEGMENT, SEGMENT]), "given twice"),
        ('[{"GT": "a", "Pred": "b", "GT": "c"}]', "given twice"),
        ('[{"mini_episode_id": "v_0", "pred_feedbacks": [], "pred_feedback_timestamps": [NaN]}]',
         "NaN"),
    ],
)  # fmt: skip
def test_malformed_files_are_refused_with_their_key(tmp_path, archive, content, named):
    file = tmp_path / "predictions.json"
    file.write_text(content)
    truth = None if '"GT"' in content and "mini" not in content else archive
    with pytest.raises(DataError) as caught:
        read_pairs(file, truth, splits_of(archive)[0])
    assert named in str(caught.value)


def test_other_names_and_a_missing_truth_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"neither \.parquet nor \.json"):
        read_pairs(tmp_path / "x.csv")
    write_predictions({SegmentKey("v", 0): [Utterance(0.0, "a")]}, tmp_path / "x.parquet")
    with pytest.raises(UsageError, match="no true sentences"):
        read_pairs(tmp_path / "x.parquet")
