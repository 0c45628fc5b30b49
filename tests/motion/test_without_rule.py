"""Repetitions counted from the movement alone, and sets that begin and end at the extreme."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.motion.phase import cycle_phases
from qevd_bio.motion.repetitions.without_rule import cycles_without_rule
from tests.motion.made_signals import found, noise, repetitions


def counted(right, left, time_s):
    middle = np.empty((len(time_s), 0))
    return cycles_without_rule(right, left, middle, time_s, np.ones(len(time_s), dtype=bool))


def limbs(curve, sizes, seed):
    angles = curve[:, None] * np.array(sizes)
    return angles + noise(angles.size, 1.5, seed).reshape(angles.shape)


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["bends", "straightens"])
@pytest.mark.parametrize("count", [3, 8])
def test_a_symmetric_movement_is_counted_whichever_way_it_goes(sign, count):
    curve, time_s, _ = repetitions([2.0] * count, rest_s=0.5)
    right, left = (limbs(sign * curve, [1.0, 0.7, -0.3], seed) for seed in (1, 2))
    result = counted(right, left, time_s)
    assert (result.kind, len(result.cycles)) == ("repetitive", count)


def test_alternating_sides_are_counted_as_halves():
    curve, time_s, truth = repetitions([1.0] * 8, rest_s=0.0)
    at = np.searchsorted([end for _, _, end in truth], time_s).clip(max=7)
    right = limbs(np.where(at % 2 == 0, curve, 0.0), [1.0, 0.8], 1)
    left = limbs(np.where(at % 2 == 1, curve, 0.0), [1.0, 0.8], 2)
    result = counted(right, left, time_s)
    assert result.kind == "alternating"
    assert "".join(str(half.side) for half in result.cycles) in ("rlrlrlrl", "lrlrlrlr")


def test_nothing_known_holds_no_repetition():
    time_s = np.arange(90) / 30.0
    unknown = np.full((90, 2), np.nan)
    assert counted(unknown, unknown, time_s).cycles == ()


def test_who_begins_and_ends_at_the_extreme_rests_there():
    """Sit to stand: five times up from a chair are five repetitions, not four or six."""
    curve, time_s, truth = repetitions([2.0] * 5, rest_s=1.0)
    cycles = found(1.6 - curve + noise(len(curve), 0.5), time_s)
    assert len(cycles) == 5
    for cycle, (start, key, end) in zip(cycles, truth, strict=True):
        assert cycle.rests_at_extreme and cycle.key == cycle.end and cycle.counted == "full"
        assert cycle.start_s == pytest.approx(start, abs=0.6)
        assert cycle.end_s == pytest.approx(end, abs=0.6)
        upright = float(cycle_phases(np.array([key]), cycle, 0.5)[0])
        assert min(upright, 1.0 - upright) < 0.06


def test_a_cut_repetition_is_flagged():
    curve, time_s, _ = repetitions([2.0] * 5, rest_s=0.5)
    shown = slice(round(0.95 * 30), None)
    first, *others = found(curve[shown], time_s[shown])
    assert (first.cut, first.counted) == ("start", "full")
    assert {cycle.counted for cycle in others} == {"full"}
