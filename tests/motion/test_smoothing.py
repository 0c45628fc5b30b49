"""Smoothing is a Gaussian in seconds, whatever the rate, and knows rotations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from qevd_bio.motion.angles import wrap_angle
from qevd_bio.motion.smoothing import SIGMA_S, gaussian_smooth, nearest_rotation, smooth_pose
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX, JOINT_NAMES, joint_dofs
from qevd_bio.skeleton.kinematics import joint_rotations


def curve_at(time_s):
    return np.sin(2 * np.pi * 0.6 * time_s) + 0.3 * np.sin(2 * np.pi * 1.7 * time_s)


def test_at_30_fps_it_is_the_papers_filter():
    values = np.random.default_rng(0).standard_normal(300)
    ours = gaussian_smooth(values, np.arange(300) / 30, np.ones(300, dtype=bool))
    paper = gaussian_filter1d(values, 2.0, truncate=4.0)
    assert np.allclose(ours[10:-10], paper[10:-10], atol=1e-12)


@pytest.mark.parametrize("rate_hz", [60.0, 100.0, 120.0])
def test_the_rate_does_not_change_the_result(rate_hz):
    fine = np.arange(0, 8, 1 / rate_hz)
    coarse = np.arange(0, 8, 1 / 30)
    smooth = [gaussian_smooth(curve_at(t), t, np.ones(len(t), dtype=bool)) for t in (fine, coarse)]
    inner = slice(15, -15)
    assert np.allclose(np.interp(coarse, fine, smooth[0])[inner], smooth[1][inner], atol=0.004)


def test_uneven_times_and_dropped_frames_shift_little():
    rng = np.random.default_rng(1)
    even = np.arange(0, 10, 1 / 60)
    uneven = np.sort(rng.choice(even, size=len(even) // 2, replace=False))
    smooth = gaussian_smooth(curve_at(uneven), uneven, np.ones(len(uneven), dtype=bool))
    full = gaussian_smooth(curve_at(even), even, np.ones(len(even), dtype=bool))
    inner = (uneven > 0.5) & (uneven < 9.5)
    error = np.abs(smooth - np.interp(uneven, even, full))[inner]
    assert np.median(error) < 0.02 and error.max() < 0.12


def test_gaps_are_bridged_only_nearby():
    time_s = np.arange(120) / 30
    values = np.where((time_s > 1) & (time_s < 3), np.nan, 2.0)
    smooth = gaussian_smooth(values, time_s, np.ones(120, dtype=bool))
    assert np.allclose(smooth[np.isfinite(smooth)], 2.0)
    assert np.isnan(smooth[60]) and np.isfinite(smooth[time_s.searchsorted(1.15)])


def test_invalid_frames_weigh_nothing():
    time_s = np.arange(60) / 30
    values, valid = np.ones(60), np.ones(60, dtype=bool)
    values[20:23], valid[20:23] = 99.0, False
    assert np.allclose(gaussian_smooth(values, time_s, valid), 1.0)


@pytest.mark.parametrize(
    "time_s, sigma_s, cause",
    [
        ([0.0, 1.0, 1.0], 0.1, "increase"),
        ([0.0, 1.0, 2.0], 0.0, "positive"),
        ([0.0], 0.1, "values"),
    ],
)
def test_nonsense_is_refused(time_s, sigma_s, cause):
    with pytest.raises(ValueError, match=cause):
        gaussian_smooth(np.zeros(3), np.array(time_s), np.ones(3, dtype=bool), sigma_s)


def test_a_million_frames_take_seconds():
    size = 1_000_000
    values = np.random.default_rng(0).standard_normal(size)
    smooth = gaussian_smooth(values, np.arange(size) / 30, np.ones(size, dtype=bool))
    assert smooth.std() == pytest.approx((2 * np.sqrt(np.pi) * 2) ** -0.5, rel=0.02)


def test_hips_and_shoulders_are_smoothed_as_rotations():
    """Against a mean of rotations made by scipy, near the pole where angles jump."""
    time_s = np.arange(40) / 30
    q = np.zeros((40, 46))
    x, y, z = (DOF_INDEX[f"shoulder_r_{axis}"] for axis in "xyz")
    q[:, x], q[:, z] = 0.4, 0.3
    q[:, y] = np.deg2rad(85) + 0.3 * np.sin(time_s * 4)
    rotations = joint_rotations(q)[:, JOINT_INDEX["humerus_r"]]
    wrapped = q.copy()
    wrapped[:, [x, z]] = wrap_angle(q[:, [x, z]] + np.pi)
    wrapped[:, y] = np.pi - q[:, y]
    smooth = smooth_pose(wrapped, time_s, np.ones(40, dtype=bool), ["humerus_r"])
    ours = joint_rotations(smooth)[:, JOINT_INDEX["humerus_r"]]
    for frame in (10, 20, 30):
        weights = np.exp(-0.5 * ((time_s - time_s[frame]) / SIGMA_S) ** 2)
        weights[np.abs(time_s - time_s[frame]) > 4 * SIGMA_S] = 0
        mean = Rotation.from_matrix(rotations).mean(weights).as_matrix()
        assert np.allclose(ours[frame], mean, atol=1e-4)


def test_a_constant_pose_stays():
    q = np.tile(np.random.default_rng(3).uniform(-0.6, 0.6, 46), (30, 1))
    smooth = smooth_pose(q, np.arange(30) / 25, np.ones(30, dtype=bool))
    assert np.allclose(smooth, q, atol=1e-9)


def projected(matrices):
    """Nearest rotations (T, 3, 3) by singular values."""
    left, _, right = np.linalg.svd(matrices)
    left[:, :, 2] *= np.linalg.det(left @ right)[:, None]
    return left @ right


@pytest.mark.parametrize("spread_rad", [0.0, 0.03, 0.5, 1.0, 3.0])
def test_the_nearest_rotation_is_that_of_the_singular_values(spread_rad):
    rng = np.random.default_rng(4)
    around = Rotation.random(300, random_state=5).as_matrix()
    turns = Rotation.from_rotvec(spread_rad * rng.standard_normal((300 * 9, 3))).as_matrix()
    means = around @ turns.reshape(300, 9, 3, 3).mean(axis=1)
    ours = np.moveaxis(nearest_rotation(np.moveaxis(means, 0, -1)), -1, 0)
    assert np.allclose(ours, projected(means), atol=1e-9)
    assert np.allclose(np.linalg.det(ours), 1.0)


@pytest.mark.parametrize("joint", [name for name in JOINT_NAMES if len(joint_dofs(name)) == 3])
def test_a_joint_is_smoothed_by_the_plain_formula(joint):
    """Rotations by scipy, weights frame by frame, projection by singular values."""
    rng = np.random.default_rng(6)
    time_s = np.cumsum(rng.uniform(0.02, 0.05, 60))
    valid = rng.random(60) > 0.1
    dofs = list(joint_dofs(joint))
    q = np.zeros((60, 46))
    q[:, dofs] = curve_at(time_s)[:, None] * [0.9, -0.6, 1.2] + 0.1 * rng.standard_normal((60, 3))
    q[~valid] = 0.3
    q[7, dofs[1]] = np.nan
    smooth = smooth_pose(q, time_s, valid, [joint])[:, dofs]

    axes = [np.array(DOFS[dof].axis) for dof in dofs]
    known = valid & np.isfinite(q).all(axis=1)
    turns = [Rotation.from_rotvec(q[known][:, [d]] * a) for d, a in zip(dofs, axes, strict=True)]
    rotations = (turns[2] * turns[1] * turns[0]).as_matrix()
    share_s = np.diff(time_s, prepend=time_s[0], append=time_s[-1])
    share_s[[0, -1]] = share_s[[1, -2]]
    share_s = (share_s[:-1] + share_s[1:])[known] / 2
    apart = (time_s[known] - time_s[:, None]) / SIGMA_S
    weights = np.where(np.abs(apart) <= 4, np.exp(-0.5 * apart**2), 0.0) * share_s
    means = np.einsum("ft,tij->fij", weights, rotations) / weights.sum(axis=1)[:, None, None]
    back = [Rotation.from_rotvec(smooth[:, [i]] * axis) for i, axis in enumerate(axes)]
    assert np.allclose((back[2] * back[1] * back[0]).as_matrix(), projected(means), atol=1e-9)
    steps = np.abs(np.diff(smooth, axis=0))
    assert steps.max() < 1.0, "the other Euler branch was taken"


def test_at_the_pole_the_rotation_is_kept():
    q = np.zeros((20, 46))
    dofs = list(joint_dofs("humerus_l"))
    q[:, dofs] = 0.4, np.pi / 2, 0.3
    smooth = smooth_pose(q, np.arange(20) / 30, np.ones(20, dtype=bool), ["humerus_l"])
    index = JOINT_INDEX["humerus_l"]
    assert np.allclose(joint_rotations(smooth)[:, index], joint_rotations(q)[:, index], atol=1e-7)
