"""Of several people in a dump the one who exercises is followed, not the largest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.backend import SourceVideo
from qevd_bio.capture.config import PerformerConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.performer import performer
from qevd_bio.capture.person.posed import seen_in_poses
from qevd_bio.capture.recorded.backend import RecordedBackend, recorded_motion
from qevd_bio.exercises.expected import expected_exercise
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import pose, squats, stick, walking

KNEE = DOF_INDEX["knee_angle_r"]
RATE, FRAMES = 25.0, 500
TIME_S = np.arange(FRAMES) / RATE
SQUATS, IDLE = squats(FRAMES, RATE, 20.0), pose(FRAMES)
LEFT, RIGHT = 300.0, 700.0

Person = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Frames, poses and boxes."""


def squat() -> tuple[ExpectedExercise, ...]:
    return (ExpectedExercise(0, FRAMES, "repetitive", "standing", "knee_flexion", 0.7, 5.0),)


def seen(q: np.ndarray, x_px, *, scale: float = 1.0, frames=None, seed: int = 0) -> Person:
    """Put poses with 2 degrees of noise in boxes, 200 pixels for a metre, feet on one line."""
    at = np.arange(FRAMES) if frames is None else np.asarray(frames)
    q = q[: len(at)]
    joints = 200.0 * scale * stick(q)[..., :2]
    high = np.ptp(joints[..., 1], axis=1)
    side = np.maximum(high, np.ptp(joints[..., 0], axis=1))
    boxes = np.stack([np.broadcast_to(x_px, len(at)), 600.0 - high / 2, side], axis=1)
    noise = np.random.default_rng(seed).normal(0.0, np.deg2rad(2.0), q.shape)
    return at, q + noise, boxes


