"""Numbers of findings as text: rounding, units, anatomical terms, targets.

Notes
-----
A measured value is written with its unit's decimals (degrees 0, seconds and ratios 1), half away
from zero; target bounds are written as the rule gives them. More decimals are used when a bound
has more, or when the written value would equal the bound it misses. An amount is the difference
of the written value and the written bound, so sentences add up to the eye.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from qevd_bio.errors import DataError, RuleError
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.motion.constraints import Finding

MOST_DECIMALS = 2
SENTENCES = "sentences.json"


def measure_family(finding: Finding) -> str:
    """Give the measure of a finding without side; every tempo check is ``tempo``."""
    return "tempo" if finding.check == "tempo" else sideless(finding.measure)


def quantity_words(name: str, *, where: str) -> dict[str, Any]:
    """Look up the anatomical terms of a measure without side; RuleError where it has none."""
    quantities: dict[str, dict[str, Any]] = load_prompt(SENTENCES)["quantities"]
    if name not in quantities:
        raise RuleError(
            f"the measure '{name}' has no words",
            where=where,
            next_step=f"Add it to 'quantities' of prompts/{SENTENCES}",
        )
    return quantities[name]


def unit_words(finding: Finding) -> dict[str, Any]:
    """Look up how a finding's unit is written; RuleError for an unknown unit."""
    units: dict[str, dict[str, Any]] = load_prompt(SENTENCES)["units"]
    if finding.unit not in units:
        raise RuleError(
            f"unknown unit '{finding.unit}'",
            where=f"finding {finding.constraint_id}",
            next_step=f"Use one of {', '.join(units)}",
        )
    return units[finding.unit]


def missed_bound(finding: Finding) -> float | None:
    """Find the target bound that a measured value lies beyond; None inside the target."""
    if finding.status != "measured":
        return None
    value = finding.measured
    if value is None or not math.isfinite(value):
        raise DataError(
            f"status is 'measured' and the number is {value}",
            where=f"finding {finding.constraint_id} at {finding.key_s:.3f} s",
            next_step="Correct the stage that made the finding",
        )
    if finding.target_low is not None and value < finding.target_low:
        return finding.target_low
    if finding.target_high is not None and value > finding.target_high:
        return finding.target_high
    return None


def is_too_low(finding: Finding) -> bool:
    """Return whether a measured value lies below its target interval."""
    low, value = finding.target_low, finding.measured
    if finding.status != "measured" or low is None or value is None:
        return False
    return value < low


def is_reportable(finding: Finding) -> bool:
    """Return whether a finding is violated and its written value differs from the target."""
    bound = missed_bound(finding) if finding.violated else None
    return bound is not None and _written(finding, bound, MOST_DECIMALS) != 0


def decimals_of(findings: Sequence[Finding]) -> int:
    """Choose the decimals for one statement about findings of one unit."""
    return max(_decimals(finding) for finding in findings)


def _decimals(finding: Finding) -> int:
    least = int(unit_words(finding)["decimals"])
    for bound in (finding.target_low, finding.target_high):
        if bound is not None:
            least = max(least, _decimals_of_bound(bound, finding))
    missed = missed_bound(finding)
    if missed is None or not is_reportable(finding):
        return least
    return next(n for n in range(least, MOST_DECIMALS + 1) if _written(finding, missed, n))


def _decimals_of_bound(bound: float, finding: Finding) -> int:
    exponent = Decimal(repr(float(bound))).normalize().as_tuple().exponent
    decimals = max(0, -exponent) if isinstance(exponent, int) else MOST_DECIMALS + 1
    if decimals > MOST_DECIMALS:
        raise RuleError(
            f"the target bound {bound!r} cannot be written with {MOST_DECIMALS} decimals",
            where=f"constraint {finding.constraint_id} ({finding.measure})",
            next_step="Round the target in the rule file",
        )
    return decimals


def _written(finding: Finding, bound: float, decimals: int) -> Decimal:
    return abs(rounded(finding.measured or 0.0, decimals) - rounded(bound, decimals))


_EXACT_BELOW = 2.0**52
"""Up to here a number has a fraction, and taking its whole part off is exact."""


def rounded(value: float, decimals: int) -> Decimal:
    """Round half away from zero, without a negative zero."""
    if decimals == 0 and abs(value) < _EXACT_BELOW:
        whole = int(value)
        return Decimal(whole + (abs(value - whole) >= 0.5) * (1 if value > 0 else -1))
    step = Decimal(1).scaleb(-decimals)
    return Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_UP) + 0


def value_text(finding: Finding, decimals: int) -> str:
    """Write the measured value with its unit; of a symmetry, its distance to the other side."""
    words: str = unit_words(finding)["value"]
    value = finding.measured or 0.0
    if finding.check != "symmetry":
        return words.format(n=rounded(value, decimals))
    prompt = load_prompt(SENTENCES)
    form = prompt["forms"]["less_than_other" if value <= 0 else "more_than_other"]
    other = prompt["sides"][{"r": "l", "l": "r"}[finding.side or "r"]]
    return str(form.format(amount=words.format(n=abs(rounded(value, decimals))), other=other))


def amount_text(finding: Finding, decimals: int) -> str:
    """Write the distance of the written value to the bound it misses."""
    bound = missed_bound(finding)
    words: str = unit_words(finding)["value"]
    return words.format(n=_written(finding, 0.0 if bound is None else bound, decimals))


def target_text(finding: Finding) -> str:
    """Write the target: the bound that is missed, the whole interval where none is.

    Tempo and a straight line always give the interval. A static limit and an upper bound are
    written ``< bound``, a symmetry's limit without its sign.
    """
    forms: dict[str, str] = load_prompt(SENTENCES)["forms"]
    low, high = finding.target_low, finding.target_high
    if finding.check == "symmetry" and low is not None and high is not None:
        return forms["target_apart"].format(bound=_bound_text(finding, max(-low, high)))
    if finding.check == "static" or low is None:
        return forms["target_below"].format(bound=_bound_text(finding, high))
    if high is None:
        form = "target" if is_too_low(finding) else "target_above"
        return forms[form].format(bound=_bound_text(finding, low))
    if low == high:
        return forms["target"].format(bound=_bound_text(finding, low))
    words = quantity_words(measure_family(finding), where=f"finding {finding.constraint_id}")
    is_whole = finding.check == "tempo" or words.get("whole_target", False)
    if not is_whole and (missed := missed_bound(finding)) is not None:
        form = "target" if is_too_low(finding) else "target_below"
        return forms[form].format(bound=_bound_text(finding, missed))
    between: str = unit_words(finding)["between"]
    if low < 0:
        between = between.replace("{low}-{high}", "{low} to {high}")
    return forms["target"].format(bound=between.format(low=_plain(low), high=_plain(high)))


def fault_text(finding: Finding, decimals: int) -> str:
    """Write where a deviation beyond the missed bound exceeds tolerance and guard band."""
    bound = missed_bound(finding) or 0.0
    beyond = finding.tolerance + finding.guard * (finding.sigma or 0.0)
    words: str = unit_words(finding)["value"]
    reach = bound - beyond if is_too_low(finding) else bound + beyond
    return words.format(n=rounded(reach, decimals))


def _bound_text(finding: Finding, bound: float | None) -> str:
    if bound is None:
        raise DataError(
            "the target has no bound",
            where=f"finding {finding.constraint_id} ({finding.measure})",
            next_step="Correct the stage that made the finding",
        )
    words: str = unit_words(finding)["value"]
    return words.format(n=_plain(bound))


def _plain(bound: float) -> str:
    return f"{Decimal(repr(float(bound))).normalize() + 0:f}"
