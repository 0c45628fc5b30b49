from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.inverse_kinematics import (
    OBSERVED,
    inverse_kinematics,
    observed_mask,
)
from qevd_bio.capture.monocular.stick_body import JOINT
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOF_NAMES, DOFS, N_DOFS, mirror_q
from qevd_bio.skeleton.kinematics import euler_angles
from tests.capture.stick_poses import pose, stick


def random_poses(frames: int, seed: int, least_bend_deg: float = 31.0) -> np.ndarray:
    """Poses within the possible ranges, limbs bent enough to show their plane."""
    rng = np.random.default_rng(seed)
    q = np.zeros((frames, N_DOFS))
    for dof in DOFS:
        low, high = dof.low_rad, dof.high_rad
        if not np.isfinite(low):
            low, high = -3.0, 3.0
        if dof.name == "pelvis_list" or (dof.name[:8] == "shoulder" and dof.name[-1] == "y"):
            low, high = -1.3, 1.3
        if dof.name.startswith(("knee", "elbow")):
            low = np.deg2rad(least_bend_deg)
        if dof.name in OBSERVED:
            q[:, dof.index] = rng.uniform(low, high, frames)
    twist = rng.uniform(-0.4, 0.4, frames)
    q[:, DOF_INDEX["lumbar_twist"]] = q[:, DOF_INDEX["thorax_twist"]] = twist
    return q


def wrapped(angle):
    return np.angle(np.exp(1j * angle))


@pytest.mark.parametrize("height_m", [1.5, 1.75, 2.0])
def test_angles_survive_the_way_through_forward_kinematics(height_m):
    q = random_poses(1500, seed=int(100 * height_m))
    # thighs turned beyond what a hip does are read as knees bending the wrong way
    back = inverse_kinematics(stick(q, generic_skeleton(height_m)))
    assert np.abs(wrapped(back - q)).max() < 1e-6


def test_bones_of_straight_limbs_keep_their_directions():
    q = random_poses(500, seed=3, least_bend_deg=0.0)
    straight = [
        DOF_INDEX[f"{dof}_{side}"] for dof in ("knee_angle", "elbow_flexion") for side in "rl"
    ]
    q[:, straight] = 0.0
    joints = stick(q)
    again = stick(inverse_kinematics(joints))
    kept = [
        JOINT[f"{name}_{side}"] for name in ("elbow", "wrist", "knee", "ankle") for side in "rl"
    ]
    assert np.abs(again - joints)[:, kept].max() < 1e-6


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"knee_angle_r": 90.0, "hip_flexion_r": 90.0},
        {"knee_angle_l": 45.0, "hip_flexion_l": 30.0, "ankle_angle_l": 15.0},
        {"elbow_flexion_r": 120.0},
        {"hip_adduction_r": -20.0, "hip_adduction_l": -20.0},
        {"pelvis_tilt": 150.0},
        {"pelvis_rotation": 90.0},
    ],
    ids=lambda known: ", ".join(known) or "standing",
)
def test_hand_made_poses_read_as_made(known):
    expected = pose(**known)[0]
    found = inverse_kinematics(stick(pose(**known)))[0]
    measured = [i for i in range(N_DOFS) if DOF_NAMES[i] in OBSERVED]
    np.testing.assert_allclose(wrapped(found - expected)[measured], 0.0, atol=1e-7)


def test_a_figure_drawn_by_hand_facing_the_camera():
    """Upright, arms straight out, right knee bent by 90 degrees to the back; x right, y down."""
    points = {
        "shoulder_l": (0.2, -0.5, 0), "shoulder_r": (-0.2, -0.5, 0), "elbow_l": (0.5, -0.5, 0),
        "elbow_r": (-0.5, -0.5, 0), "wrist_l": (0.75, -0.5, 0), "wrist_r": (-0.75, -0.5, 0),
        "hip_l": (0.1, 0, 0), "hip_r": (-0.1, 0, 0), "knee_l": (0.1, 0.4, 0),
        "knee_r": (-0.1, 0.4, 0), "ankle_l": (0.1, 0.8, 0), "ankle_r": (-0.1, 0.4, 0.4),
        "toe_l": (0.1, 0.85, -0.15), "toe_r": (-0.1, 0.55, 0.45),
    }  # fmt: skip
    joints = np.array([[points[name] for name in JOINT]], dtype=float)
    degrees = dict(zip(DOF_NAMES, np.rad2deg(inverse_kinematics(joints)[0]), strict=True))
    assert abs(degrees["pelvis_tilt"]) == pytest.approx(180.0)
    for name in ("pelvis_list", "pelvis_rotation", "hip_flexion_r", "hip_flexion_l",
                 "hip_rotation_r", "knee_angle_l", "shoulder_r_x", "shoulder_l_x", "shoulder_l_z",
                 "elbow_flexion_r"):  # fmt: skip
        assert degrees[name] == pytest.approx(0.0, abs=1e-4), name
    assert degrees["knee_angle_r"] == pytest.approx(90.0)


