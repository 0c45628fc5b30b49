"""From verdicts on the page to the next release, and what a change of a rule makes of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qevd_bio.assets import asset_path
from qevd_bio.cli.main import app
from qevd_bio.pipeline.pipeline import reopen_pipeline
from qevd_bio.review.server.opening import open_review
from qevd_bio.review.source import open_source
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.views.work_folder import annotation_rows
from tests.review.conftest import Serve, wait_for_item
from tests.review.work_made import moving_squats, run_pipeline

SHOWN = ("feedback_original", "feedback", "status", "kind")


def command(*words: object, code: int = 0) -> Any:
    """Run a command of `qevd-bio` and return its JSON."""
    done = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def judge_all(page: Any, count: int) -> tuple[str, str]:
    """Reject the first item, edit the second, accept the rest; return the ids of the two."""
    items = [wait_for_item(page)]
    for number in range(count):
        if number == 0:
            page.keyboard.press("x")
            page.keyboard.press("1")
        elif number == 1:
            page.keyboard.press("e")
            page.wait_for_selector("#edit-text:focus")
            page.keyboard.press("Control+Home")
            page.keyboard.type("Please: ")
            page.keyboard.press("Control+Enter")
        else:
            page.keyboard.press("a")
        if number < count - 1:
            items.append(wait_for_item(page, other_than=items[-1]))
    page.wait_for_selector("#done:visible")
    return items[0], items[1]


def round_trip(
    work: Path, data_root: Path, out: Path, judge: Callable[[], tuple[str, str]]
) -> None:
    """Publish, judge, apply, publish again, verify and compare."""
    before = command("publish", "--work", work, "--out", out, "--version", "1.0.0")["release"]
    ids = judge()
    rows = {
        ItemKey(r["video_id"], r["feedback_index"]): r
        for r in annotation_rows(reopen_pipeline(work))
    }
    by_id = {key.item_id(): key for key in rows}
    rejected, edited = (by_id[one] for one in ids)
    rewritten = sum(row["status"] == "rewritten" for row in rows.values())

    planned = command("review", "apply", work, "--dry-run")
    assert not (work / "review" / "applied.jsonl").exists()
    applied = command("review", "apply", work)
    for plan in (planned, applied):
        assert (sum(plan["applied"].values()), len(plan["changes"])) == (rewritten, 2)
    after = command(
        "publish", "--work", work, "--out", out, "--version", "2.0.0", "--previous", before
    )["release"]
    assert command("verify", after, "--data-root", data_root)["issues"] == []
    changes = command("compare", before, after)["configs"]["annotations"]
    assert changes["causes"] == {"review": 2}
    assert changes["text"] == 2 and changes["reviewed"] == rewritten

    published = {
        ItemKey(row["video_id"], row["feedback_index"]): row
        for row in open_source(Path(after)).rows()
    }
    assert published[rejected]["feedback"] == rows[rejected]["feedback_original"]
    assert published[rejected]["review"]["verdict"] == "rejected"
    assert published[edited]["feedback"] == "Please: " + rows[edited]["feedback"]
    for key, row in rows.items():
        if key not in (rejected, edited):
            assert published[key]["feedback"] == row["feedback"]


def shown(work: Path) -> dict[ItemKey, str]:
    """What an annotator is shown of each sentence, as text."""
    found = {}
    for row in annotation_rows(reopen_pipeline(work)):
        findings = [
            {name: value for name, value in one.items() if name not in ("key_frame", "key_s")}
            for one in row["findings"]
        ]
        content = [*(row[name] for name in SHOWN), findings]
        found[ItemKey(row["video_id"], row["feedback_index"])] = json.dumps(content, default=str)
    return found


def changed_rules(folder: Path) -> Path:
    """The shipped squat, whose knees must bend 5 degrees further."""
    rule = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    (depth,) = (one for one in rule["constraints"] if one["id"] == "depth")
    depth["target"][0] += 5
    folder.mkdir()
    (folder / "squat.json").write_text(json.dumps(rule), encoding="utf-8")
    return folder


def check_stale(work: Path, before: dict[ItemKey, str], judged: set[ItemKey]) -> None:
    """Exactly the judged sentences whose shown content differs are stale."""
    after = shown(work)
    touched = {key for key in judged if before[key] != after.get(key)}
    assert touched and touched != judged, "the change touches some of the sentences"
    plan = command("review", "apply", work, "--dry-run")
    stale = {ItemKey(**one["key"]) for one in plan["stale"]}
    assert stale == touched
    state = open_review(work).state
    own = {key for key in judged if (event := state.verdict_of("anna", key)) is not None
           and event.judged != state.item(key).digest}  # fmt: skip
    assert own == touched


def judged_keys(work: Path) -> set[ItemKey]:
    store = open_review(work).state._store
    return {event.key for event in store.events()}


@pytest.mark.browser
@pytest.mark.timeout(240)
def test_verdicts_go_into_the_next_release_and_a_new_rule_asks_again(
    serve: Serve, open_page: Any, made_work: Path, tmp_path: Path
) -> None:
    work, data_root = tmp_path / "work", made_work.parent / "QEVD"
    shutil.copytree(made_work, work)
    served = serve(work, store_name="work/review/verdicts.sqlite")

    def judge() -> tuple[str, str]:
        page = open_page(served.address(query="q=0301"))
        return judge_all(page, 26)

    # The others are accepted without the page.
    for item in served.state.items:
        if item.status == "rewritten" and item.key.video_id != "0301":
            served.state.add(
                VerdictEvent(
                    f"event-{item.key.item_id()}", "anna", item.key, item.digest, "accepted"
                )
            )
    # No rule has a say in a sentence without findings.
    kept = next(
        item
        for item in served.state.items
        if item.status == "kept" and not served.review.source.row(item.key)["findings"]
    )
    round_trip(work, data_root, tmp_path / "release", judge)
    served.state.add(VerdictEvent("event-kept", "anna", kept.key, kept.digest, "kept_rightly"))

    before, judged = shown(work), judged_keys(work)
    rules = changed_rules(tmp_path / "rules")
    with pytest.MonkeyPatch.context() as patch:
        run_pipeline(data_root, work, moving_squats(0.7), patch, rules=rules)
    check_stale(work, before, judged)


@pytest.mark.long
@pytest.mark.browser
@pytest.mark.timeout(1_800)
def test_the_demo_goes_round(serve: Serve, open_page: Any, tmp_path: Path) -> None:
    made = os.environ.get("QEVD_BIO_DEMO")
    demo = tmp_path / "demo"
    if made:
        shutil.copytree(made, demo)
    else:
        subprocess.run([sys.executable, "-m", "qevd_bio", "demo", "--out", str(demo)], check=True)
    work = demo / "work"
    data_root = reopen_pipeline(work).config.data_root
    (work / "review").mkdir(exist_ok=True)
    served = serve(work, store_name="demo/work/review/verdicts.sqlite")
    rewritten = sum(item.status == "rewritten" for item in served.state.items)
    round_trip(
        work, data_root, tmp_path / "release",
        lambda: judge_all(open_page(served.address()), rewritten),
    )  # fmt: skip
    before, judged = shown(work), judged_keys(work)
    rules = changed_rules(tmp_path / "rules")
    subprocess.run(
        [sys.executable, "-m", "qevd_bio", "run", "--data-root", str(data_root), "--work",
         str(work), "--rules", str(rules)], check=True,
    )  # fmt: skip
    check_stale(work, before, judged)
