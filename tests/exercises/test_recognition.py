"""Exercises are recognised from every side, and what is none of them is not named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.recognise import (
    NOTHING_SEEN,
    Recognised,
    is_other_exercise,
    recognise,
    recognise_turned,
    set_features,
)
from qevd_bio.exercises.recognition_features import (
    CHANNELS,
    FEATURES,
    curves_of_span,
    features_of_curves,
    movement_channels,
)
from qevd_bio.exercises.recognition_model import (
    FILE,
    family_of,
    read_model,
    shipped_model,
    standardised,
)
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from tests.exercises.performed import FACING, RULES, as_motion, performed

SKELETON = generic_skeleton()
DOWN = np.array([0.0, -1.0, 0.0])


def in_the_world(name: str, *, noise_deg: float = 1.0, seed: int = 3):
    q = performed(RULES[name], 4, noise_deg=noise_deg, seed=seed)
    q[:, DOF_INDEX["pelvis_tilt"]] -= FACING["pelvis_tilt"]
    return as_motion(q, gravity=DOWN)


@pytest.fixture(scope="module")
def squatter():
    return in_the_world("squat")


@pytest.mark.parametrize("turn_deg", [90.0, -35.0, 180.0])
def test_turning_the_camera_changes_nothing(squatter, turn_deg):
    turned = squatter.q.copy()
    turned[:, DOF_INDEX["pelvis_rotation"]] += np.deg2rad(turn_deg)
    here = set_features(squatter, 0, len(turned))
    there = set_features(replace(squatter, q=turned), 0, len(turned))
    # Leans are found in the trunk's direction, so not every cycle must begin in the same frame.
    assert np.allclose(here, there, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", ["squat", "lateral_lunge", "split_squat_right", "bird_dog"])
def test_mirroring_the_body_changes_nothing(name):
    motion = in_the_world(name)
    mirrored = replace(motion, q=mirror_q(motion.q))
    here, there = (
        movement_channels(part_of(m, 0, len(m.q)), SKELETON) for m in (motion, mirrored)
    )
    assert here.shape[1] == len(CHANNELS)
    assert np.allclose(here, there, atol=1e-9)


def test_where_a_cycle_begins_changes_little(squatter):
    channels = movement_channels(part_of(squatter, 0, len(squatter.q)), SKELETON)
    period = 84  # 2.4 s and a rest of 0.4 s at 30 frames a second
    rows = [
        features_of_curves(
            curves_of_span(channels, squatter.time_s, start, start + period), period / 30.0
        )
        for start in (12, 40, 70)
    ]
    assert len(rows[0]) == len(FEATURES)
    spread = np.ptp(np.array(rows), axis=0)
    assert np.median(spread) < 0.02 and spread.max() < 0.15


def test_what_a_backend_does_not_observe_is_not_a_feature(squatter):
    observed = squatter.observed.copy()
    observed[DOF_INDEX["pelvis_tilt"]] = False
    channels = movement_channels(replace(squatter, observed=observed), SKELETON)
    blank = {name for name, column in zip(CHANNELS, channels.T, strict=True)
             if np.isnan(column).all()}  # fmt: skip
    assert {"trunk_up", "chest_up", "thigh_up:mean"} <= blank
    assert not blank & {"knee_angle:mean", "arm_elevation:mean", "thigh_front:mean"}


def test_a_hidden_arm_counts_as_the_capture_guesses_it(squatter):
    sigma = np.full(squatter.q.shape, 0.03)
    sigma[::2, DOF_INDEX["shoulder_l_x"]] = np.inf
    channels = movement_channels(replace(squatter, frame_sigma_rad=sigma), SKELETON)
    assert np.array_equal(channels, movement_channels(squatter, SKELETON), equal_nan=True)


FOUND = (
    "squat", "pushup", "jumping_jack", "lateral_lunge", "knee_pushup", "overhead_press",
    "glute_bridge", "bird_dog", "deadlift", "lateral_raise", "front_raise", "pull_up", "plank",
)  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_a_reference_is_recognised(name):
    found = recognise(in_the_world(name))
    assert found.exercise == family_of(name)
    assert 0.0 < found.probability <= 1.0
    assert found.exercise not in dict(found.runners_up)


@pytest.mark.parametrize("name", ["crunch", "glute_bridge", "pushup"])
def test_who_was_turned_on_her_head_is_recognised_as_she_lies(name):
    right = in_the_world(name)
    turned = replace(right, gravity=-DOWN)
    found, motion = recognise_turned(turned, 180, {"crunch", "glute_bridge", "pushup"})
    assert found.exercise == name and found == recognise(right)
    assert np.allclose(motion.gravity, right.gravity)


def test_who_was_rightly_turned_stands(squatter):
    for turn_deg in (0, 90, 270):
        found, motion = recognise_turned(squatter, turn_deg, {"crunch", "glute_bridge", "pushup"})
        assert found == recognise(squatter) and motion is squatter


def test_somebody_who_stands_does_no_exercise():
    q = np.repeat(performed(RULES["squat"], 1)[:1], 240, axis=0)
    q[:, DOF_INDEX["pelvis_tilt"]] -= FACING["pelvis_tilt"]
    noise = np.random.default_rng(1).normal(0.0, np.deg2rad(1.0), q.shape)
    assert recognise(as_motion(q + noise, gravity=DOWN)).exercise is None


def test_nobody_does_nothing(squatter):
    unseen = replace(squatter, valid=np.zeros(len(squatter.q), dtype=bool))
    assert recognise(unseen) == NOTHING_SEEN
    assert recognise(squatter, 10, 12) == NOTHING_SEEN


def test_time_with_nobody_in_view_weighs_nothing():
    q = np.repeat(in_the_world("plank").q[:1], 300, axis=0)
    held = as_motion(q, gravity=DOWN)
    longer = as_motion(np.concatenate([q, q, q, q]), gravity=DOWN)
    longer = replace(longer, valid=np.arange(1200) < 300)
    assert recognise(longer).exercise == recognise(held).exercise
    assert recognise(longer).probability == pytest.approx(recognise(held).probability, abs=0.05)


def test_another_exercise_is_one_only_when_sure_and_of_another_family():
    rule = load_rules()["quad_stretch_left"]
    assert not is_other_exercise(Recognised("quad_stretch", 0.99, ()), rule)
    assert is_other_exercise(Recognised("squat", 0.95, ()), rule)
    assert not is_other_exercise(Recognised("squat", 0.6, ()), rule)
    assert not is_other_exercise(Recognised(None, 0.99, ()), rule)


def test_the_shipped_model_knows_every_rule_and_is_small():
    assert set(shipped_model().classes) == {"", *map(family_of, RULES)}
    assert FILE.stat().st_size < 5_000_000


def test_probabilities_add_up(squatter):
    odds = shipped_model().pooled(set_features(squatter, 0, len(squatter.q)))
    assert odds.sum() == pytest.approx(1.0) and odds.min() >= 0.0


def test_the_trees_say_what_a_walk_by_hand_says(squatter):
    model = shipped_model()
    features = set_features(squatter, 0, len(squatter.q))
    inputs = standardised(features, model.centre, model.spread).astype(np.float32)
    by_hand = []
    for row in inputs:
        said = []
        for tree in range(len(model.feature)):
            node = 0
            while model.feature[tree, node] >= 0:
                goes_below = row[model.feature[tree, node]] <= model.threshold[tree, node]
                node = (model.below if goes_below else model.above)[tree, node]
            said.append(model.shares[model.leaf[tree, node]])
        by_hand.append(np.mean(said, axis=0))
    assert np.allclose(model.by_trees(inputs), by_hand, atol=1e-12)


def test_a_file_that_is_no_model_is_refused(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, classes=np.array(["squat"]))
    with pytest.raises(DataError, match="no 'format'"):
        read_model(path)
    with np.load(FILE) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(path, **arrays | {"features": np.array(["knee"])})
    with pytest.raises(DataError, match="other features"):
        read_model(path)
    np.savez(path, **arrays | {"format": np.array([9])})
    with pytest.raises(DataError, match="format"):
        read_model(path)
