"""Holds: still or noisy, one; moving, none."""

from __future__ import annotations

import time

import numpy as np
import pytest

from qevd_bio.motion.repetitions.holds import HoldSettings, detect_holds, rolling_deviation
from tests.motion.made_signals import noise, repetitions

SETTINGS = HoldSettings()


def held(curve, time_s=None, valid=None):
    time_s = np.arange(len(curve)) / 30 if time_s is None else time_s
    valid = np.ones(len(curve), dtype=bool) if valid is None else valid
    return detect_holds(curve, time_s, valid, settings=SETTINGS)


@pytest.mark.parametrize("degrees", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("length_s", [2.0, 6.0, 60.0])
def test_a_hold_is_one_hold_covering_it(degrees, length_s):
    """The released code finds none in a perfectly still hold and four pieces in a noisy one."""
    frames = round(length_s * 30)
    holds = held(1.2 + noise(frames, degrees))
    assert len(holds) == 1
    assert holds[0].end - holds[0].start + 1 >= 0.9 * frames
    assert holds[0].kind == "hold"
    assert holds[0].start <= holds[0].key <= holds[0].end


def test_the_hold_within_a_segment_is_found_at_its_place():
    time_s = np.arange(450) / 30
    curve = np.interp(time_s, [0, 4, 5, 11, 12, 15], [0, 0.1, 1.3, 1.3, 0.2, 1.0])
    curve = curve + 0.3 * np.sin(time_s * 7) * ((time_s < 4) | (time_s > 12)) + noise(450, 1.0)
    holds = held(curve)
    assert len(holds) == 1
    assert holds[0].start_s == pytest.approx(5, abs=0.4)
    assert holds[0].end_s == pytest.approx(11, abs=0.4)


def test_repetitions_are_no_hold():
    curve, time_s, _ = repetitions([2.0] * 10, rest_s=0.0)
    assert held(curve, time_s) == []


def test_a_wobble_does_not_break_a_hold_but_another_posture_does():
    time_s = np.arange(360) / 30
    wobble = 0.5 * np.exp(-(((time_s - 6) / 0.15) ** 2))
    assert len(held(1.0 + wobble + noise(360, 1.0))) == 1
    step = np.where(time_s < 6, 1.0, 1.8)
    assert len(held(step + noise(360, 1.0))) == 2


def test_missing_frames_end_a_hold_only_when_they_last():
    curve = 1.0 + noise(600, 1.0)
    for gap_s, count in ((0.6, 1), (4.0, 2)):
        valid = np.ones(600, dtype=bool)
        valid[300 : 300 + round(gap_s * 30)] = False
        assert len(held(curve, valid=valid)) == count


@pytest.mark.parametrize("rate_hz", [12.0, 30.0, 100.0])
def test_the_rate_does_not_matter(rate_hz):
    frames = round(8 * rate_hz)
    holds = held(0.5 + noise(frames, 1.5), np.arange(frames) / rate_hz)
    assert len(holds) == 1
    assert holds[0].end_s - holds[0].start_s > 7.2


@pytest.mark.parametrize(
    "curve", [np.empty(0), np.zeros(1), np.full(90, np.nan)], ids=["empty", "one", "unknown"]
)
def test_degenerate_curves_hold_nothing(curve):
    assert held(curve) == []


def test_rolling_deviation_is_that_of_each_window():
    values = np.random.default_rng(0).standard_normal(100)
    values[40:42] = np.nan
    time_s = np.arange(100) / 30
    ours = rolling_deviation(values, time_s, 10 / 30)
    for frame in (0, 3, 39, 50, 99):
        near = np.abs(time_s - time_s[frame]) <= 5 / 30 + 1e-12
        assert ours[frame] == pytest.approx(np.nanstd(values[near]), rel=0.1)
    assert np.isnan(ours[40])


def test_a_million_frames_take_seconds():
    began = time.perf_counter()
    assert len(held(1.0 + noise(1_000_000, 1.0))) <= 100
    assert time.perf_counter() - began < 10
