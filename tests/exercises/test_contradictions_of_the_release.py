"""Contradictions of the released BioCoach rules are absent from these."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import WORLD_GRAVITY
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX, mirror_q
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

RULES = load_rules()
SKELETON = generic_skeleton()
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))

WIDER = re.compile(r"\b(?:increase hip abduction|apart|wider|widen|outwards)\b", re.I)
NARROWER = re.compile(r"\b(?:reduce hip abduction|closer|narrow|together)\b", re.I)
STRAIGHTER = re.compile(r"\b(?:straighten|extend|straight)\b", re.I)
TWIST = re.compile(r"\b(?:twist|rotat|face forward|turn)", re.I)
HIGHER = re.compile(r"\b(?:raise|lift|higher)\b", re.I)


def value(name, q):
    return float(measure_values([name], q, SKELETON, WORLD_GRAVITY)[name][0])


@every_rule
def test_too_narrow_is_asked_to_widen_and_too_wide_to_narrow(rule):
    """Abduction is negative adduction; the release asks for wider legs when they are wide."""
    for c in rule.constraints:
        if c.measure in ("hip_abduction", "stance_width"):
            assert WIDER.search(c.too_low) and not NARROWER.search(c.too_low), c.id
            assert NARROWER.search(c.too_high) and not WIDER.search(c.too_high), c.id
        assert "adduction" not in c.measure or c.measure == "shoulder_horizontal_adduction", c.id


@pytest.mark.parametrize("side, outwards", [("r", -1), ("l", 1)])
def test_more_abduction_carries_the_foot_outwards(side, outwards):
    q = np.zeros((2, 46))
    q[1, DOF_INDEX[f"hip_adduction_{side}"]] = -0.5
    foot = forward_kinematics(q, SKELETON)[0][:, JOINT_INDEX[f"talus_{side}"], 0]
    assert outwards * (foot[1] - foot[0]) > 0.2
    assert value(f"hip_abduction_{side}", q[1:]) > value(f"hip_abduction_{side}", q[:1])


@every_rule
def test_only_a_bent_limb_is_asked_to_straighten(rule):
    """The release asks limbs to "straighten" that are straighter than the reference."""
    for c in (c for c in rule.constraints if c.check == "dynamic"):
        if c.measure.endswith("_flexion"):
            assert not re.match(r"(?:straighten|extend)", c.too_low, re.I), c.id
        if c.measure in ("knee_flexion", "elbow_flexion"):
            assert STRAIGHTER.search(c.too_high) or re.match(r"reduce", c.too_high, re.I), c.id
            straightens = STRAIGHTER.search(c.too_low)
            assert not straightens or "straighten the elbow" not in c.too_low.lower(), c.id


@every_rule
def test_nobody_is_asked_not_to_twist_for_twisting_too_little(rule):
    """The release fires "don't twist" when the hip rotates less than the reference."""
    for c in rule.constraints:
        assert not TWIST.search(c.too_low), c.id
        assert not TWIST.search(c.too_high) or c.check == "static", c.id


@pytest.mark.parametrize("name", [n[:-2] for n in CATALOGUE if n.endswith("_r")])
def test_one_bound_holds_for_both_sides(name):
    """Shoulder x has opposite signs in SKEL; the release compares maxima of both sides."""
    rng = np.random.default_rng(3)
    middle = np.array([0.0 if np.isinf(d.low_rad) else (d.low_rad + d.high_rad) / 2 for d in DOFS])
    q = 0.3 * middle + rng.uniform(-0.4, 0.4, size=(20, 46))
    right = measure_values([f"{name}_r"], q, SKELETON, WORLD_GRAVITY)[f"{name}_r"]
    left = measure_values([f"{name}_l"], mirror_q(q), SKELETON, WORLD_GRAVITY)[f"{name}_l"]
    assert np.allclose(right, left, atol=1e-6, equal_nan=True)


@every_rule
def test_rules_speak_in_measures_and_never_in_columns_that_change_sign_with_the_side(rule):
    for c in rule.constraints:
        is_measure = c.measure not in DOF_INDEX or c.measure.endswith("_flexion")
        assert c.check == "tempo" or is_measure, c.id
        assert not re.match(r"shoulder_._[xyz]|.*_(?:axis|angle)$", c.measure), c.id


@every_rule
def test_both_directions_ask_for_different_things(rule):
    for c in rule.constraints:
        same = c.too_low.casefold() == c.too_high.casefold()
        one_cure = c.measure == "trunk_side_lean"
        assert not same or one_cure, f"{c.id}: only a lean to either side has one cure"


@every_rule
def test_a_low_arm_is_raised_and_a_high_arm_lowered(rule):
    for c in rule.constraints:
        raised = c.measure == "shoulder_elevation" and c.check == "dynamic"
        if raised and rule.posture == "standing":
            assert not HIGHER.search(c.too_high), c.id
            assert HIGHER.search(c.too_low) or "away from the trunk" in c.too_low, c.id


@every_rule
def test_what_is_static_is_never_a_limb_that_should_move(rule):
    """The release calls shoulder gators a hold and gives them dynamic rules."""
    joint_of = {"hip_flexion": "femur", "knee_flexion": "tibia", "elbow_flexion": "ulna"}
    for c in rule.constraints:
        if c.check == "static" and c.measure in joint_of and rule.kind != "hold":
            moving = {joint[:-2] for joint in rule.dynamic_joints}
            assert joint_of[c.measure] not in moving, c.id
    assert (rule.kind == "hold") == (not rule.dynamic_joints)


@pytest.mark.parametrize("name", ["deltoid_stretch", "quad_stretch"])
def test_a_sided_stretch_checks_the_stretched_side(name):
    """In the release both sides share one rule set for both limbs."""
    for side in ("right", "left"):
        rule = RULES[f"{name}_{side}"]
        assert rule.representative.side == side[0]
        first = rule.constraints[0]
        assert (first.measure, first.side) == (rule.representative.measure, side[0])


def test_every_exercise_has_its_own_representative_and_bounds():
    """In the release an unknown name is judged by pelvis tilt."""
    for one, two in itertools.pairwise(RULES.values()):
        assert one.constraints != two.constraints
    by_the_trunk = {
        r.id for r in RULES.values() if r.representative.measure == "trunk_forward_lean"
    }
    assert by_the_trunk == {"burpee", "crunch"}, "exercises in which the trunk itself goes down"
