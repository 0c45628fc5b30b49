"""A number becomes a violation only beyond tolerance and noise; a missing number is none."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from qevd_bio.motion.constraints import Constraint, judge
from qevd_bio.motion.measured_value import (
    MeasuredValue,
    in_passage,
    key_window_s,
    spread_over,
    value_at,
)
from qevd_bio.motion.repetitions.cycles import Cycle

DEPTH = Constraint(
    id="depth",
    measure="knee_flexion",
    side="both",
    check="dynamic",
    phase="bottom",
    target_low=90.0,
    target_high=120.0,
    tolerance=10.0,
    unit="deg",
    priority="high",
    joint="knee",
    too_low="Increase knee flexion",
    too_high="Reduce knee flexion",
    source="unverified",
)


def judged(value, sigma=2.0, status="measured", constraint=DEPTH):
    evidence = MeasuredValue(value, sigma, status, "")
    return judge(constraint, evidence, side="r", frame=7, frame_s=0.25)


@pytest.mark.parametrize(
    "value, deviation, violated, severity, instruction",
    [
        pytest.param(100.0, 0.0, False, 0.0, "", id="inside"),
        pytest.param(81.0, -9.0, False, 0.0, "", id="within tolerance"),
        pytest.param(77.0, -13.0, False, 0.0, "", id="within guard band"),
        pytest.param(75.0, -15.0, True, 0.5, "Increase knee flexion", id="too low"),
        pytest.param(140.0, 20.0, True, 1.0, "Reduce knee flexion", id="too high"),
    ],
)
def test_a_violation_exceeds_tolerance_and_guard_band(
    value, deviation, violated, severity, instruction
):
    finding = judged(value)
    assert finding.deviation == pytest.approx(deviation)
    assert finding.violated is violated
    assert finding.severity == pytest.approx(severity)
    assert finding.instruction == instruction
    assert (finding.key_frame, finding.side, finding.measure) == (7, "r", "knee_flexion")


@pytest.mark.parametrize(
    "target_low, target_high, value, severity",
    [
        pytest.param(-10.0, 0.0, -30.0, 2.0, id="width of the target"),
        pytest.param(0.0, 0.0, 12.0, 12.0, id="a point: in degrees"),
        pytest.param(-5.0, 0.0, 10.0, 2.0, id="above a bound of 0"),
    ],
)
def test_severity_has_a_unit_where_nothing_is_tolerated(target_low, target_high, value, severity):
    exact = replace(DEPTH, target_low=target_low, target_high=target_high, tolerance=0.0)
    finding = judged(value, sigma=1.0, constraint=exact)
    assert finding.violated and finding.severity == pytest.approx(severity)


def test_low_confidence_keeps_the_number_and_judges_nothing():
    finding = judged(20.0, status="low_confidence")
    assert finding.measured == 20.0
    assert not finding.violated and finding.severity == 0.0 and finding.instruction == ""


def frames(values, confidence=0.9, sigma=2.0):
    size = len(values)
    seen, sure = np.ones(size, dtype=bool), np.full(size, confidence)
    return value_at(np.asarray(values, dtype=float), seen, sure, sigma)


def test_one_outlier_does_not_move_the_value():
    assert frames([90, 91, 300, 90, 89]).value == pytest.approx(90.0)


@pytest.mark.parametrize(
    "evidence, status",
    [
        pytest.param(frames([np.nan] * 5), "unmeasurable", id="NaN"),
        pytest.param(frames([90, np.nan, np.nan, np.nan]), "unmeasurable", id="mostly NaN"),
        pytest.param(frames([90] * 5, sigma=np.inf), "unmeasurable", id="unobserved"),
        pytest.param(frames([90] * 5, sigma=np.nan), "unmeasurable", id="unknown noise"),
        pytest.param(frames([]), "unmeasurable", id="past the end"),
        pytest.param(frames([90] * 5, confidence=0.3), "low_confidence", id="low confidence"),
    ],
)
def test_missing_data_is_said_and_never_praised(evidence, status):
    """The released code answers "Good form!" to NaN poses and to empty windows."""
    assert evidence.status == status
    assert evidence.reason
    finding = judge(DEPTH, evidence, side=None, frame=0, frame_s=0.0)
    assert not finding.violated and finding.reason


def white(rng, count):
    return rng.standard_normal(count)


def heavy_tailed_with_outliers(rng, count):
    """Student's t of three degrees of freedom, 2 % of the values ten times as far away."""
    values = rng.standard_t(3, count) / np.sqrt(3)
    return np.where(rng.random(count) < 0.02, 10 * rng.standard_normal(count), values)


