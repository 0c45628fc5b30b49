"""Of several people the one who exercises is chosen, not the largest or the first."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.config import PerformerConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.follow_person import PersonLandmarks
from qevd_bio.capture.person.performer import SeenPerson, performer
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import landmarks, pose, squats, stick, walking

CONFIG = PerformerConfig()
RATE = 25.0
FRAMES = 250
TIME_S = np.arange(FRAMES) / RATE


def squat(start: int = 0, end: int = FRAMES) -> list[ExpectedExercise]:
    return [ExpectedExercise(start, end, "repetitive", "standing", "knee_flexion", 0.7, 5.0)]


def seen(q: np.ndarray, *, x_px=0.0, scale: float = 1.0, frames=None, seed: int = 0) -> SeenPerson:
    """See poses at a place in the picture, with a pixel of noise, in all frames or some."""
    at = np.arange(FRAMES) if frames is None else np.asarray(frames)
    image, world, _, _ = landmarks(stick(q[: len(at)]), squeeze=0.6, noise_px=1.0, seed=seed)
    rng = np.random.default_rng(seed)
    whole = np.zeros((len(at), 33, 2))
    whole[:, list(BODY_LANDMARKS)] = scale * image
    whole[..., 0] += np.asarray(x_px)[..., None] if np.ndim(x_px) else x_px
    body = np.zeros((len(at), 33, 3))
    body[:, list(BODY_LANDMARKS)] = world + rng.normal(0.0, 0.01, world.shape)
    visibility, size_px = np.ones((len(at), 33)), np.full(len(at), 100.0 * scale)
    return PersonLandmarks(at, whole, body, visibility, size_px).seen()


SQUATS, IDLE = squats(FRAMES, RATE, 20.0), pose(FRAMES)


def chosen(people, expected=(), time_s=TIME_S):
    return performer(people, time_s, 0, len(time_s), list(expected), CONFIG)


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("first", [True, False], ids=["found first", "found second"])
@pytest.mark.parametrize("scale", [1.0, 1.8], ids=["equal", "idle one nearer"])
def test_the_idle_one_is_left(named, first, scale):
    athlete, other = seen(SQUATS), seen(IDLE, x_px=300.0, scale=scale, seed=1)
    people = {0: athlete, 1: other} if first else {0: other, 1: athlete}
    assert (chosen(people, squat() if named else ()) == (0 if first else 1)).all()


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_somebody_who_walks_through_is_left(named):
    frames = np.arange(90, 165)
    x_px = np.linspace(-300.0, 700.0, len(frames))
    walker = seen(walking(len(frames), RATE), x_px=x_px, scale=1.3, frames=frames, seed=2)
    assert (chosen({0: seen(SQUATS), 1: walker}, squat() if named else ()) == 0).all()


def test_the_measure_of_the_named_exercise_decides():
    """Two exercise: one squats, the other moves the arms more than she the knees."""
    arms = pose(FRAMES)
    lift = np.deg2rad(120) * (0.5 - 0.5 * np.cos(2 * np.pi * TIME_S / 1.5))
    for side in "rl":
        arms[:, DOF_INDEX[f"elbow_flexion_{side}"]] = lift
    people = {0: seen(SQUATS), 1: seen(arms, x_px=300.0, seed=1)}
    curls = [ExpectedExercise(0, FRAMES, "repetitive", "standing", "elbow_flexion", 0.7, 5.0)]
    assert (chosen(people, squat()) == 0).all()
    assert (chosen(people, curls) == 1).all()


def test_of_two_who_do_the_same_the_nearer_counts():
    """A mirror shows the same movement from farther away."""
    image = seen(SQUATS, x_px=300.0, scale=0.7, seed=1)
    assert (chosen({0: image, 1: seen(SQUATS)}) == 1).all()


def test_a_short_absence_is_no_change_and_turns_at_exercising_are():
    gone = np.concatenate([np.arange(100), np.arange(150, FRAMES)])
    people = {0: seen(SQUATS, frames=gone), 1: seen(IDLE, x_px=300.0, seed=1)}
    assert (chosen(people, squat()) == 0).all()
    long_s = np.arange(2 * FRAMES) / RATE
    first = np.concatenate([SQUATS, IDLE])
    second = np.concatenate([IDLE, SQUATS])
    frames = np.arange(2 * FRAMES)
    taking_turns = {
        0: seen(first, frames=frames),
        1: seen(second, x_px=300.0, frames=frames, seed=1),
    }
    numbers = chosen(taking_turns, time_s=long_s)
    assert numbers[0] == 0 and numbers[-1] == 1
    (change,) = np.flatnonzero(np.diff(numbers))
    assert abs(change - FRAMES) < 2.5 * RATE


def test_somebody_who_stands_by_is_no_plank():
    lying = pose(FRAMES, pelvis_tilt=90.0)
    plank = [ExpectedExercise(0, FRAMES, "hold", "prone", "body_line", 5.0, 120.0)]
    people = {0: seen(IDLE, x_px=300.0), 1: seen(lying, seed=1)}
    assert (chosen(people, plank) == 1).all()


def test_nobody_and_one_alone():
    assert (chosen({}) == -1).all()
    assert (chosen({4: seen(IDLE)}) == 4).all()
