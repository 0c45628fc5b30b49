"""Cameras, contact with the ground, and the motion as a camera sees it."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.errors import UsageError
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, N_DOFS
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.synthetic.body_mesh import load_body, pose_body
from qevd_bio.synthetic.render import project
from qevd_bio.synthetic.scene import (
    OUTFITS,
    VIEWS,
    View,
    camera_for,
    empty_room,
    in_camera_frame,
    level_on_hands_and_feet,
    pelvis_angles,
    pelvis_rotation,
    render_motion,
    stand_on_ground,
)
from tests.synthetic.made_cycles import HANGING, jumping_jack, plank, pose, pushup, squat

UPRIGHT = pose(HANGING)[None]


@pytest.mark.parametrize(
    ("view", "tilt_list_rotation_deg"),
    [
        pytest.param("front", (180, 0, 0), id="front: tilt is half a turn"),
        pytest.param("oblique45", (180, 0, 45), id="45 degrees to the left side"),
        pytest.param("side", (180, 0, 90), id="left side"),
    ],
)
def test_upright_pelvis_in_the_camera_frame(view: str, tilt_list_rotation_deg: tuple) -> None:
    q = in_camera_frame(UPRIGHT, camera_for(VIEWS[view], 480, 640))
    tilt, side, turn = np.rad2deg(q[0, :3])
    assert abs(tilt) == pytest.approx(tilt_list_rotation_deg[0], abs=1e-9)
    assert side == pytest.approx(tilt_list_rotation_deg[1], abs=1e-9)
    assert abs(turn) == pytest.approx(tilt_list_rotation_deg[2], abs=1e-9)
    np.testing.assert_array_equal(q[:, 3:], UPRIGHT[:, 3:])


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
@pytest.mark.parametrize("cycle", [squat, pushup], ids=["squat", "pushup"])
def test_joints_of_the_camera_motion_lie_in_the_camera_frame(view: View, cycle: object) -> None:
    """Forward kinematics of the converted angles = the world's joints turned into the camera."""
    q = cycle()  # type: ignore[operator]
    q[:, 1:3] = np.deg2rad([12.0, -25.0])
    camera = camera_for(view, 480, 640)
    skeleton = load_body("man").skeleton
    world, _ = forward_kinematics(q, skeleton)
    turned, _ = forward_kinematics(in_camera_frame(q, camera), skeleton)
    np.testing.assert_allclose(turned, world @ camera.rotation.T, atol=1e-9)


def test_image_agrees_with_the_camera_frame() -> None:
    """From the front: the right knee is left in the picture, the head above the pelvis."""
    body, camera = load_body("man"), camera_for(VIEWS["front"], 480, 640)
    joints, _ = forward_kinematics(UPRIGHT, body.skeleton)
    pixels, _ = project(joints[0] + [0.0, 0.9, 0.0], camera)
    right, left = pixels[JOINT_INDEX["tibia_r"]], pixels[JOINT_INDEX["tibia_l"]]
    assert right[0] < 240 < left[0]
    assert pixels[JOINT_INDEX["head"], 1] < pixels[JOINT_INDEX["pelvis"], 1]


def test_pelvis_angles_undo_the_rotation() -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform([-np.pi, -1.5, -np.pi], [np.pi, 1.5, np.pi], (200, 3))
    q = np.zeros((200, N_DOFS))
    q[:, :3] = angles
    np.testing.assert_allclose(pelvis_angles(pelvis_rotation(q)), angles, atol=1e-9)


def test_pelvis_rotation_is_that_of_the_skeleton() -> None:
    rng = np.random.default_rng(1)
    q = np.zeros((50, N_DOFS))
    q[:, :3] = rng.uniform(-2, 2, (50, 3))
    _, orientations = forward_kinematics(q, load_body("woman").skeleton)
    np.testing.assert_allclose(pelvis_rotation(q), orientations[:, 0], atol=1e-12)


