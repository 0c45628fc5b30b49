"""What the rest of the pose tells where the representative measure hides it."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.whole_pose import leading_curve, pose_way
from tests.exercises.performed import RULES, SKELETON, analysed, as_motion, both_sides, performed


@pytest.mark.parametrize(
    "exercise, constraint, fault, deviation",
    [
        # knees bent backwards at the landing are straightest where they should be bent most
        ("air_jump_rope", "soft_landing", both_sides("knee_angle", -39), -25),
        # legs that cross where they should spread
        ("puddle_jumps", "legs_apart", both_sides("hip_adduction", 36), -23),
        # a foot that hardly leaves the floor
        ("quick_feet", "foot_lift", {"knee_angle_r": -45}, -25),
        # a support leg that is bent more than the lifted one
        ("quick_feet", "athletic_knee", {"knee_angle_l": 49}, 23),
    ],
)
def test_the_pose_tells_polarity_steps_and_side(exercise, constraint, fault, deviation):
    q = performed(RULES[exercise], 40, noise_deg=2.0, fault=fault, seed=3)
    found, findings = analysed(as_motion(q), RULES[exercise])
    own = [f for fs in findings for f in fs if f.constraint_id == constraint]
    assert abs(len(found.cycles) - 40) <= 1
    assert np.mean([f.violated for f in own]) >= 0.95
    assert np.median([f.deviation for f in own]) == pytest.approx(deviation, abs=2.0)


def test_one_wrong_joint_does_not_turn_a_measure_round_that_moves():
    rule, fault = RULES["jumping_jack"], both_sides("hip_adduction", 34)
    cycles = segment_cycles(
        as_motion(performed(rule, 10, fault=fault)), rule, 0, 800, SKELETON
    ).cycles
    straight = segment_cycles(as_motion(performed(rule, 10)), rule, 0, 800, SKELETON).cycles
    assert [c.cycle.key for c in cycles] == pytest.approx([c.cycle.key for c in straight], abs=2)


def test_an_exercise_of_one_side_stays_one_sided():
    rule = RULES["walking_lunges"]
    q = performed(rule, 8, noise_deg=2.0, alternate=False)
    found, _ = analysed(as_motion(q), rule)
    assert len(found.cycles) == 8
    assert {one.cycle.side for one in found.cycles} == {"r"}


def test_hidden_angles_tell_nothing():
    rule = RULES["quick_feet"]
    q = performed(rule, 4)
    observed = np.ones(46, dtype=bool)
    seen = pose_way(as_motion(q), rule, build_reference(rule))
    assert seen is not None and seen.curves.shape == (2, len(q))
    observed[:] = False
    hidden = as_motion(q, observed=observed)
    assert pose_way(part_of(hidden, 0, len(q)), rule, build_reference(rule)) is None


def test_measure_and_pose_count_alike():
    right, left = np.array([0.2, 0.6]), np.array([0.4, 0.0])
    assert leading_curve(right, left, 0.4, None) == pytest.approx([-0.5, 1.0])


def test_the_start_is_read_in_the_rest_before_it():
    rule = RULES["good_mornings"]
    q = performed(rule, 6, noise_deg=0.0)
    found, findings = analysed(as_motion(q), rule)
    first = found.cycles[0].cycle
    # leans back while it stands, and no longer once it moves
    q[: first.start, 0] += np.deg2rad(30.0)
    motion = as_motion(q)
    cycles = [one.cycle for one in found.cycles]
    lean = segment_findings(motion, rule, cycles, SKELETON)[0]
    before = {f.constraint_id: f.measured for f in findings[0]}
    after = {f.constraint_id: f.measured for f in lean}
    assert after["stand_tall"] - before["stand_tall"] == pytest.approx(-30.0, abs=5.0)
    assert after["trunk_lean"] == before["trunk_lean"]
