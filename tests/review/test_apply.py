"""From verdicts to what the next release takes into account, on a work folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.assets import asset_path
from qevd_bio.cli.errors import ISSUES_FOUND
from qevd_bio.cli.main import app
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.review.apply import apply_plan, plan_for_work
from qevd_bio.review.opening import open_verdicts
from qevd_bio.review.queue import QueueItem, ReviewState, queue_items
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.verdicts.applied import read_applied
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from tests.pipeline.fixtures import Walk
from tests.pipeline.sessions_made import SQUATS, record, write_root
from tests.release.made_artifacts import kept
from tests.review.made_items import items_of, rewritten, unsupported, verdict
from tests.review.test_review_statistics import timed

CORRECTION, LOVELY, TRANSITION, ZORBING = 1, 2, 3, 4
"""Utterances of `SQUATS`: rewritten, kept, kept, unmeasurable."""


def judged(work: Path, *said: tuple[int, dict[str, Any]]) -> None:
    """Judge utterances of video 0001."""
    source, store = open_verdicts(work, None, make=True)
    state = ReviewState(queue_items(source), store, QueueSettings(share=0.0))
    for index, given in said:
        state.add(verdict(state.item(ItemKey("0001", index)), **given))
    store.close()


def plan_of(pipeline: Pipeline, work: Path, policy: Any = "original") -> Any:
    _, store = open_verdicts(work, None)
    return plan_for_work(pipeline, store.events(), policy)


@pytest.fixture
def walked(walk: Walk, tmp_path: Path) -> Pipeline:
    root = write_root(tmp_path / "root", [record("0001", SQUATS), record("0002", SQUATS)])
    return walk(root)


@pytest.mark.slow
def test_a_changed_rule_makes_exactly_the_touched_verdicts_stale(
    walked: Pipeline, walk: Walk, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    judged(
        work,
        (CORRECTION, {"kind": "accepted"}),
        (LOVELY, {"kind": "kept_rightly"}),
        (TRANSITION, {"kind": "kept_rightly"}),
        (ZORBING, {"kind": "kept_rightly"}),
    )
    plan = plan_of(walked, work)
    assert (len(plan.applied), len(plan.stale), plan.open) == (4, 0, 8)

    rules = tmp_path / "rules"
    rules.mkdir()
    rule = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    rule["version"] += 1
    (rules / "squat.json").write_text(json.dumps(rule), encoding="utf-8")
    renumbered = walk(tmp_path / "root", rules=rules)
    assert plan_of(renumbered, work).stale == (), "another number of the rule touches no sentence"

    for constraint in rule["constraints"]:
        constraint["tolerance"] *= 1.01
    (rules / "squat.json").write_text(json.dumps(rule), encoding="utf-8")
    plan = plan_of(walk(tmp_path / "root", rules=rules), work)
    before, after = _rows_with_findings(renumbered), _rows_with_findings(walked)
    assert before == after
    assert {one.key for one in plan.stale} == {key for key in before if key.video_id == "0001"}, (
        "those with findings of this rule, and no others"
    )
    assert ItemKey("0001", CORRECTION) in before
    assert len(plan.applied) == 4 - len(plan.stale)


def _rows_with_findings(pipeline: Pipeline) -> set[ItemKey]:
    from qevd_bio.views.work_folder import annotation_rows

    rows = annotation_rows(pipeline)
    return {ItemKey(r["video_id"], r["feedback_index"]) for r in rows if r["findings"]}


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        app(args=[str(word) for word in ("review", *words)])
    return int(end.value.code or 0)


@pytest.mark.slow
def test_the_commands_on_a_work_folder(
    walked: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    assert command("stats", work) == 2
    assert "no verdict was given yet" in capsys.readouterr().err
    assert not (work / "review").exists()
    judged(
        work,
        (CORRECTION, {"kind": "rejected", "reason": "wording"}),
        (LOVELY, {"kind": "edited", "text": "Lovely, well done!"}),
    )
    assert command("apply", work, "--dry-run", "--json") == 0
    planned = json.loads(capsys.readouterr().out)
    assert planned["applied"] == {"edited": 1, "rejected": 1} and len(planned["changes"]) == 2
    assert not (work / "review" / "applied.jsonl").exists()
    assert command("apply", work) == 0
    shown = capsys.readouterr().out
    assert "2 verdicts apply and change 2 sentences" in shown and "Lovely, well done!" in shown
    applied = read_applied(work / "review" / "applied.jsonl")
    assert sorted(applied.verdicts["0001"]) == [CORRECTION, LOVELY]
    assert command("stats", work) == 0
    assert "rejected for wording" in capsys.readouterr().out
    assert command("stats", work, "--json") == 0
    assert json.loads(capsys.readouterr().out)["states"]["single"] == 2
    assert command("learn", work) == 0
    assert "squat" in capsys.readouterr().out
    for name in ("events.jsonl", "events.parquet"):
        assert command("export", work, "--out", tmp_path / name) == 0
        store = tmp_path / f"{name}.sqlite"
        assert command("import", work, tmp_path / name, "--store", store) == 0
        assert "2 events read, 2 new" in capsys.readouterr().out
        assert command("stats", work, "--store", store) == 0
    assert command("export", work, "--out", tmp_path / "t.json", "--filter", "status=any") == 0
    assert len(json.loads((tmp_path / "t.json").read_text())) == 12
    assert (tmp_path / "t.xml").read_text().startswith("<View>")
    assert command("export", work, "--out", tmp_path / "t.json", "--filter", "verdict=open") == 2
    assert command("export", work, "--out", tmp_path / "t.csv") == 2


def timed_verdicts(items: list[QueueItem], *given: dict[str, Any]) -> list[VerdictEvent]:
    by_key = sorted(items, key=lambda item: item.key)
    return timed(*(verdict(item, **one) for item, one in zip(by_key, given, strict=True)))


def test_what_would_run_together_with_its_neighbour_is_refused() -> None:
    rows = [rewritten("0001", 0), kept("0001", 1), kept("0001", 2)]
    text = "Bend your knees more."
    edits = [{"kind": "edited", "text": text}, {"kind": "edited", "text": text}]
    events = timed_verdicts(items_of(*rows), *edits, {"kind": "kept_rightly"})

    def merging(video: str, texts: Any) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(2) if texts.get(i) and texts.get(i) == texts.get(i + 1)]

    plan = apply_plan(rows, events, "original", merging)
    assert [one.key.feedback_index for one in plan.changes] == [0]
    (refused,) = plan.refused
    assert refused.key.feedback_index == 1 and "run together" in refused.cause
    assert sorted(one.key.feedback_index for one in plan.applied) == [0, 2]


def test_an_edit_that_the_release_would_refuse_is_not_applied() -> None:
    rows = [rewritten("0001", 0), rewritten("0001", 1, is_transition=True)]
    events = timed_verdicts(
        items_of(*rows),
        {"kind": "edited", "text": "Bend your knees to 123°."},
        {"kind": "edited", "text": "On we go."},
    )
    plan = apply_plan(rows, events, "original")
    assert plan.applied == () and plan.changes == ()
    assert ["123" in one.cause for one in plan.refused] == [True, False]


def test_an_edit_that_came_past_the_page_is_checked_against_what_was_measured() -> None:
    """The knee bends too little, on the right: each of these texts says something else."""
    rows = [rewritten("0001", index, side="r") for index in range(4)]
    texts = ["Bend your knees less.", "Bend your left knee more.", "Bend your knees to 123°.",
             "Bend your knees more."]  # fmt: skip
    events = timed_verdicts(items_of(*rows), *({"kind": "edited", "text": t} for t in texts))
    plan = apply_plan(rows, events, "original")
    causes = {one.key.feedback_index: one.cause for one in plan.refused}
    assert sorted(causes) == [0, 1, 2]
    assert "asks for less" in causes[0] and "says left" in causes[1] and "123" in causes[2]
    assert [one.key.feedback_index for one in plan.applied] == [3]
    assert [one.after for one in plan.changes] == texts[3:]


def test_a_verdict_that_does_not_fit_its_sentence_is_not_applied() -> None:
    """A store may hold what was imported while the sentence was another."""
    rows = [rewritten("0001", 0), rewritten("0001", 1), unsupported("0001", 2)]
    events = timed_verdicts(
        items_of(*rows),
        {"kind": "rejected", "reason": ""},
        {"kind": "kept_rightly"},
        {"kind": "accepted"},
    )
    plan = apply_plan(rows, events, "original")
    assert plan.applied == () and plan.changes == ()
    assert [one.cause for one in plan.refused] == [
        "the rejection has no reason",
        "kept_rightly is no verdict on a sentence with status rewritten",
        "accepted is no verdict on a sentence with status unsupported",
    ]


@pytest.mark.slow
def test_apply_names_what_an_import_brought_past_the_page(
    walked: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    source, store = open_verdicts(work, None, make=True)
    item = {one.key: one for one in queue_items(source)}[ItemKey("0001", CORRECTION)]
    given = {"kind": "edited", "text": "Bend your knees less."}
    assert store.import_events(timed(verdict(item, **given))) == 1
    store.close()
    assert command("apply", work, "--json") == ISSUES_FOUND
    (refused,) = json.loads(capsys.readouterr().out)["refused"]
    assert refused["key"] == {"video_id": "0001", "feedback_index": CORRECTION}
    assert "asks for less" in refused["cause"]
    assert read_applied(work / "review" / "applied.jsonl").verdicts == {}


def test_disagreeing_and_stale_verdicts_are_named_and_not_applied() -> None:
    rows = [rewritten("0001", 0), rewritten("0001", 1)]
    first, second = sorted(items_of(*rows), key=lambda item: item.key)
    events = timed(
        verdict(first, "accepted", "ann"),
        verdict(first, "rejected", "bob"),
        verdict(second, "rejected", "ann", judged="f" * 64),
        verdict(second, "rejected", "ann", key=ItemKey("9999", 0)),
    )
    plan = apply_plan(rows, events, "drop")
    assert plan.applied == () and plan.changes == ()
    assert [one.key for one in plan.disagreeing] == [first.key]
    assert [one.key for one in plan.stale] == [second.key, ItemKey("9999", 0)]
    assert plan.open == 0


def test_rejected_sentences_become_the_trainers_or_are_left_out() -> None:
    rows = [rewritten("0001", 0), rewritten("0001", 1)]
    events = timed_verdicts(items_of(*rows), {"kind": "rejected"}, {"kind": "accepted"})
    (change,) = apply_plan(rows, events, "original").changes
    assert (change.before, change.after) == (rows[0]["feedback"], rows[0]["feedback_original"])
    (change,) = apply_plan(rows, events, "drop").changes
    assert change.after is None
