"""The page of generated motions: what it says, and in a browser that it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qevd_bio.generator.generated_page import generated_page
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.objectives_file import Asked
from tests.generator.made_attempts import Named, attempt

AXE = Path(__file__).parents[1] / "review" / "axe" / "axe.min.js"
ASKED = Asked(
    "squat", (Objective("depth", 95.0, 105.0), Objective("vastus_medialis", 0.3, 0.5, 2))
)
ACCEPTED = [attempt(0, 100.0), attempt(3, 104.0)]
REJECTED = [
    attempt(1, 80.0, ("depth is 80 by simulation, asked for is 95 to 105",)),
    attempt(2, 70.0, ("depth is 70 by simulation, asked for is 95 to 105",
                      "no body can do it: <b>6 N</b> on the pelvis are made by nothing")),
]  # fmt: skip


def page(accepted=ACCEPTED, rejected=REJECTED) -> str:
    chosen = accepted[-1] if accepted else None
    return generated_page(ASKED, Named(), accepted, rejected, chosen)


def test_it_tells_what_was_asked_accepted_and_rejected() -> None:
    text = page()
    assert "2 of 4 generated motions accepted: squat" in text
    assert "depth 95 to 105 deg (weight 1); vastus medialis 0.3 to 0.5 (weight 2)" in text
    assert "depth: 2; no body can do it: 1" in text
    assert text.count('class="target"') == 4, "both objectives are drawn in both motions"
    assert "motion-003 <span" in text and "motion-000 <span" not in text
    assert "<b>6 N</b>" not in text and "&lt;b&gt;6 N" in text


def test_nothing_accepted_or_rejected_is_said() -> None:
    assert "0 of 2 generated motions" in page(accepted=[])
    assert page(rejected=[]).count("<p>None.</p>") == 1


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_passes_axe(chromium: Any, width: int, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(page(), encoding="utf-8")
    context = chromium.new_context(bypass_csp=True, viewport={"width": width, "height": 844})
    view = context.new_page()
    problems: list[str] = []
    view.on("console", lambda message: problems.append(message.text))
    view.goto(path.as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    assert view.locator("svg.curve").count() == 8
    view.locator("summary").first.click()
    assert view.locator("details table").first.is_visible()
    view.evaluate(AXE.read_text(encoding="utf-8"))
    found = view.evaluate("axe.run().then(one => one.violations.map(v => v.id + ': ' + v.help))")
    assert found == [] and problems == []
    context.close()