def slow(rng, count):
    """Noise that is alike for 0.2 s."""
    values = gaussian_filter1d(rng.standard_normal(count + 60), 6)[30:-30]
    return values * np.sqrt(2 * 6 * np.sqrt(np.pi))


def still_check(deviation_deg, sigma_deg, seed, frames_count=75, noise=white):
    limit = Constraint(
        id="still",
        measure="lumbar_flexion",
        side="none",
        check="static",
        phase="",
        target_low=0.0,
        target_high=5.0,
        tolerance=0.0,
        unit="deg",
        priority="high",
        joint="lumbar spine",
        too_low="",
        too_high="Keep it still",
        source="supplement 4",
    )
    rng = np.random.default_rng(seed)
    time_s = np.arange(frames_count) / 30
    motion = np.sqrt(2) * deviation_deg * np.sin(2 * np.pi * time_s / time_s[-1])
    values = motion + sigma_deg * noise(rng, frames_count)
    ones = np.ones(frames_count)
    spread = spread_over(values, time_s, ones > 0, ones, sigma_deg, 5.0)
    return judge(limit, spread, side=None, frame=0, frame_s=0.0)


@pytest.mark.parametrize(
    "deviation_deg, sigma_deg, share",
    [(0.0, 2.0, 0.0), (0.0, 8.0, 0.0), (4.0, 4.0, 0.0), (12.0, 0.5, 1.0), (20.0, 4.0, 1.0)],
)
def test_stillness_is_judged_without_the_noise(deviation_deg, sigma_deg, share):
    findings = [still_check(deviation_deg, sigma_deg, seed) for seed in range(200)]
    assert np.mean([f.violated for f in findings]) == pytest.approx(share, abs=0.01)
    # The noise is estimated from the curve itself, to about a quarter on this many frames.
    close = max(1.0, 0.3 * sigma_deg)
    assert np.median([f.measured for f in findings]) == pytest.approx(deviation_deg, abs=close)


@pytest.mark.parametrize("frames_count", [20, 75, 300])
@pytest.mark.parametrize(
    "sigma_deg, noise", [(2.0, heavy_tailed_with_outliers), (4.0, heavy_tailed_with_outliers),
                         (3.0, slow), (6.0, slow)],
)  # fmt: skip
def test_noise_of_no_kind_is_called_movement(sigma_deg, noise, frames_count):
    checks = [still_check(3.0, sigma_deg, seed, frames_count, noise) for seed in range(400)]
    assert sum(f.violated for f in checks) <= 2
    checks = [still_check(20.0, sigma_deg, seed, frames_count, noise) for seed in range(100)]
    assert sum(f.violated for f in checks) >= 98
    assert np.median([f.measured for f in checks]) == pytest.approx(20.0, abs=2.5)


def test_severity_of_stillness_is_in_units_of_the_limit():
    assert still_check(12.0, 0.0, 0).severity == pytest.approx((12 - 5) / 5, rel=0.05)


def test_the_window_of_a_fast_repetition_is_narrower():
    slow = Cycle("cycle", 0, 30, 60, 0.0, 2.0, 4.0, None)
    fast = Cycle("cycle", 0, 6, 12, 0.0, 0.25, 0.5, None)
    assert key_window_s(2.0, slow) == pytest.approx((1.9, 2.1))
    assert key_window_s(0.25, fast) == pytest.approx((0.225, 0.275))


def test_a_passage_widens_the_noise_by_its_way_and_rest_does_not():
    passing = np.linspace(10.0, 50.0, 7)
    assert in_passage(np.full(7, 30.0), 2.0) == 2.0
    assert in_passage(passing, 2.0) == pytest.approx(20.0, abs=0.2)
    passing[2] = np.nan
    assert in_passage(passing, 2.0) == pytest.approx(20.0, rel=0.1)
    assert in_passage(passing[:2], 2.0) == 2.0
    assert math.isinf(in_passage(passing, math.inf))


def test_outliers_are_no_passage():
    for place in range(7):
        values = np.full(7, 60.0)
        values[place] = 120.0
        assert in_passage(values, 2.0) == 2.0
    assert in_passage(np.array([60.0, 120, 60, 60, 60, 60, 120]), 2.0) == 2.0
    passing = np.linspace(10.0, 50.0, 7)
    passing[6] = 200.0
    assert in_passage(passing, 2.0) == pytest.approx(20.0, abs=0.2)


def test_noise_of_its_own_size_is_no_passage():
    rng = np.random.default_rng(4)
    widened = [in_passage(2.0 * rng.standard_normal(7), 2.0) for _ in range(500)]
    assert np.median(widened) == 2.0
    assert np.quantile(widened, 0.95) < 3.0
