"""Speakers that understand nothing: a figure that one of them reaches means nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from qevd_bio.evaluation.pairs import SegmentKey, Utterance
from qevd_bio.evaluation.references import Reference, References
from qevd_bio.evaluation.time_matching import matched_by_time
from qevd_bio.feedback.statements import form
from qevd_bio.released.loading import videos_of

Spoken: TypeAlias = Mapping[SegmentKey, Sequence[Utterance]]

SILENT, INTERVAL, TEMPLATE, FREQUENT = "silent", "interval", "template", "most frequent"
INTERVALS_S = tuple(range(1, 31))


def silent(asked: References) -> Spoken:
    """Say nothing."""
    return dict.fromkeys(asked, ())


def best_interval_s(train: References) -> int:
    """Choose the interval in whole seconds at which speaking reaches the highest T-F-Score."""
    scores = [_t_f(train, float(every_s)) for every_s in INTERVALS_S]
    return INTERVALS_S[int(np.argmax(scores))]


def interval_speaker(train: References, asked: References, every_s: float) -> Spoken:
    """Speak at an interval, the sentences of the exercise in turn, the most frequent first.

    Where nobody spoke about an exercise in training, the sentences are those of all.
    """
    of_all = _by_frequency(train)
    own: dict[str, dict[SegmentKey, Reference]] = {}
    for key, one in train.items():
        own.setdefault(one.text, {})[key] = one
    by_exercise = {name: _by_frequency(members) for name, members in own.items()}
    return {
        key: _in_turn(_moments(one, every_s), by_exercise.get(one.text, of_all))
        for key, one in asked.items()
    }


def most_frequent_sentence(train: References, asked: References, every_s: float) -> Spoken:
    """Say the most frequent training sentence at an interval."""
    sentence = _by_frequency(train)[:1]
    return {key: _in_turn(_moments(one, every_s), sentence) for key, one in asked.items()}


def template_speaker(release: Path, split: str, asked: References) -> Spoken:
    """Say the violations of C_motion when a cycle is known, and nothing where there are none.

    Reads the table ``contexts``; its row tells what was known at its time.
    """
    opening = form("violations").format(statements="")
    quiet = tuple(
        form(name).partition("{")[0].removeprefix(opening)
        for name in ("no_violation", "no_violation_in_part", "no_measurement", "no_cycle")
    )
    wanted = ("segment_index", "time_s", "is_refresh", "motion_context")
    found: dict[SegmentKey, list[Utterance]] = {key: [] for key in asked}
    for video, table in videos_of(split, release, "contexts", wanted):
        for row in table.to_pylist():
            key = SegmentKey(video, row["segment_index"])
            _, opened, statements = row["motion_context"].partition(opening)
            violated = bool(opened) and not statements.startswith(quiet)
            if row["is_refresh"] and violated and key in found:
                found[key].append(Utterance(row["time_s"], statements))
    return {key: tuple(sorted(said)) for key, said in found.items()}


def _moments(one: Reference, every_s: float) -> list[float]:
    count = int((one.end_s - one.start_s) / every_s)
    return [one.start_s + every_s * number for number in range(1, count + 1)]


def _in_turn(times_s: Sequence[float], sentences: Sequence[str]) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(time_s, sentences[number % len(sentences)])
        for number, time_s in enumerate(times_s)
    )


def _by_frequency(members: References) -> list[str]:
    """Order sentences by how often they are said, and alphabetically among equals."""
    counts = Counter(said.text for one in members.values() for said in one.true.utterances)
    return sorted(counts, key=lambda text: (-counts[text], text))


def _t_f(train: References, every_s: float) -> float:
    true = predicted = matched_true = matched_predicted = 0
    for one in train.values():
        own = np.array([said.time_s for said in one.true.utterances])
        moments = np.array(_moments(one, every_s))
        true += len(own)
        predicted += len(moments)
        matched_true += len(matched_by_time(own, moments, ["."] * len(moments)))
        matched_predicted += len(matched_by_time(moments, own, ["."] * len(own)))
    if not matched_true or not matched_predicted:
        return 0.0
    return 2.0 / (true / matched_true + predicted / matched_predicted)
