"""The page of changed sentences in a browser: filters without a script, and axe-core."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.views.diff_items import Evidence
from qevd_bio.views.diff_page import diff_page
from qevd_bio.views.still_frame import StillFrame, jpeg_of
from tests.release.made_artifacts import annotation, finding, kept
from tests.views.made_curves import squat_curve

AXE = Path(__file__).parents[1] / "review" / "axe" / "axe.min.js"
SHOWN = (
    "[...document.querySelectorAll('article')].filter(one => one.offsetParent).map(one => one.id)"
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    grey = np.full((200, 300, 3), 120, dtype=np.uint8)
    still = StillFrame(
        base64.b64encode(jpeg_of(grey, 300, 8)[0]).decode(), 300, 200,
        {"bone-right": "M10 10L50 90", "bone-left": "M60 10L90 90"}, valid=True,
    )  # fmt: skip
    found = [{**finding(), "matches_cue": True, "spoken": True}]
    items = [
        Evidence(annotation("0146", 0, findings=found), [squat_curve()], None, still),
        Evidence(annotation("0146", 1, findings=found, kind="instructional"), [squat_curve()]),
        Evidence(kept("0146", 2, "<script>document.title = 'hacked'</script>")),
    ]
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(diff_page([one.row for one in items], items), encoding="utf-8")
    return path.as_uri()


def test_filters_hide_sentences_and_the_policy_blocks_nothing_of_its_own(
    chromium: Any, address: str
) -> None:
    page, messages = chromium.new_page(), []
    page.on("console", lambda message: messages.append(message.text))
    page.goto(address)
    assert page.evaluate(SHOWN) == ["0146-0", "0146-1"], "changed ones first"
    page.get_by_label("same (1)").check()
    assert len(page.evaluate(SHOWN)) == 3 and page.title() == "2 of 3 sentences changed"
    page.get_by_label("instructional (1)").uncheck()
    assert page.evaluate(SHOWN) == ["0146-0", "0146-2"]
    skeleton = page.locator(".skeleton").first
    assert skeleton.is_visible()
    page.get_by_label("skeleton").uncheck()
    assert not skeleton.is_visible()
    assert page.locator("img").first.evaluate("one => one.naturalWidth") == 300
    assert messages == [], "a blocked style or picture would be named here"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(chromium: Any, address: str, scheme: str) -> None:
    # at 200 % a window of 1280 pixels shows 640
    context = chromium.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 640, "height": 400}
    )
    page = context.new_page()
    page.goto(address)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    context.close()
