"""How far annotators agree who judged the same sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from scipy.stats import binomtest


def krippendorff_alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """Compute Krippendorff's alpha for nominal values.

    Parameters
    ----------
    units : iterable of sequence
        The values given to one unit each, by any number of annotators, in any order. Units with
        fewer than two values are left out.

    Returns
    -------
    float or None
        1: they always agree; 0: as often as by chance; negative: less often. None where no unit
        has two values, or all values are the same: without variation it is not defined.

    Notes
    -----
    K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: one minus
    the observed over the expected disagreement, with coincidences of a unit of m values weighted
    by 1 / (m - 1).
    """
    values: Counter[Hashable] = Counter()
    disagreement = 0.0
    for unit in units:
        m = len(unit)
        if m < 2:
            continue
        counts = Counter(unit)
        values.update(counts)
        disagreement += (m * m - sum(n * n for n in counts.values())) / (m - 1)
    total = sum(values.values())
    expected = total * total - sum(n * n for n in values.values())
    if not expected:
        return None
    return 1.0 - (total - 1) * disagreement / expected


def share_interval(count: int, total: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share, by Wilson's score; None for a total of 0."""
    if not total:
        return None
    found = binomtest(count, total).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)