def dumped(path: Path, *people: Person) -> Path:
    """Write rows as HSMR does; who comes first changes every seven frames."""
    held = np.empty(FRAMES, dtype=object)
    for frame in range(FRAMES):
        rows = [(q[k], box[k]) for at, q, box in people for k in np.flatnonzero(at == frame)]
        rows = rows[:: -1 if frame // 7 % 2 else 1]
        held[frame] = {
            "poses": np.array([q for q, _ in rows]).reshape(-1, 46),
            "bbx_cs": [box for _, box in rows] or None,
        }
    np.save(path, held, allow_pickle=True)
    return path


def followed(tmp_path: Path, *people: Person, exercises=()):
    """Return what was captured, and in which frames it shows the first of the people."""
    captured = recorded_motion(
        dumped(tmp_path / "a.npy", *people), TIME_S, exercises=list(exercises)
    )
    at, q, _ = people[0]
    there = np.zeros(FRAMES, bool)
    there[at] = np.abs(np.cos(captured.motion.q[at, KNEE]) - np.cos(q[:, KNEE])) < 1e-9
    return captured, there & captured.motion.valid


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("places", [(LEFT, RIGHT), (RIGHT, LEFT)], ids=["left", "right"])
@pytest.mark.parametrize("scale", [1.0, 1.5], ids=["as large", "nearer"])
def test_somebody_who_stands_by_is_left(tmp_path, named, places, scale):
    people = seen(SQUATS, places[0]), seen(IDLE, places[1], scale=scale, seed=1)
    captured, there = followed(tmp_path, *people, exercises=squat() if named else ())
    assert there.all()
    assert captured.notes["people_seen"] == 2 and captured.notes["person_changes"] == ""
    assert captured.notes["stretches"] == 1


@pytest.mark.parametrize("scale", [1.0, 1.5], ids=["as large", "nearer"])
@pytest.mark.parametrize("name", sorted(load_rules()))
def test_whoever_does_the_exercise_of_a_rule_is_chosen(name, scale):
    """Every shipped rule, its reference at 2.5 s a repetition against somebody who stands."""
    rule = load_rules()[name]
    expected = expected_exercise(rule, 0, FRAMES)
    period_s = np.clip(2.5, expected.shortest_s, expected.longest_s)
    q = build_reference(rule)[(TIME_S / period_s * 100).astype(int) % 100]
    rows = seen(q, LEFT), seen(IDLE, RIGHT, scale=scale, seed=1)
    people = {
        i: seen_in_poses(at, q, box[:, :2], box[:, 2]) for i, (at, q, box) in enumerate(rows)
    }
    chosen = performer(people, TIME_S, 0, FRAMES, [expected], PerformerConfig())
    assert (chosen == 0).all()


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_somebody_who_walks_through_is_left(tmp_path, named):
    frames = np.arange(90, 165)
    x_px = np.linspace(-300.0, 1300.0, len(frames))
    walker = seen(walking(len(frames), RATE), x_px, scale=1.3, frames=frames, seed=2)
    captured, there = followed(
        tmp_path, seen(SQUATS, 500.0), walker, exercises=squat() if named else ()
    )
    assert there.all() and captured.notes["people_seen"] == 2


def test_the_named_exercise_decides_between_two_who_move(tmp_path):
    arms = pose(FRAMES)
    lift = np.deg2rad(120) * (0.5 - 0.5 * np.cos(2 * np.pi * TIME_S / 1.5))
    arms[:, [DOF_INDEX["elbow_flexion_r"], DOF_INDEX["elbow_flexion_l"]]] = lift[:, None]
    one, other = seen(SQUATS, LEFT), seen(arms, RIGHT, seed=1)
    curls = ExpectedExercise(0, FRAMES, "repetitive", "standing", "elbow_flexion", 0.7, 5.0)
    assert followed(tmp_path, one, other, exercises=squat())[1].all()
    assert followed(tmp_path, other, one, exercises=(curls,))[1].all()


def test_turns_at_exercising_are_told_and_nothing_is_unwrapped_across_them(tmp_path):
    half = FRAMES // 2
    first = np.concatenate([SQUATS[:half], IDLE[half:]])
    second = np.concatenate([IDLE[:half], SQUATS[half:]])
    second[:, 0] -= 2.0 * np.pi  # the same pelvis, a turn further
    captured, there = followed(tmp_path, seen(first, LEFT), seen(second, RIGHT, seed=1))
    (change,) = np.flatnonzero(np.diff(there.astype(int)))
    assert there[0] and abs(change - half) < 2.5 * RATE
    assert captured.notes["person_changes"] == f"frame {change + 1}"
    assert captured.notes["stretches"] == 2 and captured.motion.valid.all()


def test_without_boxes_movement_decides_alone(tmp_path):
    rows = np.stack([IDLE, SQUATS], axis=1).reshape(-1, 46)
    np.savez(tmp_path / "a.npz", poses=rows, frame=np.repeat(np.arange(FRAMES), 2))
    motion = recorded_motion(tmp_path / "a.npz", TIME_S).motion
    assert np.allclose(motion.q[:, KNEE], SQUATS[:, KNEE])


def test_without_boxes_nobody_is_larger_because_she_sits(tmp_path):
    sits, depth = pose(FRAMES), 0.5 - 0.5 * np.cos(2 * np.pi * TIME_S / 2.0)
    squatting = pose(FRAMES)
    for side in "rl":
        sits[:, DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(110)
        sits[:, DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(130)
        sits[:, DOF_INDEX[f"elbow_flexion_{side}"]] = np.deg2rad(20) + np.deg2rad(30) * depth
        squatting[:, DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(45) * depth
    rows = np.stack([sits, squatting], axis=1).reshape(-1, 46)
    np.savez(tmp_path / "a.npz", poses=rows, frame=np.repeat(np.arange(FRAMES), 2))
    motion = recorded_motion(tmp_path / "a.npz", TIME_S).motion
    assert np.allclose(motion.q[:, KNEE], squatting[:, KNEE])


@pytest.mark.parametrize("side_px", [np.nan, -50.0, 0.0], ids=["unknown", "negative", "a point"])
@pytest.mark.filterwarnings("error")
def test_whose_box_is_nowhere_is_not_followed(tmp_path, side_px):
    at, q, boxes = seen(IDLE, RIGHT, seed=1)
    boxes[100:, 2] = side_px
    captured, there = followed(tmp_path, seen(SQUATS, LEFT), (at, q, boxes), exercises=squat())
    assert there.all() and captured.notes["person_changes"] == ""


def test_one_alone_is_taken_as_she_is_whatever_is_named(tmp_path):
    """Absent in between, idle or not: every row of hers, and no other number."""
    at = np.concatenate([np.arange(100), np.arange(150, FRAMES)])
    captured, there = followed(tmp_path, seen(IDLE, LEFT, frames=at), exercises=squat())
    assert (np.flatnonzero(captured.motion.valid) == at).all() and there[at].all()
    assert captured.notes["people_seen"] == 1 and captured.notes["stretches"] == 2


def test_named_exercises_belong_to_the_identity(tmp_path):
    dumped(tmp_path / "a.npy", seen(SQUATS, LEFT))
    backend = RecordedBackend(tmp_path)
    video = SourceVideo("a", tmp_path / "a.mp4", tmp_path / "none.npy")
    named = SourceVideo("a", video.file, video.timestamps_file, squat())
    assert backend.depends(video) != backend.depends(named)
    assert backend.capture(named, TIME_S).motion.valid.all()
