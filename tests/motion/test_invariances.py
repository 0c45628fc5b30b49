"""Cycles, holds and plausibility depend on the right properties of a motion only.

Time reversal, rate, mirror, constant offset and dropped frames. The same for findings stands in
tests/exercises/test_finding_invariances.py.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.motion.plausibility import (
    angular_speed_deg_s,
    asymmetry_deg,
    feet_drift_m_s,
    floor_metrics,
    mean_acceleration_m_s2,
    mean_speed_m_s,
    range_excess_deg,
)
from qevd_bio.motion.repetitions.detection import detect_alternating
from qevd_bio.motion.repetitions.holds import HoldSettings, detect_holds
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from qevd_bio.skeleton.kinematics import forward_kinematics
from tests.motion.made_signals import SETTINGS, found, noise, repetitions

periods = st.lists(st.floats(1.2, 3.5), min_size=2, max_size=6)
seeds = st.integers(0, 10_000)
few = settings(max_examples=12, deadline=None)
SKELETON = generic_skeleton()
UP = np.array([0.0, 1.0, 0.0])


def times(cycles):
    return np.array([(c.start_s, c.key_s, c.end_s) for c in cycles])


def moving(seed: int, rate_hz: float = 50.0, seconds: float = 4.0):
    """A body with angles along slow sines, standing in the T-pose frame; angles and times."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    size = rng.uniform(-0.3, 0.3, 46)
    size[:3] *= 0.2
    beat = 2 * np.pi * rng.uniform(0.2, 0.6, 46)
    q = size * np.sin(time_s[:, None] * beat + rng.uniform(0, 6, 46))
    for side in "rl":
        q[:, DOF_INDEX[f"knee_angle_{side}"]] += 0.6
        q[:, DOF_INDEX[f"elbow_flexion_{side}"]] += 0.6
    return q, time_s


@given(periods, seeds)
@few
def test_reversed_time_gives_the_same_cycles_backwards(periods_s, seed):
    curve, time_s, truth = repetitions(periods_s)
    curve = curve + noise(len(curve), 1.0, seed)
    forward = times(found(curve, time_s))
    backward = times(found(curve[::-1], time_s[-1] - time_s[::-1]))
    assert len(forward) == len(truth)
    assert time_s[-1] - backward[::-1, ::-1] == pytest.approx(forward, abs=0.1)


@given(periods, st.floats(12.0, 120.0))
@few
def test_the_rate_of_the_frames_does_not_move_cycles(periods_s, rate_hz):
    usual = times(found(*repetitions(periods_s)[:2]))
    other = times(found(*repetitions(periods_s, rate_hz=rate_hz)[:2]))
    assert other == pytest.approx(usual, abs=1.5 / min(rate_hz, 30.0))


@given(periods, st.floats(0.0, 0.4), seeds)
@few
def test_dropped_frames_move_cycles_by_no_more_than_the_gap(periods_s, share, seed):
    curve, time_s, _ = repetitions(periods_s)
    keep = np.random.default_rng(seed).uniform(size=len(curve)) >= share
    keep[[0, -1]] = True
    whole, holey = found(curve, time_s), found(curve[keep], time_s[keep])
    masked = found(np.where(keep, curve, np.nan), time_s, valid=keep)
    gap_s = float(np.diff(time_s[keep]).max())
    for lossy in (holey, masked):
        assert times(lossy)[:, 1] == pytest.approx(times(whole)[:, 1], abs=gap_s + 0.05)
        assert ends_at_the_same_rest(lossy, whole, gap_s + 0.05)


def ends_at_the_same_rest(cycles, others, tolerance_s):
    """A rest near the limit is shared by its neighbours in one and left out in the other."""
    apart = np.abs(times(cycles) - times(others))
    rests = [b.start_s - a.end_s for a, b in pairwise(others)]
    rests_too = [b.start_s - a.end_s for a, b in pairwise(cycles)]
    half = np.array([0.0, *np.maximum(rests, rests_too), 0.0]) / 2
    return (apart[:, 0] <= half[:-1] + tolerance_s).all() and (
        apart[:, 2] <= half[1:] + tolerance_s
    ).all()


def test_frames_dropped_over_a_whole_repetition_take_just_that_one():
    curve, time_s, truth = repetitions([2.0] * 5)
    unseen = (time_s > truth[2][0] - 0.2) & (time_s < truth[2][2] + 0.2)
    left = found(curve, time_s, valid=~unseen)
    assert [c.key_s for c in left] == pytest.approx(
        [key for i, (_, key, _) in enumerate(truth) if i != 2], abs=0.1
    )


