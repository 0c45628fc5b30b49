"""Sets among other movement: outliers, and repetitions in noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from qevd_bio.motion.repetitions.curve_choice import Shown, with_boundaries
from qevd_bio.motion.repetitions.cycles import CycleSettings
from qevd_bio.motion.repetitions.cycles_in_curve import cycles_of, turning_curve
from qevd_bio.motion.repetitions.detection import detect_alternating, detect_cycles
from qevd_bio.motion.repetitions.discriminant_curve import discriminant_curve
from qevd_bio.motion.streaming import CycleStream
from tests.motion.made_signals import SETTINGS, noise

RATE_HZ = 30.0
# Rise of six angles in rad: a squat-like repetition, and someone who gets up from the floor.
SET = np.array([1.6, 1.6, 1.3, 1.3, -0.4, -0.4])
OTHER = np.array([1.5, 0.2, -0.9, 1.9, 1.6, -1.5])
# One angle falls short of the set by 40 degrees.
FAULTY = SET - np.array([0.7, 0.0, 0.0, 0.0, 0.0, 0.0])


def performed(rises, *, period_s=2.0, rest_s=0.4, noise_deg=0.0, seed=0):
    """One raised cosine a rise (K,) between rests: signal, angles and times."""
    bump = 0.5 - 0.5 * np.cos(
        2 * np.pi * np.arange(round(period_s * RATE_HZ)) / period_s / RATE_HZ
    )
    rest = np.zeros((round(rest_s * RATE_HZ), len(SET)))
    parts = [rest]
    for rise in rises:
        parts += [bump[:, None] * rise, rest]
    angles = np.concatenate(parts)
    angles = angles + noise(angles.size, noise_deg, seed).reshape(angles.shape)
    return angles[:, 0], angles, np.arange(len(angles)) / RATE_HZ


def counted(signal, angles, time_s, valid=None):
    known = np.ones(len(time_s), dtype=bool) if valid is None else valid
    return detect_cycles(signal, time_s, known, settings=SETTINGS, angles=angles)


@pytest.mark.parametrize("share", [0.3, 0.45, 0.7])
@pytest.mark.parametrize("seed", range(6))
def test_a_repetition_shallow_in_the_measured_joint_is_found_through_the_others(share, seed):
    """It is the very one to correct: a push-up half way down, a knee that hardly bends."""
    rng = np.random.default_rng(seed)
    rises = np.tile(SET, (int(rng.integers(4, 9)), 1))
    rises[rng.integers(1, len(rises) - 1, 2), 0] *= share
    signal, angles, time_s = performed(
        rises, rest_s=rng.uniform(0.1, 0.5), noise_deg=2.0, seed=seed
    )
    assert len(counted(signal, angles, time_s)) == len(rises)


@pytest.mark.parametrize("share", [0.5, 0.7])
@pytest.mark.parametrize("seed", range(6))
def test_a_repetition_half_as_deep_in_every_joint_is_one(share, seed):
    rng = np.random.default_rng(seed)
    rises = np.tile(SET, (int(rng.integers(4, 9)), 1))
    rises[rng.integers(1, len(rises) - 1)] *= share
    signal, angles, time_s = performed(rises, noise_deg=2.0, seed=seed)
    assert len(counted(signal, angles, time_s)) == len(rises)


@pytest.mark.parametrize("noise_deg", [0.0, 2.0, 8.0])
@pytest.mark.parametrize(
    "before, after",
    [(0, 0), (1, 0), (0, 1), (1, 1)],
    ids=["set alone", "getting ready", "walking away", "both"],
)
def test_a_lone_other_movement_at_the_ends_is_no_repetition(before, after, noise_deg):
    rises = [OTHER] * before + [SET] * 6 + [-OTHER + [3.0, 0, 0, 0, 0, 0]] * after
    signal, angles, time_s = performed(rises, noise_deg=noise_deg)
    cycles = counted(signal, angles, time_s)
    keys_s = [0.4 + 2.4 * (before + i) + 1.0 for i in range(6)]
    assert [c.key_s for c in cycles] == pytest.approx(keys_s, abs=0.25)


@pytest.mark.parametrize("at", [0, 3, 5], ids=["first", "middle", "last"])
@pytest.mark.parametrize("rise", [FAULTY, 0.6 * SET], ids=["one angle short", "shallow"])
@pytest.mark.parametrize("noise_deg", [0.0, 2.0, 4.0])
def test_a_faulty_repetition_stays_a_repetition(at, rise, noise_deg):
    rises = [SET] * 6
    rises[at] = rise
    assert len(counted(*performed(rises, noise_deg=noise_deg))) == 6


def test_all_angles_count_where_the_representative_one_is_badly_tracked():
    wrong = 0
    for seed in range(6):
        _, angles, time_s = performed([SET] * 12, noise_deg=5.0, seed=seed)
        drift = gaussian_filter1d(np.random.default_rng(seed).standard_normal(len(time_s)), 6.0)
        angles[:, 0] += np.deg2rad(30.0) * drift / drift.std()
        assert len(counted(angles[:, 0], angles, time_s)) == 12
        known = np.ones(len(time_s), dtype=bool)
        alone = detect_cycles(angles[:, 0], time_s, known, settings=SETTINGS)
        wrong += len(alone) != 12
    assert wrong >= 3


def test_the_joined_curve_has_less_noise_than_each_angle():
    truth, clean, time_s = performed([SET] * 6)
    signal, angles, _ = performed([SET] * 6, noise_deg=10.0)
    frames = np.array([[12 + 72 * i, 42 + 72 * i, 72 + 72 * i] for i in range(6)])
    joined = discriminant_curve(signal, angles, clean, time_s, frames)
    assert np.std(joined - truth) < 0.7 * np.std(signal - truth)


def test_three_repetitions_are_too_few_for_an_outlier():
    assert len(counted(*performed([SET, OTHER, SET]))) == 3


def test_an_angle_that_jumps_by_a_turn_changes_nothing():
    signal, angles, time_s = performed([SET] * 6, noise_deg=1.0)
    jumping = angles.copy()
    jumping[200:, 5] += 2 * np.pi
    assert counted(signal, jumping, time_s) == counted(signal, angles, time_s)


def test_an_angle_never_measured_is_ignored():
    signal, angles, time_s = performed([SET] * 6, noise_deg=6.0)
    unseen = np.column_stack([angles, np.full(len(time_s), np.nan)])
    assert counted(signal, unseen, time_s) == counted(signal, angles, time_s)
    assert counted(signal, unseen[:, 6:], time_s) == detect_cycles(
        signal, time_s, np.ones(len(time_s), dtype=bool), settings=SETTINGS
    )


@pytest.mark.parametrize("noise_deg", [0.0, 10.0])
def test_frames_one_by_one_end_with_the_same_set(noise_deg):
    signal, angles, time_s = performed([OTHER, *[SET] * 6], noise_deg=noise_deg)
    stream = CycleStream(SETTINGS)
    for value, at, row in zip(signal, time_s, angles, strict=True):
        stream.feed(value, at, True, row)
    assert stream.finish() == counted(signal, angles, time_s)


@pytest.mark.parametrize("first, second", [(None, SET), (SET, None)], ids=["late", "missing"])
def test_angles_come_in_every_frame_or_in_none(first, second):
    stream = CycleStream(SETTINGS)
    stream.feed(0.0, 0.0, True, first)
    with pytest.raises(ValueError, match="some frames only"):
        stream.feed(0.0, 0.1, True, second)


@pytest.mark.parametrize("sides", ["LRLRL", "RRL", "LRLRLRLR"])
def test_each_side_is_compared_with_itself(sides):
    """From one camera the right half is never the mirror of the left one."""
    right, left = [SET * [1, 0, 1, 0.2, 1, 1]], [OTHER * [0, 8, 1, 1, -1, 0.3]]
    rises = [row for side in sides for row in (right if side == "R" else left)]
    _, angles, time_s = performed(rises)
    known = np.ones(len(time_s), dtype=bool)
    halves = detect_alternating(
        angles[:, 0], angles[:, 1], time_s, known, settings=SETTINGS, angles=angles
    )
    assert "".join((half.side or "?").upper() for half in halves) == sides


def test_boundaries_of_the_measure_reach_all_cycles_that_are_found():
    time_s = np.arange(0.0, 8.0, 1 / 30)
    curve = turning_curve(
        -np.cos(np.pi * time_s), time_s, CycleSettings(), np.empty(0, dtype=np.int64)
    )
    other, *rest = cycles_of(curve, CycleSettings())
    assert len(rest) == 3
    chosen = Shown(curve, (other, *rest), tuple(rest), 0.0, 0.0)
    moved = replace(rest[0], end=rest[0].end - 3)
    own = Shown(curve, (moved,), (moved,), 0.0, 0.0)
    put = with_boundaries(own, chosen)
    assert put.cycles == (moved, *rest[1:])
    assert put.found == (other, moved, *rest[1:])
    # what lies beside the set may not overlap it
    early = replace(rest[0], start=rest[0].start - 3)
    assert with_boundaries(Shown(curve, (early,), (early,), 0.0, 0.0), chosen) == chosen
