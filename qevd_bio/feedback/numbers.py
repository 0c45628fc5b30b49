"""A check that no number of a sentence is invented.

It shares nothing with the code that writes sentences, so that it can disagree with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qevd_bio.motion.constraints import Finding

_NUMBER = re.compile(r"(?<![\d.])(?:(?<!°)[-\u2212])?\d+(?:\.\d+)?")


def unbacked_numbers(text: str, findings: Sequence[Finding]) -> list[str]:
    """Find the numbers of a text that no finding holds.

    Parameters
    ----------
    text : str
        A rewritten sentence or a motion context.
    findings : sequence of Finding
        The findings of the same row.

    Returns
    -------
    list of str
        In order, as written; empty when each number lies within half a unit of its last
        decimal of a measured value, a target bound or an absolute deviation; a symmetry's
        numbers count without their signs.
    """
    backing = [number for finding in findings for number in _numbers_of(finding)]
    return [
        written
        for match in _NUMBER.finditer(text)
        if not _is_backed(written := match.group(), backing)
    ]


def _numbers_of(finding: Finding) -> list[float]:
    numbers = [finding.measured, finding.target_low, finding.target_high]
    if finding.deviation is not None:
        numbers.append(abs(finding.deviation))
    unsigned = finding.check == "symmetry"
    return [abs(n) if unsigned else n for n in numbers if n is not None]


def _is_backed(written: str, backing: Sequence[float]) -> bool:
    value = float(written.replace("\u2212", "-"))
    decimals = len(written.partition(".")[2])
    half_unit = 0.5 * 10.0**-decimals
    return any(abs(value - number) <= half_unit * (1 + 1e-9) + 1e-9 for number in backing)
