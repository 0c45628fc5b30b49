from __future__ import annotations

import itertools

import numpy as np
import pytest

from qevd_bio.capture.monocular.arm_depth import _crossings, choose_arms
from qevd_bio.capture.monocular.body_chain import pose_chain, state_from_angles
from qevd_bio.capture.monocular.cheapest_path import cheapest_path
from qevd_bio.capture.monocular.config import ArmDepthConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH
from tests.capture.stick_poses import LENGTHS, pose


def stick_joints(q):
    return pose_chain(state_from_angles(q, np.zeros((len(q), 3))), LENGTHS).joints_m


def test_the_path_is_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    cost, fee = rng.uniform(size=(3, 6)), rng.uniform(size=(3, 3, 5))

    def total(path):
        steps = range(5)
        return sum(cost[s, t] for t, s in enumerate(path)) + sum(
            fee[path[t], path[t + 1], t] for t in steps
        )

    best = min(itertools.product(range(3), repeat=6), key=total)
    assert tuple(cheapest_path(cost, fee)) == best


def test_candidates_lie_on_the_line_of_sight_at_the_bones_length():
    start = np.array([[0.1, -0.2, 3.0], [0.0, 0.0, 3.0]])
    sight = np.array([[0.05, 0.0, 1.0], [0.5, 0.0, 1.0]])
    near, far = _crossings(start, sight, 0.3)
    for point in (near, far):
        np.testing.assert_allclose(point[:, :2], point[:, 2:] * sight[:, :2])
        assert np.isclose(np.linalg.norm(point[0] - start[0]), 0.3)
    assert near[0, 2] < start[0, 2] < far[0, 2]
    np.testing.assert_allclose(near[1], far[1])  # out of reach: the nearest point of the line


@pytest.mark.parametrize("shown_cm", [8.0, -4.0], ids=["same side", "other side"])
def test_an_arm_held_forwards_is_turned_to_the_camera_when_a_fit_put_it_behind(shown_cm):
    """Arms 60 degrees forwards, started from their mirror image in depth."""
    frames = 20
    still = pose(frames)
    rest = stick_joints(still)
    truth, wrong = rest.copy(), rest.copy()
    for side in "lr":
        for before, joint, name in (
            ("shoulder", "elbow", "upper_arm"), ("elbow", "wrist", "forearm"),
        ):  # fmt: skip
            bone = np.array([0.0, np.cos(np.pi / 3), -np.sin(np.pi / 3)]) * LENGTHS[LENGTH[name]]
            for joints, way in ((truth, 1.0), (wrong, -1.0)):
                joints[:, JOINT[f"{joint}_{side}"]] = joints[
                    :, JOINT[f"{before}_{side}"]
                ] + bone * [1.0, 1.0, way]
    place = np.array([0.0, 0.0, 3.3])
    start = state_from_angles(inverse_kinematics(wrong), np.zeros((frames, 3)) + place)
    rays = (truth + place)[..., :2] / (truth + place)[..., 2:]
    world = truth.copy()
    world[:, [JOINT[f"{name}_{side}"] for name in ("elbow", "wrist") for side in "lr"], 2] = (
        -shown_cm / 100.0
    )
    chosen = choose_arms(
        start, LENGTHS, rays, world, np.full(frames, 1 / 30.0), np.zeros(frames, dtype=int),
        ArmDepthConfig(),
    )  # fmt: skip
    joints = pose_chain(chosen, LENGTHS).joints_m
    for side in "lr":
        depth = joints[:, JOINT[f"elbow_{side}"], 2] - joints[:, JOINT[f"shoulder_{side}"], 2]
        assert depth.max() < -0.15, side
