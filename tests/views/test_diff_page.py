from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from qevd_bio.views.curves import Target
from qevd_bio.views.diff_page import diff_page
from tests.release.made_artifacts import START_S, annotation, finding, kept
from tests.views.made_curves import squat_curve

VOID = {"meta", "input", "rect", "circle", "polyline"}
SQUATS = {("0146", 0): [squat_curve()]}


class Page(HTMLParser):
    """Tags, attributes and text of a page; its tags must be balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def of_class(self, name: str, tag: str | None = None) -> list[dict[str, str | None]]:
        return [
            attributes
            for found, attributes in self.tags
            if attributes.get("class") == name and tag in (None, found)
        ]


def page_of(rows: list[dict[str, Any]], curves: Any = SQUATS, title: str = "Diff") -> Page:
    return Page(diff_page(rows, curves, title=title))


def measured(**changed: Any) -> dict[str, Any]:
    return {**finding(**changed), "matches_cue": True, "spoken": changed.get("spoken", False)}


def test_old_and_new_sentence_with_marked_words() -> None:
    html = diff_page([annotation("0146", 0)], {}, title="Diff")
    assert 'squats<del><span class="mark">−</span>!</del>' in html
    assert '<ins><span class="mark">+</span>: your knees bend 72°, aim for 90°.</ins>' in html
    text = Page(html).text
    assert "rewritten" in text and "knee flexion 18° short of the target" in text


def test_changed_and_kept_are_separated_without_script() -> None:
    page = page_of([annotation("0146", 0), kept("0146", 1), kept("0150", 0)])
    assert len(page.of_class("changed", "article")) == 1
    assert len(page.of_class("same", "article")) == 2
    assert len(page.of_class("same", "section")) == 3, "a video without changes folds up whole"
    radios = [attributes for tag, attributes in page.tags if tag == "input"]
    assert [(one["id"], "checked" in one) for one in radios] == [
        ("show-changed", True),
        ("show-all", False),
    ]
    assert "changed only (1)" in page.text and "all (3)" in page.text


def test_page_without_changes_shows_all() -> None:
    page = page_of([kept("0146", 0)])
    radios = [attributes for tag, attributes in page.tags if tag == "input"]
    assert [("checked" in one) for one in radios] == [False, True]
    assert "No sentence was changed." in page.text


def test_page_without_utterances() -> None:
    assert "0 utterances, 0 changed" in page_of([], {}).text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = page_of([annotation("0146", 0)])
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "a", "base", "form"}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [
        name for name in names if name.startswith("on") or name in ("src", "href", "style")
    ]
    html = diff_page([annotation("0146", 0)], SQUATS, title="Diff")
    assert not re.search(r"url\(|@import|https?:", html)
    policy = [one for tag, one in page.tags if tag == "meta" and "http-equiv" in one]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"


ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;b&gt;</style>"


def page_of_text(word: str) -> Page:
    """Write `word` in every place that can hold a text."""
    texts = {
        "exercise_text": word,
        "kind": word,
        "status": word,
        "reason": word,
        "findings": [
            measured(measure=word, phase=word, instruction=word, spoken=True),
            measured(measure=word, phase="", status="unmeasurable", reason=word, violated=False),
        ],
    }
    sentences = [(f"{word} cut", f"{word} put"), ("cut", word), (word, "put"), (word, word)]
    rows = [
        annotation(word, index) | texts | {"feedback_original": old, "feedback": new}
        for index, (old, new) in enumerate(sentences)
    ]
    return page_of(rows, {(word, 0): [squat_curve(label=word, measure=word)]}, title=word)


def test_every_text_is_escaped() -> None:
    attacked, calm = page_of_text(ATTACK), page_of_text("x")
    assert [tag for tag, _ in attacked.tags] == [tag for tag, _ in calm.tags]
    assert [set(one) for _, one in attacked.tags] == [set(one) for _, one in calm.tags]
    once, each, sentences = 4, 9, 5
    assert attacked.text.count("<script>alert(1)</script>") == once + 4 * each + sentences


def test_curve_shows_cycles_band_key_frame_and_utterance() -> None:
    row = annotation("0146", 0, timestamp_s=START_S + 4.7)
    row["cycle"] |= {"start_s": START_S + 3, "key_s": START_S + 4.5, "end_s": START_S + 6}
    page = page_of([row])
    assert len(page.of_class("cycle", "polyline")) == 10, "ends of nine touching cycles"
    assert len(page.of_class("key")) == 8 and len(page.of_class("spoken-key")) == 1
    assert len(page.of_class("trace")) == 2, "the curve is broken in the gap"
    assert len(page.of_class("gap")) == len(page.of_class("said")) == 1
    assert "said 4.70 s into the segment" in page.text
    assert "90° to 120° ± 10°" in page.text
    said = float(str(page.of_class("said")[0]["points"]).split(",")[0])
    spoken = float(str(page.of_class("spoken-key")[0]["cx"]))
    left, right = 46.0, 392.0
    assert said == pytest.approx(left + 4.7 / (899 / 30) * (right - left), abs=0.1)
    assert spoken == pytest.approx(left + 4.5 / (899 / 30) * (right - left), abs=0.1)


def test_band_matches_the_axis() -> None:
    page = page_of([annotation("0146", 0)])
    band, tolerance = page.of_class("target")[0], page.of_class("tolerance")[0]
    degrees = float(str(band["height"])) / 30.0
    assert float(str(tolerance["height"])) / degrees == pytest.approx(50.0, abs=0.3)
    key = page.of_class("key")[0]
    bottom = float(str(band["y"])) + float(str(band["height"]))
    assert (float(str(key["cy"])) - bottom) / degrees == pytest.approx(90.0 - 80.0, abs=0.3)


@pytest.mark.parametrize(
    ("spoken", "label", "target"),
    [
        ({"measure": "knee_flexion", "target_low": 95.0}, "Right knee", "95° to 120° ± 10°"),
        (
            {"measure": "trunk_forward_lean", "side": None, "target_low": 95.0},
            "Trunk",
            "95° to 120° ± 10°",
        ),
        ({"measure": "trunk_forward_lean", "side": None, "check": "static"}, "Trunk", None),
        ({"measure": "body_line", "side": None}, "Right knee", "90° to 120° ± 10°"),
    ],
    ids=["representative", "other", "movement has no band", "not drawn"],
)
def test_curve_is_that_of_the_spoken_finding(
    spoken: dict[str, Any], label: str, target: str | None
) -> None:
    curves = [squat_curve(), squat_curve(measure="trunk_forward_lean", label="trunk lean")]
    row = annotation("0146", 0, findings=[measured(**spoken, spoken=True)])
    html = diff_page([row], {("0146", 0): curves}, title="Diff")
    caption = re.search("<figcaption>(.*?)</figcaption>", html)
    assert caption is not None and caption[1].startswith(label)
    assert (f"target {target}" in caption[1]) if target else ("target" not in caption[1])
    assert ('class="target"' in html) is (target is not None)


@pytest.mark.parametrize("bounds", [(90.0, None), (None, 120.0)], ids=["at least", "at most"])
def test_one_sided_band_reaches_the_edge(bounds: tuple[float | None, float | None]) -> None:
    curve = squat_curve(target=Target(*bounds, tolerance=10.0))
    page = page_of([annotation("0146", 0, findings=[])], {("0146", 0): [curve]})
    band = page.of_class("target")[0]
    top, bottom = float(str(band["y"])), float(str(band["y"])) + float(str(band["height"]))
    assert (top == 20.0) is (bounds[1] is None)
    assert (bottom == 168.0) is (bounds[0] is None)


@pytest.mark.parametrize(
    "changed",
    [
        {"values": np.full(900, np.nan)},
        {"time_s": np.array([5.0]), "values": np.array([1.0])},
    ],
    ids=["no value", "one frame"],
)
def test_curves_with_little_in_them(changed: dict[str, Any]) -> None:
    html = diff_page([annotation("0146", 0)], {("0146", 0): [squat_curve(**changed)]}, title="x")
    assert "nan" not in html.lower().replace("nance", "")
    assert ("no value measured" in html) is (len(html) > 0 and "time_s" not in changed)


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "✗ violated: Increase knee flexion"),
        ({"violated": False, "deviation": 0.0}, "✓ on target"),
        ({"violated": False, "deviation": -4.0}, "✓ off target, within tolerance and noise"),
        (
            {"violated": False, "status": "unmeasurable", "measured": None, "reason": "unseen"},
            "– not judged: unseen",
        ),
    ],
    ids=["violated", "inside", "within noise", "unmeasured"],
)
def test_verdicts(changed: dict[str, Any], verdict: str) -> None:
    page = page_of([annotation("0146", 0, findings=[measured(**changed)])])
    assert verdict in page.text
    assert ("72.0°" in page.text) is ("measured" not in changed)


def test_kept_sentence_without_evidence_gets_no_curve() -> None:
    assert "svg" not in [tag for tag, _ in page_of([kept("0146", 0)]).tags]
    aside = kept("0146", 0) | {"segment_index": 0}
    assert "svg" not in [tag for tag, _ in page_of([aside]).tags]


def test_page_is_the_same_in_any_order() -> None:
    rows = [annotation("0146", 0), kept("0146", 1), kept("0007", 0)]
    assert diff_page(rows, SQUATS, title="x") == diff_page(rows[::-1], SQUATS, title="x")
