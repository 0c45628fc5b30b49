"""How certain a sentence is: the less certain ones are judged first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]

_DISAGREES, _LOW_QUALITY, _NOT_MEASURED = 0.5, 0.6, 0.5
LEAST_CYCLE_QUALITY = 0.5
"""A cycle that resembles its reference less counts as badly captured. Unverified."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """How certain a sentence is, from 0 to 1, and in words what makes it less so.

    `finding` is the constraint that the sentence is about; empty where there is none.
    """

    value: float
    reasons: tuple[str, ...]
    finding: str
    low_quality: bool


def certainty_of(row: Row, concerns: Sequence[str] = ()) -> Certainty:
    """Rate a sentence.

    Parameters
    ----------
    row : mapping
        An annotation row as plain values.
    concerns : sequence of str
        What gives reason to look at the capture of its video.

    Returns
    -------
    Certainty

    Notes
    -----
    The distance of the deviation from the limit of a violation (tolerance and guard band), in
    standard deviations d of the measurement, gives ``d / (1 + d)``: one half at one standard
    deviation. Of several findings the nearest to its limit counts. Where no number was judged
    the certainty of the utterance's kind counts. Words and finding that disagree halve it; a bad
    capture takes 0.6 of it. The factors order the queue and decide nothing else; unverified.
    """
    about = findings_about(row)
    judged = [(margin, one) for one in about if (margin := margin_sigmas(one)) is not None]
    reasons: list[str] = []
    if judged:
        distance, nearest = min(judged, key=lambda pair: pair[0])
        value = distance / (1.0 + distance)
        reasons.append(
            f"{nearest['measure'].replace('_', ' ')} is {distance:.1f} standard deviations from "
            "the limit of a violation"
        )
    elif about:
        value = _NOT_MEASURED
        reasons.append("what the words are about was not measured")
    else:
        value = float(row["kind_confidence"])
        reasons.append(f"kind {row['kind']} with confidence {value:.2f}")
    if disagreement := _disagreement(row, about):
        value *= _DISAGREES
        reasons.append(disagreement)
    poor = _capture_doubts(row, concerns)
    if poor:
        value *= _LOW_QUALITY
        reasons.append(f"capture: {'; '.join(poor)}")
    return Certainty(value, tuple(reasons), about[0]["constraint_id"] if about else "", bool(poor))


def findings_about(row: Row) -> list[Row]:
    """List the findings a sentence is about: those it speaks of, else those its words match."""
    spoken = [one for one in row["findings"] if one["spoken"]]
    return spoken or [one for one in row["findings"] if one["matches_cue"]]


def excess_over_guard(finding: Row) -> float | None:
    """Measure by how much a deviation exceeds its guard band: beyond the tolerance it is a fault.

    None where nothing was measured.
    """
    if finding["status"] != "measured" or finding["deviation"] is None:
        return None
    return float(abs(finding["deviation"]) - finding["guard"] * (finding["sigma"] or 0.0))


def margin_sigmas(finding: Row) -> float | None:
    """Measure how far a deviation is from the limit of a violation, in standard deviations.

    None where nothing was measured. Without noise the tolerance is the unit.
    """
    excess = excess_over_guard(finding)
    if excess is None:
        return None
    unit = finding["sigma"] or finding["tolerance"] or 1.0
    return float(abs(excess - finding["tolerance"]) / unit)


def _disagreement(row: Row, about: Sequence[Row]) -> str:
    if row["status"] == "rewritten" and not any(one["matches_cue"] for one in about):
        return "the finding is not what the words ask for"
    if row["status"] == "unsupported":
        return "the words ask for a correction and nothing is violated"
    return ""


def _capture_doubts(row: Row, concerns: Sequence[str]) -> list[str]:
    doubts = list(concerns)
    if row["status"] == "low_confidence":
        doubts.append("low confidence")
    quality = None if row["cycle"] is None else row["cycle"]["quality"]  # a hold has none
    if quality is not None and quality < LEAST_CYCLE_QUALITY:
        doubts.append(f"cycle quality {quality:.2f}")
    return doubts
