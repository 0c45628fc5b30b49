"""Salient joints: which ones a rule has, and what is judged on them."""

from __future__ import annotations

import pytest

from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.salience import (
    MOST_JOINTS,
    Salience,
    joints_of_measure,
    on_salient_joints,
    salience_of_rule,
)
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.skeleton.measures import CATALOGUE
from tests.exercises.performed import as_motion, both_sides, cycle_findings, performed

RULES = load_rules()
SKELETON = generic_skeleton()


@pytest.fixture(scope="module")
def findings():
    """A shallow squat that leans forward."""
    rule = RULES["squat"]
    fault = both_sides("knee_angle", -35.0) | {"pelvis_tilt": -40.0}
    motion = as_motion(performed(rule, 3, fault=fault))
    cycles = segment_cycles(motion, rule, 0, len(motion.time_s), SKELETON).cycles
    return cycle_findings(motion, rule, cycles[1].cycle)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_measure_stands_on_joints(name: str) -> None:
    joints = joints_of_measure(name)
    assert joints and set(joints) <= set(JOINT_NAMES)


@pytest.mark.parametrize(
    ("measure", "joints"),
    [
        ("knee_flexion_r", {"tibia_r"}),
        ("hip_abduction_l", {"femur_l"}),
        ("knee_valgus_l", {"femur_l", "tibia_l"}),
        ("shoulder_elevation_r", {"humerus_r"}),
        ("trunk_forward_lean", {"pelvis", "thorax"}),
        ("stance_width", {"femur_r", "femur_l"}),
        ("lumbar_flexion", {"lumbar_body"}),
        ("cycle_duration", set()),
    ],
)
def test_joints_of_a_measure(measure: str, joints: set[str]) -> None:
    assert set(joints_of_measure(measure)) == joints


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())
def test_a_rule_judges_all_of_its_own_constraints(rule) -> None:
    """Supplement 3: ten to fifteen joints a segment; 6.1: the top twelve."""
    salience = salience_of_rule(rule)
    assert salience.source == "rules"
    assert len(set(salience.joints)) == len(salience.joints) <= MOST_JOINTS
    for constraint in rule.constraints:
        for side in ("_r", "_l") if f"{constraint.measure}_r" in CATALOGUE else ("",):
            joints = set(joints_of_measure(f"{constraint.measure}{side}"))
            own_side = constraint.side not in ("r", "l") or side == f"_{constraint.side}"
            assert not joints or not own_side or joints & set(salience.joints)


def test_the_most_important_joints_come_first() -> None:
    assert salience_of_rule(RULES["squat"]).joints == (
        "tibia_r",
        "tibia_l",
        "pelvis",
        "thorax",
        "lumbar_body",
        "femur_r",
        "femur_l",
        "talus_r",
        "talus_l",
        "calcn_r",
        "calcn_l",
    )


def test_all_constraints_of_a_rule_are_judged_on_its_own_joints(findings) -> None:
    assert on_salient_joints(findings, salience_of_rule(RULES["squat"])) == findings


def test_what_stands_on_no_salient_joint_is_not_judged(findings) -> None:
    """The standard joints of a squat by supplement 3 do not hold the thorax: no lean is judged."""
    joints = ("femur_r", "femur_l", "tibia_r", "talus_r", "lumbar_body")
    judged = on_salient_joints(findings, Salience(joints, "annotation"))
    assert [(f.constraint_id, f.side) for f in judged] == [
        (f.constraint_id, f.side) for f in findings
    ]
    by_name = {(f.measure, f.side, f.phase): f for f in judged if f.check != "symmetry"}
    lean = by_name["trunk_forward_lean", None, "throughout"]
    assert (lean.status, lean.measured, lean.violated) == ("unmeasurable", None, False)
    assert lean.reason == "not among the salient joints of this segment (annotation)"
    assert by_name["knee_flexion", "r", "bottom"].violated
    assert by_name["knee_flexion", "l", "bottom"].status == "unmeasurable"
    assert by_name["knee_valgus", "l", "throughout"].status == "measured", (
        "it stands on the hip, too"
    )
    assert by_name["stance_width", None, "bottom"].status == "measured"
    assert any(f.check == "tempo" and f.status == "measured" for f in judged)


def test_a_joint_counts_with_all_its_degrees_of_freedom(findings) -> None:
    judged = on_salient_joints(findings, Salience(("femur_l",), "annotation"))
    seen = {(f.measure, f.side) for f in judged if f.status == "measured" and f.check != "tempo"}
    assert seen == {("hip_flexion", "l"), ("knee_valgus", "l"), ("stance_width", None)}
