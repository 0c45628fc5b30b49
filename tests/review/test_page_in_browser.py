"""The page in a real Chromium: judged by keyboard alone, text that stays text, two at once."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from qevd_bio.verdicts.current import current
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.store import VerdictStore
from tests.review.conftest import Serve, Served, wait_for_item

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def events(served: Served) -> list[Any]:
    store = VerdictStore(served.store)
    found = list(store.events())
    store.close()
    return found


def test_fifty_items_are_judged_by_keyboard_alone(serve: Serve, open_page: Any) -> None:
    served = serve()
    page = open_page(served.address())
    said, seen = [], []
    item = wait_for_item(page)
    verdicts = itertools.cycle(["a", "a", "x", "a", "e", "s"])
    for number, key in zip(range(50), verdicts, strict=False):
        seen.append(item)
        page.keyboard.press(key)
        if key == "x":
            digit = 1 + number % 8
            page.keyboard.press(str(digit))
            said.append(("rejected", digit))
        elif key == "e":
            page.wait_for_selector("#edit-text:focus")
            page.keyboard.press("Control+Home")
            page.keyboard.type("Please: ")
            page.keyboard.press("Control+Enter")
            said.append(("edited", None))
        else:
            said.append(({"a": "accepted", "s": "skipped"}[key], None))
        item = wait_for_item(page, other_than=item)
        assert page.inner_text("#progress-words") == f"{number + 1} of 53"
    assert len(set(seen)) == 50
    stored = events(served)
    assert [event.verdict for event in stored] == [verdict for verdict, _ in said]
    assert [event.key.item_id() for event in stored] == seen
    numbers = {reason["id"]: reason["number"] for reason in page.evaluate(
        "fetch('/api/session').then(a => a.json()).then(value => value.reasons)")}  # fmt: skip
    assert [numbers.get(event.reason) for event in stored] == [digit for _, digit in said]
    assert all(
        event.text.startswith("Please: ") == (event.verdict == "edited") for event in stored
    )
    assert all(0.0 < event.seconds < 60.0 for event in stored)


def test_every_control_is_reached_by_tab_and_seen_when_it_is(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address())
    wait_for_item(page)
    wanted = set(
        page.evaluate("""() => [...document.querySelectorAll("button, input, select, a[href]")]
        .filter(one => one.checkVisibility() && !one.disabled)
        .map(one => one.id || one.className)""")
    )
    reached: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate("""() => { const one = document.activeElement;
            return [one.id || one.className, getComputedStyle(one).outlineWidth] }""")
        if name in reached:
            break
        reached.append(name)
        assert outline == "3px", name
    assert wanted <= set(reached), wanted - set(reached)


def test_a_script_in_a_sentence_stays_text(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address(query="status=any&q=window.hacked"))
    item = wait_for_item(page)
    for _ in range(2):
        assert "<script>window.hacked = 1</script><img src=x" in page.inner_text("#old")
        assert "<script>" in page.inner_text("#live")
        page.keyboard.press("e")
        page.wait_for_selector("#edit-text:focus")
        page.keyboard.type("<img src=x onerror='window.hacked=1'>")
        page.wait_for_timeout(300)
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        item = wait_for_item(page, other_than=item)
    assert page.evaluate("document.querySelectorAll('main script, main img').length") == 0
    assert page.evaluate("window.hacked") is None


def test_inline_scripts_and_foreign_addresses_are_stopped(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address(), faulty=True)
    wait_for_item(page)
    blocked = page.evaluate("""async () => {
        const found = [];
        document.addEventListener("securitypolicyviolation",
          (event) => found.push(event.effectiveDirective));
        const image = new Image();
        image.src = "http://127.0.0.1:1/x.png";
        document.body.append(image);
        const script = document.createElement("script");
        script.append("window.hacked = 1");
        document.body.append(script);
        try { document.body.innerHTML = "<img src=x onerror='window.hacked = 1'>" }
        catch { found.push("html") }
        await fetch("http://127.0.0.1:1/").catch(() => null);
        await new Promise(done => setTimeout(done, 200));
        return found;
    }""")
    assert {"img-src", "connect-src", "html", "require-trusted-types-for"} <= set(blocked)
    assert page.evaluate("window.hacked") is None


def test_an_edit_is_checked_while_it_is_typed(serve: Serve, open_page: Any) -> None:
    served = serve()
    page = open_page(served.address())
    item = wait_for_item(page)
    page.keyboard.press("e")
    page.keyboard.type(" Bend by 77°.")
    page.wait_for_function(
        "() => document.getElementById('edit-problems').textContent.includes('77')"
    )
    assert page.get_attribute("#edit-text", "aria-invalid") == "true"
    page.keyboard.press("Control+Enter")
    page.wait_for_timeout(300)
    assert wait_for_item(page) == item and not events(served)
    for _ in range(len(" Bend by 77°.")):
        page.keyboard.press("Backspace")
    page.wait_for_function("() => document.getElementById('edit-problems').children.length === 0")
    page.keyboard.press("Escape")
    assert page.is_hidden("#edit-form")
    page.keyboard.press("a")
    wait_for_item(page, other_than=item)
    assert [event.verdict for event in events(served)] == ["accepted"]


def test_keys_do_nothing_while_one_types_and_can_be_switched_off(
    serve: Serve, open_page: Any
) -> None:
    served = serve()
    page = open_page(served.address())
    item = wait_for_item(page)
    page.keyboard.press("/")
    page.wait_for_selector("#filter-q:focus")
    page.keyboard.type("asxuj")
    assert page.input_value("#filter-q") == "asxuj"
    page.fill("#filter-q", "")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("a")
    page.uncheck("#shortcuts")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.wait_for_timeout(200)
    assert wait_for_item(page) == item and not events(served)
    page.focus("#accept-button")
    page.keyboard.press("Enter")
    wait_for_item(page, other_than=item)
    assert len(events(served)) == 1


def test_filters_stand_in_the_address_and_survive_a_reload(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address())
    wait_for_item(page)
    page.keyboard.press("/")
    page.select_option("#filter-status", "kept")
    page.wait_for_function("() => location.search === '?status=kept'")
    page.wait_for_function(
        "() => document.getElementById('accept-words').textContent === 'Kept rightly'"
    )
    page.reload()
    wait_for_item(page)
    assert page.input_value("#filter-status") == "kept"
    assert "status: kept" in page.inner_text("#active-filters").lower()
    page.go_back()
    page.wait_for_function("() => location.search === ''")


def test_choices_stay_when_the_next_item_comes_and_after_a_reload(
    serve: Serve, open_page: Any
) -> None:
    page = open_page(serve().address())
    item = wait_for_item(page)
    for key in ("]", "]", "z", "l", "b", "c"):
        page.keyboard.press(key)
    for act in (lambda: page.keyboard.press("a"), page.reload):
        act()
        item = wait_for_item(page, other_than=item if act != page.reload else None)
        page.wait_for_function("() => document.getElementById('video').playbackRate === 1.5")
        assert page.inner_text("#zoom-words") == "1.5×" and page.inner_text("#span-words") == "all"
        assert page.get_attribute("#loop-button", "aria-pressed") == "false"
        assert page.get_attribute("#skeleton-button", "aria-pressed") == "false"
        assert "scale(1.5)" in page.get_attribute("#zoomed", "style")


def test_the_live_region_says_the_verdict_and_the_next_item(serve: Serve, open_page: Any) -> None:
    page = open_page(serve().address())
    item = wait_for_item(page)
    page.keyboard.press("x")
    page.keyboard.press("7")
    wait_for_item(page, other_than=item)
    words = page.inner_text("#live")
    assert words.startswith("Rejected: The wording is wrong or unclear. 1 of 53 judged.")
    assert "Old: Sink deeper" in words and "New: Knee flexion" in words


def test_two_annotators_work_at_once(serve: Serve, open_page: Any) -> None:
    served = serve(share=1.0)
    pages = {name: open_page(served.address(name)) for name in ("anna", "ben")}
    shown = {name: wait_for_item(page) for name, page in pages.items()}
    for number in range(8):
        for page in pages.values():
            page.keyboard.press("a" if number % 2 else "s")
        for name, page in pages.items():
            shown[name] = wait_for_item(page, other_than=shown[name])
    standing = current(events(served))
    for name, page in pages.items():
        assert sum(who == name for who, _ in standing) == 8
        assert page.inner_text("#progress-words").startswith("8 of ")


def test_an_item_is_judged_once_however_often_a_key_is_pressed(
    serve: Serve, open_page: Any
) -> None:
    served = serve()
    page = open_page(served.address())
    first = wait_for_item(page)

    page.evaluate("""() => {
      const own = window.fetch;
      const wait = new Promise((done) => { window.goOn = done; });
      window.fetch = async (address, ...rest) => {
        if (String(address).startsWith("/api/next")) await wait;
        return own(address, ...rest);
      };
    }""")
    page.keyboard.press("j")
    second = wait_for_item(page, other_than=first)
    for _ in range(6):
        page.keyboard.press("a")
        page.wait_for_timeout(40)
    page.evaluate("window.goOn()")
    wait_for_item(page, other_than=second)
    assert [event.key.item_id() for event in events(served)] == [second]


def test_a_stored_verdict_is_not_given_again_where_the_next_item_fails(
    serve: Serve, open_page: Any
) -> None:
    served = serve()
    page = open_page(served.address(), faulty=True)
    first = wait_for_item(page)
    page.route("**/api/next*", lambda route: route.fulfill(status=503, body=""))
    page.reload()
    wait_for_item(page)
    for key in ("a", "x", "4"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    page.unroute("**/api/next*")
    wait_for_item(page, other_than=first)
    assert [event.verdict for event in events(served)] == ["accepted"]


def test_what_was_not_sent_to_another_store_stays_in_the_browser(
    serve: Serve, open_page: Any
) -> None:
    served, other = serve(), serve(store_name="other.sqlite")
    page = open_page(served.address())
    item = wait_for_item(page)
    names = [one.client().get("/api/session").value["store"] for one in (served, other)]
    assert len(set(names)) == 2
    page.evaluate(
        """([item, store]) => {
          const event = { event_id: "unsent-event", item, judged: "0", verdict: "accepted" };
          localStorage.setItem(`qevd-bio-review:unsent:${store}:anna:unsent-event`,
            JSON.stringify({ address: "/api/undo?", event, at_ms: 1 }));
        }""",
        [item, names[1]],
    )
    page.keyboard.press("a")
    second = wait_for_item(page, other_than=item)
    page.reload()
    assert wait_for_item(page) == second
    assert [event.verdict for event in events(served)] == ["accepted"]
    assert page.evaluate("Object.keys(localStorage).some((key) => key.includes('unsent-event'))")


def test_an_address_of_an_item_of_another_folder_leads_to_the_queue(
    serve: Serve, open_page: Any
) -> None:
    page = open_page(serve().address(), faulty=True)
    wait_for_item(page)
    page.evaluate("location.hash = 'no-such-item'")
    page.reload()
    page.wait_for_function("() => document.getElementById('refusal').textContent !== ''")
    assert wait_for_item(page, other_than="no-such-item")


def test_an_undo_shows_the_item_again(serve: Serve, open_page: Any) -> None:
    served = serve()
    page = open_page(served.address())
    first = wait_for_item(page)
    page.keyboard.press("u")
    page.wait_for_function(
        "() => document.getElementById('live').textContent.includes('nothing to undo')"
    )
    page.keyboard.press("a")
    second = wait_for_item(page, other_than=first)
    page.keyboard.press("u")
    assert wait_for_item(page, other_than=second) == first
    page.keyboard.press("x")
    page.keyboard.press("2")
    wait_for_item(page, other_than=first)
    page.keyboard.press("k")
    page.wait_for_function("id => location.hash.slice(1) === id", arg=first)
    assert page.inner_text("#earlier").startswith(
        "Your verdict: Rejected: The number does not fit"
    )
    assert [event.verdict for event in events(served)] == ["accepted", "undone", "rejected"]


def test_a_stale_verdict_is_named_and_asked_again(serve: Serve, open_page: Any) -> None:
    served = serve()
    item = served.state.items[0]
    store = VerdictStore(served.store)
    store.append(VerdictEvent("event-earlier", "anna", item.key, "0" * 64, "accepted"))
    store.close()
    page = open_page(served.address())
    assert wait_for_item(page) == item.key.item_id()
    assert page.inner_text("#earlier").startswith("Stale: the sentence or its findings were made")
    assert page.inner_text("#progress-words") == "0 of 53"
    page.keyboard.press("a")
    wait_for_item(page, other_than=item.key.item_id())
    assert page.inner_text("#progress-words") == "1 of 53"


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_video_that_lies_is_turned_with_its_skeleton(
    serve: Serve, open_page: Any, turn: int
) -> None:
    served = serve()
    page = open_page(served.address())
    wait_for_item(page)

    def turned(route: Any) -> None:
        answer = route.fetch()
        value = answer.json()
        value["item"]["turn_deg"] = turn
        route.fulfill(response=answer, json=value)

    page.route("**/api/item/*", turned)
    page.reload()
    wait_for_item(page)
    page.wait_for_function("() => document.getElementById('video').readyState >= 1")
    boxes = page.evaluate("""() => ["video", "skeleton", "zoomed"].map((id) => {
      const box = document.getElementById(id).getBoundingClientRect();
      return [box.x, box.y, box.width, box.height].map(Math.round);
    })""")
    assert boxes[0] == boxes[1], "the canvas lies on the video"
    assert all(abs(a - b) <= 1 for a, b in zip(boxes[0], boxes[2], strict=True))
    assert (boxes[0][2] > boxes[0][3]) == (turn % 180 == 0)
