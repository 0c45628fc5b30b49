"""People's motions in pieces with features, as the model is trained on them.

N pieces, F features
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.recognise import set_curves, windows_of
from qevd_bio.exercises.recognition_features import (
    curves_of_span,
    features_of_curves,
    movement_channels,
)
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from tools.recognition.cameras import RATE_HZ
from tools.recognition.performers import Person, Span

CYCLES_OF_A_PERSON, WINDOWS_OF_A_PERSON = 3, 2
LENGTHS, LENGTH_SHARES = (1.0, 2.0, 0.5), (0.76, 0.12, 0.12)
"""A search for cycles takes some for two, or two for one."""
LEAST_FRAMES = 6
MOST_PIECES_S = 4.0


@dataclass(frozen=True, slots=True)
class Items:
    """Cycles and windows: features (N, F), the class and the person of each."""

    features: FloatArray
    labels: NDArray[np.str_]
    persons: NDArray[np.int64]


def items_of_made(people: Sequence[Person], seed: int) -> Items:
    """Cut made people, whose cycles are known, about as a search for cycles would."""
    rows, labels, persons = [], [], []
    for number, person in enumerate(people):
        rng = np.random.default_rng([seed, 1, number])
        part = part_of(person.motion, 0, len(person.motion.time_s))
        channels = movement_channels(part, scaled_skeleton(part.segment_lengths_m))
        for start, end in (
            _spans_found(person, rng) + windows_of(part.time_s)[:WINDOWS_OF_A_PERSON]
        ):
            curves = curves_of_span(channels, part.time_s, start, end)
            seconds = float(part.time_s[end] - part.time_s[start])
            rows.append(features_of_curves(curves, seconds))
            labels.append(person.label)
            persons.append(number)
    return Items(np.array(rows), np.array(labels), np.array(persons))


def _spans_found(person: Person, rng: np.random.Generator) -> list[Span]:
    """Choose repetitions, their ends a little off, some of them half or twice; or any spans."""
    last = len(person.motion.time_s) - 1
    chosen = list(person.cycles)
    if not chosen:
        lasts = (rng.uniform(0.6, MOST_PIECES_S, CYCLES_OF_A_PERSON) * RATE_HZ).astype(int)
        starts = (rng.random(CYCLES_OF_A_PERSON) * np.maximum(last - lasts, 1)).astype(int)
        chosen = list(zip(starts.tolist(), (starts + lasts).tolist(), strict=True))
    if len(chosen) > CYCLES_OF_A_PERSON:
        kept = np.sort(rng.choice(len(chosen), CYCLES_OF_A_PERSON, replace=False))
        chosen = [chosen[i] for i in kept]
    spans = []
    for start, end in chosen:
        length = (end - start) * LENGTHS[rng.choice(len(LENGTHS), p=LENGTH_SHARES)]
        off = rng.normal(0.0, 0.06, 2) * length
        begins = int(np.clip(start + off[0], 0, last - LEAST_FRAMES))
        ends = int(np.clip(start + length + off[1], begins + LEAST_FRAMES, last))
        spans.append((begins, ends))
    return spans


def items_of_recordings(people: Sequence[tuple[str, Motion]]) -> Items:
    """Cut recordings into the cycles that are found, and into windows as where none is found."""
    rows, labels, persons = [], [], []
    for number, (label, motion) in enumerate(people):
        frames = len(motion.time_s)
        cycles = set_curves(motion, 0, frames)
        windows = set_curves(motion, 0, frames, cycles=False)
        step = max(len(cycles) // CYCLES_OF_A_PERSON, 1)
        for curves, seconds in cycles[::step] + windows[:WINDOWS_OF_A_PERSON]:
            rows.append(features_of_curves(curves, seconds))
            labels.append(label)
            persons.append(number)
    return Items(np.array(rows), np.array(labels), np.array(persons))


def joined(parts: Sequence[Items]) -> Items:
    """Put items together; persons of different parts are different ones."""
    return Items(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.persons + 100_000 * i for i, part in enumerate(parts)]),
    )
