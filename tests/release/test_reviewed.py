"""Verdicts in a release: published, verified and compared."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError
from qevd_bio.pipeline.pipeline import Pipeline, reopen_pipeline
from qevd_bio.release.assembly import release_from
from qevd_bio.release.compare import compare_releases
from qevd_bio.released.loading import load_table
from qevd_bio.review.apply import plan_for_work, write_plan
from qevd_bio.review.opening import open_verdicts
from qevd_bio.review.queue import ReviewState, queue_items
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.verdicts.judged import generated_digest
from qevd_bio.verdicts.store import VerdictStore
from qevd_bio.verify.release import verify_release
from tests.review.made_items import verdict
from tests.verify.made_release import edit_json, edit_rows, reseal

pytestmark = pytest.mark.usefixtures("equal_inputs_are_derived_once")

EDIT = "Please sink a little deeper."


@pytest.fixture(scope="module")
def home(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with a release 1.0.0 without verdicts."""
    return Path(shutil.copytree(sound, tmp_path_factory.mktemp("reviewed") / "home"))


def judged(home: Path, store: Path, kinds: dict[str, str]) -> VerdictStore:
    """Judge every sentence; by video, what becomes of its first rewritten one."""
    source, opened = open_verdicts(home / "work", store, make=True)
    state = ReviewState(queue_items(source), opened, QueueSettings(share=0.0))
    left = dict(kinds)
    for item in sorted(state.items, key=lambda one: one.key):
        kind: Any = "kept_rightly"
        if item.status == "rewritten":
            kind = left.pop(item.key.video_id, "accepted")
        text = {"text": EDIT} if kind == "edited" else {}
        state.add(verdict(item, kind, **text))
    assert not left
    return opened


def published(pipeline: Pipeline, home: Path, version: str, **options: Any) -> Path:
    return release_from(pipeline, out=home / "release", version=version, **options).folder


