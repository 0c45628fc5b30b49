"""Side against side, and the outermost value of a whole repetition."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.assets import asset_path
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules, read_rule
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.statements import evidence_text, violation_text
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from tests.exercises.performed import as_motion, one_repetition, performed

RULES = load_rules()
SKELETON = generic_skeleton()


def checked(q, name, constraint, **changes):
    """Findings of one constraint, cycle by cycle."""
    motion = as_motion(q, **changes)
    cycles = [i.cycle for i in segment_cycles(motion, RULES[name], 0, len(q), SKELETON).cycles]
    found = segment_findings(motion, RULES[name], cycles, SKELETON)
    return [f for of_cycle in found for f in of_cycle if f.constraint_id == constraint]


def halves(name, fault_of_left, count, seed=0):
    """Right and left halves in turn, the left ones with a fault, in noise of 2 degrees."""
    rule = RULES[name]
    right = one_repetition(rule, 1.0)
    left = mirror_q(one_repetition(rule, 1.0, fault=fault_of_left))
    q = np.concatenate([left if i % 2 else right for i in range(count)])
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    return q + np.deg2rad(2.0) * np.random.default_rng(seed).standard_normal(q.shape)


@pytest.mark.parametrize(
    "name, constraint, fault, side, measured, words",
    [
        pytest.param(
            "high_knees", "knees_even", {"hip_flexion_r": -30}, "l", -30,
            "Raise the left knee as high as the other at the top phase: increase hip flexion by",
            id="less is short",
        ),
        pytest.param(
            "boxing_squat_punches", "reach_even", {"elbow_flexion_r": 35}, "l", 35,
            "Extend the left elbow as far as the other at the punch phase: reduce elbow flexion"
            " by",
            id="more is short",
        ),
        pytest.param(
            "standing_kicks", "kicks_even", {"hip_flexion_r": 32}, "r", -32,
            "Kick the right leg as high as the other at the kick phase: increase hip flexion by",
            id="the other side",
        ),
    ],
)  # fmt: skip
def test_a_half_is_compared_with_the_half_of_the_other_side_before(
    name, constraint, fault, side, measured, words
):
    found = checked(halves(name, fault, 20), name, constraint)
    assert len(found) == 20
    assert found[0].status == "unmeasurable"
    assert found[0].reason == "no half of the other side comes before it"
    later = found[1:]
    assert all(f.violated and f.side == side for f in later)
    assert np.median([f.measured for f in later]) == pytest.approx(measured, abs=2.0)
    # One-frame noise of two sides: root 2 times 2 degrees, more where noise looks like a passage.
    sigmas = [f.sigma for f in later]
    assert min(sigmas) == pytest.approx(2 * np.sqrt(2), abs=0.01)
    assert np.median(sigmas) == pytest.approx(2 * np.sqrt(2), abs=0.3)
    text = violation_text((later[0],))
    assert f"{words} {round(abs(round(later[0].measured)) - 10)}°" in text
    assert ("less than" if measured < 0 else "more than") in text
    assert "target: at most 10° apart" in text
    assert unbacked_numbers(text, [later[0]]) == []
    assert unbacked_numbers(text.replace("28°", "27°").replace("3", "4"), [later[0]]) != []


def test_even_sides_are_not_corrected_and_are_described():
    found = checked(halves("high_knees", {}, 60), "high_knees", "knees_even")
    assert not any(f.violated for f in found)
    assert all(f.measured <= 0 for f in found[1:])
    assert "less than" in evidence_text([found[1]])


def test_both_sides_at_the_same_moment():
    q = performed(RULES["squat"], 10, noise_deg=2.0, fault={"knee_angle_l": -30})
    found = checked(q, "squat", "depth_even")
    assert len(found) == 10 and all(f.violated and f.side == "l" for f in found)
    assert np.median([f.measured for f in found]) == pytest.approx(-30, abs=2)
    mirrored = checked(mirror_q(q), "squat", "depth_even")
    assert [f.side for f in mirrored] == ["r"] * 10
    assert [f.measured for f in mirrored] == pytest.approx([f.measured for f in found])


def test_after_a_long_break_or_on_the_same_side_nothing_is_compared():
    rule = RULES["high_knees"]
    pause = np.repeat(halves("high_knees", {}, 1)[:1], 90, axis=0)
    q = np.concatenate([halves("high_knees", {}, 1), pause, halves("high_knees", {}, 2)[30:]])
    assert all(f.measured is None for f in checked(q, "high_knees", "knees_even"))
    same = performed(rule, 4, period_s=1.0, alternate=False, rest_s=0.3)
    assert all(f.measured is None for f in checked(same, "high_knees", "knees_even"))


def leaning(at, degrees, noise_deg=0.0, seed=0):
    """Squats with a lean that comes and goes around one share of the repetition."""
    single = one_repetition(RULES["squat"], 2.4)
    phase = np.arange(len(single)) / len(single)
    single[:, DOF_INDEX["pelvis_tilt"]] -= np.deg2rad(degrees) * np.exp(
        -0.5 * ((phase - at) / 0.06) ** 2
    )
    rest = np.repeat(single[:1], 12, axis=0)
    q = np.concatenate([rest, *[np.concatenate([single, rest])] * 8])
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    return q + np.deg2rad(noise_deg) * np.random.default_rng(seed).standard_normal(q.shape)


def test_a_lean_on_the_way_up_is_found_where_it_happens():
    found = checked(leaning(0.75, 60, noise_deg=2.0), "squat", "trunk_lean")
    assert len(found) == 8 and all(f.violated for f in found)
    motion = as_motion(leaning(0.75, 60))
    cycles = segment_cycles(motion, RULES["squat"], 0, len(motion.q), SKELETON).cycles
    for finding, item in zip(found, cycles, strict=True):
        share = (finding.key_s - item.cycle.start_s) / (item.cycle.end_s - item.cycle.start_s)
        assert 0.6 < share < 0.85
    assert violation_text((found[0],)).endswith("during the repetition; lift the chest.")


def test_one_wild_frame_is_no_lean():
    q = leaning(0.75, 0)
    q[60, DOF_INDEX["pelvis_tilt"]] -= np.deg2rad(80)
    assert not any(f.violated for f in checked(q, "squat", "trunk_lean"))


def test_unseen_frames_leave_the_rest_to_judge():
    q = leaning(0.75, 60)
    motion = as_motion(q, sigma_deg=0.5)
    cycles = [i.cycle for i in segment_cycles(motion, RULES["squat"], 0, len(q), SKELETON).cycles]
    gone = motion.valid.copy()
    third = (cycles[1].end - cycles[1].start) // 3
    gone[cycles[1].start : cycles[1].start + third] = False
    gone[cycles[2].start : cycles[2].start + 2 * third] = False
    motion = replace(motion, valid=gone)
    found = segment_findings(motion, RULES["squat"], cycles, SKELETON)
    lean = [f for of_cycle in found for f in of_cycle if f.constraint_id == "trunk_lean"]
    assert [f.status for f in lean[:4]] == ["measured", "measured", "unmeasurable", "measured"]
    assert lean[1].violated


def spoiled(tmp_path, name, constraint, **changes):
    record = json.loads(asset_path("rules", f"{name}.json").read_text(encoding="utf-8"))
    own = next(c for c in record["constraints"] if c["id"] == constraint)
    own.update(changes)
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "name, constraint, changes, cause",
    [
        pytest.param("squat", "depth_even", {"side": "lead"}, "side", id="lead of a squat"),
        pytest.param("high_knees", "knees_even", {"side": "both"}, "'both' compares", id="both"),
        pytest.param("squat", "depth_even", {"target": [-10, 10]}, "runs from", id="two ends"),
        pytest.param(
            "squat",
            "depth_even",
            {"too_high": "Bend less"},
            "write an instruction only",
            id="two words",
        ),
        pytest.param("squat", "depth_even", {"phase": "throughout"}, "throughout", id="whole"),
        pytest.param("plank", "body_line", {"phase": "throughout"}, "a hold", id="hold"),
    ],
)
def test_a_symmetry_or_extreme_that_makes_no_sense_is_refused(
    tmp_path, name, constraint, changes, cause
):
    issues = read_rule(spoiled(tmp_path, name, constraint, **changes)).issues
    assert any(cause in f"{issue.key} {issue.cause}" for issue in issues), issues
