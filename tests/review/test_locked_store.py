"""Another process holds the file of the verdicts: every answer says so, and nothing is lost."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import EnvironmentProblem
from qevd_bio.review.server import opening
from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, Served, wait_for_item

HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another process begin to write into the store, until the block ends."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield
    finally:
        holder.kill()
        holder.wait()


@pytest.fixture
def served(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> Served:
    monkeypatch.setattr(opening, "_LOCKED_S", 0.3)
    return serve()


def stored(served: Served) -> list[str]:
    store = VerdictStore(served.store)
    found = [event.event_id for event in store.events()]
    store.close()
    return found


def test_a_verdict_on_a_locked_store_is_answered_with_the_cause_and_stored_later(
    served: Served,
) -> None:
    anna = served.client()
    item = anna.get("/api/next").value["item"]
    sent = {"event_id": str(uuid.uuid4()), "item": item["id"], "judged": item["digest"],
            "verdict": "accepted"}  # fmt: skip
    undo = {"event_id": str(uuid.uuid4())}
    with locked(served.store):
        begin = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: anna.post("/api/verdict", sent), range(8)))
        answers.append(anna.post("/api/undo", undo))
        assert time.monotonic() - begin < 10.0
        for answer in answers[:-1]:
            assert answer.status == 503 and answer.headers["retry-after"] == "1"
            said = answer.value["error"]
            assert "is locked by another process" in said and str(served.store) in said
            assert "Wait until that process has ended" in said
        assert answers[-1].value["item"] is None, "there is nothing to undo"
        assert stored(served) == []
        again = anna.get(f"/api/item/{item['id']}").value
        assert again["verdict"] is None and again["progress"]["done"] == 0
    assert anna.post("/api/verdict", sent).value["progress"]["done"] == 1
    assert stored(served) == [sent["event_id"]]


def test_a_store_that_is_locked_for_good_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.sqlite"
    store = VerdictStore(path, wait_s=0.1)
    held = sqlite3.connect(path, isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    with pytest.raises(EnvironmentProblem, match="is locked by another process"):
        store.identity()
    held.execute("ROLLBACK")
    assert store.identity()
    held.close()
    store.close()


@pytest.mark.browser
def test_the_page_says_that_the_store_is_locked_and_goes_on_by_itself(
    served: Served, open_page: Any
) -> None:
    page = open_page(served.address(), faulty=True)
    first = wait_for_item(page)
    with locked(served.store):
        page.keyboard.press("a")
        page.wait_for_function(
            "() => document.getElementById('banner').textContent.includes('locked by another')"
        )
        banner = page.inner_text("#banner")
        assert "not stored yet" in banner and "is kept in this browser" in banner
        assert wait_for_item(page) == first and page.inner_text("#progress-words") == "0 of 53"
        assert "Accepted" not in page.inner_text("#live")
        page.keyboard.press("a")
        page.wait_for_timeout(300)
        assert stored(served) == []
    second = wait_for_item(page, other_than=first)
    assert page.inner_text("#progress-words") == "1 of 53" and page.is_hidden("#banner")
    page.keyboard.press("a")
    wait_for_item(page, other_than=second)
    assert len(stored(served)) == 2


@pytest.mark.browser
def test_a_page_that_is_left_while_the_store_is_locked_sends_the_verdict_when_it_is_opened_again(
    served: Served, open_page: Any
) -> None:
    page = open_page(served.address(), faulty=True)
    first = wait_for_item(page)
    with locked(served.store):
        page.keyboard.press("s")
        page.wait_for_selector("#banner:visible")
        page.goto(served.address())
        page.wait_for_selector("#banner:visible")
        assert stored(served) == []
    wait_for_item(page, other_than=first)
    assert len(stored(served)) == 1


@pytest.mark.browser
def test_an_annotator_who_went_on_before_the_verdict_was_stored_stays_there(
    served: Served, open_page: Any
) -> None:
    page = open_page(served.address(), faulty=True)
    first = wait_for_item(page)
    with locked(served.store):
        page.keyboard.press("a")
        page.wait_for_selector("#banner:visible")
        page.keyboard.press("j")
        second = wait_for_item(page, other_than=first)
    page.wait_for_function(
        "() => document.getElementById('progress-words').textContent[0] === '1'"
    )
    page.wait_for_timeout(300)
    assert wait_for_item(page) == second and len(stored(served)) == 1
    page.keyboard.press("a")
    assert wait_for_item(page, other_than=second) != first
