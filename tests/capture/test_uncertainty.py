from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from qevd_bio.capture.monocular.body_chain import HINGE, N, pose_chain, state_from_angles
from qevd_bio.capture.monocular.config import LiftingConfig, UncertaintyConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.lifting import Lifted, ShotLandmarks, lift
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES
from qevd_bio.capture.monocular.uncertainty import angle_sigma
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import LENGTHS, landmarks, marked, pose, squats

CONFIG = UncertaintyConfig()
ERRORS = {error.angle: error for error in CONFIG.errors}
LENGTH_OF = dict(zip(LENGTH_NAMES, LENGTHS, strict=True))


def lifted_pose(sigma: float, *, unknown: int | None = None, frames: int = 3) -> Lifted:
    """A known posture with independent unknowns: sigma for all, or for one alone."""
    q = pose(frames, knee_angle_r=60.0, hip_flexion_r=40.0, elbow_flexion_r=50.0)
    state = state_from_angles(q, np.zeros((frames, 3)))
    spread = np.full(N, sigma**2) if unknown is None else np.eye(N)[unknown] * sigma**2
    return Lifted(
        state,
        pose_chain(state, LENGTHS).joints_m,
        np.tile(np.diag(spread), (frames, 1, 1)),
        LENGTH_OF,
    )


def sigma_of(lifted):
    return angle_sigma(lifted, CONFIG, spine_share=LiftingConfig().spine_share_of_hips)


def degrees(sigma, dof):
    return np.rad2deg(sigma[:, DOF_INDEX[dof]])


def method(lifted, dof):
    """The error added to a hinge for any sigma of the fit, in degrees (T,)."""
    side = dof[-1]
    names = {"knee": ("hip", "knee", "ankle"), "elbow": ("shoulder", "elbow", "wrist")}
    ends = [lifted.joints_m[:, JOINT[f"{name}_{side}"]] for name in names[dof.split("_")[0]]]
    depths = [(b - a)[:, 2] / np.linalg.norm(b - a, axis=1) for a, b in pairwise(ends)]
    added = [ERRORS[dof[:-2]].pointing_deg * depth for depth in depths]
    return np.sqrt(ERRORS[dof[:-2]].method_deg ** 2 + added[0] ** 2 + added[1] ** 2)


def test_without_fit_noise_the_method_error_remains():
    lifted = lifted_pose(0.0)
    found = degrees(sigma_of(lifted), "knee_angle_r")
    np.testing.assert_allclose(found, method(lifted, "knee_angle_r"))


def test_a_hinge_is_as_uncertain_as_its_own_unknown():
    lifted = lifted_pose(0.1, unknown=HINGE["knee_r"])
    sigma = sigma_of(lifted)
    expected = np.hypot(CONFIG.fit_share * np.rad2deg(0.1), method(lifted, "knee_angle_r"))
    np.testing.assert_allclose(degrees(sigma, "knee_angle_r"), expected, rtol=1e-3)
    found = degrees(sigma, "knee_angle_l")
    np.testing.assert_allclose(found, method(lifted, "knee_angle_l"), rtol=1e-3)


def test_propagation_agrees_with_four_thousand_noisy_bodies():
    rng = np.random.default_rng(0)
    many = lifted_pose(0.03, frames=4000)
    noisy = many.state.moved(rng.normal(0.0, 0.03, (4000, N)))
    angles = inverse_kinematics(pose_chain(noisy, LENGTHS).joints_m)
    lifted = lifted_pose(0.03)
    sigma = sigma_of(lifted)
    for dof in ("knee_angle_r", "elbow_flexion_r"):
        simulated = np.rad2deg(angles[:, DOF_INDEX[dof]].std())
        added = method(lifted, dof)[0]
        from_fit = np.sqrt(degrees(sigma, dof)[0] ** 2 - added**2) / CONFIG.fit_share
        assert from_fit == pytest.approx(simulated, rel=0.1)


@pytest.mark.parametrize(
    ("bent", "dof", "expected_deg"),
    [
        pytest.param({"hip_flexion_r": 30.0, "knee_angle_r": 30.0}, "knee_angle_r",
                     [2.0, np.sqrt(2.0**2 + 5.0**2)], id="thigh at 30 degrees, shank hanging"),
        pytest.param({"elbow_flexion_r": 90.0}, "elbow_flexion_r",
                     [2.0, np.sqrt(2.0**2 + 20.0**2)], id="forearm at the camera"),
        pytest.param({}, "knee_angle_r", [2.0, 2.0], id="standing"),
    ],
)  # fmt: skip
def test_bones_that_point_at_the_camera_make_their_angle_uncertain(bent, dof, expected_deg):
    """The same posture from the side, where all is in the picture, and from the front."""
    from_side = pose(1, **bent)
    from_front = from_side.copy()
    from_front[:, DOF_INDEX["pelvis_rotation"]] += np.pi / 2
    found = []
    for q in (from_side, from_front):
        state = state_from_angles(q, np.zeros((1, 3)))
        joints = pose_chain(state, LENGTHS).joints_m
        lifted = Lifted(state, joints, np.zeros((1, N, N)), LENGTH_OF)
        found.append(degrees(sigma_of(lifted), dof)[0])
    np.testing.assert_allclose(sorted(found), expected_deg, atol=0.7)


def test_a_hidden_arm_makes_its_own_elbow_uncertain_while_it_is_hidden():
    image, world, visibility, size = landmarks(
        marked(squats(60, 25.0, 30.0)), squeeze=0.7, noise_px=1.0
    )
    visibility[20:40, [JOINT["elbow_r"], JOINT["wrist_r"]]] = 0.1
    sections = np.zeros(60, dtype=np.int64)
    shot = ShotLandmarks(image, world, visibility, np.arange(60) / 25, sections, size)
    lifted = lift(shot, LiftingConfig())
    sigma = degrees(sigma_of(lifted), "elbow_flexion_r")
    of_fit = np.sqrt(sigma**2 - method(lifted, "elbow_flexion_r") ** 2)
    assert np.median(of_fit[22:38]) > 1.5 * np.median(np.r_[of_fit[:18], of_fit[42:]])


def test_unobserved_dofs_are_infinitely_uncertain_and_only_they():
    sigma = sigma_of(lifted_pose(0.01))
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
