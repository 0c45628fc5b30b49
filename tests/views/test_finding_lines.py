"""The words of a finding, and the bands that are drawn for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qevd_bio.motion.constraints import GUARD_SIGMAS, Constraint, Finding, judge
from qevd_bio.motion.measured_value import MeasuredValue
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.views.curve_drawing import Drawing, curve_drawing
from qevd_bio.views.curves import CheckedValue
from qevd_bio.views.finding_lines import finding_line, shown_finding
from tests.release.made_artifacts import finding
from tests.views.made_curves import squat_curve

NUMBERS = st.floats(-400.0, 400.0, width=32)
WORDS = {
    "on_target": "✓ on target",
    "within_tolerance": "within tolerance",
    "within_noise": "but within noise",
    "violated": "✗ violated",
    "not_judged": "– not judged",
}
BOUNDS = st.tuples(st.none() | NUMBERS, st.none() | NUMBERS).filter(
    lambda pair: None in pair or pair[0] <= pair[1]
)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    """A finding as the pipeline makes it, with any bounds, side, kind of check and status."""
    low, high = draw(BOUNDS)
    measured, sigma = draw(NUMBERS), draw(st.floats(0.0, 40.0, width=32))
    tolerance = draw(st.floats(0.0, 40.0, width=32))
    check = draw(st.sampled_from(["dynamic", "static", "symmetry", "tempo"]))
    side = draw(st.sampled_from(["r", "l"] if check == "symmetry" else ["r", "l", None]))
    status = draw(st.sampled_from(["measured", "measured", "unmeasurable", "low_confidence"]))
    below = 0.0 if low is None else max(low - measured, 0.0)
    above = 0.0 if high is None else max(measured - high, 0.0)
    beyond = max(below, above) - tolerance
    return finding_from_row(
        finding(
            check=check,
            side=side,
            status=status,
            measured=None if status == "unmeasurable" else measured,
            sigma=sigma,
            target_low=low,
            target_high=high,
            deviation=above - below,
            tolerance=tolerance,
            guard=GUARD_SIGMAS,
            violated=status == "measured" and beyond > GUARD_SIGMAS * sigma,
            reason="" if status == "measured" else "hidden",
        )
    )


def drawn(one: Finding) -> Drawing:
    """The curve with the band and the measured value of a finding."""
    shown = shown_finding(one)
    checked = () if shown.measured is None else (CheckedValue("", 10, shown.measured),)
    return curve_drawing(squat_curve(target=shown.target, checked=checked, cycles=()))


def heights(drawing: Drawing, style: str) -> tuple[float, float]:
    (box,) = [shape for shape in drawing.shapes if shape.style == style and shape.kind == "box"]
    (_, top), (_, bottom) = box.points
    return top, bottom


@given(findings())
def test_the_words_name_the_innermost_drawn_band_that_holds_the_value(one: Finding) -> None:
    line, drawing = finding_line(one, spoken=False), drawn(one)
    assert WORDS[line.band_verdict] in line.verdict
    is_judged = one.status == "measured" and (one.target_low, one.target_high) != (None, None)
    assert (line.band_verdict == "not_judged") is not is_judged
    if not is_judged:
        return
    (dot,) = [shape for shape in drawing.shapes if shape.style == "spoken-key"]
    y = dot.points[0][1]
    bands = {name: heights(drawing, name) for name in ("target", "tolerance", "guard")}
    edges = [edge for band in bands.values() for edge in band]
    assume(all(abs(y - edge) > 1e-6 for edge in edges))
    inside = {name for name, (top, bottom) in bands.items() if top < y < bottom}
    expected = {
        "on_target": {"target", "tolerance", "guard"},
        "within_tolerance": {"tolerance", "guard"},
        "within_noise": {"guard"},
        "violated": set(),
    }
    assert inside == expected[line.band_verdict]
    if line.band_verdict != "on_target":
        assert ("below" in line.verdict) is (y > bands["target"][1])
        assert ("above" in line.verdict) is (y < bands["target"][0])


@given(findings())
def test_violated_is_said_exactly_when_the_record_says_it(one: Finding) -> None:
    line = finding_line(one, spoken=False)
    if line.band_verdict != "not_judged":
        assert (line.band_verdict == "violated") is one.violated
        assert "does not support" not in line.verdict


@given(findings())
def test_a_symmetry_is_shown_as_right_minus_left(one: Finding) -> None:
    line, shown = finding_line(one, spoken=False), shown_finding(one)
    if one.check != "symmetry":
        assert shown.measured == one.measured and "right minus left" not in line.name
        return
    assert line.name == "knee flexion, right minus left, bottom"
    sign = 1.0 if one.side == "r" else -1.0
    if one.measured is not None:
        # the finding's number is its own side minus the other
        assert shown.measured == pytest.approx(sign * one.measured)
    if shown.target is not None and one.measured is not None:
        assert abs(shown.deviation or 0.0) == abs(one.deviation or 0.0)
        assert math.copysign(1.0, shown.deviation or 0.0) == pytest.approx(
            math.copysign(1.0, shown.target.deviation(shown.measured or 0.0) + 0.0)
        )


def test_left_bent_less_by_hand() -> None:
    """The left knee bends 12° less, 10° are allowed: right minus left is +12, target 0 to 10."""
    constraint = Constraint(
        "even", "knee_flexion", "both", "symmetry", "bottom", -10.0, 0.0, 1.0, "deg", "low",
        "knee", "Bend the knee as far as the other", "", "unverified",
    )  # fmt: skip
    value = MeasuredValue(-12.0, 0.4, "measured", "")
    line = finding_line(judge(constraint, value, side="l", frame=5, frame_s=1.0), spoken=True)
    assert (line.measured, line.target, line.difference) == ("12.0°", "0° to 10° ± 1°", "+2.0°")
    assert line.verdict == "✗ violated, above target: Bend the knee as far as the other"
    other = finding_line(judge(constraint, value, side="r", frame=5, frame_s=1.0), spoken=True)
    assert (other.measured, other.target, other.difference) == (
        "−12.0°",
        "−10° to 0° ± 1°",
        "−2.0°",
    )


@pytest.mark.parametrize(
    ("changed", "band", "verdict"),
    [
        ({}, "violated", "✗ violated, below target: Increase knee flexion"),
        ({"measured": 95.0, "violated": False}, "on_target", "✓ on target"),
        ({"measured": 84.0, "violated": False}, "within_tolerance",
         "✓ below target, within tolerance"),
        ({"measured": 125.0, "violated": False}, "within_tolerance",
         "✓ above target, within tolerance"),
        ({"measured": 75.0, "violated": False}, "within_noise",
         "✓ below target and tolerance, but within noise"),
        ({"measured": 95.0}, "on_target",
         "✓ on target; the record says violated, which its numbers do not support"),
        ({"violated": False}, "violated",
         "✗ violated, below target; the record says not violated, which its numbers do not "
         "support"),
        ({"status": "unmeasurable", "measured": None, "reason": "unseen"}, "not_judged",
         "– not judged: unseen"),
        ({"status": "low_confidence", "reason": "hidden"}, "not_judged", "– not judged: hidden"),
        ({"sigma": None}, "not_judged", "– not judged: its noise is not known"),
        ({"measured": float("nan")}, "not_judged", "– not judged: its number is not known"),
        ({"target_low": None, "target_high": None}, "not_judged",
         "– not judged: it has no target"),
    ],
)  # fmt: skip
def test_verdicts(changed: dict[str, Any], band: str, verdict: str) -> None:
    line = finding_line(finding_from_row(finding(**changed)), spoken=False)
    assert (line.band_verdict, line.verdict) == (band, verdict)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({}, "right knee flexion, bottom"),
        ({"side": None, "measure": "trunk_forward_lean", "phase": "throughout"},
         "trunk forward lean, throughout"),
        ({"check": "static", "phase": ""}, "right knee flexion, movement over the cycle"),
        ({"check": "tempo", "measure": "cycle_duration", "side": None, "phase": ""},
         "duration of the cycle"),
        ({"check": "symmetry", "phase": "top_of_jump"},
         "knee flexion, right minus left, top of jump"),
    ],
)  # fmt: skip
def test_names(changed: dict[str, Any], name: str) -> None:
    assert finding_line(finding_from_row(finding(**changed)), spoken=False).name == name


def test_both_sides_are_drawn_each_with_its_own_noise() -> None:
    curve = squat_curve()
    target = curve.target
    assert target is not None
    left = type(target)(target.low, target.high, target.tolerance, guard=7.0)
    both = squat_curve(
        trace="right",
        others={"left": curve.values - 20.0},
        targets={"right": target, "left": left},
        checked=(CheckedValue("right", 45, 80.0), CheckedValue("left", 45, 60.0)),
    )
    styles = [shape.style for shape in curve_drawing(both).shapes]
    assert styles.count("trace") == styles.count("other") == 2, "both are broken in the gap"
    assert styles.count("spoken-key") == styles.count("other-key") == 1
    assert styles.count("other-edge") == 2
    letters = [s for s in curve_drawing(both).shapes if s.text in ("R", "L")]
    assert abs(letters[0].points[0][1] - letters[1].points[0][1]) >= 10.0
    with pytest.raises(ValueError, match="shape"):
        squat_curve(others={"left": np.zeros(3)})
