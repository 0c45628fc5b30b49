"""Several tabs, links, the back button and a server that ends while somebody writes."""

from __future__ import annotations

from typing import Any

import pytest

from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, Served, wait_for_item
from tests.review.test_page_trouble import ServerProcess, server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
__all__ = ["server"]


def stored(served: Served | ServerProcess) -> list[tuple[str, str, str]]:
    """Annotator, verdict and text of every event."""
    store = VerdictStore(served.store)
    found = [(one.annotator, one.verdict, one.text) for one in store.events()]
    store.close()
    return found


def test_a_verdict_is_never_stored_as_that_of_another_annotator(
    serve: Serve, open_page: Any
) -> None:
    served = serve()
    anna = open_page(served.address("anna"), faulty=True)
    first = wait_for_item(anna)
    ben = anna.context.new_page()
    ben.goto(served.address("ben"))
    wait_for_item(ben)
    anna.keyboard.press("a")
    anna.wait_for_selector("#banner:visible")
    assert "signed in as ben" in anna.inner_text("#banner")
    assert wait_for_item(anna) == first and stored(served) == []
    anna.goto(served.address("anna"))
    wait_for_item(anna, other_than=first)
    assert stored(served) == [("anna", "accepted", "")]


def test_two_tabs_of_one_annotator_store_each_verdict_once(serve: Serve, open_page: Any) -> None:
    served = serve()
    one = open_page(served.address())
    first = wait_for_item(one)
    other = one.context.new_page()
    other.goto(served.address())
    assert wait_for_item(other) == first
    for page in (one, other):
        page.keyboard.press("a")
        wait_for_item(page, other_than=first)
    assert one.inner_text("#progress-words") == "1 of 53"
    assert [verdict for _, verdict, _ in stored(served)] == ["accepted", "accepted"]
    second = wait_for_item(one)
    one.keyboard.press("s")
    wait_for_item(one, other_than=second)
    other.reload()
    wait_for_item(other)
    assert other.inner_text("#progress-words") == "2 of 53"
    other.keyboard.press("u")
    other.wait_for_function("id => location.hash.slice(1) === id", arg=second)
    assert stored(served)[-1][1] == "undone"


def test_links_and_the_back_button_lead_to_their_items(serve: Serve, open_page: Any) -> None:
    served = serve()
    page = open_page(served.address())
    first = wait_for_item(page)
    page.keyboard.press("j")
    second = wait_for_item(page, other_than=first)
    page.evaluate("id => { location.hash = id }", first)
    page.wait_for_function("() => document.getElementById('live').textContent.includes('Old:')")
    page.wait_for_timeout(500)
    shown = page.evaluate("document.getElementById('video').src.split('/').pop()")
    assert shown == first
    page.select_option("#filter-order", "random", force=True)
    page.evaluate("document.getElementById('filters').requestSubmit()")
    page.wait_for_function("() => location.search === '?order=random'")
    third = wait_for_item(page, other_than=first)
    page.go_back()
    page.wait_for_function("() => location.search === ''")
    page.wait_for_function("id => document.getElementById('video').src.endsWith(id)", arg=first)
    assert page.evaluate("document.getElementById('filter-order').value") == ""
    assert third != first and second != first and stored(served) == []


def test_what_is_written_survives_a_restart_of_the_server(
    server: ServerProcess, open_page: Any
) -> None:
    page = open_page(server.address, faulty=True)
    first = wait_for_item(page)
    page.keyboard.press("e")
    page.wait_for_selector("#edit-text:focus")
    page.keyboard.press("Control+Home")
    page.keyboard.type("Please: ")
    server.kill()
    page.keyboard.type("now ")
    page.wait_for_function(
        "() => document.getElementById('edit-problems').textContent.startsWith('Not checked')"
    )
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    assert page.input_value("#edit-text").startswith("Please: now ")
    server.start()
    page.context.new_page().goto(server.address)
    page.bring_to_front()
    page.focus("#edit-text")
    page.keyboard.press("Control+Enter")
    wait_for_item(page, other_than=first)
    ((annotator, verdict, text),) = stored(server)
    assert (annotator, verdict) == ("anna", "edited") and text.startswith("Please: now ")