@given(st.lists(st.booleans(), min_size=2, max_size=6), seeds)
@few
def test_the_mirror_swaps_the_sides_of_alternating_halves(rights, seed):
    curve, time_s, truth = repetitions([2.0] * len(rights))
    at = np.searchsorted([end for _, _, end in truth], time_s).clip(max=len(rights) - 1)
    right = np.where(np.array(rights)[at], curve, 0.3 * curve) + noise(len(curve), 1.0, seed)
    left = np.where(np.array(rights)[at], 0.3 * curve, curve) + noise(len(curve), 1.0, seed + 1)
    valid = np.ones(len(curve), dtype=bool)
    straight = detect_alternating(right, left, time_s, valid, settings=SETTINGS)
    mirrored = detect_alternating(left, right, time_s, valid, settings=SETTINGS)
    assert [c.side for c in straight] == ["r" if right else "l" for right in rights]
    assert [c.side for c in mirrored] == ["l" if right else "r" for right in rights]
    assert times(mirrored) == pytest.approx(times(straight))


@given(st.floats(-3, 3), st.floats(-1e4, 1e4), seeds)
@few
def test_holds_know_no_offset_no_clock_and_no_direction(offset, clock_s, seed):
    curve, time_s, _ = repetitions([1.5, 1.5], rest_s=4.0)
    curve = curve + noise(len(curve), 1.0, seed)
    valid = np.ones(len(curve), dtype=bool)
    usual = times(detect_holds(curve, time_s, valid, settings=HoldSettings()))
    moved = detect_holds(curve + offset, np.round(time_s + clock_s, 6), valid,
                         settings=HoldSettings())  # fmt: skip
    backward = detect_holds(curve[::-1], time_s[-1] - time_s[::-1], valid,
                            settings=HoldSettings())  # fmt: skip
    assert len(usual) == 3
    assert times(moved) - clock_s == pytest.approx(usual, abs=0.05)
    assert time_s[-1] - times(backward)[::-1, ::-1] == pytest.approx(usual, abs=0.05)


@given(seeds)
@few
def test_a_mirrored_or_reversed_body_is_as_plausible(seed):
    q, time_s = moving(seed)
    joints = forward_kinematics(q, SKELETON)[0]
    mirrored = forward_kinematics(mirror_q(q), SKELETON)[0]
    back = time_s[-1] - time_s[::-1]
    assert asymmetry_deg(mirror_q(q)) == pytest.approx(asymmetry_deg(q))
    assert angular_speed_deg_s(q[::-1], back) == pytest.approx(angular_speed_deg_s(q, time_s))
    for metric in (
        lambda j, t: floor_metrics(j, t, UP).penetration_m,
        lambda j, t: floor_metrics(j, t, UP).floating_m,
        lambda j, t: floor_metrics(j, t, UP).sliding_m_s,
        lambda j, t: mean_speed_m_s(j[:, 3], t),
        lambda j, t: mean_acceleration_m_s2(j[:, 3], t),
    ):
        assert metric(joints[::-1], back) == pytest.approx(metric(joints, time_s))
    assert feet_drift_m_s(mirrored, time_s, UP) == pytest.approx(
        feet_drift_m_s(joints, time_s, UP), nan_ok=True
    )
    excess = range_excess_deg(q)
    assert range_excess_deg(mirror_q(q)).max() == pytest.approx(excess.max(), abs=1e-6)
    assert range_excess_deg(q + 2 * np.pi) == pytest.approx(excess, abs=1e-6)


@given(seeds, st.floats(25.0, 100.0))
@few
def test_the_rate_of_the_frames_does_not_change_speeds(seed, rate_hz):
    fast, fast_s = moving(seed, rate_hz=200.0)
    slow, slow_s = moving(seed, rate_hz=rate_hz)
    assert angular_speed_deg_s(slow, slow_s) == pytest.approx(
        angular_speed_deg_s(fast, fast_s), rel=0.05
    )
    points = [forward_kinematics(q, SKELETON)[0][:, 23] for q in (slow, fast)]
    assert mean_speed_m_s(points[0], slow_s) == pytest.approx(
        mean_speed_m_s(points[1], fast_s), rel=0.05
    )
    assert mean_acceleration_m_s2(points[0], slow_s) == pytest.approx(
        mean_acceleration_m_s2(points[1], fast_s), rel=0.1
    )
