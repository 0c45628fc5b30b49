"""`qevd-bio evaluate score` and `wordnet`: files, controls, and refusals by exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from qevd_bio.evaluation.pairs import SegmentKey
from qevd_bio.evaluation.predictions import write_predictions
from qevd_bio.evaluation.references import references
from qevd_bio.released.contents import Release
from tests.cli.calling import qevd_bio
from tests.evaluation.made_sessions import squat_sessions  # noqa: F401  a fixture


def test_systems_are_scored_beside_the_controls(
    tmp_path: Path,
    squat_sessions: Release,  # noqa: F811
) -> None:
    release = squat_sessions.folder
    asked = references(release)["test"]
    perfect = {key: one.true.utterances for key, one in asked.items()}
    write_predictions(perfect, tmp_path / "perfect.parquet", {"system": "perfect"})
    write_predictions({key: said[:1] for key, said in perfect.items()}, tmp_path / "once.json")
    out = tmp_path / "scores"
    done = qevd_bio(
        "evaluate", "score", str(tmp_path / "perfect.parquet"), str(tmp_path / "once.json"),
        "--truth", str(release), "--no-meteor", "--out", str(out), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sentences"] == 6 and found["sessions"] == 1
    by_name = {one["name"]: one for one in found["systems"]}
    assert list(by_name) == ["perfect", "once", "silent", "interval", "most frequent", "template"]
    assert by_name["perfect"]["overall"]["t_f"]["value"] > 0.999
    assert by_name["perfect"]["overall"]["strict_rouge_l"]["value"] == 1.0
    assert "every 2 s" in by_name["interval"]["about"]
    assert by_name["once"]["reached_by"]["strict_recall"] == ["interval", "most frequent"]
    assert by_name["template"]["sentences"] == 1, "one cycle of the test session is known"
    assert found["not_computed"]["BERTScore"] == "no model was given (--bert)"
    saved = json.loads((out / "scores.json").read_text())
    assert {**saved, "files": found["files"]} == found
    counts = pq.read_table(out / "scores.parquet").to_pylist()
    assert {(row["system"], row["true"]) for row in counts} == {(name, 6.0) for name in by_name}
    assert "perfect" in (out / "scores.html").read_text()


def test_what_cannot_be_scored_is_said(tmp_path: Path, squat_sessions: Release) -> None:  # noqa: F811
    release = str(squat_sessions.folder)
    file = tmp_path / "other.json"
    write_predictions({SegmentKey("0999", 0): ()}, file)
    missing = str(tmp_path / "no_wordnet")
    for arguments, code, message in (
        ((str(file), "--no-meteor"), 2, "predicts no exercise of the split"),
        ((str(file), "--split", "validation"), 2, "Choose by --split: test, train"),
    ):
        done = qevd_bio("evaluate", "score", *arguments, "--truth", release)
        assert done.returncode == code and message in done.stderr, done.stderr
    write_predictions({SegmentKey("0150", 0): ()}, file)
    done = qevd_bio("evaluate", "score", str(file), "--truth", release, "--wordnet", missing)
    assert done.returncode == 1 and "qevd-bio evaluate wordnet" in done.stderr


def test_wordnet_is_refused_from_a_folder_without_it(tmp_path: Path) -> None:
    done = qevd_bio(
        "evaluate", "wordnet", "--from", str(tmp_path), "--wordnet", str(tmp_path / "w")
    )
    assert done.returncode == 1 and "lacks data.noun" in done.stderr
