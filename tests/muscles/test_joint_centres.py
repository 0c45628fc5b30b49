"""SKEL's angles against OpenSim's coordinates, by the joint centres of both models."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.skeleton.bodies import BODY_AXES, generic_skeleton, skeleton_from_joints
from qevd_bio.skeleton.dofs import DOFS, JOINT_INDEX, N_DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.opensim_map import (
    COORDINATES,
    USED,
    from_opensim,
    ground_axes,
    opensim_path,
    to_opensim,
)
from tests.muscles.models import opened

DOWN = np.array([0.0, 1.0, 0.0])
CHAINS = {"femur": ("tibia", "talus", "calcn", "toes"), "humerus": ("ulna", "radius")}
CENTRES = tuple(
    f"{joint}_{side}" for side in "rl" for root, ends in CHAINS.items() for joint in (root, *ends)
)


@pytest.fixture(scope="module")
def model(shared_data):
    return opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")


def places(model, coordinates):
    """Joint centres of the OpenSim model (T, J, 3), in metres."""
    frames = len(next(iter(coordinates.values())))
    q = np.stack([coordinates.get(n, np.zeros(frames)) for n in model.coordinates], axis=1)
    return model.places(q, CENTRES).origins_m


def t_pose(frames):
    """SKEL's T-pose, upright and facing the camera."""
    standing = from_opensim({name: np.zeros(1) for name in COORDINATES}, DOWN)[0]
    q = np.repeat(standing, frames, axis=0)
    for side in "rl":
        q[:, list(joint_dofs(f"humerus_{side}"))] = 0.0
    return q


@pytest.fixture(scope="module")
def same_bones(model):
    """A SKEL body with the bones of the OpenSim model."""
    at = places(model, to_opensim(t_pose(1), DOWN))[0]
    joints = generic_skeleton().joints_m.copy()
    for name, centre in zip(CENTRES, at, strict=True):
        joints[JOINT_INDEX[name]] = BODY_AXES @ centre
    hips = (joints[JOINT_INDEX["femur_r"]] + joints[JOINT_INDEX["femur_l"]]) / 2.0
    for name in ("pelvis", "lumbar_body", "thorax", "head"):
        joints[JOINT_INDEX[name]] += hips - generic_skeleton().joints_m[0]
    for side in "rl":
        joints[JOINT_INDEX[f"scapula_{side}"]] = joints[JOINT_INDEX[f"humerus_{side}"]]
    return skeleton_from_joints(joints)


def apart_m(model, skeleton, q, coordinates):
    """Largest distance of the two models' joint centres, each from its hip or shoulder."""
    ours = forward_kinematics(q, skeleton)[0] @ ground_axes(DOWN)
    theirs = dict(zip(CENTRES, np.moveaxis(places(model, coordinates), 1, 0), strict=True))
    found = {}
    for root, ends in CHAINS.items():
        for side in "rl":
            for end in ends:
                bone = theirs[f"{end}_{side}"] - theirs[f"{root}_{side}"]
                mine = (
                    ours[:, JOINT_INDEX[f"{end}_{side}"]] - ours[:, JOINT_INDEX[f"{root}_{side}"]]
                )
                found[f"{end}_{side}"] = float(np.linalg.norm(bone - mine, axis=1).max())
    return found


def random_poses(straight):
    """T-pose plus angles within every joint's range, to one radian."""
    rng = np.random.default_rng(5)
    q = t_pose(25)
    for dof in DOFS:
        if dof.name.startswith(("head", "scapula", "wrist", "pro_sup")):
            continue
        if straight and dof.name.startswith(("knee", "elbow")):
            continue
        q[:, dof.index] += rng.uniform(max(dof.low_rad, -0.6), min(dof.high_rad, 1.0), len(q))
    return q


@pytest.mark.data
def test_every_ball_joint_ankle_and_foot_turns_the_same_way_in_both_models(model, same_bones):
    q = random_poses(straight=True)
    apart = apart_m(model, same_bones, q, to_opensim(q, DOWN))
    assert max(apart.values()) < 1e-6, apart
    assert len(apart) == 12


@pytest.mark.data
def test_bent_knees_and_elbows_differ_by_what_the_model_joints_add(model, same_bones):
    q = random_poses(straight=False)
    apart = apart_m(model, same_bones, q, to_opensim(q, DOWN))
    assert 1e-3 < apart["talus_r"] < 0.03 and 1e-3 < apart["talus_l"] < 0.03
    assert max(apart[f"toes_{side}"] for side in "rl") < 0.06
    assert max(apart[f"radius_{side}"] for side in "rl") < 0.01


@pytest.mark.data
def test_coordinates_read_into_skel_pose_it_like_the_model(model, same_bones):
    rng = np.random.default_rng(6)
    given = {}
    for name, (low, high) in zip(model.coordinates, model.ranges, strict=True):
        if name in COORDINATES and not name.startswith(("knee", "elbow", "pro_sup")):
            given[name] = rng.uniform(max(low, -0.6), min(high, 0.8), 25)
    given |= {f"{n}_{s}": np.zeros(25) for n in ("knee_angle", "elbow_flex") for s in "rl"}
    q, observed = from_opensim(given, DOWN)
    assert max(apart_m(model, same_bones, q, given).values()) < 1e-6
    assert q.shape == (25, N_DOFS) and observed.any()


@pytest.mark.data
def test_the_model_stands_where_the_skeleton_stands(model, same_bones):
    """A known path of the hips comes out as the path of the model's hips, with a floor at 0."""
    q = random_poses(straight=True)
    root = np.cumsum(np.full((25, 3), 0.01), axis=0)
    placed = to_opensim(q, DOWN) | opensim_path(q, DOWN, same_bones, root)
    assert set(placed) == set(USED) == set(model.coordinates)
    at = dict(zip(CENTRES, np.moveaxis(places(model, placed), 1, 0), strict=True))
    hips = (at["femur_r"] + at["femur_l"]) / 2.0
    assert np.allclose(np.diff(hips, axis=0), np.diff(root @ ground_axes(DOWN), axis=0), atol=1e-6)
    lowest = np.median(np.min([at[f"{n}_{s}"][:, 1] for n in CHAINS["femur"] for s in "rl"], 0))
    assert lowest == pytest.approx(0.0, abs=1e-3)
