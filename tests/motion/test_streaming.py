"""Frames one by one give what the whole gives."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.motion.repetitions.detection import detect_cycles
from qevd_bio.motion.streaming import CycleStream
from tests.motion.made_signals import SETTINGS, noise, repetitions


def fed(stream, curve, time_s, valid=None):
    known = np.ones(len(curve), dtype=bool) if valid is None else valid
    frames = zip(curve, time_s, known, strict=True)
    return [c for value, at, valid in frames for c in stream.feed(value, at, bool(valid))]


@given(st.lists(st.floats(1.0, 3.0), min_size=1, max_size=5), st.integers(0, 1000))
@settings(max_examples=12, deadline=None)
def test_after_the_last_frame_the_cycles_are_those_of_the_whole(periods_s, seed):
    curve, time_s, _ = repetitions(periods_s, rest_s=0.5)
    curve = curve + noise(len(curve), 2.0, seed)
    valid = np.random.default_rng(seed).random(len(curve)) > 0.1
    stream = CycleStream(SETTINGS)
    fed(stream, curve, time_s, valid)
    assert stream.finish() == detect_cycles(curve, time_s, valid, settings=SETTINGS)


def test_each_repetition_is_reported_once_and_soon_after_it_ended():
    curve, time_s, truth = repetitions([2.0] * 6, rest_s=1.0)
    stream = CycleStream(SETTINGS)
    reported = []
    for value, at in zip(curve, time_s, strict=True):
        reported += [(cycle, at) for cycle in stream.feed(value, at, True)]
    assert [c.key_s for c, _ in reported] == pytest.approx(
        [key for _, key, _ in truth[:6]], abs=0.2
    )
    assert all(at - c.end_s < 1.6 for c, at in reported)


def test_standing_still_reports_nothing():
    time_s = np.arange(900) / 30
    assert fed(CycleStream(SETTINGS), np.full(900, 0.3), time_s) == []


def test_time_must_go_on():
    stream = CycleStream(SETTINGS)
    stream.feed(0.0, 1.0, True)
    with pytest.raises(ValueError, match="does not follow"):
        stream.feed(0.0, 1.0, True)


@pytest.mark.slow
def test_the_cost_of_a_frame_does_not_grow():
    def seconds(count):
        curve, time_s, _ = repetitions([2.0] * count, rest_s=0.0)
        began = time.perf_counter()
        fed(CycleStream(SETTINGS), curve, time_s)
        return time.perf_counter() - began

    seconds(5)
    assert seconds(120) < 4 * seconds(60)
