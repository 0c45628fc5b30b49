"""The skinned body follows the skeleton it is posed with."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.skeleton.dofs import DOFS, JOINT_INDEX, N_DOFS
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.synthetic.body_mesh import BUILDS, PARTS, Body, load_body, pose_body
from qevd_bio.synthetic.render import vertex_normals
from tests.synthetic.made_cycles import jumping_jack, pose, pushup, squat

DENSITY_KG_M3 = 980.0
SIZES = {"man": (1.78, 74.0), "woman": (1.65, 57.0), "heavy": (1.76, 95.0)}


@pytest.fixture(params=BUILDS)
def body(request: pytest.FixtureRequest) -> Body:
    return load_body(request.param)


def random_q(frames: int) -> np.ndarray:
    low, high = np.clip([[d.low_rad, d.high_rad] for d in DOFS], -np.pi, np.pi).T
    return np.random.default_rng(3).uniform(low, high, (frames, N_DOFS))


def test_builds_have_the_size_they_claim(body: Body) -> None:
    a, b, c = (body.vertices_m[body.faces[:, k]] for k in range(3))
    mass = np.einsum("fi,fi->", a, np.cross(b, c)) / 6 * DENSITY_KG_M3
    height = np.ptp(body.vertices_m[:, 1])
    assert (height, mass) == pytest.approx(SIZES[body.build], rel=2e-3)


def test_mesh_is_closed_and_points_outward(body: Body) -> None:
    edges = np.concatenate([body.faces[:, [i, j]] for i, j in ((0, 1), (1, 2), (2, 0))])
    there = set(map(tuple, edges.tolist()))
    assert len(there) == len(edges)
    assert there == {(b, a) for a, b in there}
    nose = body.vertices_m[:, 2].argmax()
    assert vertex_normals(body.vertices_m, body.faces)[nose, 2] > 0.5


@pytest.mark.parametrize(
    ("chain", "direction"),
    [
        pytest.param(("femur", "tibia", "talus"), {"r": (0, -1, 0), "l": (0, -1, 0)}, id="legs"),
        pytest.param(
            ("humerus", "ulna", "radius", "hand"), {"r": (-1, 0, 0), "l": (1, 0, 0)}, id="arms"
        ),
    ],
)
def test_tpose_limbs_are_straight(body: Body, chain: tuple, direction: dict) -> None:
    for side, way in direction.items():
        joints = body.skeleton.joints_m[[JOINT_INDEX[f"{n}_{side}"] for n in chain]]
        bones = np.diff(joints, axis=0)
        np.testing.assert_allclose(
            bones / np.linalg.norm(bones, axis=1, keepdims=True), [way] * len(bones), atol=1e-9
        )


def test_body_is_about_symmetric(body: Body) -> None:
    mirrored = body.skeleton.joints_m * [-1, 1, 1]
    for name, index in JOINT_INDEX.items():
        if name.endswith("_r"):
            other = JOINT_INDEX[name[:-1] + "l"]
            np.testing.assert_allclose(
                body.skeleton.joints_m[index], mirrored[other], atol=2e-3, err_msg=name
            )


def test_joints_are_those_of_forward_kinematics(body: Body) -> None:
    q = random_q(5)
    _, joints = pose_body(body, q)
    np.testing.assert_array_equal(joints, forward_kinematics(q, body.skeleton)[0])


def test_vertices_of_one_segment_move_with_it_rigidly(body: Body) -> None:
    """A vertex that hangs on one segment keeps its place in that segment's own frame."""
    q = random_q(4)
    vertices, _ = pose_body(body, q)
    joints, orientations = forward_kinematics(q, body.skeleton)
    resting, _ = pose_body(body, np.zeros((1, N_DOFS)))
    checked = 0
    for segment in range(24):
        alone = (body.weights[:, 0] > 1 - 1e-6) & (body.segments[:, 0] == segment)
        local = resting[0][alone] - body.skeleton.joints_m[segment]
        expected = np.einsum("tab,vb->tva", orientations[:, segment], local)
        expected += joints[:, segment][:, None]
        np.testing.assert_allclose(vertices[:, alone], expected, atol=1e-5)
        checked += int(alone.any())
    assert checked >= 8


@pytest.mark.parametrize(
    ("cycle", "chain", "dof"),
    [
        pytest.param(squat, ("femur_r", "tibia_r", "talus_r"), 6, id="knee in a squat"),
        pytest.param(pushup, ("humerus_l", "ulna_l", "hand_l"), 42, id="elbow in a push-up"),
    ],
)
def test_angle_between_bones_is_the_commanded_one(
    body: Body, cycle: object, chain: tuple, dof: int
) -> None:
    q = cycle()  # type: ignore[operator]
    _, joints = pose_body(body, q)
    a, b, c = (joints[:, JOINT_INDEX[name]] for name in chain)
    upper, lower = b - a, c - b
    cosine = np.einsum("ti,ti->t", upper, lower) / (
        np.linalg.norm(upper, axis=1) * np.linalg.norm(lower, axis=1)
    )
    measured = np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))
    # the elbow's hinge stands 3.5 degrees off the right angle to the forearm
    np.testing.assert_allclose(measured, np.rad2deg(q[:, dof]), atol=1.0)


def test_skin_of_knee_and_shank_follows_the_knee(body: Body) -> None:
    """Measured on the mesh: the front of the shank turns by the knee angle."""
    shank = np.flatnonzero(
        (body.segments[:, 0] == JOINT_INDEX["tibia_r"]) & (body.weights[:, 0] > 1 - 1e-6)
    )
    vertices, _ = pose_body(body, np.stack([pose({}), pose({"knee_angle_r": 75})]))
    ends = shank[[vertices[0, shank, 1].argmax(), vertices[0, shank, 1].argmin()]]
    before, after = (np.arctan2(*(v[ends[1]] - v[ends[0]])[1:]) for v in vertices)
    assert np.rad2deg(before - after) % 360 == pytest.approx(75, abs=0.1), "backwards"


def test_arms_overhead_are_above_the_head(body: Body) -> None:
    vertices, _ = pose_body(body, jumping_jack()[[50]])
    hands = np.isin(body.segments[:, 0], [JOINT_INDEX["hand_r"], JOINT_INDEX["hand_l"]])
    head = body.segments[:, 0] == JOINT_INDEX["head"]
    assert vertices[0, hands, 1].max() > vertices[0, head, 1].max() + 0.2


def test_parts_lie_where_they_are_worn(body: Body) -> None:
    height = body.vertices_m[body.faces].mean(axis=1)[:, 1]
    middle = {part: height[body.face_part == i].mean() for i, part in enumerate(PARTS)}
    order = ["shoes", "shorts", "shirt", "lips", "eyes"]
    assert sorted(order, key=lambda part: middle[part]) == order
    top, bottom = height.argmax(), height.argmin()
    assert [PARTS[body.face_part[i]] for i in (top, bottom)] == ["hair", "shoes"]


def test_the_tool_that_bakes_the_body_knows_its_builds_and_joints() -> None:
    from tools import bake_body

    assert tuple(bake_body.BUILDS) == BUILDS
    stems = {name.removesuffix("_r").removesuffix("_l") for name in JOINT_INDEX}
    assert set(bake_body.SEGMENT_OF_BONE.values()) | set(bake_body.BONE_OF_JOINT) <= stems


def test_an_unknown_build_is_named() -> None:
    with pytest.raises(UsageError, match="there is no build 'giant'"):
        load_body("giant")
