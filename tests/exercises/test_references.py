"""References are possible bodies that follow the rule, and the stored files equal them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.assets import asset_path
from qevd_bio.errors import RuleError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import (
    WORLD_GRAVITY,
    build_all,
    build_reference,
    leading_side,
)
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX, N_DOFS, mirror_q
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.measures import measure_values
from tests.exercises.standing import share_over_feet

RULES = load_rules()
SKELETON = generic_skeleton()
# Share of body mass and place between the two joints (Winter): proximal, distal, mass, place.
SEGMENTS = [
    ("femur", "humerus", 0.497, 0.5),
    ("humerus", "ulna", 0.056, 0.44),
    ("ulna", "hand", 0.044, 0.68),
    ("femur", "tibia", 0.200, 0.433),
    ("tibia", "talus", 0.093, 0.433),
    ("talus", "toes", 0.029, 0.5),
]

ONE_LEG_IN_FRONT = ("split_squat",)
"""The rule does not say which leg; its reference shows the right one in front."""

every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))


def joints_of(rule):
    return forward_kinematics(build_reference(rule), SKELETON)[0]


def middle(joints, name):
    return (joints[:, JOINT_INDEX[f"{name}_r"]] + joints[:, JOINT_INDEX[f"{name}_l"]]) / 2


@every_rule
def test_it_is_possible_continuous_and_periodic(rule):
    q = build_reference(rule)
    assert q.shape == (rule.points, 46) and np.array_equal(q[0], q[-1])
    for dof in DOFS:
        assert q[:, dof.index].min() >= dof.low_rad and q[:, dof.index].max() <= dof.high_rad
    velocity = np.diff(q, axis=0) * (rule.points - 1)
    jumps = np.abs(np.diff(np.concatenate([velocity, velocity[:1]]), axis=0))
    assert jumps.max() < 0.15 * max(np.abs(velocity).max(), 1e-9) + 1e-6


@every_rule
def test_it_reaches_the_key_values_of_its_rule(rule):
    q = build_reference(rule)
    for key in rule.reference_keys:
        row = q[round(key.at * (rule.points - 1))]
        for name, degrees in key.deg.items():
            assert np.rad2deg(row[DOF_INDEX[name]]) == pytest.approx(degrees, abs=1e-6)


@every_rule
def test_both_sides_do_the_same(rule):
    q = build_reference(rule)
    side = rule.representative.side
    if side == "max":
        assert leading_side(rule, q) == "r" and leading_side(rule, mirror_q(q)) == "l"
    elif side in ("r", "l"):
        other = RULES[rule.id.removesuffix({"r": "right", "l": "left"}[side])[:-1]]
        shown = build_reference(other)
        assert np.allclose(q, shown if side == "r" else mirror_q(shown), atol=1e-9)
        assert leading_side(rule, q) is None
    elif rule.id in ONE_LEG_IN_FRONT:
        assert np.all(q[:, DOF_INDEX["hip_flexion_r"]] > q[:, DOF_INDEX["hip_flexion_l"]])
    else:
        assert np.allclose(q, mirror_q(q), atol=1e-9)
        assert leading_side(rule, q) is None


@every_rule
def test_it_satisfies_every_constraint_of_its_rule(rule):
    q = build_reference(rule)
    sides = {
        "both": ("_r", "_l"), "none": ("",), "r": ("_r",), "l": ("_l",),
        "lead": ("_r",), "trail": ("_l",),
    }  # fmt: skip
    for c in (c for c in rule.constraints if c.check in ("dynamic", "static")):
        for side in sides[c.side]:
            values = measure_values([c.measure + side], q, SKELETON, WORLD_GRAVITY)
            curve = values[c.measure + side]
            if c.check == "static":
                checked = [curve.std()]
            elif c.phase == "throughout":
                checked = curve
            else:
                checked = [curve[round(rule.phase(c.phase).at * (rule.points - 1))]]
            assert c.target_low - 1e-6 <= min(checked), c.id
            assert max(checked) <= c.target_high + 1e-6, c.id


def test_the_squatter_does_not_fall_over():
    joints = joints_of(RULES["squat"])
    centre = (
        sum(
            mass * (middle(joints, a) + place * (middle(joints, b) - middle(joints, a)))
            for a, b, mass, place in SEGMENTS
        )
        + 0.081 * joints[:, JOINT_INDEX["head"]]
    )
    heel, toe = middle(joints, "calcn")[:, 2], middle(joints, "toes")[:, 2]
    assert np.all(centre[:, 2] > heel) and np.all(centre[:, 2] < toe)
    foot = middle(joints, "toes") - middle(joints, "calcn")
    assert np.abs(np.rad2deg(np.arctan2(foot[:, 1], foot[:, 2]))).max() < 6


@pytest.mark.parametrize("name", ["pushup", "plank", "moving_plank"])
def test_prone_bodies_face_the_floor(name):
    joints = joints_of(RULES[name])
    trunk = middle(joints, "humerus") - middle(joints, "femur")
    assert np.all(np.abs(trunk[:, 1]) < 0.35 * np.linalg.norm(trunk, axis=1))
    toes = middle(joints, "toes") - middle(joints, "talus")
    assert np.all(toes[:, 1] < -0.1), "toes point to the floor"
    hands = middle(joints, "hand")
    assert np.all(hands[:, 1] < middle(joints, "humerus")[:, 1] - 0.2), "hands are below"
    assert np.all(np.abs(hands[:, 1] - middle(joints, "toes")[:, 1]) < 0.13), "on one floor"


@pytest.mark.parametrize("name", ["sit_up", "crunch", "glute_bridge"])
def test_supine_bodies_face_the_ceiling(name):
    joints = joints_of(RULES[name])[0]
    trunk = middle(joints[None], "humerus")[0] - middle(joints[None], "femur")[0]
    assert trunk[2] < -0.4 and abs(trunk[1]) < 0.1, "on the back, head away from the feet"
    knees = middle(joints[None], "tibia")[0]
    assert knees[1] > 0.2, "knees up"
    feet = middle(joints[None], "calcn")[0]
    assert feet[1] < 0 and feet[2] > 0.4, "feet on the floor"


@pytest.mark.parametrize("name, feet", [("lateral_lunge", "toes"), ("split_squat_right", "toes")])
def test_both_feet_of_a_lunge_stand_on_one_floor(name, feet):
    joints = joints_of(RULES[name])[50]
    right, left = joints[JOINT_INDEX[f"{feet}_r"]], joints[JOINT_INDEX[f"{feet}_l"]]
    assert abs(right[1] - left[1]) < 0.06


def test_the_bridge_is_one_line_from_the_shoulders_to_the_knees():
    joints = joints_of(RULES["glute_bridge"])[50]
    shoulders, hips, knees = (middle(joints[None], n)[0] for n in ("humerus", "femur", "tibia"))
    trunk, thigh = hips - shoulders, knees - hips
    assert trunk @ thigh > 0.98 * np.linalg.norm(trunk) * np.linalg.norm(thigh)
    assert trunk[1] > 0.15, "hips above the shoulders"


def test_hands_go_overhead_and_feet_apart_in_a_jumping_jack():
    joints = joints_of(RULES["jumping_jack"])
    hands, head = middle(joints, "hand")[:, 1], joints[:, JOINT_INDEX["head"], 1]
    apart = np.linalg.norm(
        joints[:, JOINT_INDEX["talus_l"]] - joints[:, JOINT_INDEX["talus_r"]], axis=1
    )
    assert hands[50] > head[50] + 0.2 and hands[0] < middle(joints, "femur")[0, 1] + 0.2
    assert apart[50] > 2 * apart[0]


def test_the_lunges_feet_stand_on_one_floor_at_the_bottom():
    joints = joints_of(RULES["walking_lunges"])[50]
    front, rear = joints[JOINT_INDEX["toes_r"]], joints[JOINT_INDEX["toes_l"]]
    assert abs(front[1] - rear[1]) < 0.06
    assert front[2] - rear[2] > 0.6
    assert joints[JOINT_INDEX["tibia_l"], 1] > front[1]


def test_the_kept_files_are_what_the_rules_give(tmp_path):
    assert build_all(tmp_path, RULES.values()) == sorted(RULES)
    for name in ["index.json", *(f"{rule}.npy" for rule in RULES)]:
        assert (tmp_path / name).read_bytes() == asset_path("references", name).read_bytes(), name


@every_rule
def test_the_index_describes_each_reference(rule):
    index = json.loads(asset_path("references", "index.json").read_text(encoding="utf-8"))
    entry = index["references"][rule.id]
    assert entry["phases"] == {phase.name: phase.at for phase in rule.phases}
    assert (entry["start_phase"], entry["points"]) == (rule.start_phase, rule.points)
    assert entry["rule_version"] == rule.version
    kept = np.load(asset_path("references", entry["file"]), allow_pickle=False)
    assert np.array_equal(kept, build_reference(rule))


def test_angles_beyond_a_joint_s_range_are_all_reported():
    squat = RULES["squat"]
    bent = {**squat.reference_keys[1].deg, "knee_angle_r": 175.0, "ankle_angle_l": 90.0}
    keys = (squat.reference_keys[0], replace(squat.reference_keys[1], deg=bent))
    with pytest.raises(RuleError) as error:
        build_reference(replace(squat, reference_keys=keys))
    assert "knee_angle_r runs from 6 to 175" in str(error.value)
    assert "ankle_angle_l runs from 2 to 90" in str(error.value)


@pytest.mark.parametrize("name", sorted(RULES))
def test_who_stands_on_flat_feet_does_not_fall(name: str) -> None:
    """The weight is between a fifth before the heels and a little before the bases of the toes."""
    joints = joints_of(RULES[name])
    share = share_over_feet(joints, np.array([0.0, 1.0, 0.0]))
    if np.isfinite(share).all():  # else it jumps, steps, kneels or lies
        assert share.min() > 0.2 and share.max() < 1.1
    else:
        assert name not in ("squat", "good_mornings", "deltoid_stretch", "boxing_squat_punches")


def test_the_balance_of_a_leaning_body_is_told() -> None:
    standing = np.zeros((3, N_DOFS))
    turn = np.deg2rad([0.0, -6.0, 6.0])
    standing[:, [DOF_INDEX["ankle_angle_r"], DOF_INDEX["ankle_angle_l"]]] = -turn[:, None]
    standing[:, DOF_INDEX["pelvis_tilt"]] = turn
    joints = forward_kinematics(standing, generic_skeleton())[0]
    upright, forward, backward = share_over_feet(joints, np.array([0.0, 1.0, 0.0]))
    assert forward > 0.5 > upright > 0.0 > backward
    kneeling = joints.copy()
    kneeling[:, [JOINT_INDEX["toes_r"], JOINT_INDEX["toes_l"]], 1] += 0.1
    assert np.isnan(share_over_feet(kneeling, np.array([0.0, 1.0, 0.0]))).all()
