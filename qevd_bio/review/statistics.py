"""What a review has shown so far: verdicts, agreement, time, precision and recall."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from qevd_bio.review.agreement import krippendorff_alpha, share_interval
from qevd_bio.review.passing import Passed, passed_of, sampled_items
from qevd_bio.review.queue_item import QueueItem
from qevd_bio.review.queue_settings import QueueSettings
from qevd_bio.verdicts.current import Resolution, VerdictFold, fold, resolved
from qevd_bio.verdicts.event import VerdictEvent
from qevd_bio.verdicts.item_key import ItemKey

GROUPS = ("exercise", "finding", "backend")
_MISSED = frozenset({"should_be_rewritten", "edited"})


@dataclass(frozen=True, slots=True)
class Share:
    """A count of a total, with the 95 % interval of the share; None where the total is 0."""

    count: int
    total: int
    share: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class AnnotatorFigures:
    """What one annotator did: verdicts that stand, skipped ones, median time (s) of a verdict."""

    annotator: str
    verdicts: int
    skipped: int
    median_s: float | None


@dataclass(frozen=True, slots=True)
class GroupDisagreement:
    """How many sentences of a group were judged by several annotators, and differently.

    `alpha_rewritten` and `alpha_kept` are those of the whole, within the group.
    """

    group: str
    name: str
    several: int
    disagreeing: int
    alpha_rewritten: float | None
    alpha_kept: float | None


@dataclass(frozen=True, slots=True)
class AutoPassed(Passed):
    """Sentences passed for their certainty, and which of those shown were not accepted."""

    wrong: Share


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """The figures of a review.

    Attributes
    ----------
    items : int
        All sentences.
    states : mapping of str to int
        Sentences by what their verdicts come to, ``open`` for none.
    verdicts : mapping of str to int
        Sentences by the verdict that counts.
    reasons : mapping of str to int
        Rejections of sentences as they are now, by reason; adjudications left out.
    annotators : tuple of AnnotatorFigures
        By name.
    median_s : float or None
        Median time of a verdict, of all annotators.
    alpha_rewritten, alpha_kept : float or None
        Krippendorff's alpha of the verdicts on rewritten and on other sentences.
    groups : tuple of GroupDisagreement
        By exercise, finding and backend; only those with a sentence that several judged.
    accepted : Share
        Rewritten sentences that are accepted, of those with a verdict that counts.
    missed : mapping of str to Share
        Other sentences that should have been rewritten, by status.
    recall : float or None
        Rewritten and accepted, of all that should be rewritten: shares of the judged ones
        carried over to all sentences of their status. None where one side was not judged.
    passed : AutoPassed
        Automatically passed sentences.
    """

    items: int
    states: Mapping[str, int]
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    annotators: tuple[AnnotatorFigures, ...]
    median_s: float | None
    alpha_rewritten: float | None
    alpha_kept: float | None
    groups: tuple[GroupDisagreement, ...]
    accepted: Share
    missed: Mapping[str, Share]
    recall: float | None
    passed: AutoPassed


def review_statistics(
    items: Sequence[QueueItem], events: Iterable[VerdictEvent], settings: QueueSettings
) -> ReviewStatistics:
    """Count what a review has shown.

    Parameters
    ----------
    items : sequence of QueueItem
        All sentences as they are now.
    events : iterable of VerdictEvent
        All events. Stale verdicts count in `states` and as work of their annotators only,
        adjudications not in agreement.
    settings : QueueSettings
        How the sentences were given out.
    """
    events = list(events)
    by_key = {item.key: item for item in items}
    found = resolved(events, {item.key: item.digest for item in items})
    found = {key: one for key, one in found.items() if key in by_key}
    states = Counter(one.state for one in found.values())
    counted = {key: one.verdict for key, one in found.items() if one.verdict is not None}
    folded = fold(events)
    blind = first_verdicts(events, folded, by_key)
    accepted = _accepted(counted, by_key)
    missed = _missed(counted, by_key)
    return ReviewStatistics(
        items=len(items),
        states={**dict(sorted(states.items())), "open": len(items) - sum(states.values())},
        verdicts=_sorted(Counter(event.verdict for event in counted.values())),
        reasons=_sorted(
            Counter(e.reason for o in found.values() for e in o.given if e.verdict == "rejected")
        ),
        annotators=_annotators(folded),
        median_s=_median(folded.verdicts.values()),
        alpha_rewritten=_alpha(blind, by_key, rewritten=True),
        alpha_kept=_alpha(blind, by_key, rewritten=False),
        groups=_groups(found.values(), blind, by_key),
        accepted=accepted,
        missed=missed,
        recall=_recall(accepted, missed, items),
        passed=_passed(items, counted, settings),
    )


def share_of(count: int, total: int) -> Share:
    """Count a share with its interval."""
    return Share(count, total, count / total if total else None, share_interval(count, total))


def _sorted(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _median(events: Iterable[VerdictEvent]) -> float | None:
    seconds = [event.seconds for event in events if event.seconds > 0.0]
    return statistics.median(seconds) if seconds else None


def _annotators(folded: VerdictFold) -> tuple[AnnotatorFigures, ...]:
    own: dict[str, list[VerdictEvent]] = {}
    for (annotator, _), event in folded.verdicts.items():
        own.setdefault(annotator, []).append(event)
    return tuple(
        AnnotatorFigures(
            annotator=name,
            verdicts=sum(event.verdict != "skipped" for event in events),
            skipped=sum(event.verdict == "skipped" for event in events),
            median_s=_median(events),
        )
        for name, events in sorted(own.items())
    )


def first_verdicts(
    events: Iterable[VerdictEvent], folded: VerdictFold, by_key: Mapping[ItemKey, QueueItem]
) -> dict[ItemKey, list[str]]:
    """Find the first verdict of each annotator on each sentence as it is now.

    Whoever has judged a sentence may see what others said, so a later verdict is not blind. Ones
    that were taken back, skips and adjudications are left out.
    """
    first: dict[tuple[ItemKey, str], VerdictEvent] = {}
    for event in sorted(events, key=lambda one: (one.time, one.event_id)):
        item = by_key.get(event.key)
        if item is None or event.judged != item.digest or event.adjudication:
            continue
        if event.verdict not in ("skipped", "undone") and not folded.is_undone(event):
            first.setdefault((event.key, event.annotator), event)
    found: dict[ItemKey, list[str]] = {}
    for (key, _), event in first.items():
        found.setdefault(key, []).append(event.verdict)
    return found


def _alpha(
    blind: Mapping[ItemKey, Sequence[str]],
    by_key: Mapping[ItemKey, QueueItem],
    *,
    rewritten: bool,
) -> float | None:
    return krippendorff_alpha(
        verdicts
        for key, verdicts in blind.items()
        if (by_key[key].status == "rewritten") == rewritten
    )


def _groups(
    found: Iterable[Resolution],
    blind: Mapping[ItemKey, Sequence[str]],
    by_key: Mapping[ItemKey, QueueItem],
) -> tuple[GroupDisagreement, ...]:
    several: dict[tuple[str, str], list[Resolution]] = {}
    disagreeing: Counter[tuple[str, str]] = Counter()
    for one in (one for one in found if len(one.given) > 1):
        differ = len({event.verdict for event in one.given}) > 1 or one.state == "disagreeing"
        for group in GROUPS:
            place = (group, str(getattr(by_key[one.key], group)) or "none")
            several.setdefault(place, []).append(one)
            disagreeing[place] += differ
    own = {
        place: {one.key: blind[one.key] for one in several[place] if one.key in blind}
        for place in several
    }
    return tuple(
        GroupDisagreement(
            group=group,
            name=name,
            several=len(several[group, name]),
            disagreeing=disagreeing[group, name],
            alpha_rewritten=_alpha(own[group, name], by_key, rewritten=True),
            alpha_kept=_alpha(own[group, name], by_key, rewritten=False),
        )
        for group, name in sorted(
            several, key=lambda place: (GROUPS.index(place[0]), -disagreeing[place], place[1])
        )
    )


def _accepted(
    counted: Mapping[ItemKey, VerdictEvent], by_key: Mapping[ItemKey, QueueItem]
) -> Share:
    verdicts = [e.verdict for key, e in counted.items() if by_key[key].status == "rewritten"]
    return share_of(verdicts.count("accepted"), len(verdicts))


def _missed(
    counted: Mapping[ItemKey, VerdictEvent], by_key: Mapping[ItemKey, QueueItem]
) -> dict[str, Share]:
    judged: dict[str, list[bool]] = {}
    for key, event in counted.items():
        status = by_key[key].status
        if status != "rewritten":
            judged.setdefault(status, []).append(event.verdict in _MISSED)
    return {status: share_of(sum(own), len(own)) for status, own in sorted(judged.items())}


def _recall(
    accepted: Share, missed: Mapping[str, Share], items: Sequence[QueueItem]
) -> float | None:
    statuses = Counter(item.status for item in items)
    if accepted.share is None or not missed:
        return None
    right = accepted.share * statuses["rewritten"]
    lost = sum((one.share or 0.0) * statuses[status] for status, one in missed.items())
    return right / (right + lost) if right + lost else None


def _passed(
    items: Sequence[QueueItem],
    counted: Mapping[ItemKey, VerdictEvent],
    settings: QueueSettings,
) -> AutoPassed:
    sampled = [item.key for item in sampled_items(items, settings)]
    judged = [counted[key].verdict for key in sampled if key in counted]
    wrong = sum(verdict != "accepted" for verdict in judged)
    found = asdict(passed_of(items, settings))
    return AutoPassed(**found, wrong=share_of(wrong, len(judged)))
