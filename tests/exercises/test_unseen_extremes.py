"""An extreme that nobody saw is not judged: the body may have gone on while it was unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.noise_kinds import RATE_HZ, exact_motion
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import mirror_q

SKELETON = generic_skeleton()
STEP_S, STEPS = 0.9, 10


def high_knees():
    rule = load_rules()["high_knees"]
    right = build_reference(rule)
    places = np.linspace(0, len(right) - 1, round(STEP_S * RATE_HZ))
    steps = [
        np.stack([np.interp(places, np.arange(len(c)), c[:, dof]) for dof in range(46)], axis=1)
        for c in (right, mirror_q(right))
    ]
    q = np.concatenate([steps[i % 2] for i in range(STEPS)])
    return rule, exact_motion(q, 2.0)


def findings_at_top(motion, rule):
    found = segment_cycles(motion, rule, 0, len(motion.time_s), SKELETON).cycles
    cycles = [item.cycle for item in found]
    return cycles, segment_findings(motion, rule, cycles, SKELETON)


@pytest.mark.parametrize("shift", [1, 2, 3])
def test_a_step_whose_top_is_unseen_is_not_too_low(shift):
    rule, motion = high_knees()
    cycles, _ = findings_at_top(motion, rule)
    top = cycles[4].key
    valid = motion.valid.copy()
    valid[top - 3 + shift : top + 7 + shift] = False
    found, findings = findings_at_top(replace(motion, valid=valid), rule)
    assert len(found) >= len(cycles) - 1
    assert not any(one.violated for own in findings for one in own)


def test_all_is_judged_where_everything_is_seen():
    rule, motion = high_knees()
    _, findings = findings_at_top(motion, rule)
    heights = [one for own in findings for one in own if one.constraint_id == "knee_height"]
    assert len(heights) == STEPS and all(one.measured is not None for one in heights)