def rows_of(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    return {
        (row["video_id"], row["feedback_index"]): row
        for split in ("train", "test")
        for row in load_table(split, folder).to_pylist()
    }


@pytest.mark.slow
def test_one_rejected_one_edited_and_the_rest_accepted(home: Path, tmp_path: Path) -> None:
    old = home / "release" / "1.0.0"
    store = judged(home, tmp_path / "v.sqlite", {"0001": "rejected", "0002": "edited"})
    pipeline = reopen_pipeline(home / "work")
    plan = plan_for_work(pipeline, store.events(), "original")
    assert (len(plan.changes), plan.stale, plan.disagreeing, plan.refused) == (2, (), (), ())
    assert plan.open == 0
    write_plan(pipeline, plan)
    new = published(pipeline, home, "1.0.1", previous=old)
    verified = verify_release(new, home / "QEVD")
    assert verified.sound, verified.issues

    found = compare_releases(old, new)
    said = found.configs["annotations"]
    assert (said.text, said.added, said.removed) == (2, 0, 0)
    assert said.causes == {"review": 2}, "exactly these, and nothing else is a cause"
    assert said.reviewed == len(rows_of(new))
    assert all(not one.causes for name, one in found.configs.items() if name != "annotations")
    assert found.required == "patch"

    before, after = rows_of(old), rows_of(new)
    changed = {key for key in after if after[key]["feedback"] != before[key]["feedback"]}
    (rejected,) = [key for key in changed if key[0] == "0001"]
    (edited,) = [key for key in changed if key[0] == "0002"]
    row = after[rejected]
    assert (row["feedback"], row["status"]) == (row["feedback_original"], "kept")
    assert not any(one["spoken"] for one in row["findings"])
    assert row["review"]["generated_feedback"] == before[rejected]["feedback"]
    assert (row["review"]["verdict"], row["review"]["reason"]) == ("rejected", "no_fault")
    row = after[edited]
    assert (row["feedback"], row["status"]) == (EDIT, "rewritten")
    assert (row["review"]["annotator"], row["review"]["decided"]) == ("ann", "single")
    assert {one["review"]["verdict"] for key, one in after.items() if key not in changed} == {
        "accepted", "kept_rightly",
    }  # fmt: skip
    manifest = json.loads((new / "manifest.json").read_text())
    assert manifest["review"]["verdicts"]["edited"] == 1
    assert "| edited | 1 |" in (new / "README.md").read_text()
    assert "1 edited" in (new / "CHANGELOG.md").read_text().partition("## 1.0.0")[0]
    assert "What annotators said" not in (old / "README.md").read_text()
    dense = json.loads((new / "drop_in/QEVD-FIT-COACH/feedbacks_long_range.json").read_text())
    assert any(EDIT in one["feedbacks"] for one in dense)

    again = release_from(pipeline, out=tmp_path / "again", version="1.0.1", previous=old).folder
    assert (again / "SHA256SUMS").read_bytes() == (new / "SHA256SUMS").read_bytes()


@pytest.mark.slow
def test_a_rejected_sentence_is_left_out_where_the_policy_says_so(
    home: Path, tmp_path: Path
) -> None:
    old = home / "release" / "1.0.0"
    store = judged(home, tmp_path / "v.sqlite", {"0001": "rejected"})
    pipeline = reopen_pipeline(home / "work")
    plan = plan_for_work(pipeline, store.events(), "drop")
    (change,) = plan.changes
    assert change.after is None
    write_plan(pipeline, plan)
    new = published(pipeline, home, "2.0.0", previous=old)
    verified = verify_release(new, home / "QEVD")
    assert verified.sound, verified.issues
    said = compare_releases(old, new).configs["annotations"]
    assert (said.removed, said.text, said.causes) == (1, 0, {"review": 1})
    gone = set(rows_of(old)) - set(rows_of(new))
    assert gone == {(change.key.video_id, change.key.feedback_index)}
    back = compare_releases(new, old).configs["annotations"]
    assert (back.added, back.causes) == (1, {"review": 1})

    def forget(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return rows[:-1]

    edit_rows(new / "annotations" / "test-00000-of-00001.parquet", forget)
    reseal(new)
    assert "count" in verify_release(new).counts, "another row that is not there is found"


@pytest.mark.slow
def test_a_verdict_on_an_earlier_sentence_stops_publishing(home: Path, tmp_path: Path) -> None:
    store = judged(home, tmp_path / "v.sqlite", {"0001": "rejected"})
    pipeline = reopen_pipeline(home / "work")
    plan = plan_for_work(pipeline, store.events(), "original")
    path = write_plan(pipeline, plan)
    text = path.read_text()
    digest = plan.applied[0].judged
    head, _, body = text.partition("\n")
    body = body.replace(digest, "0" * 64)
    sealed = {**json.loads(head), "sha256": hashlib.sha256(body.encode()).hexdigest()}
    path.write_text(json.dumps(sealed) + "\n" + body)
    with pytest.raises(DataError, match=r"changed since it was judged.*review apply"):
        published(pipeline, tmp_path, "1.0.0")
    assert not (tmp_path / "release" / "1.0.0").exists()
    path.unlink()


REVIEW = "annotations/train-00000-of-00001.parquet"


def forged(rows: list[dict[str, Any]], **changed: str) -> None:
    row = next(one for one in rows if one["review"] and one["review"]["verdict"] == "accepted")
    row["review"] |= changed


@pytest.fixture(scope="module")
def accepted(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release in which every sentence was accepted or rightly kept."""
    folder = tmp_path_factory.mktemp("accepted")
    store = judged(home, folder / "v.sqlite", {})
    pipeline = reopen_pipeline(home / "work")
    path = write_plan(pipeline, plan_for_work(pipeline, store.events(), "original"))
    new = published(pipeline, folder, "1.0.0")
    path.unlink()
    assert verify_release(new).sound
    return new


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda rows: forged(rows, judged_sha256="0" * 64), "copy"),
        (lambda rows: forged(rows, verdict="rejected"), "copy"),
        (lambda rows: forged(rows, verdict="burnt"), "choice"),
        (lambda rows: forged(rows, generated_feedback="Another one."), "copy"),
        (lambda rows: [one.update(review=None) for one in rows] and None, "count"),
    ],
    ids=["digest", "verdict", "unknown verdict", "judged sentence", "no verdicts"],
)
def test_a_forged_review_is_found(accepted: Path, tmp_path: Path, change: Any, kind: str) -> None:
    new = Path(shutil.copytree(accepted, tmp_path / "1.0.0"))
    edit_rows(new / REVIEW, change)
    reseal(new)
    assert kind in verify_release(new).counts


@pytest.mark.slow
def test_a_judged_sentence_that_does_not_follow_is_found(accepted: Path, tmp_path: Path) -> None:
    """A forger who computes the digest anew is found by deriving the row."""
    said: list[str] = []

    def change(rows: list[dict[str, Any]]) -> None:
        row = next(one for one in rows if one["status"] == "rewritten")
        row["review"] |= {"verdict": "edited", "generated_feedback": "Right knee flexion 1°."}
        said.append(row["feedback"])
        row["feedback"], row["reason"] = EDIT, "an annotator edited the sentence"
        row["review"]["judged_sha256"] = generated_digest(row)

    new = Path(shutil.copytree(accepted, tmp_path / "1.0.0"))
    edit_rows(new / REVIEW, change)
    edit_json(new / "manifest.json", lambda m: m["review"]["verdicts"].update(
        edited=1, accepted=m["review"]["verdicts"]["accepted"] - 1))  # fmt: skip
    reseal(new)
    assert set(verify_release(new).counts) == {"drop-in"}, "it has the generated sentence"
    dense = new / "drop_in" / "QEVD-FIT-COACH" / "feedbacks_long_range.json"
    text = dense.read_text(encoding="utf-8")
    dense.write_text(text.replace(json.dumps(said[0]), json.dumps(EDIT)), encoding="utf-8")
    reseal(new)
    found = verify_release(new)
    assert set(found.counts) == {"derived"}, found.issues
    assert "1°" in found.issues[0].cause


@pytest.mark.slow
def test_a_number_in_an_edit_is_backed_by_a_finding(accepted: Path, tmp_path: Path) -> None:
    def edited(text: str) -> Path:
        def change(rows: list[dict[str, Any]]) -> None:
            row = next(one for one in rows if one["status"] == "rewritten")
            row["feedback"] = text.format(old=row["feedback"])
            row["review"] |= {"verdict": "edited"}

        new = Path(shutil.copytree(accepted, tmp_path / str(len(text)) / "1.0.0"))
        edit_rows(new / REVIEW, change)
        reseal(new)
        return new

    fine = verify_release(edited("Well done so far. {old}"))
    assert "sentence" not in fine.counts, fine.issues
    wrong = verify_release(edited("{old} Then bend your knees to 12°."))
    assert any("12" in one.cause for one in wrong.issues if one.kind == "sentence")
