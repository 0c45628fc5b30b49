"""Rows of contexts depend on the past only, and are the same frame by frame and at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.feedback.context_stream import (
    RATE_HZ,
    Context,
    ContextStream,
    SegmentFacts,
    due_frames,
    segment_contexts,
)
from qevd_bio.feedback.style import style_of
from qevd_bio.motion.growing_motion import MotionFrame, without_frames
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton, segment_lengths_for_height
from tests.exercises.performed import (
    HOLDS,
    REPETITIVE,
    RULES,
    as_motion,
    both_sides,
    fitting_period_s,
    fitting_rest_s,
    performed,
)

LENGTHS_M = segment_lengths_for_height(1.75)


def moved(name: str, repetitions: int, **options) -> Motion:
    return as_motion(performed(RULES[name], repetitions, **options), segment_lengths_m=LENGTHS_M)


def facts_of(name: str) -> SegmentFacts:
    rule = RULES[name]
    return SegmentFacts(rule, salience_of_rule(rule), {"height": 1.75}, style_of(rule))


def contexts_of(name: str, motion: Motion) -> list[Context]:
    return segment_contexts(motion, 0, len(motion.time_s), facts_of(name))


def cut(motion: Motion, frames: int) -> Motion:
    """The motion as far as it was known after some frames."""
    per_frame = ("q", "time_s", "confidence", "valid", "frame_sigma_rad")
    known = {name: getattr(motion, name) for name in per_frame}
    return replace(motion, **{k: v[:frames].copy() for k, v in known.items() if v is not None})


def damaged(motion: Motion, seed: int) -> Motion:
    """Frames without the person, frames lost, an uneven clock, a wrap by a turn."""
    rng = np.random.default_rng(seed)
    frames = len(motion.time_s)
    valid, confidence, q = motion.valid.copy(), motion.confidence.copy(), motion.q.copy()
    for _ in range(rng.integers(0, 4)):
        start, length = rng.integers(0, frames), rng.integers(1, 60)
        valid[start : start + length] = False
        confidence[start : start + length] = 0.1
    q[rng.random(frames) > 0.5] += 2.0 * np.pi * (rng.random(46) > 0.8)
    kept = rng.random(frames) > 0.1
    kept[(lost := rng.integers(0, frames)) : lost + rng.integers(0, 90)] = False
    kept[0] = True
    time_s = motion.time_s + rng.uniform(-0.01, 0.01, frames)
    sigma = rng.uniform(0.01, 0.1, (frames, 46)) if seed % 2 else None
    return replace(
        motion,
        q=q[kept],
        time_s=time_s[kept],
        confidence=confidence[kept],
        valid=valid[kept],
        frame_sigma_rad=None if sigma is None else sigma[kept],
    )


def random_motion(seed: int) -> Motion:
    """No exercise at all: slow random curves of every angle."""
    rng = np.random.default_rng(seed)
    knots = rng.normal(0.0, 0.6, (12, 46))
    grid = np.linspace(0, 11, 330)
    q = np.stack([np.interp(grid, np.arange(12), column) for column in knots.T], axis=1)
    return as_motion(q, segment_lengths_m=LENGTHS_M)


@given(
    st.sampled_from([*REPETITIVE, "plank", "deltoid_stretch"]),
    st.integers(0, 10_000),
    st.lists(st.floats(0.02, 1.0), min_size=2, max_size=2),
    st.booleans(),
)
@settings(max_examples=8, deadline=None)
def test_a_video_cut_at_any_time_has_the_same_rows_up_to_then(name, seed, shares, is_random):
    if is_random:
        whole = random_motion(seed)
    else:
        whole = damaged(moved(name, 4, noise_deg=seed % 4, seed=seed), seed)
    rows = contexts_of(name, whole)
    for share in shares:
        part = cut(whole, max(1, round(share * len(whole.time_s))))
        assert contexts_of(name, part) == [r for r in rows if r.time_s <= part.time_s[-1]]


@pytest.mark.parametrize("name", ["squat", "high_knees", "plank"])
def test_what_comes_later_changes_no_row(name):
    """The batch detection, which looks ahead, fails this."""
    motion = moved(name, 4, noise_deg=2.0)
    at = len(motion.time_s) // 2
    later = motion.q.copy()
    later[at:] = np.random.default_rng(1).normal(0.0, 1.0, later[at:].shape)
    unseen = np.where(np.arange(len(motion.valid)) < at, motion.valid, False)
    rows = [row for row in contexts_of(name, motion) if row.frame < at]
    for changed in (replace(motion, q=later), replace(motion, valid=unseen)):
        assert [row for row in contexts_of(name, changed) if row.frame < at] == rows


@pytest.mark.parametrize("name", ["squat", "walking_lunges", "plank"])
def test_frames_pushed_one_by_one_give_the_rows_of_the_whole(name):
    motion = moved(name, 5, noise_deg=1.0)
    stream = ContextStream(facts_of(name), without_frames(motion))
    rows = []
    for i in range(len(motion.time_s)):
        frame = MotionFrame(
            motion.q[i].copy(), float(motion.time_s[i]), float(motion.confidence[i]), True
        )
        rows += [row for row in [stream.push(frame)] if row is not None]
    assert rows == contexts_of(name, motion)


@pytest.mark.parametrize("name", REPETITIVE[::3])
def test_each_repetition_becomes_known_soon_after_it_ended(name):
    rows = contexts_of(name, moved(name, 7, noise_deg=1.0))
    known = [row for row in rows if row.is_refresh]
    assert [row.cycle_count for row in known] == [1, 2, 3, 4, 5, 6]
    for row in known:
        assert 0.5 <= row.time_s - row.checked.cycle.end_s <= 1.3


def test_the_violations_are_those_that_the_whole_segment_gives():
    name, fault = "squat", both_sides("knee_angle", -40.0)
    motion = moved(name, 6, fault=fault)
    found = segment_cycles(motion, RULES[name], 0, len(motion.time_s), scaled_skeleton(LENGTHS_M))
    known = [row for row in contexts_of(name, motion) if row.is_refresh]
    for row, whole in zip(known, found.cycles, strict=False):
        assert row.checked.cycle.key_s == pytest.approx(whole.cycle.key_s, abs=0.1)
        depth = [f for f in row.checked.findings if f.measure == "knee_flexion" and f.violated]
        assert depth and all(f.deviation < -20 for f in depth)
        assert "Increase knee flexion by" in row.motion


def test_a_row_states_its_own_pose_and_the_cycle_known_then():
    motion = moved("squat", 3)
    rows = contexts_of("squat", motion)
    knee_deg = np.rad2deg(motion.q[:, 6])
    for row in rows:
        assert f"right knee flexion {round(float(knee_deg[row.frame])) + 0}°" in row.motion
        assert row.motion.endswith("no completed cycle.") == (row.cycle_count == 0)
        assert row.morphology == "Height 1.75 m."
        assert row.clip_s == row.time_s - motion.time_s[0]


def test_a_warning_stands_where_nobody_is_seen():
    motion = moved("squat", 2)
    motion.valid[60:90] = False
    rows = contexts_of("squat", motion)
    assert {row.frame for row in rows if row.morphology.startswith("Warning")} == {
        frame for frame in due_frames(motion.time_s.tolist()) if 60 <= frame < 90
    }
    assert all(row.phase is None for row in rows if 60 <= row.frame < 90)


@pytest.mark.parametrize("name", ["squat", "good_mornings", "pushup", "walking_lunges"])
def test_the_phase_is_that_of_the_performance(name):
    rule = RULES[name]
    motion = moved(name, 6, noise_deg=1.0)
    period_s, rest_s = fitting_period_s(rule), fitting_rest_s(rule)
    right = clear = 0
    for row in contexts_of(name, motion):
        phase = (row.clip_s - rest_s) % (period_s + rest_s) / period_s
        if 0.4 <= phase <= 0.55 or not 0.08 <= phase <= 1.0:
            clear += 1
            right += row.phase == (rule.key_phase.name if 0.4 <= phase <= 0.55 else "")
            right += row.phase != rule.key_phase.name and not 0.08 <= phase <= 1.0
    assert clear >= 12 and right >= 0.9 * clear


@pytest.mark.parametrize("name", HOLDS)
def test_a_hold_is_checked_again_while_it_goes_on(name):
    rows = contexts_of(name, moved(name, 6))
    known = [row for row in rows if row.is_refresh]
    assert {row.cycle_count for row in known} == {1}
    assert {row.checked.cycle.cut for row in known} == {"end"}
    assert np.diff([row.time_s for row in known]).min() >= 2.9
    assert known[0].clip_s <= 3.5 and rows[-1].phase == "hold"


def test_a_hold_that_is_over_keeps_its_number_and_the_next_one_counts():
    hold = performed(RULES["quad_stretch_right"], 3)
    stand = np.zeros((90, 46))
    stand[:, 0] = np.pi
    q = np.concatenate([stand, hold, stand, hold, stand])
    rows = contexts_of("quad_stretch_right", as_motion(q, segment_lengths_m=LENGTHS_M))
    assert rows[-1].cycle_count == 2 and rows[-1].phase is None
    over = [row for row in rows if row.is_refresh and row.checked.cycle.cut is None]
    assert [row.cycle_count for row in over] == [1, 2]


def test_without_a_rule_only_the_named_joints_are_stated():
    motion = moved("squat", 2)
    rows = segment_contexts(motion, 10, 100, SegmentFacts(None, None))
    assert [row.frame for row in rows] == [10 + i for i in due_frames(motion.time_s[10:100])]
    assert {(row.motion, row.morphology, row.cycle_count, row.phase) for row in rows} == {
        ("", "", 0, None)
    }
    named = SegmentFacts(None, salience_of_rule(RULES["squat"]))
    assert "knee flexion" in segment_contexts(motion, 10, 100, named)[0].motion


def test_an_unobserved_measure_gives_poses_and_no_cycle():
    motion = moved("squat", 3)
    motion.observed[[6, 13]] = False
    rows = contexts_of("squat", motion)
    assert {(row.cycle_count, row.phase) for row in rows} == {(0, None)}
    assert "hip flexion" in rows[0].motion and "knee" not in rows[0].motion


@pytest.mark.parametrize("rate_hz", [4.0, 15.625, 29.97, 30.0, 100.0])
def test_four_rows_a_second_at_any_frame_rate(rate_hz):
    times_s = 1.6e9 + np.arange(round(60 * rate_hz)) / rate_hz
    due = np.array(due_frames(times_s.tolist()))
    assert len(due) == 60 * RATE_HZ
    late_s = times_s[due] - times_s[0] - np.arange(len(due)) / RATE_HZ
    assert late_s.min() > -1e-5 and late_s.max() <= 1 / rate_hz


def test_a_gap_gives_one_row_and_the_grid_stays():
    assert due_frames([0.0, 0.1, 0.3, 2.1, 2.2, 2.3, 2.6]) == [0, 2, 3, 5, 6]
    assert due_frames([]) == []


def test_time_must_go_on():
    motion = moved("squat", 1)
    stream = ContextStream(facts_of("squat"), without_frames(motion))
    frame = MotionFrame(motion.q[0], 1.0, 0.9, True)
    stream.push(frame)
    with pytest.raises(ValueError, match="does not follow"):
        stream.push(frame)
