"""Which exercise somebody does, and when it is none that a rule describes.

T frames, N cycles or windows, F features
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.count_without_rule import count_without_rule
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.recognition_features import (
    LEAST_KNOWN,
    curves_of_span,
    features_of_curves,
    movement_channels,
)
from qevd_bio.exercises.recognition_model import (
    NONE_OF_THESE,
    RecognitionModel,
    family_of,
    shipped_model,
)
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.repetitions.without_rule import Unruled
from qevd_bio.skeleton.bodies import generic_skeleton, scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton

MOST_CYCLES = 12
"""Cycles that are looked at, evenly spaced over the set."""

WINDOW_S = 4.0
"""Length of the windows where no cycle is found."""

LEAST_FRAMES = 8
RUNNERS_UP = 3

SURE = 0.8
"""From this probability on, another exercise than the named one is a concern."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What somebody seems to do.

    Attributes
    ----------
    exercise : str or None
        Id of a rule, without its side (``quad_stretch`` for both legs); None: no exercise that
        the model knows, or not surely enough.
    probability : float
        Of this answer; of None that it is none of the exercises.
    runners_up : tuple of (str, float)
        The most likely other exercises, the most likely first.
    """

    exercise: str | None
    probability: float
    runners_up: tuple[tuple[str, float], ...]


NOTHING_SEEN = Recognised(None, 1.0, ())


def recognise(
    motion: Motion,
    frame_start: int = 0,
    frame_end: int | None = None,
    skeleton: Skeleton | None = None,
    model: RecognitionModel | None = None,
    *,
    alone: Unruled | None = None,
) -> Recognised:
    """Recognise the exercise in some frames of a motion.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    frame_start, frame_end : int
        First frame and the one after the last; without them the whole video.
    skeleton : Skeleton, optional
        Body for the directions of the limbs; without it one of the motion's lengths.
    model : RecognitionModel, optional
        Without it the shipped one.
    alone : Unruled, optional
        What `count_without_rule` finds in these frames, where it is known already.

    Returns
    -------
    Recognised

    Notes
    -----
    Looked at are the cycles that the movement alone shows, or windows of four seconds where it
    shows none. Turning the camera about the vertical or mirroring the body changes nothing.
    """
    end = len(motion.time_s) if frame_end is None else frame_end
    features = set_features(motion, frame_start, end, skeleton, alone=alone)
    if len(features) == 0:
        return NOTHING_SEEN
    model = model or shipped_model()
    return answer_of(model.pooled(features), model)


def recognise_turned(
    motion: Motion, turn_deg: int, lying: Collection[str], model: RecognitionModel | None = None
) -> tuple[Recognised, Motion]:
    """Recognise the exercise of a video whose picture may have been turned by mistake.

    Parameters
    ----------
    motion : Motion
        Of the picture as it was turned, its down being gravity.
    turn_deg : int
        How far it was turned clockwise.
    lying : collection of str
        Families of the exercises that are done on hands, knees or back.
    model : RecognitionModel, optional
        Without it the shipped one.

    Returns
    -------
    Recognised
        The exercise.
    Motion
        With the gravity of the picture as it is stored where somebody lies in it, else as given.

    Notes
    -----
    Turned on its end, somebody who lies stands. Where more speaks for an exercise done lying in
    the stored picture than for anything in the turned one, the picture was turned by mistake.
    """
    if turn_deg % 360 == 0:
        return recognise(motion, model=model), motion
    model, frames = model or shipped_model(), len(motion.time_s)
    turn_rad = np.deg2rad(turn_deg)
    down = np.array([-np.sin(turn_rad), np.cos(turn_rad), 0.0])
    stored = replace(motion, gravity=down)
    features = [set_features(one, 0, frames) for one in (motion, stored)]
    if any(len(one) == 0 for one in features):
        return recognise(motion, model=model), motion
    evidence = [model.evidence(one) for one in features]
    lies = np.array([name in lying for name in model.classes])
    if evidence[1][lies].max(initial=-np.inf) <= evidence[0].max():
        return answer_of(model.pooled(features[0]), model), motion
    return answer_of(model.pooled(features[1]), model), stored


def answer_of(probabilities: FloatArray, model: RecognitionModel) -> Recognised:
    """Name the most likely exercise, or none where it is not likely enough."""
    order = np.argsort(-probabilities, kind="stable")
    ranked = [
        (model.classes[i], float(probabilities[i]))
        for i in order
        if model.classes[i] != NONE_OF_THESE
    ]
    none = float(sum(probabilities)) - sum(p for _, p in ranked)
    name, probability = ranked[0]
    if probability < max(model.least_probability, none):
        return Recognised(None, 1.0 - probability, tuple(ranked[:RUNNERS_UP]))
    return Recognised(name, probability, tuple(ranked[1 : RUNNERS_UP + 1]))


def set_features(
    motion: Motion,
    frame_start: int,
    frame_end: int,
    skeleton: Skeleton | None = None,
    *,
    alone: Unruled | None = None,
) -> FloatArray:
    """Compute the features (N, F) of the cycles in some frames, or of windows without cycles.

    No rows where nobody is seen or the frames are too few.
    """
    pieces = set_curves(motion, frame_start, frame_end, skeleton, alone=alone)
    rows = [features_of_curves(curves, seconds) for curves, seconds in pieces]
    return np.array(rows) if rows else np.empty((0, 0))


def set_curves(
    motion: Motion,
    frame_start: int,
    frame_end: int,
    skeleton: Skeleton | None = None,
    *,
    cycles: bool = True,
    alone: Unruled | None = None,
) -> list[tuple[FloatArray, float]]:
    """Cut out the curves (P, C) and the seconds of each cycle, or of windows without cycles.

    Without `cycles` none is sought; `alone` are those that are known already.
    """
    if frame_end - frame_start < LEAST_FRAMES or not motion.valid[frame_start:frame_end].any():
        return []
    if skeleton is None:
        lengths = motion.segment_lengths_m
        skeleton = scaled_skeleton(lengths) if lengths else generic_skeleton()
    part = part_of(motion, frame_start, frame_end)
    channels = movement_channels(part, skeleton)
    found: Sequence[Cycle] = ()
    if cycles:
        alone = alone or count_without_rule(motion, frame_start, frame_end, skeleton)
        found = alone.cycles
    spans = [(cycle.start, cycle.end) for cycle in found] or [
        (start, end)
        for start, end in windows_of(part.time_s)
        if part.valid[start : end + 1].mean() >= LEAST_KNOWN
    ]
    chosen = np.unique(np.linspace(0, len(spans) - 1, min(len(spans), MOST_CYCLES)).round())
    return [
        (
            curves_of_span(channels, part.time_s, start, end),
            float(part.time_s[end] - part.time_s[start]),
        )
        for start, end in (spans[int(i)] for i in chosen)
    ]


def windows_of(time_s: FloatArray) -> list[tuple[int, int]]:
    """Cut frames (T,) into windows; a rest that is too short belongs to the one before."""
    since = time_s - time_s[0]
    count = max(int(since[-1] // WINDOW_S), 1)
    borders = np.searchsorted(since, np.arange(count + 1) * WINDOW_S)
    borders[-1] = len(since) - 1
    return list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))


def is_other_exercise(recognised: Recognised, rule: Rule) -> bool:
    """Whether somebody surely does another exercise than that of a rule."""
    return (
        recognised.exercise is not None
        and recognised.probability >= SURE
        and recognised.exercise != family_of(rule.id)
    )
