"""Repetitions: whole, at the right place, in spite of noise, rest, cuts and rates."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.motion.repetitions.cycles import CycleSettings
from qevd_bio.motion.repetitions.detection import (
    detect_alternating,
    detect_cycles,
    mean_crossings,
)
from tests.motion.made_signals import SETTINGS, found, noise, repetitions

periods = st.lists(st.floats(1.0, 4.0), min_size=1, max_size=8)
rests = st.floats(0.0, 4.0)


def spans(cycles):
    return [(c.start, c.key, c.end) for c in cycles]


def assert_matches(cycles, truth, within_s=0.25):
    """Half of a pause of up to three sevenths of a repetition may belong to it."""
    assert len(cycles) == len(truth)
    for cycle, (start, key, end) in zip(cycles, truth, strict=True):
        assert abs(cycle.start_s - start) <= within_s + 0.22 * (end - start)
        assert abs(cycle.key_s - key) <= 0.1 + 0.04 * (end - start)
        assert abs(cycle.end_s - end) <= within_s + 0.22 * (end - start)


@given(periods, rests, st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_every_repetition_is_found_whole_in_2_degrees_of_noise(periods_s, rest_s, seed):
    curve, time_s, truth = repetitions(periods_s, rest_s=rest_s)
    if rest_s < 0.1:
        curve, time_s = curve[1:-1], time_s[1:-1]
    assert_matches(found(curve + noise(len(curve), 2.0, seed), time_s), truth)


@given(periods, st.floats(-1e5, 1e5), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_clock_and_offset_do_not_matter(periods_s, shift_s, offset):
    curve, time_s, _ = repetitions(periods_s)
    curve = curve + noise(len(curve), 1.0)
    shifted = found(curve + offset, np.round(time_s + shift_s, 6))
    still = found(curve, time_s)
    assert len(shifted) == len(still)
    assert np.abs(np.array(spans(shifted)) - np.array(spans(still))).max() <= 1


@given(periods)
@settings(max_examples=30, deadline=None)
def test_time_reversal_mirrors_the_cycles(periods_s):
    curve, time_s, _ = repetitions(periods_s)
    curve = curve + noise(len(curve), 0.5)
    last = len(curve) - 1
    forward = found(curve, time_s)
    backward = found(curve[::-1], time_s[-1] - time_s[::-1])
    mirrored = [(last - c.end, last - c.key, last - c.start) for c in backward][::-1]
    assert len(mirrored) == len(forward)
    assert np.abs(np.array(mirrored) - np.array(spans(forward))).max() <= 2


@pytest.mark.parametrize("rate_hz", [12.0, 15.6, 25.0, 60.0, 100.0])
def test_the_rate_does_not_matter(rate_hz):
    curve, time_s, truth = repetitions([2.0, 1.2, 3.0, 2.5, 1.0], rest_s=0.7, rate_hz=rate_hz)
    assert_matches(found(curve + noise(len(curve), 1.0), time_s), truth)


def test_dropped_frames_do_not_matter():
    curve, time_s, truth = repetitions([2.0] * 6, rest_s=0.5)
    keep = np.random.default_rng(0).random(len(curve)) > 0.3
    assert_matches(found(curve[keep], time_s[keep]), truth)


@pytest.mark.parametrize("degrees", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_standing_still_holds_no_repetition(degrees, seed):
    time_s = np.arange(1800) / 30
    assert found(0.2 + noise(1800, degrees, seed), time_s) == []


def test_no_half_repetition_is_taken_for_a_whole():
    """The released detector returns every rise and every fall as a cycle of its own."""
    curve, time_s, truth = repetitions([50 / 30] * 8, rest_s=0.0)
    cycles = found(curve, time_s)
    assert len(cycles) == 8
    for cycle, (start, _, end) in zip(cycles, truth, strict=True):
        assert abs(curve[cycle.start] - curve[cycle.end]) < 0.1
        assert cycle.end - cycle.start == pytest.approx((end - start) * 30, abs=4)


@pytest.mark.parametrize("pause_s", [2.0, 5.0, 20.0])
def test_a_long_pause_belongs_to_no_cycle(pause_s):
    curve, time_s, truth = repetitions([2.0, 2.0, 2.0], rest_s=pause_s)
    assert_matches(found(curve + noise(len(curve), 1.0), time_s), truth, within_s=0.15)


def test_a_posture_that_drifts_during_the_pause_does_not_stretch_the_cycle():
    curve, time_s, truth = repetitions([2.0, 2.0], rest_s=6.0)
    drift = 0.25 * np.clip(time_s / 6.0, 0, 1)
    assert_matches(found(curve + drift, time_s), truth, within_s=0.3)


@pytest.mark.parametrize(
    "end, share_cut, counted",
    [
        pytest.param("first", 0.1, True, id="first, from its start on"),
        pytest.param("first", 0.25, True, id="first, from the middle of its way there on"),
        pytest.param("first", 0.4, False, id="first, from shortly before its extreme on"),
        pytest.param("first", 0.6, False, id="first, from after its extreme on"),
        pytest.param("last", 0.05, True, id="last, almost back"),
        pytest.param("last", 0.2, False, id="last, mostly back"),
        pytest.param("last", 0.35, False, id="last, hardly back"),
        pytest.param("last", 0.6, False, id="last, before its extreme"),
    ],
)
def test_a_cut_repetition_counts_when_its_way_back_is_visible(end, share_cut, counted):
    """People who count leave out what they see less than a third or than two thirds of."""
    curve, time_s, _ = repetitions([2.0] * 5, rest_s=0.5)
    cut = round((0.5 + share_cut * 2.0) * 30)
    part = slice(cut, None) if end == "first" else slice(None, -cut)
    assert len(found(curve[part], time_s[part])) == (5 if counted else 4)


@pytest.mark.parametrize("share_cut, emitted", [(0.5, True), (0.6, True), (0.75, False)])
def test_a_first_repetition_is_flagged_when_only_its_way_back_is_visible(share_cut, emitted):
    """Who counts what is cut, too, finds it; who counts whole ones leaves it out."""
    curve, time_s, _ = repetitions([2.0] * 5, rest_s=0.5)
    shown = slice(round((0.5 + share_cut * 2.0) * 30), None)
    cycles = found(curve[shown], time_s[shown], CycleSettings(counted="cut"))
    assert [c.counted for c in cycles] == ["cut"] * emitted + ["full"] * 4
    assert cycles[0].cut == ("start" if emitted else None)


def test_bumps_within_a_repetition_are_no_repetitions():
    curve, time_s, truth = repetitions([3.0] * 5, rest_s=1.0)
    bouncing = curve + 0.25 * np.sin(2 * np.pi * 1.5 * time_s) * (curve > 1.0)
    assert len(found(bouncing, time_s)) == len(truth)


def test_fidgeting_between_repetitions_is_no_repetition():
    curve, time_s, truth = repetitions([2.0] * 5, rest_s=3.0)
    fidget = 0.3 * (0.5 - 0.5 * np.cos(2 * np.pi * time_s)) * (curve == 0)
    assert len(found(curve + fidget, time_s)) == len(truth)


def test_going_down_and_staying_there_is_no_repetition():
    time_s = np.arange(900) / 30
    curve = 1.6 / (1 + np.exp(-(time_s - 10) * 4)) + noise(900, 1.0)
    assert found(curve, time_s) == []


def test_nothing_is_bridged_across_a_long_gap():
    curve, time_s, truth = repetitions([2.0, 2.0, 2.0], rest_s=1.0)
    middle = (time_s > truth[1][0] + 0.3) & (time_s < truth[1][2] - 0.3)
    curve = np.where(middle, np.nan, curve)
    assert_matches(found(curve, time_s), [truth[0], truth[2]])


def test_a_short_gap_is_bridged():
    curve, time_s, truth = repetitions([2.0, 2.0], rest_s=1.0)
    valid = ~((time_s > truth[0][0] + 0.4) & (time_s < truth[0][0] + 0.7))
    curve = np.where(valid, curve, curve[0])
    assert_matches(found(curve, time_s, valid=valid), truth)


@pytest.mark.parametrize(
    "curve, time_s",
    [
        pytest.param(np.empty(0), np.empty(0), id="no frame"),
        pytest.param(np.zeros(1), np.zeros(1), id="one frame"),
        pytest.param(np.full(100, np.nan), np.arange(100) / 30, id="nothing known"),
        pytest.param(np.zeros(100), np.arange(100) / 30, id="constant"),
    ],
)
def test_degenerate_curves_hold_no_repetition(curve, time_s):
    assert found(curve, time_s) == []


def test_any_tempo_is_found_within_the_bounds():
    curve, time_s, _ = repetitions([0.5, 2.0, 7.0], rest_s=1.0)
    assert [round(c.key_s, 1) for c in found(curve, time_s)] == [1.2, 3.5, 9.0]
    narrow = CycleSettings(shortest_s=0.8, longest_s=5.0)
    assert [round(c.key_s, 1) for c in found(curve, time_s, narrow)] == [3.5]


@pytest.mark.parametrize("period_s", [0.4, 0.8, 8.0, 14.0])
def test_a_set_of_any_tempo_is_counted(period_s):
    curve, time_s, truth = repetitions([period_s] * 5, rest_s=0.1)
    assert_matches(found(curve + noise(len(curve), 1.0), time_s), truth)


@pytest.mark.parametrize("rate_hz", [25.0, 30.0, 60.0])
def test_repetitions_as_fast_as_the_bound_are_all_found(rate_hz):
    """24 frames at 30 fps (supplement 5) are within the bounds."""
    time_s = np.arange(round(12 * 0.8 * rate_hz)) / rate_hz
    curve = 0.8 - 0.8 * np.cos(2 * np.pi * time_s / 0.8) + noise(len(time_s), 2.0)
    assert len(found(curve, time_s)) == 12


def test_settings_that_are_no_interval_are_refused():
    with pytest.raises(ValueError, match="interval"):
        CycleSettings(shortest_s=3.0, longest_s=2.0)


def test_a_million_frames_take_seconds():
    size = 1_000_000
    time_s = np.arange(size) / 30
    curve = 0.8 - 0.8 * np.cos(2 * np.pi * time_s / 2.5) + noise(size, 2.0)
    began = time.perf_counter()
    cycles = found(curve, time_s)
    assert time.perf_counter() - began < 15
    assert abs(len(cycles) - size / 75) <= 2


def lunges(sides, *, rest_s=0.0, period_s=2.0):
    curve, time_s, truth = repetitions([period_s] * len(sides), rest_s=rest_s)
    right, left = np.zeros(len(curve)), np.zeros(len(curve))
    for side, (start, _, end) in zip(sides, truth, strict=True):
        inside = (time_s >= start) & (time_s <= end)
        front, rear = (right, left) if side == "r" else (left, right)
        front[inside], rear[inside] = curve[inside], -0.15 * curve[inside]
    return right, left, time_s, truth


@pytest.mark.parametrize("sides", ["rlrlrl", "lrlr", "rrrr", "rrllrl"])
@pytest.mark.parametrize("rest_s", [0.1, 1.0])
def test_every_step_and_its_leading_side_is_found(sides, rest_s):
    right, left, time_s, truth = lunges(sides, rest_s=rest_s)
    halves = detect_alternating(
        right + noise(len(right), 2.0, 1),
        left + noise(len(left), 2.0, 2),
        time_s,
        np.ones(len(time_s), dtype=bool),
        settings=SETTINGS,
    )
    assert "".join(half.side for half in halves) == sides
    assert {half.kind for half in halves} == {"half"}
    assert_matches(halves, truth)


def test_swapping_left_and_right_swaps_only_the_sides():
    right, left, time_s, _ = lunges("rllr", rest_s=0.3)
    valid = np.ones(len(time_s), dtype=bool)
    one = detect_alternating(right, left, time_s, valid, settings=SETTINGS)
    other = detect_alternating(left, right, time_s, valid, settings=SETTINGS)
    assert [h.side for h in other] == [{"r": "l", "l": "r"}[h.side] for h in one]
    assert np.abs(np.array(spans(one)) - np.array(spans(other))).max() <= 1


def test_crossings_are_of_the_cycles_own_mean():
    time_s = np.arange(0, 4, 1 / 30)
    wave = np.sin(2 * np.pi * time_s / 4 + 0.2) + 5.0
    before = np.full(600, -40.0)
    crossings = mean_crossings(np.concatenate([before, wave]), 600, 600 + len(wave) - 1)
    expected = 600 + np.array([(np.pi - 0.2), (2 * np.pi - 0.2)]) / (2 * np.pi) * 120
    assert np.abs(crossings - expected).max() <= 2


def test_another_exercise_before_the_segment_changes_nothing():
    """In the released code 600 frames of another exercise remove all nine lunges."""
    right, left, _, _ = lunges("rlrlrlrlr", rest_s=0.3)
    before = np.full(600, 2.2)
    whole_right, whole_left = np.concatenate([before, right]), np.concatenate([before, left])
    whole_time = np.arange(len(whole_right)) / 30
    segment = slice(600, None)
    halves = detect_alternating(
        whole_right[segment],
        whole_left[segment],
        whole_time[segment],
        np.ones(len(right), dtype=bool),
        settings=SETTINGS,
    )
    assert len(halves) == 9


def test_one_clear_cycle_of_a_joint_that_misses_the_second_is_outvoted():
    both, time_s, truth = repetitions([2.0, 2.0])
    first = np.where(time_s < 3.5, both, 0.0)
    sides = np.stack([both + noise(len(both), 1.0, 1), both + noise(len(both), 1.0, 2)])
    known = np.ones(len(both), dtype=bool)
    cycles = detect_cycles(first, time_s, known, settings=SETTINGS, angles=sides.T, sides=sides)
    assert [round(c.key_s) for c in cycles] == [round(key) for _, key, _ in truth]


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="valid"):
        detect_cycles(np.zeros(5), np.arange(5.0), np.ones(4, dtype=bool), settings=SETTINGS)
