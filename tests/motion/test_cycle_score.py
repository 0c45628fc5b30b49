"""Scores: 1 for the same, what the formulas give for known differences."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from qevd_bio.motion.cycle_score import CycleScore, cycle_scores
from qevd_bio.motion.phase import phase_of_time, resample_cycle
from qevd_bio.skeleton.dofs import DOFS, JOINT_INDEX, joint_dofs
from qevd_bio.skeleton.kinematics import joint_rotations

PHASE = np.linspace(0, 1, 101)
BELL = 0.5 - 0.5 * np.cos(2 * np.pi * PHASE)
SALIENT = [3, 6, 10]
HIP, SHOULDER = joint_dofs("femur_r"), joint_dofs("humerus_r")


def score(cycle: np.ndarray, reference: np.ndarray, salient) -> CycleScore | None:
    dofs = list(salient)
    return cycle_scores(cycle[None, :, dofs], reference[:, dofs], dofs)[0]


def made(*heights, still=0.0):
    q = np.full((101, 46), still)
    for dof, height in zip(SALIENT, heights, strict=True):
        q[:, dof] = height * BELL
    return q


def test_the_same_cycle_scores_exactly_one_in_every_part():
    """The released code scores a perfect cycle 0.23."""
    found = score(made(1.0, 1.5, 0.8), made(1.0, 1.5, 0.8), SALIENT)
    assert (found.total, found.cosine, found.pearson) == (1.0, 1.0, 1.0)
    assert (found.velocity, found.amplitude) == (1.0, 1.0)


@given(arrays(np.float64, (101, 46), elements=st.floats(-3, 3)))
@settings(max_examples=20, deadline=None)
def test_any_moving_cycle_equals_itself(q):
    q = q + made(1.0, 1.0, 1.0)
    found = score(q, q.copy(), SALIENT)
    assert found is None or found.total == 1.0


def test_constant_dofs_are_left_out_not_counted_as_zero():
    reference = made(1.0, 1.5, 0.0)
    user = reference.copy()
    user[:, 10] = 0.05 * np.random.default_rng(0).standard_normal(101)
    assert score(user, reference, SALIENT).total == 1.0


def test_half_the_range_costs_half_the_amplitude_only():
    found = score(made(0.5, 0.75, 0.4), made(1.0, 1.5, 0.8), SALIENT)
    assert found.amplitude == pytest.approx(0.5)
    assert found.total == pytest.approx(0.95)
    assert (found.cosine, found.pearson) == pytest.approx((1.0, 1.0))


def test_the_opposite_movement_scores_only_its_range():
    found = score(-made(1.0, 1.0, 1.0), made(1.0, 1.0, 1.0), SALIENT)
    assert (found.cosine, found.pearson, found.velocity) == (0.0, 0.0, 0.0)
    assert found.total == pytest.approx(0.1)


def test_whole_turns_do_not_matter():
    user = made(1.0, 1.5, 0.8)
    user[:, 3] += 4 * np.pi
    assert score(user, made(1.0, 1.5, 0.8), SALIENT).total == pytest.approx(1.0)


def turning(middle_deg):
    """A hip and a shoulder that sweep, the middle angle of each triple near `middle_deg`."""
    q = np.zeros((101, 46))
    q[:, list(HIP)] = np.deg2rad([80.0, 15.0, -10.0]) * BELL[:, None]
    q[:, list(SHOULDER)] = np.deg2rad([40.0, 20.0, 70.0]) * BELL[:, None]
    q[:, SHOULDER[1]] += np.deg2rad(middle_deg)
    return q


@given(
    arrays(np.bool_, 101),
    arrays(np.int64, (101, 6), elements=st.integers(-2, 2)),
    st.sampled_from([0.0, 60.0, 85.0, 95.0]),
)
@settings(max_examples=25, deadline=None)
def test_it_does_not_matter_which_triple_of_a_rotation_comes(flipped, turns, middle_deg):
    """Each frame may come as (x, y, z) or (x + pi, pi - y, z + pi), with whole turns added."""
    reference = turning(middle_deg)
    noise = 0.05 * np.random.default_rng(2).standard_normal(reference.shape)
    user = reference + noise
    other = user.copy()
    for dofs in (HIP, SHOULDER):
        first, second, third = dofs
        other[flipped, first] += np.pi
        other[flipped, second] = np.pi - other[flipped, second]
        other[flipped, third] += np.pi
    other[:, [*HIP, *SHOULDER]] += 2 * np.pi * turns
    salient = [*HIP, *SHOULDER]
    one, two = score(user, reference, salient), score(other, reference, salient)
    assert two.total == pytest.approx(one.total, abs=1e-9)
    same = score(other, user, salient)
    assert same.total == pytest.approx(1.0, abs=1e-9)


def test_near_gimbal_lock_a_small_turn_stays_small():
    """Angles run apart there although the arm hardly moves: they would score about a third."""
    reference = turning(70.0)
    rotations = Rotation.from_matrix(joint_rotations(reference)[:, JOINT_INDEX["humerus_r"]])
    shake = gaussian_filter1d(np.random.default_rng(4).standard_normal((101, 3)), 4, axis=0)
    shaken = Rotation.from_rotvec(np.deg2rad(4.0) * shake / shake.std(axis=0)) * rotations
    order = "".join("XYZ"[int(np.argmax(np.abs(DOFS[dof].axis)))] for dof in SHOULDER[::-1])
    signs = np.array([sum(DOFS[dof].axis) for dof in SHOULDER])
    user = reference.copy()
    user[:, list(SHOULDER)] = shaken.as_euler(order)[:, ::-1] * signs
    assert score(user, reference, SHOULDER).total > 0.9


def test_a_little_noise_costs_a_little():
    noisy = made(1.0, 1.5, 0.8) + 0.01 * np.random.default_rng(1).standard_normal((101, 46))
    assert 0.85 < score(noisy, made(1.0, 1.5, 0.8), SALIENT).total < 1.0


def test_what_is_unknown_is_left_out_and_all_unknown_has_no_score():
    user = made(1.0, 1.5, 0.8)
    user[:, 6] = np.nan
    assert score(user, made(1.0, 1.5, 0.8), SALIENT).total == 1.0
    assert score(np.full((101, 46), np.nan), made(1, 1, 1), SALIENT) is None
    assert score(user, user, []) is None


def test_the_key_lies_at_the_rules_phase_whatever_the_tempo():
    time_s = np.linspace(10.0, 14.0, 81)
    phase = phase_of_time(time_s, 10.0, 11.0, 14.0, 0.5)
    assert phase[[0, 20, 80]] == pytest.approx([0.0, 0.5, 1.0])
    slow_return = np.interp(phase, PHASE, BELL)[:, None]
    assert resample_cycle(slow_return, phase, 101)[:, 0] == pytest.approx(BELL, abs=0.01)


def test_missing_frames_are_bridged_and_an_unknown_curve_stays_unknown():
    values = np.stack([PHASE, np.full(101, np.nan)], axis=1)
    values[30:40, 0] = np.nan
    curves = resample_cycle(values, PHASE, 51)
    assert curves[:, 0] == pytest.approx(np.linspace(0, 1, 51))
    assert np.isnan(curves[:, 1]).all()


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="fit"):
        score(np.zeros((100, 46)), np.zeros((101, 46)), SALIENT)


def noisy_cycles(cycles):
    rng = np.random.default_rng(8)
    return made(1.0, 1.5, 0.8)[None] + 0.3 * rng.standard_normal((cycles, 101, 46)).cumsum(1) / 5


def test_the_parts_are_the_plain_formulas():
    reference = made(1.0, 1.5, 0.8)
    for cycle in noisy_cycles(5):
        user, model = cycle[:, SALIENT], reference[:, SALIENT]
        user = user - 2 * np.pi * np.round((user.mean(0) - model.mean(0)) / (2 * np.pi))
        steps = np.diff(user, axis=0).ravel(), np.diff(model, axis=0).ravel()
        sizes = np.sort([np.ptp(user, axis=0), np.ptp(model, axis=0)], axis=0)
        parts = [
            np.corrcoef(user.ravel(), model.ravel())[0, 1],
            np.mean([np.corrcoef(user[:, k], model[:, k])[0, 1] for k in range(3)]),
            steps[0] @ steps[1] / np.linalg.norm(steps[0]) / np.linalg.norm(steps[1]),
            np.mean(sizes[0] / sizes[1]),
        ]
        found = score(cycle, reference, SALIENT)
        ours = (found.cosine, found.pearson, found.velocity, found.amplitude)
        assert ours == pytest.approx(np.clip(parts, 0, 1), abs=1e-9)


def test_many_cycles_at_once_are_scored_as_each_alone():
    reference, cycles = made(1.0, 1.5, 0.8) + turning(20.0), noisy_cycles(6) + turning(20.0)
    salient = [*SALIENT[1:], *SHOULDER]
    cycles[1, 40, 6] = cycles[2, :, SHOULDER[1]] = cycles[3] = np.nan
    cycles[4] = reference
    together = cycle_scores(cycles[:, :, salient], reference[:, salient], salient)
    assert together[3] is None and together[4].total == 1.0
    without_knee = score(cycles[1], reference, [10, *SHOULDER])
    without_shoulder = score(cycles[2], reference, [6, 10])
    alone = [score(cycle, reference, salient) for cycle in cycles]
    alone[1:3] = without_knee, without_shoulder
    for found, own in zip(together, alone, strict=True):
        if own is not None:
            assert astuple(found) == pytest.approx(astuple(own), abs=1e-12)


def test_curves_are_read_as_numpy_interpolates():
    rng = np.random.default_rng(9)
    phase = np.sort(np.concatenate([[0.0, 0.0, 1.0], rng.uniform(0, 0.97, 40)]))
    values = rng.standard_normal((43, 5))
    values[[3, 20], 1] = np.nan
    curves = resample_cycle(values, phase, 101)
    for k, column in enumerate(values.T):
        known = np.isfinite(column)
        plain = np.interp(np.linspace(0, 1, 101), phase[known], column[known])
        assert np.allclose(curves[:, k], plain, atol=1e-12)
