"""The pictures of docs/review.md, made from the demo when QEVD_BIO_DEMO names its folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.review.conftest import Serve, wait_for_item

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SHOTS: dict[str, dict[str, Any]] = {
    "review": {"viewport": {"width": 1280, "height": 800}},
    "review-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "review-reject": {"viewport": {"width": 1280, "height": 800}},
    "review-narrow": {"viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("name", SHOTS)
def test_a_picture_of_the_page(
    serve: Serve, open_page: Any, made_work: Path, tmp_path: Path, name: str
) -> None:
    demo = os.environ.get("QEVD_BIO_DEMO")
    served = serve(Path(demo) / "work" if demo else made_work)
    page = open_page(served.address(query="exercise=squat"), **SHOTS[name])
    wait_for_item(page)
    page.wait_for_function("() => document.getElementById('video').readyState >= 2")
    page.wait_for_function("() => document.getElementById('skeleton').dataset.frame")
    page.evaluate("() => document.getElementById('source').textContent = 'work'")
    page.click("#key-button")
    page.wait_for_function(
        "() => document.getElementById('stage').dataset.frame"
        " === document.querySelector('.curve').dataset.frame"
    )
    page.wait_for_timeout(300)
    page.mouse.move(2, 400)
    page.evaluate("() => document.activeElement.blur()")
    if name == "review-reject":
        page.keyboard.press("x")
    page.wait_for_timeout(200)
    path = (PICTURES if demo else tmp_path) / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    page.screenshot(path=path)
    size = SHOTS[name]["viewport"]
    assert path.read_bytes()[16:24] == b"".join(
        size[side].to_bytes(4, "big") for side in ("width", "height")
    )