def test_a_mirrored_body_has_mirrored_angles():
    q = random_poses(300, seed=11)
    joints = stick(q)
    swapped = [JOINT[name[:-1] + ("l" if name[-1] == "r" else "r")] for name in JOINT]
    mirrored = (joints * np.array([-1.0, 1.0, 1.0]))[:, swapped]
    difference = wrapped(inverse_kinematics(mirrored) - mirror_q(inverse_kinematics(joints)))
    assert np.abs(difference).max() < 1e-9


def test_scale_and_place_do_not_matter():
    joints = stick(random_poses(50, seed=5))
    moved = 0.5 * joints + np.array([1.0, -2.0, 4.0])
    np.testing.assert_allclose(inverse_kinematics(moved), inverse_kinematics(joints), atol=1e-9)


def test_a_lost_joint_loses_only_what_hangs_on_it():
    joints = stick(random_poses(2, seed=6))
    joints[1, JOINT["wrist_r"]] = np.nan
    lost = np.isnan(inverse_kinematics(joints))
    assert not lost[0].any()
    names = {DOF_NAMES[i] for i in np.flatnonzero(lost[1])}
    assert names == {"elbow_flexion_r", "shoulder_r_x", "shoulder_r_y", "shoulder_r_z"}


def test_observed_dofs_exist():
    assert set(OBSERVED) < set(DOF_NAMES)
    assert observed_mask().sum() == len(OBSERVED)


def test_unobserved_dofs_stay_at_zero_except_the_shared_twist():
    q = inverse_kinematics(stick(random_poses(20, seed=8)))
    silent = [
        DOF_INDEX[name]
        for name in DOF_NAMES
        if name not in OBSERVED and not name.endswith("_twist")
    ]
    assert np.all(q[:, silent] == 0.0)
    np.testing.assert_array_equal(q[:, DOF_INDEX["lumbar_twist"]], q[:, DOF_INDEX["thorax_twist"]])


def test_a_spine_that_bends_with_the_hips_takes_its_share_and_keeps_the_trunk_line():
    q = pose(4, hip_flexion_r=80.0, hip_flexion_l=80.0, knee_angle_r=80.0, knee_angle_l=80.0)
    joints = stick(q)
    found = inverse_kinematics(joints, spine_share=0.12)
    hips = np.rad2deg(found[:, DOF_INDEX["hip_flexion_r"]])
    np.testing.assert_allclose(hips, 80.0 / 1.12, atol=0.1)
    again = stick(found)

    def trunk(points):
        shoulders = points[:, [JOINT["shoulder_l"], JOINT["shoulder_r"]]].mean(axis=1)
        line = shoulders - points[:, [JOINT["hip_l"], JOINT["hip_r"]]].mean(axis=1)
        return line / np.linalg.norm(line, axis=1, keepdims=True)

    np.testing.assert_allclose(trunk(again), trunk(joints), atol=0.01)
    assert np.all(found[:, DOF_INDEX["lumbar_extension"]] < 0.0)


def test_gimbal_lock_gives_no_nan():
    quarter = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])
    for joint in ("pelvis", "femur_r", "femur_l", "humerus_r", "humerus_l"):
        for turn in (quarter, quarter.T, np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]):
            assert np.isfinite(euler_angles(joint, turn[None])).all()


def test_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="needs"):
        inverse_kinematics(np.zeros((3, 33, 3)))
