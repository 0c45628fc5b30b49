"""What the two files of predictions hold, and that notes survive."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qevd_bio.errors import UsageError
from qevd_bio.evaluation.pairs import SegmentKey, Utterance
from qevd_bio.evaluation.predictions import read_predictions, write_predictions

SAID = {
    SegmentKey("0_1", 2): (Utterance(100.25, "Go lower"), Utterance(103.0, "90° now")),
    SegmentKey("0001", 0): (),
}


def test_both_forms_hold_the_same(tmp_path: Path) -> None:
    notes = {"system": "coach", "mode": "fixed"}
    write_predictions(SAID, tmp_path / "said.json")
    write_predictions(SAID, tmp_path / "said.parquet", notes)
    entries = json.loads((tmp_path / "said.json").read_text())
    assert entries[1] == {
        "mini_episode_id": "0_1_2",
        "pred_feedbacks": ["Go lower", "90° now"],
        "pred_feedback_timestamps": [100.25, 103.0],
    }
    found, no_notes = read_predictions(tmp_path / "said.json")
    assert {key: tuple(said) for key, said in found.items()} == SAID and not no_notes
    again, read = read_predictions(tmp_path / "said.parquet")
    assert {key: tuple(said) for key, said in again.items()} == SAID and read == notes


def test_pairs_without_times_are_no_predictions(tmp_path: Path) -> None:
    path = tmp_path / "pairs.json"
    path.write_text('[{"GT": "a", "Pred": "b"}]')
    with pytest.raises(UsageError, match="pairs without times"):
        read_predictions(path)
