"""Sentences that are passed because they are certain, and those that are shown all the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qevd_bio.review.queue_item import QueueItem
from qevd_bio.review.queue_settings import QueueSettings


@dataclass(frozen=True, slots=True)
class Passed:
    """How many sentences were certain enough to be passed, and how many of them are shown.

    Attributes
    ----------
    threshold : float or None
        Least certainty; None: nothing is passed.
    rate : float
        Share that is shown all the same, as it was asked for.
    passed, sampled : int
        Sentences passed, and shown.
    """

    threshold: float | None
    rate: float
    passed: int
    sampled: int


def is_certain(item: QueueItem, settings: QueueSettings) -> bool:
    """Return whether a sentence is certain enough to be passed."""
    return (
        settings.autopass is not None
        and item.status == "rewritten"
        and not item.low_quality
        and item.certainty >= settings.autopass
    )


def sampled_items(items: Sequence[QueueItem], settings: QueueSettings) -> list[QueueItem]:
    """List the sentences that are shown although they are certain enough."""
    return [one for one in items if is_certain(one, settings) and settings.is_sampled(one.key)]


def passed_of(items: Sequence[QueueItem], settings: QueueSettings) -> Passed:
    """Count the sentences that are passed, and those of them that are shown."""
    certain = sum(is_certain(item, settings) for item in items)
    sampled = len(sampled_items(items, settings))
    return Passed(settings.autopass, settings.sample, certain - sampled, sampled)
