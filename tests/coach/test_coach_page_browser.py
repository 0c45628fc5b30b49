"""The page of a coached video in a browser: it fits, plays, seeks, and passes axe-core."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.capture.monocular import backend
from qevd_bio.coach.coach import coach_videos
from qevd_bio.coach.settings import CoachSettings
from tests.coach.squatting import SHALLOW, SQUATS, capture_of, film
from tests.pipeline.sessions_made import PERIOD_S

AXE = Path(__file__).parents[1] / "review" / "axe" / "axe.min.js"

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(backend, "capture_motion", capture_of(SHALLOW))
        settings = CoachSettings(exercise="squats", out=folder / "out")
        (video,) = coach_videos([film(folder / "gym.mp4")], settings).videos
    return Path(video["page"]).as_uri()


def until(page: Any, condition: str) -> None:
    """Wait for a condition; the page's own policy forbids Playwright's way to do so."""
    end_s = time.monotonic() + 20.0
    while not page.evaluate(condition):
        assert time.monotonic() < end_s, condition
        page.wait_for_timeout(50)


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_and_a_repetition_can_be_seen(
    chromium: Any, address: str, width: int
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 844})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(address)
    until(page, "document.querySelector('video').readyState >= 2")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    buttons = page.query_selector_all(".strip button")
    assert len(buttons) == SQUATS
    buttons[2].click()
    until(page, "document.querySelectorAll('.strip .now').length == 1")
    at_s = page.evaluate("document.querySelector('video').currentTime")
    assert at_s == pytest.approx(2 * PERIOD_S, abs=0.5)
    assert page.evaluate("document.querySelector('.strip .now b').textContent") == "3"
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(one => one.violations.map(v => v.id + ': ' + v.help))")
    assert found == [] and problems == []
    page.close()
