"""What lies around a value: another segment, unseen frames, outliers, and no turns of sides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.cycle_until import cycle_until
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.exercises.performed import RULES, SKELETON, analysed, as_motion, both_sides, performed

SQUAT = RULES["squat"]


def of_constraint(findings, name):
    return [one for one in findings if one.constraint_id == name]


@pytest.mark.parametrize(
    "rule, done",
    [
        ("lunge_jumps", "squat"),
        ("lunge_jumps", "burpee"),
        ("boxing_squat_punches", "squat"),
        ("quick_feet", "sit_up"),
    ],
)
@pytest.mark.parametrize("noise_deg", [1.0, 2.0])
def test_noise_gives_no_symmetric_movement_sides(rule, done, noise_deg):
    q = performed(RULES[done], 5, noise_deg=noise_deg)
    found = segment_cycles(as_motion(q), RULES[rule], 0, len(q), SKELETON)
    assert found.cycles == ()
    assert "no alternating movement" in found.reason


@pytest.mark.parametrize("exercise", ["squat", "jumping_jack", "biceps_curl", "good_mornings"])
def test_nothing_is_read_before_the_segment(exercise):
    rule = RULES[exercise]
    q = performed(rule, 4, rest_s=0.4)[15:]
    at_extreme = performed(rule, 1, rest_s=0.0)[36]
    whole = as_motion(np.concatenate([np.tile(at_extreme, (60, 1)), q]))
    found = segment_cycles(whole, rule, 60, len(whole.time_s), SKELETON).cycles
    assert 60 < found[0].cycle.start <= 63
    cycles = [one.cycle for one in found]
    batch = segment_findings(whole, rule, cycles, SKELETON, frame_start=60)[0]
    live = cycle_until(whole, rule, 60, cycles[0].end + 12, SKELETON)
    assert live.scored is not None and live.scored.cycle.start == cycles[0].start
    at_start = {c.id for c in rule.constraints if c.phase and c.phase != "throughout"}
    for one, other in zip(batch, live.findings, strict=True):
        if one.constraint_id in at_start:
            assert (one.measured, one.sigma) == pytest.approx((other.measured, other.sigma))


@pytest.mark.parametrize("unseen", [1, 2, 3])
@pytest.mark.parametrize("is_valid", [False, True])
def test_a_start_is_measured_though_the_rest_before_it_is_not_seen(unseen, is_valid):
    q = performed(SQUAT, 4, rest_s=0.4)
    motion = as_motion(q)
    start = segment_cycles(motion, SQUAT, 0, len(q), SKELETON).cycles[0].cycle.start
    seen = np.arange(len(q)) > start - unseen
    dark = replace(motion, valid=seen | is_valid, confidence=np.where(seen, 0.9, 0.1))
    cycles = [one.cycle for one in segment_cycles(dark, SQUAT, 0, len(q), SKELETON).cycles]
    lockout = of_constraint(segment_findings(dark, SQUAT, cycles, SKELETON)[0], "lockout")
    assert [one.status for one in lockout] == ["measured"] * 2
    assert all(one.measured < 20.0 for one in lockout)


@pytest.fixture(scope="module")
def shallow():
    q = performed(SQUAT, 4, rest_s=0.4, fault=both_sides("knee_angle", -30))
    cycles = [one.cycle for one in analysed(as_motion(q), SQUAT)[0].cycles]
    return q, cycles


def knees_at_extreme(motion, cycles):
    found = segment_findings(motion, SQUAT, cycles, SKELETON)[1]
    return of_constraint(found, "depth")


def test_one_outlier_hides_no_fault(shallow):
    clean, cycles = shallow
    q = clean.copy()
    for side in "rl":
        q[cycles[1].key + 3, DOF_INDEX[f"knee_angle_{side}"]] += np.deg2rad(60)
    found = knees_at_extreme(as_motion(q), cycles)
    usual = knees_at_extreme(as_motion(clean), cycles)
    assert found and all(one.violated for one in found)
    assert [one.sigma for one in found] == pytest.approx([one.sigma for one in usual], abs=0.5)


def test_the_pose_of_unseen_frames_hides_no_fault(shallow):
    clean, cycles = shallow
    q, key = clean.copy(), cycles[1].key
    valid = np.ones(len(q), dtype=bool)
    valid[key + 2 : key + 5] = False
    q[~valid] = q[key - 12]
    motion = as_motion(q, valid=valid, confidence=np.where(valid, 0.9, 0.0))
    found = knees_at_extreme(motion, cycles)
    assert found and all(one.violated for one in found)
