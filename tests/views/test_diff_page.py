from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from qevd_bio.files.templates import content_digest
from qevd_bio.views.curves import Target
from qevd_bio.views.diff_items import ALL_STILLS_BYTES, MOST_STILL_BYTES, Evidence, still_bytes
from qevd_bio.views.diff_page import diff_page
from qevd_bio.views.item_moments import ItemMoments
from qevd_bio.views.still_frame import StillFrame
from tests.release.made_artifacts import START_S, annotation, finding, kept
from tests.views.made_curves import squat_curve

VOID = {"meta", "input", "rect", "circle", "polyline", "path", "img"}
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


def html_of(rows: list[dict[str, Any]], curves: Any = SQUATS, title: str = "Diff") -> str:
    found = [
        Evidence(row, curves.get((row["video_id"], row["segment_index"]), ())) for row in rows
    ]
    return diff_page(rows, found, title=title)


def page_of(rows: list[dict[str, Any]], curves: Any = SQUATS, title: str = "Diff") -> Page:
    return Page(html_of(rows, curves, title))


def measured(**changed: Any) -> dict[str, Any]:
    return {**finding(**changed), "matches_cue": True, "spoken": changed.get("spoken", False)}


def test_old_and_new_sentence_with_marked_words() -> None:
    html = html_of([annotation("0146", 0)], {})
    assert 'squats<del><span class="mark">−</span>!</del>' in html
    assert '<ins><span class="mark">+</span>: your knees bend 72°, aim for 90°.</ins>' in html
    text = Page(html).text
    assert "rewritten" in text and "knee flexion 18° short of the target" in text


def inputs(page: Page) -> dict[str, bool]:
    return {str(one["id"]): "checked" in one for tag, one in page.tags if tag == "input"}


def test_sentences_are_filtered_without_script() -> None:
    rows = [annotation("0146", 0), kept("0146", 1), kept("0150", 0) | {"kind": "counting"}]
    html = html_of(rows)
    page = Page(html)
    articles = [one for tag, one in page.tags if tag == "article"]
    assert [one["id"] for one in articles] == ["0146-0", "0146-1", "0150-0"]
    assert inputs(page) == {
        "changed-0": True, "changed-1": False, "status-0": True, "status-1": True,
        "exercise-0": True, "kind-0": True, "kind-1": True, "show-skeleton": True,
    }  # fmt: skip
    for words in ("changed (1)", "same (2)", "kept (2)", "rewritten (1)", "counting (1)"):
        assert words in page.text
    for name in inputs(page):
        if name != "show-skeleton":
            rule = f"body:has(#{name}:not(:checked)) article.{name}{{display:none}}"
            assert rule in html
            assert any(name in str(one["class"]).split() for one in articles)
    assert articles[2]["class"] == "changed-1 status-0 exercise-0 kind-1"


def test_page_without_changes_shows_all() -> None:
    page = page_of([kept("0146", 0)])
    assert inputs(page)["changed-0"] and "same (1)" in page.text


def test_page_without_utterances() -> None:
    assert "0 utterances, 0 changed" in page_of([], {}).text


def test_nothing_is_fetched_and_nothing_runs() -> None:
    html = html_of([annotation("0146", 0)])
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "form"}
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("src", "style")]
    links = [one["href"] for tag, one in page.tags if tag == "a"]
    assert links == ["#0146-0"], "an anchor of the page itself"
    assert not re.search(r"url\(|@import|https?:", html)
    (policy,) = [one for tag, one in page.tags if tag == "meta" and "http-equiv" in one]
    (style,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    assert policy["content"] == (
        f"default-src 'none'; img-src data:; style-src '{content_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )


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
    once, each, sentences = 5, 11, 5
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
    left, right = 46.0, 384.0
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
    html = html_of([annotation("0146", 0)], {("0146", 0): [squat_curve(**changed)]})
    assert "nan" not in html.lower().replace("nance", "")
    assert ("no value measured" in html) is (len(html) > 0 and "time_s" not in changed)


def test_kept_sentence_without_evidence_gets_no_curve() -> None:
    assert "svg" not in [tag for tag, _ in page_of([kept("0146", 0)]).tags]
    aside = kept("0146", 0) | {"segment_index": 0}
    assert "svg" not in [tag for tag, _ in page_of([aside]).tags]


def moments(key: int = 45, said: int = 141) -> ItemMoments:
    clock_s = squat_curve().time_s
    media_s = 60.0 + np.arange(len(clock_s)) / 30.0
    return ItemMoments(clock_s, media_s, key, (said, said + 9), (30, 120), (61.0, 64.0))


def test_times_are_those_of_the_video() -> None:
    found = Evidence(annotation("0146", 0), [squat_curve()], moments(), has_video=True)
    page = Page(diff_page([found.row], [found]))
    assert "Video 0146, squats, 1:04.7" in page.text and "key frame at 1:01.5" in page.text
    absent = Evidence(annotation("0146", 0), [squat_curve()], moments())
    assert "1:04.7 after the first frame" in Page(diff_page([absent.row], [absent])).text


def test_the_still_lies_in_the_page_with_its_skeleton() -> None:
    still = StillFrame("QUJD", 300, 400, {"bone-left": "M1 2L3 4"}, valid=False)
    row = annotation("0146", 0)
    html = diff_page([row], [Evidence(row, [squat_curve()], moments(), still, has_video=True)])
    page = Page(html)
    (image,) = [one for tag, one in page.tags if tag == "img"]
    assert image["src"] == "data:image/jpeg;base64,QUJD"
    assert image["alt"] == (
        "Key frame at 1:01.5; skeleton: right solid, left dashed; nobody was detected, the pose "
        "is held."
    )
    assert [one["d"] for one in page.of_class("bone-left")] == ["M1 2L3 4"]
    assert "body:has(#show-skeleton:not(:checked)) .skeleton{display:none}" in html


def test_pictures_get_smaller_where_there_are_many() -> None:
    assert still_bytes(0) == still_bytes(200) == MOST_STILL_BYTES
    assert 900 * still_bytes(900) <= ALL_STILLS_BYTES
    assert still_bytes(10**8) == 0
