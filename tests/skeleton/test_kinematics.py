"""Forward kinematics against numbers of the official implementation and plain geometry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from qevd_bio.skeleton.bodies import (
    generic_skeleton,
    scaled_skeleton,
    segment_lengths_for_height,
)
from qevd_bio.skeleton.dofs import (
    DOF_INDEX,
    DOFS,
    JOINT_INDEX,
    JOINT_NAMES,
    N_DOFS,
    PARENTS,
    joint_dofs,
    mirror_q,
)
from qevd_bio.skeleton.kinematics import (
    PosedSkeleton,
    Skeleton,
    axis_rotation,
    forward_kinematics,
)
from tests.skeleton.skel_oracle import SkelModel

GOLDEN = Path(__file__).parents[1] / "golden" / "skel"
OTHER_SIDE = [
    JOINT_INDEX[name[:-1] + {"r": "l", "l": "r"}[name[-1]]] if name[-2:] in ("_r", "_l") else i
    for i, name in enumerate(JOINT_NAMES)
]


@pytest.mark.parametrize("name", ["skel_onehot", "skel_mixed"])
def test_matches_official_implementation(name: str) -> None:
    held = np.load(GOLDEN / "skel_synthetic_joint_level.npz")
    none = np.zeros(0)
    model = SkelModel(none, none, held["per_joint_rot"], held["apose_rel_transfo"])
    cases = np.load(GOLDEN / f"{name}.npz")
    for i, q in enumerate(cases["q"].astype(np.float64)):
        rest = cases["joints_tpose"][i].astype(np.float64)
        joints, turned = forward_kinematics(q[None], model.skeleton(rest))
        bones = model.bone_rotations(rest)
        assert np.abs(joints[0] + cases["trans"][i] - cases["joints"][i]).max() < 5e-6
        assert np.abs(turned[0] @ bones - cases["joints_ori"][i]).max() < 5e-6


def test_axis_rotation_agrees_with_scipy() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        axis = rng.normal(size=3)
        axis /= np.linalg.norm(axis)
        angle = rng.uniform(-4, 4)
        expected = Rotation.from_rotvec(axis * angle).as_matrix()
        got = axis_rotation((axis[0], axis[1], axis[2]), np.array([angle]))[0]
        assert np.allclose(got, expected, atol=1e-12)
        one = axis_rotation((axis[0], axis[1], axis[2]), np.asarray(angle))
        assert np.array_equal(one, got)


@given(st.integers(0, 2**32 - 1))
def test_mirrored_pose_is_the_mirror_image(seed: int) -> None:
    q = np.random.default_rng(seed).uniform(-0.8, 0.8, size=(2, N_DOFS))
    skeleton = generic_skeleton()
    joints, _ = forward_kinematics(q, skeleton)
    mirrored, _ = forward_kinematics(mirror_q(q), skeleton)
    assert np.allclose(mirrored, joints[:, OTHER_SIDE] * [-1, 1, 1], atol=1e-8)
    assert np.array_equal(mirror_q(mirror_q(q)), q)


def test_resting_pose_is_the_skeleton_itself() -> None:
    skeleton = generic_skeleton(1.8)
    joints, turned = forward_kinematics(np.zeros((1, N_DOFS)), skeleton)
    assert np.allclose(joints[0], skeleton.joints_m)
    assert np.allclose(turned[0], np.eye(3))


@given(st.integers(0, 2**32 - 1))
def test_limb_lengths_do_not_depend_on_the_pose(seed: int) -> None:
    q = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(1, N_DOFS))
    lengths = segment_lengths_for_height(1.7)
    joints, _ = forward_kinematics(q, scaled_skeleton(lengths))
    ends = {
        "thigh": ("femur_r", "tibia_r"),
        "shank": ("tibia_l", "talus_l"),
        "upper_arm": ("humerus_l", "ulna_l"),
    }
    for segment, (upper, lower) in ends.items():
        bone = joints[0, JOINT_INDEX[upper]] - joints[0, JOINT_INDEX[lower]]
        assert np.linalg.norm(bone) == pytest.approx(lengths[segment], abs=1e-9)


@pytest.mark.parametrize(
    ("dof", "degrees", "joint", "axis", "sign"),
    [
        ("hip_flexion_r", 60, "tibia_r", 2, 1),  # knee goes forward
        ("hip_adduction_r", -30, "tibia_r", 0, -1),  # right knee goes to the right
        ("hip_adduction_l", -30, "tibia_l", 0, 1),
        ("knee_angle_l", 90, "talus_l", 2, -1),  # heel goes back
        ("ankle_angle_l", 30, "toes_l", 1, 1),  # toes come up
        ("ankle_angle_r", 30, "toes_r", 1, 1),
        ("lumbar_extension", 30, "head", 2, -1),  # head goes back
        ("lumbar_bending", 20, "head", 0, -1),  # head goes to the right
        ("shoulder_r_x", 80, "ulna_r", 1, -1),  # right arm comes down
        ("shoulder_l_x", -80, "ulna_l", 1, -1),
        ("elbow_flexion_r", 90, "hand_r", 2, 1),  # forearm of the T-pose comes forward
        ("elbow_flexion_l", 90, "hand_l", 2, 1),
        ("pelvis_tilt", 30, "head", 2, -1),  # leans back
        ("pelvis_rotation", 90, "tibia_r", 2, 1),  # turns to the left
    ],
)
def test_limbs_follow_the_sign(dof: str, degrees: float, joint: str, axis: int, sign: int) -> None:
    skeleton = generic_skeleton()
    q = np.zeros((1, N_DOFS))
    q[0, DOF_INDEX[dof]] = np.deg2rad(degrees)
    moved = forward_kinematics(q, skeleton)[0][0, JOINT_INDEX[joint]]
    change = moved - skeleton.joints_m[JOINT_INDEX[joint]]
    assert sign * change[axis] > 0.02


def test_nan_stays_below_its_joint() -> None:
    q = np.zeros((1, N_DOFS))
    q[0, DOF_INDEX["knee_angle_r"]] = np.nan
    joints, _ = forward_kinematics(q, generic_skeleton())
    assert np.isnan(joints[0, JOINT_INDEX["talus_r"]]).all()
    assert np.isfinite(joints[0, JOINT_INDEX["tibia_r"]]).all()
    assert np.isfinite(joints[0, JOINT_INDEX["hand_l"]]).all()


@pytest.mark.parametrize("shape", [(46,), (3, 45), (2, 3, 46)])
def test_refuses_a_wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs"):
        forward_kinematics(np.zeros(shape), generic_skeleton())


def plain_kinematics(q: np.ndarray, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Pose one frame joint by joint with scipy's rotations; the trunk's own arcs held at 0."""
    joints, turned = skeleton.joints_m.copy(), np.tile(np.eye(3), (len(JOINT_NAMES), 1, 1))
    for index, name in enumerate(JOINT_NAMES):
        local = Rotation.identity()
        for dof in joint_dofs(name):
            local = Rotation.from_rotvec(q[dof] * np.array(DOFS[dof].axis)) * local
        frame, parent = skeleton.frames[index], PARENTS[index]
        turned[index] = frame @ local.as_matrix() @ frame.T
        if parent >= 0:
            bone = skeleton.joints_m[index] - skeleton.joints_m[parent]
            joints[index] = joints[parent] + turned[parent] @ bone
            turned[index] = turned[parent] @ turned[index]
    return joints, turned