def test_tilt_stays_continuous_through_half_a_turn() -> None:
    q = np.repeat(UPRIGHT, 20, axis=0)
    q[:, 0] = np.deg2rad(np.linspace(-5, 5, 20))
    turned = in_camera_frame(q, camera_for(VIEWS["front"], 480, 640))
    assert np.abs(np.diff(turned[:, 0])).max() < np.deg2rad(1.0)


@pytest.mark.parametrize("cycle", [squat, jumping_jack], ids=["squat", "jumping jack"])
def test_standing_person_touches_the_ground(cycle: object) -> None:
    vertices, joints = pose_body(load_body("woman"), cycle()[::20])  # type: ignore[operator]
    placed = vertices + stand_on_ground(vertices, joints, prone=False)[:, None]
    np.testing.assert_allclose(placed[..., 1].min(axis=1), 0.0, atol=1e-12)


@pytest.mark.parametrize("cycle", [pushup, plank], ids=["pushup", "plank"])
def test_prone_person_rests_on_hands_and_feet(cycle: object) -> None:
    body = load_body("man")
    q = cycle()[::25]  # type: ignore[operator]
    levelled = level_on_hands_and_feet(q, body)
    np.testing.assert_array_equal(np.delete(levelled, 0, axis=1), np.delete(q, 0, axis=1))
    vertices, joints = pose_body(body, levelled)
    placed = vertices + stand_on_ground(vertices, joints, prone=True)[:, None]
    owner = body.segments[:, 0]
    for names in (("calcn", "toes"), ("hand", "radius", "ulna")):
        mine = np.isin(owner, [JOINT_INDEX[f"{n}_{s}"] for n in names for s in "rl"])
        assert placed[:, mine, 1].min(axis=1).max() < 0.005, names


def test_a_standing_person_cannot_be_levelled() -> None:
    with pytest.raises(UsageError, match="hands are not in front of the feet"):
        level_on_hands_and_feet(UPRIGHT, load_body("man"))


@pytest.mark.parametrize("name", VIEWS)
def test_the_body_lies_wholly_in_the_picture(name: str) -> None:
    body, camera = load_body("man"), camera_for(VIEWS[name], 480, 640)
    prone = name == "floor_side"
    q = level_on_hands_and_feet(pushup()[[0, 50]], body) if prone else jumping_jack()[[25, 50]]
    vertices, joints = pose_body(body, q)
    pixels, _ = project(vertices + stand_on_ground(vertices, joints, prone)[:, None], camera)
    assert pixels.min() > 5
    assert (pixels.max(axis=(0, 1)) < [475, 635]).all()
    spread = np.ptp(pixels, axis=(0, 1))
    assert spread.max() > 300, "large enough for a detector"


def test_frames_show_the_outfit_and_repeat_exactly() -> None:
    body, camera = load_body("man"), camera_for(VIEWS["front"], 240, 320)
    first, again = (
        next(render_motion(UPRIGHT, body, OUTFITS[0], camera, prone=False)) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    red = (first[..., 0] > 100) & (first[..., 1] < 60)
    rows, columns = np.nonzero(red)
    assert red.sum() > 800 and abs(columns.mean() - 120) < 3 and 90 < rows.mean() < 160


def test_horizon_of_a_level_camera_is_half_way_up() -> None:
    """The floor meets the wall below the middle, where its true edge projects."""
    view = View("test", 0.0, 3.0, 1.0, 0.0, 50.0)
    camera = camera_for(view, 200, 200)
    room = empty_room(camera, mat=False)
    edge, _ = project(np.array([[0.0, 0.0, -1.6]]), camera)
    column = room[:, 100].astype(int)
    brown = column[:, 0] - column[:, 2] > 30
    assert np.flatnonzero(brown)[0] == pytest.approx(edge[0, 1], abs=1)
    assert brown[np.flatnonzero(brown)[0] :].mean() > 0.9


def test_angles_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="needs"):
        in_camera_frame(np.zeros((3, 45)), camera_for(VIEWS["front"], 480, 640))


def test_dof_order_is_the_one_used_here() -> None:
    names = ("pelvis_tilt", "pelvis_list", "pelvis_rotation")
    assert [DOF_INDEX[name] for name in names] == [0, 1, 2]
