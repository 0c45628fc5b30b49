"""The learning rate over training."""

from __future__ import annotations

import math

from qevd_bio.choices import Schedule


def learning_rate(
    update: int, *, peak: float, updates: int, warm_up: int, schedule: Schedule
) -> float:
    """Compute the learning rate of an update.

    Parameters
    ----------
    update : int
        From 0.
    peak : float
        The highest learning rate.
    updates : int
        Updates of the whole training.
    warm_up : int
        The rate rises in equal steps over so many updates and reaches `peak` with the last.
    schedule : str
        ``constant``: `peak` after the warm-up. ``cosine``: half a cosine from `peak` to 0 at the
        end of training.

    Returns
    -------
    float
        The rate.
    """
    if update < warm_up:
        return peak * (update + 1) / warm_up
    if schedule == "constant":
        return peak
    share = (update - warm_up) / max(updates - warm_up, 1)
    return peak * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0)))