TRUNK = [dof for name in ("lumbar_body", "thorax", "head") for dof in joint_dofs(name)]
SCAPULAE = [*joint_dofs("scapula_r"), *joint_dofs("scapula_l")]


def random_pose_and_body(frames: int) -> tuple[np.ndarray, Skeleton]:
    """Angles with a straight spine, and a body with randomly turned and placed joints."""
    rng = np.random.default_rng(13)
    q = rng.uniform(-2.0, 2.0, size=(frames, N_DOFS))
    q[:, TRUNK[0::3] + TRUNK[1::3] + SCAPULAE[0::3] + SCAPULAE[1::3]] = 0.0
    frames_of_joints = Rotation.random(len(JOINT_NAMES), random_state=14).as_matrix()
    return q, Skeleton(
        generic_skeleton().joints_m + rng.normal(0, 0.05, (24, 3)), frames_of_joints
    )


def test_agrees_with_the_plain_chain_of_rotations() -> None:
    q, skeleton = random_pose_and_body(6)
    joints, turned = forward_kinematics(q, skeleton)
    for frame, angles in enumerate(q):
        plain_joints, plain_turned = plain_kinematics(angles, skeleton)
        assert np.allclose(joints[frame], plain_joints, atol=1e-9)
        assert np.allclose(turned[frame], plain_turned, atol=1e-9)


@pytest.mark.parametrize("order", [JOINT_NAMES, JOINT_NAMES[::-1]], ids=["down", "up"])
def test_a_joint_asked_for_alone_is_where_the_whole_body_has_it(order: tuple[str, ...]) -> None:
    q = np.random.default_rng(15).uniform(-1.0, 1.0, size=(7, N_DOFS))
    joints, turned = forward_kinematics(q, generic_skeleton())
    together = PosedSkeleton(q, generic_skeleton())
    for name in order:
        index = JOINT_INDEX[name]
        for posed in (together, PosedSkeleton(q, generic_skeleton())):
            assert np.array_equal(np.broadcast_to(posed.place(name).T, (7, 3)), joints[:, index])
            assert np.array_equal(np.moveaxis(posed.turn(name), -1, 0), turned[:, index])
