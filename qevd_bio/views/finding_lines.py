"""A finding as a line of a table: its numbers, and a verdict that agrees with the drawn band."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from qevd_bio.exercises.motion_parts import full_name, sideless
from qevd_bio.motion.constraints import Finding
from qevd_bio.views.curves import Target, Zone
from qevd_bio.views.formatting import measure_words, number_words, target_words

BandVerdict = Zone | Literal["not_judged"]

RIGHT_MINUS_LEFT = "right minus left"
_WORDS: dict[Zone, str] = {
    "on_target": "✓ on target",
    "within_tolerance": "✓ {side} target, within tolerance",
    "within_noise": "✓ {side} target and tolerance, but within noise",
    "violated": "✗ violated, {side} target",
}


@dataclass(frozen=True, slots=True)
class ShownFinding:
    """The numbers of a finding as they are shown.

    Of a symmetry they are those of the right side minus the left one, whichever side falls short.
    `target` is None where there is no bound.
    """

    measured: float | None
    deviation: float | None
    target: Target | None


@dataclass(frozen=True, slots=True)
class FindingLine:
    """One line of the table of findings, in words.

    `band_verdict` is the band of the target in which the measured value lies, which `verdict`
    puts into words.
    """

    name: str
    measured: str
    target: str
    difference: str
    noise: str
    verdict: str
    band_verdict: BandVerdict
    spoken: bool


def finding_target(finding: Finding) -> Target | None:
    """Return the target of a finding; None where it has no bound."""
    low, high = finding.target_low, finding.target_high
    if low is None and high is None:
        return None
    return Target(low, high, finding.tolerance, finding.guard * (finding.sigma or 0.0))


def shown_finding(finding: Finding) -> ShownFinding:
    """Return the numbers to show; those of a symmetry of the left side change their sign."""
    target = finding_target(finding)
    if finding.check != "symmetry" or finding.side != "l":
        return ShownFinding(finding.measured, finding.deviation, target)
    return ShownFinding(
        measured=None if finding.measured is None else 0.0 - finding.measured,
        deviation=None if finding.deviation is None else 0.0 - finding.deviation,
        target=None if target is None else target.mirrored(),
    )


def finding_line(finding: Finding, *, spoken: bool) -> FindingLine:
    """Put a finding into words."""
    shown, unit = shown_finding(finding), finding.unit
    band_verdict, verdict = _verdict(finding, shown)
    target = shown.target or Target(None, None)
    return FindingLine(
        name=finding_name(finding),
        measured=number_words(shown.measured, unit),
        target=target_words(target.low, target.high, finding.tolerance, unit),
        difference=number_words(shown.deviation, unit, signed=True),
        noise=number_words(finding.sigma, unit),
        verdict=verdict,
        band_verdict=band_verdict,
        spoken=spoken,
    )


def finding_name(finding: Finding) -> str:
    """Name what was checked, for readers: ``right knee flexion, bottom``."""
    if finding.check == "tempo":
        return "duration of the cycle"
    phase = finding.phase.replace("_", " ")
    if finding.check == "symmetry":
        name, about = measure_words(sideless(finding.measure)), RIGHT_MINUS_LEFT
        return ", ".join(filter(None, (name, about, phase)))
    about = "movement over the cycle" if finding.check == "static" else phase
    name = measure_words(full_name(finding.measure, finding.side))
    return f"{name}, {about}" if about else name


def _verdict(finding: Finding, shown: ShownFinding) -> tuple[BandVerdict, str]:
    if finding.status != "measured":
        return "not_judged", f"– not judged: {finding.reason or finding.status}"
    for name, number in (("number", shown.measured), ("noise", finding.sigma)):
        if number is None or not math.isfinite(number):
            return "not_judged", f"– not judged: its {name} is not known"
    measured = shown.measured or 0.0
    if shown.target is None:
        return "not_judged", "– not judged: it has no target"
    zone = shown.target.zone(measured)
    side = "below" if shown.target.deviation(measured) < 0 else "above"
    words = _WORDS[zone].format(side=side)
    if (zone == "violated") != finding.violated:
        stated = "violated" if finding.violated else "not violated"
        return zone, f"{words}; the record says {stated}, which its numbers do not support"
    if zone == "violated" and finding.instruction:
        words = f"{words}: {finding.instruction}"
    return zone, words
