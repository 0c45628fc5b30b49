"""A fault put into perfect motion is found, measured and worded."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference
from qevd_bio.skeleton.measures import measure_values
from tests.exercises.performed import (
    RULES,
    SKELETON,
    analysed,
    as_motion,
    both_sides,
    performed,
)

# Exercise, constraint, DoF changes at the key phase, sign of the deviation, instruction.
# Each change puts the value tolerance + 15 beyond the bound.
LOWER_ARMS = {"shoulder_r_x": 42, "shoulder_l_x": -42}
FAULTS = [
    ("squat", "depth", both_sides("knee_angle", -30), -20, "Increase knee flexion"),
    ("squat", "hip_depth", both_sides("hip_flexion", -34), -25, "Increase hip flexion"),
    ("pushup", "depth", both_sides("elbow_flexion", -35), -25, "Increase elbow flexion"),
    ("pushup", "body_line", both_sides("hip_flexion", 35), -25, "Lower the hips"),
    ("pushup", "body_line", both_sides("hip_flexion", -35), 25, "Lift the hips"),
    ("plank", "body_line", both_sides("hip_flexion", -35), 25, "Lift the hips"),
    ("plank", "body_line", both_sides("hip_flexion", 35), -25, "Lower the hips"),
    ("jumping_jack", "legs_apart", both_sides("hip_adduction", 34), -25, "Increase hip abduction"),
    ("jumping_jack", "arms_overhead", LOWER_ARMS, -30, "Raise the arms"),
    ("walking_lunges", "trunk_lean", {"pelvis_tilt": -28.1}, 20, "Reduce the forward lean"),
    ("walking_lunges", "front_knee", {"knee_angle_r": -37}, -25, "Increase knee flexion of"),
    ("walking_lunges", "rear_knee", {"knee_angle_l": -40}, -25, "Increase knee flexion of"),
]


@pytest.mark.parametrize(
    "exercise, constraint, fault, deviation, instruction",
    FAULTS,
    ids=[f"{e}-{c}-{d}" for e, c, _, d, _ in FAULTS],
)
def test_a_clear_fault_is_found_measured_and_worded(
    exercise, constraint, fault, deviation, instruction
):
    rule = RULES[exercise]
    if rule.kind == "hold":
        motions = [
            performed(rule, 1, period_s=6, noise_deg=2.0, fault=fault, seed=s, rest_s=0.0)
            for s in range(20)
        ]
    else:
        motions = [performed(rule, 40, noise_deg=2.0, fault=fault, seed=5)]
    wanted = []
    for q in motions:
        _, findings = analysed(as_motion(q), rule)
        wanted += [[f for f in fs if f.constraint_id == constraint] for fs in findings]
    assert len(wanted) >= 20
    assert np.mean([all(f.violated for f in fs) for fs in wanted]) >= 0.95
    deviations = [f.deviation for fs in wanted for f in fs]
    assert np.median(deviations) == pytest.approx(deviation, abs=2.0)
    said = {f.instruction for fs in wanted for f in fs if f.violated}
    assert len(said) == 1 and said.pop().startswith(instruction)


# One fault an exercise: the constraint, the DoFs that carry it (sides of the shown reference),
# and whether the value ends below or above the target.
MORE_FAULTS = [
    ("high_knees", "knee_height", ["hip_flexion_r"], "low"),
    ("butt_kickers", "heel_height", ["knee_angle_r"], "low"),
    ("quick_feet", "foot_lift", ["knee_angle_r"], "high"),
    ("mountain_climbers", "rear_hip", ["hip_flexion_l"], "high"),
    ("plank_taps", "support_arm", ["elbow_flexion_l"], "high"),
    ("moving_plank", "forearms_down", ["elbow_flexion_r", "elbow_flexion_l"], "high"),
    ("squat_jumps", "depth", ["knee_angle_r", "knee_angle_l"], "low"),
    ("air_jump_rope", "soft_landing", ["knee_angle_r", "knee_angle_l"], "high"),
    ("good_mornings", "hinge", ["hip_flexion_r", "hip_flexion_l"], "low"),
    ("good_mornings", "knees_soft", ["knee_angle_r", "knee_angle_l"], "high"),
    ("floor_touches", "reach", ["hip_flexion_r", "hip_flexion_l"], "low"),
    ("lunge_jumps", "front_knee", ["knee_angle_r"], "low"),
    ("lunge_jumps", "rear_knee", ["knee_angle_l"], "low"),
    ("puddle_jumps", "trunk_upright", ["pelvis_tilt"], "high"),
    ("standing_kicks", "kick_height", ["hip_flexion_r"], "low"),
    ("standing_kicks", "kick_knee", ["knee_angle_r"], "high"),
    ("squat_kicks", "kick_height", ["hip_flexion_r"], "low"),
    ("boxing_squat_punches", "punch_reach", ["elbow_flexion_r"], "high"),
    ("deltoid_stretch", "arm_long", ["elbow_flexion_r"], "high"),
    ("deltoid_stretch_right", "arm_long", ["elbow_flexion_r"], "high"),
    ("deltoid_stretch_left", "arm_long", ["elbow_flexion_l"], "high"),
    ("quad_stretch", "heel_to_seat", ["knee_angle_r"], "low"),
    ("quad_stretch_right", "thigh_down", ["hip_flexion_r"], "high"),
    ("quad_stretch_left", "heel_to_seat", ["knee_angle_l"], "low"),
    ("shoulder_gators", "arms_long", ["elbow_flexion_r", "elbow_flexion_l"], "high"),
]


@pytest.mark.parametrize(
    "exercise, constraint, dofs, end", MORE_FAULTS, ids=["-".join(f[:2]) for f in MORE_FAULTS]
)
def test_every_exercise_finds_a_fault_of_tolerance_and_15_degrees(exercise, constraint, dofs, end):
    rule = RULES[exercise]
    c = next(c for c in rule.constraints if c.id == constraint)
    beyond = c.tolerance + 15.0
    wanted = c.target_low - beyond if end == "low" else c.target_high + beyond
    side = f"_{dofs[0][-1]}" if c.side != "none" else ""
    key = build_reference(rule)[[round(rule.key_phase.at * (rule.points - 1))]]
    shown = measure_values([c.measure + side], key, SKELETON, WORLD_GRAVITY)[c.measure + side][0]
    # Leaning forward tilts the pelvis negatively.
    change = (wanted - shown) * (-1 if dofs == ["pelvis_tilt"] else 1)
    fault = dict.fromkeys(dofs, change)
    if rule.kind == "hold":
        motions = [
            performed(rule, 1, period_s=6, noise_deg=2.0, fault=fault, seed=s, rest_s=0.0)
            for s in range(20)
        ]
    else:
        motions = [performed(rule, 40, noise_deg=2.0, fault=fault, seed=5)]
    found = []
    for q in motions:
        _, findings = analysed(as_motion(q), rule)
        found += [[f for f in fs if f.constraint_id == constraint] for fs in findings]
    assert len(found) == (20 if rule.kind == "hold" else 40)
    assert np.mean([all(f.violated for f in fs) for fs in found]) >= 0.95
    size = np.median([f.deviation for fs in found for f in fs])
    assert size == pytest.approx(-beyond if end == "low" else beyond, abs=2.0)
    said = {f.instruction for fs in found for f in fs if f.violated}
    assert said == {c.too_low if end == "low" else c.too_high}


@pytest.mark.parametrize("exercise", ["pushup", "squat"])
def test_a_moving_lumbar_spine_is_found(exercise):
    rule = RULES[exercise]
    q = performed(rule, 20, noise_deg=2.0, fault={"lumbar_extension": -45}, seed=2)
    _, findings = analysed(as_motion(q), rule)
    still = [f for fs in findings for f in fs if f.constraint_id == "lumbar_still"]
    assert len(still) == 20 and all(f.violated for f in still)
    assert {f.instruction for f in still} == {
        "Maintain neutral spine alignment; engage the core to stabilize the lumbar region"
    }


def test_the_supplements_squat_is_corrected():
    """85 degrees of knee flexion against a target of 90, well measured."""
    rule = RULES["squat"]
    q = performed(rule, 10, fault=both_sides("knee_angle", -17))
    _, findings = analysed(as_motion(q, sigma_deg=0.5), rule)
    depth = [f for fs in findings for f in fs if f.constraint_id == "depth"]
    assert all(f.violated and f.instruction == "Increase knee flexion" for f in depth)
    assert np.median([f.measured for f in depth]) == pytest.approx(83, abs=1)
