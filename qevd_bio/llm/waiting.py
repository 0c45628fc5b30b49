"""How long to wait before a call is repeated."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_S, LONGEST_S = 0.5, 30.0

_JITTER = random.Random()  # noqa: S311  decides no result


def backoff_s(attempt: int, asked_s: float | None = None) -> float:
    """Choose the wait after a failed call.

    Parameters
    ----------
    attempt : int
        Number of calls that failed before, from 0.
    asked_s : float, optional
        What the server asked for: never waited for less, and a little longer, so that not all
        come back at once. A shorter time than `FIRST_S`, such as a date that is past, says
        nothing: who comes back at once is turned away again.

    Returns
    -------
    float
        Doubles from `FIRST_S` to `LONGEST_S`, less up to half at random.
    """
    if asked_s is not None and asked_s >= FIRST_S:
        return asked_s + _JITTER.uniform(0.0, 0.1 * asked_s + 0.1)
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(attempt, 16))
    return longest * _JITTER.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read what a server says about when to come back, in seconds or as a date (RFC 9110).

    A date is compared with the server's own ``Date``, because one of the clocks may be wrong.

    Returns
    -------
    float or None
        Seconds, not negative; None where nothing is said that can be understood.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        when = _date(text)
        if when is None:
            return None
        now = now or _date(headers.get("date", "")) or datetime.now(UTC)
        seconds = (when - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _date(text: str) -> datetime | None:
    """Read a date of a header; one without a zone is in UTC."""
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year of twenty digits
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
