from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.body_chain import (
    N,
    concatenate,
    landmark_offsets,
    pose_chain,
    state_from_angles,
)
from qevd_bio.capture.monocular.config import LandmarkConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import pose, squats, stick

LENGTHS = np.array([0.41, 0.43, 0.17, 0.29, 0.25, 0.22, 0.37, 0.50])
OFFSETS = landmark_offsets(LandmarkConfig(), 0.84)


def random_state(frames=4, seed=0):
    rng = np.random.default_rng(seed)
    return state_from_angles(rng.normal(0, 0.4, (frames, 46)), rng.normal(0, 1, (frames, 3)))


def lengths_of(joints):
    def far(a, b):
        return np.linalg.norm(joints[:, JOINT[a]] - joints[:, JOINT[b]], axis=1)

    middle = (joints[:, [JOINT["shoulder_l"], JOINT["shoulder_r"]]].mean(axis=1)
              - joints[:, [JOINT["hip_l"], JOINT["hip_r"]]].mean(axis=1))  # fmt: skip
    return dict(
        zip(
            LENGTH_NAMES,
            (
                far("hip_l", "knee_l"), far("knee_r", "ankle_r"), far("ankle_l", "toe_l"),
                far("shoulder_r", "elbow_r"), far("elbow_l", "wrist_l"), far("hip_l", "hip_r"),
                far("shoulder_l", "shoulder_r"), np.linalg.norm(middle, axis=1),
            ),
            strict=True,
        )
    )  # fmt: skip


def test_bones_have_the_lengths_given():
    straight = state_from_angles(squats(6, 10.0, 30.0), np.zeros((6, 3)))
    found = lengths_of(pose_chain(straight, LENGTHS, OFFSETS).joints_m)
    for name, length in zip(LENGTH_NAMES, LENGTHS, strict=True):
        np.testing.assert_allclose(found[name], length, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("unknown", range(N))
def test_landmarks_move_with_each_unknown_as_stated(unknown):
    state, step = random_state(), 1e-6
    change = np.zeros((4, N))
    change[:, unknown] = step
    ends = [pose_chain(state.moved(s * change), LENGTHS, OFFSETS).landmarks_m for s in (1, -1)]
    stated = pose_chain(state, LENGTHS, OFFSETS).by_unknown[..., unknown]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), stated, atol=1e-8)


@pytest.mark.parametrize("length", range(len(LENGTH_NAMES)))
def test_landmarks_move_with_each_length_as_stated(length):
    state, step = random_state(seed=1), 1e-6
    change = np.eye(len(LENGTHS))[length] * step
    ends = [pose_chain(state, LENGTHS + s * change, OFFSETS).landmarks_m for s in (1, -1)]
    stated = pose_chain(state, LENGTHS, OFFSETS).by_length[..., length]
    np.testing.assert_allclose((ends[0] - ends[1]) / (2 * step), stated, atol=1e-8)


@pytest.mark.parametrize(
    "degrees",
    [
        {},
        {"knee_angle_r": 80.0, "hip_flexion_r": 70.0, "hip_adduction_r": -20.0},
        {"elbow_flexion_l": 90.0, "shoulder_l_z": 60.0, "ankle_angle_l": 15.0},
        {
            "pelvis_rotation": 50.0,
            "pelvis_tilt": 150.0,
            "lumbar_twist": 10.0,
            "thorax_twist": 10.0,
        },
    ],
    ids=lambda degrees: ", ".join(degrees) or "standing",
)
def test_the_chain_is_the_skeletons_own(degrees):
    """Limb directions agree with SKEL forward kinematics, angles come back."""
    q = pose(**degrees)
    chain = pose_chain(state_from_angles(q, np.zeros((1, 3))), LENGTHS, OFFSETS).joints_m
    skel = stick(q)
    for tail, head in (("hip", "knee"), ("knee", "ankle"), ("ankle", "toe"),
                       ("shoulder", "elbow"), ("elbow", "wrist")):  # fmt: skip
        for side in "lr":
            a, b = JOINT[f"{tail}_{side}"], JOINT[f"{head}_{side}"]
            own, other = (body[0, b] - body[0, a] for body in (chain, skel))
            np.testing.assert_allclose(
                own / np.linalg.norm(own), other / np.linalg.norm(other), atol=1e-7
            )
    found = inverse_kinematics(chain)[0]
    for name, value in degrees.items():
        assert np.rad2deg(found[DOF_INDEX[name]]) == pytest.approx(value, abs=1e-4)


def test_landmarks_lie_beside_the_joints_and_mirror():
    posed = pose_chain(state_from_angles(pose(), np.zeros((1, 3))), LENGTHS, OFFSETS)
    off = posed.landmarks_m[0] - posed.joints_m[0]
    assert 0.005 < np.linalg.norm(off[JOINT["hip_l"]]) < 0.06
    assert off[JOINT["shoulder_l"]][1] < 0.0  # above: y points down
    for name in ("shoulder", "hip", "knee", "ankle", "toe"):
        left, right = off[JOINT[f"{name}_l"]], off[JOINT[f"{name}_r"]]
        np.testing.assert_allclose(left * np.array([-1.0, 1.0, 1.0]), right, atol=0.012)


def test_taking_and_joining_gives_the_same_postures():
    state = random_state(6)
    again = concatenate([state.select(np.arange(0, 2)), state.select(np.arange(2, 6))])
    np.testing.assert_array_equal(
        pose_chain(again, LENGTHS, OFFSETS).joints_m, pose_chain(state, LENGTHS, OFFSETS).joints_m
    )
