from __future__ import annotations

import numpy as np
import pytest
from stick_poses import pose, squats, stick

from qevd_bio.capture.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.stick_body import JOINT, K
from qevd_bio.capture.uncertainty import METHOD_DEG, angle_sigma, jitter_sigma
from qevd_bio.skeleton.dofs import DOF_INDEX


def noise_covariance(frames: int, sigma_m: float, loose: dict[str, float] | None = None):
    """Independent joints: sigma for all, larger where named."""
    sigma = np.full(K, sigma_m)
    for name, value in (loose or {}).items():
        sigma[JOINT[name]] = value
    covariance = np.zeros((frames, K, 3, K, 3))
    for k in range(K):
        covariance[:, k, range(3), k, range(3)] = sigma[k] ** 2
    return covariance


def knee(sigma):
    return np.rad2deg(sigma[:, DOF_INDEX["knee_angle_r"]])


def test_without_fit_noise_the_method_error_remains():
    joints = stick(pose(3, knee_angle_r=60.0))
    sigma = angle_sigma(joints, noise_covariance(3, 0.0), inverse_kinematics(joints))
    np.testing.assert_allclose(knee(sigma), METHOD_DEG["knee_angle"])


def test_propagation_agrees_with_a_thousand_noisy_bodies():
    joints = stick(pose(1, knee_angle_r=60.0, hip_flexion_r=40.0))
    spread_m = 0.01
    rng = np.random.default_rng(0)
    noisy = joints + rng.normal(0.0, spread_m, (4000, K, 3))
    simulated = np.rad2deg(inverse_kinematics(noisy)[:, DOF_INDEX["knee_angle_r"]].std())
    sigma = angle_sigma(joints, noise_covariance(1, spread_m), inverse_kinematics(joints))
    from_fit = np.sqrt(knee(sigma)[0] ** 2 - METHOD_DEG["knee_angle"] ** 2)
    # the knee joint moves both bones against each other, which independent bones leave out
    assert 0.75 * simulated < from_fit < 1.1 * simulated


def test_a_hidden_ankle_makes_its_own_knee_uncertain():
    joints = stick(pose(1, knee_angle_r=60.0, knee_angle_l=60.0))
    covariance = noise_covariance(1, 0.01, {"ankle_r": 0.12})
    sigma = np.rad2deg(angle_sigma(joints, covariance, inverse_kinematics(joints))[0])
    assert sigma[DOF_INDEX["knee_angle_r"]] > 1.5 * sigma[DOF_INDEX["knee_angle_l"]]
    assert sigma[DOF_INDEX["elbow_flexion_r"]] == sigma[DOF_INDEX["elbow_flexion_l"]]


def test_unobserved_dofs_are_infinitely_uncertain_and_only_they():
    joints = stick(pose(2))
    sigma = angle_sigma(joints, noise_covariance(2, 0.01), inverse_kinematics(joints))
    np.testing.assert_array_equal(np.isfinite(sigma).all(axis=0), observed_mask())
    np.testing.assert_array_equal(np.isfinite(sigma).any(axis=0), observed_mask())


@pytest.mark.parametrize("noise_deg", [0.5, 3.0])
def test_jitter_is_read_off_a_moving_angle(noise_deg):
    rng = np.random.default_rng(1)
    q = squats(600, 30.0, 0.0)
    still = jitter_sigma(q, np.zeros(600, dtype=np.int64))[DOF_INDEX["knee_angle_r"]]
    noisy = q + np.deg2rad(noise_deg) * rng.normal(size=q.shape)
    found = jitter_sigma(noisy, np.zeros(600, dtype=np.int64))
    assert np.rad2deg(still) < 0.2
    np.testing.assert_allclose(np.rad2deg(found), noise_deg, rtol=0.25)


def test_jitter_does_not_look_across_sections():
    q = np.zeros((40, 46))
    q[20:] = 1.0
    assert np.all(jitter_sigma(q, np.repeat([0, 1], 20)) == 0.0)
    assert np.all(jitter_sigma(q[:3], np.zeros(3, dtype=np.int64)) == 0.0)


def test_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="14 joints"):
        angle_sigma(np.zeros((2, 5, 3)), np.zeros((2, 5, 3, 5, 3)), np.zeros((2, 46)))
