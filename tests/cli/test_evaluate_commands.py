"""`qevd-bio evaluate`: facts without a model, and judges on a scripted server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.released.loading import load_table
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.verdicts.judged import judged_digest
from qevd_bio.verdicts.reasons import REASON_BY_ID
from qevd_bio.verdicts.store import VerdictStore
from tests.cli.calling import qevd_bio
from tests.evaluation.archived import unpacked
from tests.llm.scripted_server import MODEL, Act, serving

TRUE = [
    f"{quantity} {value}° (target: 90°). Increase {quantity.lower()} by {90 - value}°."
    for quantity in ("Knee flexion", "Hip flexion", "Elbow flexion")
    for value in (60, 70)
]


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    file = tmp_path / "predictions.json"
    pairs = [
        {"GT": one, "Pred": TRUE[place ^ 1] if place % 3 else one, "video_id": f"v{place % 3}"}
        for place, one in enumerate(TRUE)
    ]
    file.write_text(json.dumps(pairs))
    return file


def good(text: str, before: int, body: dict[str, Any]) -> Act:
    """5 for the same text, 3 for the same quantity, 1 for another; JSON where it is asked for."""
    found = re.search(r"context:\n(.*)\n.*feedback:\n(.*)\n", text)
    if found is None:
        return Act(content='{"ready": true}')
    true, predicted = found.groups()
    score = 5 if true == predicted else 3 if true.split()[:2] == predicted.split()[:2] else 1
    content = f'{{"score": {score}}}' if "response_format" in body else f"{{'score': {score}}}"
    return Act(content=content)


def test_facts_are_compared_and_saved(predictions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = qevd_bio("evaluate", "facts", str(predictions), "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "bio-facts: 6 matched" in done.stdout and "value error" in done.stdout
    report = json.loads((out / "bio-facts.json").read_text())
    assert report["overall"]["facts_matched"] == 6
    assert report["overall"]["value_error_deg"]["value"] == pytest.approx(10 * 4 / 6)
    assert pq.read_table(out / "bio-facts.parquet").num_rows == 6
    first = (out / "bio-facts.json").read_bytes()
    again = qevd_bio("evaluate", "facts", str(predictions), "--out", str(out), "--json")
    assert json.loads(again.stdout)["overall"] == report["overall"]
    assert (out / "bio-facts.json").read_bytes() == first


@pytest.mark.parametrize("mode", ["paper", "strict"])
def test_a_judge_that_passes_is_reported_and_nothing_is_asked_twice(
    predictions: Path, tmp_path: Path, mode: str
) -> None:
    with serving(good) as server:
        asked = ("--endpoint", server.url, "--model", MODEL, "--mode", mode)
        out = ("--out", str(tmp_path / mode))
        done = qevd_bio("evaluate", "judge", str(predictions), *asked, *out, "--json")
        assert done.returncode == 0, done.stderr + done.stdout
        calls = len(server.seen.asked)
        again = qevd_bio("evaluate", "judge", str(predictions), *asked, *out, "--json")
        assert len(server.seen.asked) == calls and again.stdout == done.stdout
    report = json.loads(done.stdout)
    assert report["mean"] == pytest.approx((5 + 5 + 3 * 4) / 6)
    assert report["passed"] and report["unscored"] == 0 and report["models"] == [MODEL]
    assert report["answers"] == (6 if mode == "paper" else 18)
    assert report["bio_facts"]["facts_true"] == 6
    rows = pq.read_table(report["files"][1]).to_pylist()
    assert {row["about"] for row in rows} == {
        "pair",
        "control:identical",
        "control:other",
        "control:number",
        "control:instruction",
    }


def test_the_figure_of_a_judge_that_fails_is_withheld(predictions: Path, tmp_path: Path) -> None:
    with serving(lambda *_: Act(content='{"score": 5, "ready": true}')) as server:
        asked = ("--endpoint", server.url, "--model", MODEL, "--mode", "paper")
        done = qevd_bio(
            "evaluate", "judge", str(predictions), *asked, "--out", str(tmp_path / "out")
        )
    assert done.returncode == 4, done.stderr
    assert "withheld: the judge failed other, number" in done.stdout
    assert "FAILED" in done.stdout and "bio-facts F1" in done.stdout


def test_two_judges_are_compared(predictions: Path, tmp_path: Path) -> None:
    with serving(good) as server:
        asked = ("--endpoint", server.url, "--model", MODEL, "--mode", "paper")
        for name, more in (
            ("one", ()),
            ("two", ("--other", str(tmp_path / "one" / "llm-bio-acc-paper.parquet"))),
        ):
            out = ("--out", str(tmp_path / name))
            done = qevd_bio("evaluate", "judge", str(predictions), *asked, *out, *more, "--json")
            assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["other_judge"] == {"kappa": 1.0, "items": 6}


def test_what_is_missing_is_said(predictions: Path, tmp_path: Path) -> None:
    for arguments, code, message in (
        (("facts", str(tmp_path / "no.json")), 1, "cannot be read"),
        (("facts", str(tmp_path / "no.txt")), 2, "neither .parquet nor .json"),
        (("judge", str(predictions), "--model", "x"), 2, "Give --endpoint"),
        (("judge", str(predictions), "--model", "x", "--endpoint", "localhost"), 2, "is no http"),
    ):
        done = qevd_bio("evaluate", *arguments, "--out", str(tmp_path / "out"))
        assert done.returncode == code and message in done.stderr, done.stderr


def test_a_judge_is_compared_with_people(predictions: Path, tmp_path: Path) -> None:
    release, store = unpacked(tmp_path / "archive"), tmp_path / "verdicts.sqlite"
    rows = [r for r in load_table("train", release).to_pylist() if r["status"] == "rewritten"]
    verdicts = VerdictStore(store)
    for place, (row, kind) in enumerate(zip(rows, ("accepted", "rejected"), strict=True)):
        key = ItemKey(row["video_id"], row["feedback_index"])
        reason = "" if kind == "accepted" else next(iter(REASON_BY_ID))
        verdicts.append(
            VerdictEvent(f"event-00{place}", "anna", key, judged_digest(row), kind, reason=reason)
        )
    people = ("--verdicts", str(release), "--store", str(store))
    with serving(good) as server:
        asked = ("--endpoint", server.url, "--model", MODEL, "--mode", "paper")
        out = ("--out", str(tmp_path / "out"))
        done = qevd_bio("evaluate", "judge", str(predictions), *asked, *people, *out, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["human"] == {"kappa": 1.0, "items": 2}
