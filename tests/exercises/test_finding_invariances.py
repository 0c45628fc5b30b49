"""Findings do not depend on direction of time, rate, mirror, heading or dropped frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from tests.exercises.performed import as_motion, cycle_findings, performed

RULES = load_rules()
SKELETON = generic_skeleton()
# One side only, so that the mirror has something to swap.
FAULTS = {"squat": {"knee_angle_r": -35}, "walking_lunges": {"lumbar_extension": -30}}
few = settings(max_examples=6, deadline=None)
exercises = st.sampled_from(sorted(FAULTS))
OTHER = {"r": "l", "l": "r", None: None}


def execution(name, **changes):
    return as_motion(performed(RULES[name], 3, fault=FAULTS[name], **changes), sigma_deg=0.5)


def judged(motion, name):
    """Side of the cycle, and what each constraint and side measured and violated."""
    found = segment_cycles(motion, RULES[name], 0, len(motion.time_s), SKELETON).cycles
    return [
        (
            item.cycle.side,
            {
                (f.constraint_id, f.side): (f.measured, f.violated)
                for f in cycle_findings(motion, RULES[name], item.cycle)
            },
        )
        for item in found
    ]


def assert_alike(one, other, *, within=1.5, swap=False, unequal=(), may_be_unseen=False):
    assert len(one) == len(other) == 3
    assert any(violated for _, findings in one for _, violated in findings.values())
    for (side, findings), (other_side, others) in zip(one, other, strict=True):
        assert (OTHER[side] if swap else side) == other_side
        for (constraint, of_side), (measured, violated) in findings.items():
            key = (constraint, OTHER[of_side] if swap else of_side)
            if may_be_unseen and others[key][0] is None:
                assert not others[key][1], key
                continue
            assert others[key][1] == violated, key
            if constraint not in unequal:
                assert others[key][0] == pytest.approx(measured, abs=within), key


@given(exercises, st.floats(-3, 3), st.integers(-2, 2), st.floats(-1e4, 1e5))
@few
def test_heading_whole_turns_and_clock(name, heading, turns, clock_s):
    motion = execution(name)
    q = motion.q.copy()
    q[:, DOF_INDEX["pelvis_rotation"]] += heading
    q[:, DOF_INDEX["pelvis_tilt"]] += 2 * np.pi * turns
    time_s = np.round(motion.time_s + clock_s, 6)
    moved = replace(motion, q=q, time_s=time_s)
    assert_alike(judged(motion, name), judged(moved, name))


JUDGED_KNEE = {"squat": "depth", "walking_lunges": "front_knee"}


@given(exercises, st.floats(-0.5, 0.5))
@few
def test_a_constant_offset_of_a_judged_angle_is_measured_in_full(name, offset):
    """No baseline is taken off: an offset is the person's, as far as one can know."""
    motion = execution(name)
    q = motion.q.copy()
    q[:, [DOF_INDEX["lumbar_extension"], DOF_INDEX["knee_angle_r"]]] += offset
    plain, moved = judged(motion, name), judged(replace(motion, q=q), name)
    for (side, findings), (other_side, others) in zip(plain, moved, strict=True):
        assert others["lumbar_still", None][0] == pytest.approx(
            findings["lumbar_still", None][0], abs=1e-3
        )
        if "r" in (side or "r") and side == other_side:
            knee = (JUDGED_KNEE[name], "r")
            change = others[knee][0] - findings[knee][0]
            assert change == pytest.approx(np.rad2deg(offset), abs=0.5)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_the_mirror_swaps_sides_and_nothing_else(name):
    motion = execution(name)
    mirrored = replace(motion, q=mirror_q(motion.q))
    assert_alike(judged(motion, name), judged(mirrored, name), within=1e-3, swap=True)


@given(exercises, st.floats(20.0, 100.0))
@few
def test_the_rate_of_the_frames(name, rate_hz):
    usual = execution(name)
    q = performed(RULES[name], 3, fault=FAULTS[name], rate_hz=rate_hz)
    other = as_motion(q, rate_hz=rate_hz, sigma_deg=0.5)
    assert_alike(judged(usual, name), judged(other, name), within=4.0)


@given(exercises, st.floats(0.0, 0.3), st.integers(0, 1000))
@example("squat", 0.25, 140)
@few
def test_dropped_frames(name, share, seed):
    """The border of a cycle moves by a frame or two; what is measured there (lockout) with it."""
    motion = execution(name)
    keep = np.random.default_rng(seed).uniform(size=len(motion.time_s)) >= share
    holey = replace(
        motion,
        q=motion.q[keep],
        time_s=motion.time_s[keep],
        confidence=motion.confidence[keep],
        valid=motion.valid[keep],
    )
    unseen = replace(motion, valid=keep)
    usual = judged(motion, name)
    assert_alike(usual, judged(holey, name), within=4.0, unequal=("lockout",))
    assert_alike(usual, judged(unseen, name), within=4.0, unequal=("lockout",), may_be_unseen=True)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_reversed_time_changes_no_finding_but_the_order(name):
    """What is read at the start, lockout, was the end; both are judged alike, not measured."""
    motion = execution(name)
    time_s = motion.time_s[-1] - motion.time_s[::-1]
    backward = replace(motion, q=motion.q[::-1].copy(), time_s=time_s)
    assert_alike(
        judged(motion, name), judged(backward, name)[::-1], within=4.0, unequal=("lockout",)
    )
