"""Everybody can use every page: axe-core finds no serious fault, nothing is cut off."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import Serve, wait_for_item

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

AXE = Path(__file__).with_name("axe") / "axe.min.js"

SIZES: dict[str, dict[str, Any]] = {
    "as it is": {"viewport": {"width": 1280, "height": 800}},
    # A browser at 200 % lays the page out in half as many CSS pixels.
    "at 200 %": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "on a telephone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


def faults(page: Any, *rules: str) -> list[str]:
    """What axe-core calls serious or critical, by all of its rules or some."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], "preload": False}
    options |= {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']]} "
        f"{one['nodes'][0]['failureSummary']}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def cut_off(page: Any) -> list[str]:
    """Controls and texts that reach out of the page's width; axe does not look for them."""
    return page.evaluate("""() => {
      const width = document.documentElement.clientWidth;
      const isWide = document.documentElement.scrollWidth > width;
      const found = isWide ? ["the page scrolls sideways"] : [];
      const shown = "button, input, select, p, dd, h1, h2, figure";
      for (const one of document.querySelectorAll(shown)) {
        const box = one.getBoundingClientRect();
        const isShown = one.checkVisibility() && box.width > 1 && !one.closest(".wide");
        const isOut = box.right > width + 1 || box.left < -1;
        if (isShown && isOut) found.push(one.id || one.textContent);
      }
      return found;
    }""")


def _reject(page: Any) -> None:
    page.keyboard.press("x")
    page.keyboard.press("9")
    page.wait_for_selector("#note-needed:visible")


def _edit(page: Any) -> None:
    page.keyboard.press("e")
    page.keyboard.type(" 99°")
    page.wait_for_function("() => document.getElementById('edit-problems').children.length")


def _filters_and_guidelines(page: Any) -> None:
    page.keyboard.press("g")
    page.wait_for_selector("#guidelines:visible")
    page.keyboard.press("/")


def _help(page: Any) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


def _kept(page: Any) -> None:
    page.keyboard.press("/")
    page.select_option("#filter-status", "kept")
    page.wait_for_function(
        "() => document.getElementById('accept-words').textContent === 'Kept rightly'"
    )
    page.keyboard.press("Escape")


def _done(page: Any) -> None:
    page.keyboard.press("/")
    page.fill("#filter-q", "no sentence has this")
    page.keyboard.press("Enter")
    page.wait_for_selector("#done:visible")


def _without_server(page: Any) -> None:
    page.keyboard.press("a")
    page.wait_for_selector("#banner:visible")


STATES: dict[str, Callable[[Any], None]] = {
    "review": lambda page: None,
    "reject": _reject,
    "edit": _edit,
    "filters and guidelines": _filters_and_guidelines,
    "help": _help,
    "kept sentence": _kept,
    "nothing open": _done,
    "server away": _without_server,
}


@pytest.mark.parametrize("size", SIZES)
def test_no_page_has_a_serious_fault(serve: Serve, open_page: Any, size: str) -> None:
    served = serve()
    page = open_page(served.address(), faulty=True, **SIZES[size])
    wait_for_item(page)
    found: dict[tuple[str, str], list[str]] = {}

    def look(state: str) -> None:
        page.wait_for_timeout(150)
        # The schemes differ in their colours alone.
        for scheme, rules in (("light", ()), ("dark", ("color-contrast",))):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found[state, scheme] = faults(page, *rules)
        found[state, "any"] = cut_off(page)

    # The other sizes differ in where things are, which axe does not look at.
    for state in STATES if size == "at 200 %" else ("review", "edit"):
        if state == "server away":
            page.route("**/api/verdict*", lambda route: route.abort())
        page.goto(f"http://127.0.0.1:{served.port}/")
        wait_for_item(page)
        page.focus("#item-title")
        STATES[state](page)
        look(state)
    page.context.clear_cookies()
    page.goto(f"http://127.0.0.1:{served.port}/")
    look("no session")
    assert not {state: one for state, one in found.items() if one}


def test_a_fault_would_be_found(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address())
    wait_for_item(page)
    page.evaluate("""() => {
      document.getElementById("accept-button").style.color = "light-dark(#ccd, #223)";
      document.getElementById("old").style.width = "3000px";
    }""")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for rules in ((), ("color-contrast",)):
            assert any(one.startswith("color-contrast") for one in faults(page, *rules)), scheme
    assert "the page scrolls sideways" in cut_off(page)


def test_the_theme_of_the_reader_wins_over_the_system(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address(), color_scheme="light")
    wait_for_item(page)

    def ground() -> str:
        return page.evaluate("() => getComputedStyle(document.body).backgroundColor")

    light = ground()
    page.select_option("#theme", "dark")
    dark = ground()
    assert light != dark
    page.reload()
    wait_for_item(page)
    assert ground() == dark and page.input_value("#theme") == "dark"
    page.select_option("#theme", "auto")
    assert ground() == light


def test_a_change_is_told_by_more_than_colour(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address())
    wait_for_item(page)
    lines = page.evaluate("""() => ["del", "ins"].map((tag) => {
      const style = getComputedStyle(document.querySelector(tag));
      return [style.textDecorationLine, document.querySelector(tag).textContent.split(":")[0]];
    })""")
    assert lines == [["line-through", "deleted"], ["underline", "inserted"]]


def test_without_colours_of_the_page_it_can_still_be_read(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address(), forced_colors="active")
    wait_for_item(page)
    assert not faults(page)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_word_as_long_as_a_page_widens_nothing(serve: Serve, open_page: Any, width: int) -> None:
    page = open_page(serve().address(), viewport={"width": width, "height": 800})
    wait_for_item(page)
    word = "W" * 600

    def lengthen(route: Any) -> None:
        answer = route.fetch()
        value = answer.json()
        item = value["item"]
        for name in ("original", "feedback", "exercise_text", "video_id", "order", "unread"):
            item[name] = word
        item["pieces"] = [{"text": word, "change": change} for change in ("deleted", "inserted")]
        for curve in item["curves"]:
            curve["label"] = curve["note"] = word
        given = {"event_id": "event-of-ben", "annotator": "ben", "verdict": "edited",
                 "text": word, "reason": "", "note": word, "time": ""}  # fmt: skip
        route.fulfill(response=answer, json=value | {"verdict": given, "given": [given]})

    page.route("**/api/item/*", lengthen)
    page.reload()
    page.wait_for_selector("#unread:visible")
    assert cut_off(page) == []
