"""Repetitions of a video against gold executions: which differ, in which joints, by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.coach.coached import CoachedVideo
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.phase_curves import ANGLES, angle_noise_deg, phase_curves, reference_curves
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.against_gold import KEY_AT, Difference, Gold, difference, gold_of
from qevd_bio.motion.constraints import GUARD_SIGMAS
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.views.formatting import counted, measure_words

MOST_JOINTS = 3


@dataclass(frozen=True, slots=True)
class GoldExecution:
    """The repetitions of one gold video, or a rule's reference, by leading side.

    Attributes
    ----------
    name : str
        Of the video.
    curves : mapping of (str or None) to ndarray (C, P, K)
        By the side that leads.
    noise : ndarray (K,)
        Of its measurement in degrees.
    """

    name: str
    curves: Mapping[str | None, FloatArray]
    noise: FloatArray


@dataclass(frozen=True, slots=True)
class JointDifference:
    """One angle of a repetition that differs from the gold ones.

    Attributes
    ----------
    measure : str
        Of the catalogue.
    part : str
        ``rest``, ``extreme`` or ``way``.
    spreads : float
        How far, in spreads of gold and noise; positive on the way.
    text : str
        The same in words, with its numbers.
    """

    measure: str
    part: str
    spreads: float
    text: str


@dataclass(frozen=True, slots=True)
class RepetitionAgainstGold:
    """How one repetition differs; `total` and `joints` as `Difference.total`, the worst first."""

    number: int
    total: float
    joints: tuple[JointDifference, ...]


@dataclass(frozen=True, slots=True)
class AgainstGold:
    """A video against gold executions.

    Attributes
    ----------
    gold : str
        What they are, in words.
    repetitions : tuple of RepetitionAgainstGold
        Those that are seen, and of which a gold one of the same side exists.
    """

    gold: str
    repetitions: tuple[RepetitionAgainstGold, ...]


def gold_execution(video: CoachedVideo) -> GoldExecution:
    """Take the whole repetitions of a video as gold.

    Raises
    ------
    DataError
        It has none.
    """
    cycles = [one.cycle for one in video.repetitions if one.cycle.cut is None]
    if not cycles:
        raise DataError(
            f"shows no whole repetition ({video.reason or 'all are cut'})",
            where=f"--against {video.analysis.video.source}",
            next_step=f"Give a video of {video.rule.title} from rest to rest",
        )
    motion = video.analysed.motion
    return GoldExecution(
        video.analysis.video.source.name,
        _by_side(cycles, phase_curves(motion, cycles)),
        angle_noise_deg(motion, cycles),
    )


def gold_reference(rule: Rule) -> GoldExecution:
    """Take a rule's reference as gold; it is known without noise."""
    sides: tuple[str | None, ...] = (None, "r", "l")
    curves = {side: reference_curves(rule, side) for side in sides}
    return GoldExecution(f"the reference of {rule.title}", curves, np.zeros(len(ANGLES)))


def check_has_way(rule: Rule) -> None:
    """Check that repetitions of an exercise can be compared; `UsageError` where it is a hold."""
    if rule.kind == "hold":
        raise UsageError(
            f"{rule.title} is held: there is no way to compare",
            where="--against",
            next_step="Leave --against out",
        )


def against_gold(video: CoachedVideo, golds: Sequence[GoldExecution]) -> AgainstGold:
    """Compare each whole repetition of a video with gold ones of the same side.

    Raises
    ------
    UsageError
        The exercise is a hold, which has no way.
    """
    check_has_way(video.rule)
    whole = [one for one in video.repetitions if one.cycle.cut is None]
    found: list[RepetitionAgainstGold] = []
    if whole:
        cycles = [one.cycle for one in whole]
        curves = phase_curves(video.analysed.motion, cycles)
        own_noise = angle_noise_deg(video.analysed.motion, cycles)
        gold_noise = np.stack([one.noise for one in golds])
        gold_noise = np.where(np.isfinite(gold_noise), gold_noise, 0.0).max(axis=0)
        noise = np.hypot(own_noise, gold_noise)
        noise = np.where(np.isfinite(noise), noise, np.nan)
        models = {side: _model(golds, side, noise) for side in {c.side for c in cycles}}
        for one, curve in zip(whole, curves, strict=True):
            gold = models[one.cycle.side]
            if gold is not None:
                apart = difference(curve, gold)
                if np.isfinite(apart.total):
                    joints = _joints(apart, gold)
                    found.append(RepetitionAgainstGold(one.number, apart.total, joints))
    names = ", ".join(one.name for one in golds)
    words = f"{counted(len(golds), 'gold execution')} ({names})"
    return AgainstGold(words, tuple(found))


def _by_side(cycles: Sequence[Cycle], curves: FloatArray) -> dict[str | None, FloatArray]:
    sides = {cycle.side for cycle in cycles}
    return {side: curves[[cycle.side == side for cycle in cycles]] for side in sides}


def _model(golds: Sequence[GoldExecution], side: str | None, noise: FloatArray) -> Gold | None:
    """Learn from the gold repetitions of a side; None where there are none."""
    own = [one.curves[side] for one in golds if side in one.curves]
    return gold_of(own, noise) if own else None


def _joints(apart: Difference, gold: Gold) -> tuple[JointDifference, ...]:
    """Name the angles beyond two spreads, each by where it differs most, the worst first."""
    found = []
    for k, measure in enumerate(ANGLES):
        parts = {
            "rest": float(apart.rest_spreads[k]),
            "extreme": float(apart.extreme_spreads[k]),
            "way": float(apart.way_spreads[k]),
        }
        known = {part: size for part, size in parts.items() if np.isfinite(size)}
        if not known:
            continue
        part = max(known, key=lambda name: abs(known[name]))
        if abs(known[part]) > GUARD_SIGMAS:
            text = _text(k, part, apart, gold)
            found.append(JointDifference(measure, part, known[part], text))
    return tuple(sorted(found, key=lambda one: -abs(one.spreads))[:MOST_JOINTS])


def _text(k: int, part: str, apart: Difference, gold: Gold) -> str:
    name = measure_words(ANGLES[k])
    name = name[:1].upper() + name[1:]
    if part == "way":
        off, spread = apart.way_spreads[k] * gold.spread[k], gold.spread[k]
        return f"{name} is {off:.0f}° off the gold way (gold: ± {spread:.0f}°)"
    if part == "rest":
        usual, spread, by = gold.rest[k], gold.rest_spread[k], apart.rest[k]
        where = "at rest"
    else:
        usual = gold.way[round(KEY_AT * (len(gold.way) - 1)), k]
        spread, by = gold.spread[k], apart.extreme[k]
        where = "from rest to the extreme"
    return f"{name} {usual + by:.0f}° {where} (gold: {usual:.0f}° ± {spread:.0f}°)".replace(
        "-", "−"
    )
