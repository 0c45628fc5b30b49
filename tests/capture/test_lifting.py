from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.capture.monocular.body_chain import landmark_offsets, pose_chain
from qevd_bio.capture.monocular.config import LiftingConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.lifting import ShotLandmarks, lift
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import landmarks, marked, pose, squats

CONFIG = LiftingConfig()
RATE = 25.0


def seen(frames=75, azimuth=0.0, *, squeeze=0.6, noise_px=1.0, rate=RATE):
    q = squats(frames, rate, azimuth)
    return q, landmarks(marked(q), squeeze=squeeze, noise_px=noise_px)


def fitted(marks, *, rate=RATE, sections=None, config=CONFIG):
    image, world, visibility, size = marks
    frames = len(image)
    parts = np.zeros(frames, dtype=np.int64) if sections is None else sections
    shot = ShotLandmarks(image, world, visibility, np.arange(frames) / rate, parts, size)
    return lift(shot, config)


def knees_deg(q):
    return np.rad2deg(q[:, [DOF_INDEX["knee_angle_r"], DOF_INDEX["knee_angle_l"]]])


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 80.0], ids=["front", "45 degrees", "side"])
def test_knees_are_read_from_squeezed_landmarks(azimuth):
    q, marks = seen(azimuth=azimuth)
    found = knees_deg(inverse_kinematics(fitted(marks).joints_m))
    truth = knees_deg(q)
    slope = np.polyfit(truth.ravel(), found.ravel(), 1)[0]
    assert rms(found - truth) < 6.0
    assert 0.93 < slope < 1.07


def random_motion(seed, frames=60):
    """Slow swings of every limb about a standing pose, within the ranges of the joints."""
    rng = np.random.default_rng(seed)
    q = pose(frames, pelvis_rotation=float(rng.uniform(-80.0, 80.0)))
    time = np.arange(frames)[:, None] / RATE
    for name, low, high in (
        ("knee_angle", 5, 90), ("hip_flexion", 0, 80), ("hip_adduction", -25, 5),
        ("ankle_angle", -5, 20), ("elbow_flexion", 5, 100),
    ):  # fmt: skip
        for side in "rl":
            phase, speed = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6)
            swing = 0.5 - 0.5 * np.cos(2 * np.pi * speed * time[:, 0] + phase)
            q[:, DOF_INDEX[f"{name}_{side}"]] = np.deg2rad(low + (high - low) * swing)
    return q


LEANING_M = {"shoulder": -0.06, "elbow": -0.06, "wrist": -0.06, "knee": 0.02, "ankle": 0.08,
             "toe": 0.08, "hip": 0.0}  # fmt: skip
"""As MediaPipe's world landmarks lean, on real clips and rendered ones."""


@pytest.mark.parametrize("seed", range(6))
def test_exact_landmarks_give_the_angles_back(seed):
    q = random_motion(seed)
    image, world, visibility, size = landmarks(marked(q), squeeze=1.0, noise_px=0.0)
    world[..., 2] += [LEANING_M[name[:-2]] for name in JOINT]
    found = inverse_kinematics(fitted((image, world, visibility, size)).joints_m)
    for name in ("knee_angle", "hip_flexion", "elbow_flexion"):
        dofs = [DOF_INDEX[f"{name}_{side}"] for side in "rl"]
        assert rms(np.rad2deg(found - q)[:, dofs]) < 6.0, name


def test_the_fit_beats_the_world_landmarks_from_the_front():
    q, marks = seen()
    raw = rms(knees_deg(inverse_kinematics(marks[1])) - knees_deg(q))
    fit = rms(knees_deg(inverse_kinematics(fitted(marks).joints_m)) - knees_deg(q))
    assert raw > 15.0
    assert fit < raw / 3.0


def test_bones_keep_their_length_and_are_as_long_left_as_right():
    joints = fitted(seen()[1]).joints_m
    for upper, lower in (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow")):
        bones = [joints[:, JOINT[f"{lower}_{s}"]] - joints[:, JOINT[f"{upper}_{s}"]] for s in "lr"]
        lengths = np.linalg.norm(bones, axis=-1)
        assert lengths.std() < 1e-9 * lengths.mean()


def test_landmarks_project_onto_the_image():
    image, world, visibility, (width, height) = seen(noise_px=0.0)[1]
    lifted = fitted((image, world, visibility, (width, height)))
    lengths = np.array([lifted.lengths_m[name] for name in LENGTH_NAMES])
    leg = lengths[LENGTH["thigh"]] + lengths[LENGTH["shank"]]
    offsets = landmark_offsets(CONFIG.landmarks, float(leg))
    marks = pose_chain(lifted.state, lengths, offsets).landmarks_m
    focal = CONFIG.focal_share * max(width, height)
    again = marks[..., :2] / marks[..., 2:] * focal + np.array([width / 2, height / 2])
    assert np.median(np.linalg.norm(again - image, axis=-1)) < 4.0


def test_a_mirrored_picture_gives_a_mirrored_body():
    image, world, visibility, size = seen(azimuth=30.0)[1]
    swapped = [JOINT[name[:-1] + ("l" if name[-1] == "r" else "r")] for name in JOINT]
    mirrored_image = image[:, swapped] * np.array([-1.0, 1.0]) + np.array([size[0], 0.0])
    mirrored_world = world[:, swapped] * np.array([-1.0, 1.0, 1.0])
    joints = fitted((image, world, visibility, size)).joints_m
    mirrored = fitted((mirrored_image, mirrored_world, visibility, size)).joints_m
    np.testing.assert_allclose(
        mirrored, (joints * np.array([-1.0, 1.0, 1.0]))[:, swapped], atol=1e-6
    )


def test_twice_the_resolution_gives_the_same_body():
    image, world, visibility, size = seen()[1]
    larger = fitted((2.0 * image, world, visibility, (2 * size[0], 2 * size[1])))
    np.testing.assert_allclose(
        larger.joints_m, fitted((image, world, visibility, size)).joints_m, atol=1e-6
    )


def test_half_the_frame_rate_gives_nearly_the_same_knees():
    _, marks = seen(frames=100)
    image, world, visibility, size = marks
    every = knees_deg(inverse_kinematics(fitted(marks).joints_m))[::2]
    half = fitted((image[::2], world[::2], visibility[::2], size), rate=RATE / 2)
    assert rms(knees_deg(inverse_kinematics(half.joints_m)) - every) < 4.0


def test_uneven_times_give_the_knees_of_even_ones():
    q, (image, world, visibility, size) = seen(frames=150)
    take = np.cumsum(np.random.default_rng(3).choice([1, 2, 4], 60))
    take = take[take < 150]
    sections = np.zeros(len(take), dtype=np.int64)
    shot = ShotLandmarks(image[take], world[take], visibility[take], take / RATE, sections, size)
    uneven = lift(shot, CONFIG)
    found = knees_deg(inverse_kinematics(uneven.joints_m))
    assert rms(found - knees_deg(q)[take]) < 5.0
    assert abs(found.max() - knees_deg(q)[take].max()) < 6.0


def test_nothing_is_smoothed_across_a_cut():
    """Two far poses side by side stay apart when a section ends between them."""
    _, (image, world, visibility, size) = seen(frames=50, noise_px=0.0)
    low, high = 25, 0
    take = np.array([high] * 20 + [low] * 20)
    sections = np.repeat([0, 1], 20)
    marks = (image[take], world[take], visibility[take], size)
    knees = knees_deg(inverse_kinematics(fitted(marks, sections=sections).joints_m))
    assert rms(knees[18:20] - knees[:5].mean(axis=0)) < 0.5
    assert rms(knees[20:22] - knees[-5:].mean(axis=0)) < 0.5
    assert knees[20].mean() - knees[19].mean() > 80.0


def test_a_long_shot_fitted_in_parts_equals_the_whole():
    marks = seen(frames=320)[1]
    whole = fitted(marks)
    parts = fitted(marks, config=replace(CONFIG, chunk_frames=180))
    knees = [knees_deg(inverse_kinematics(fit.joints_m)) for fit in (whole, parts)]
    assert rms(knees[0] - knees[1]) < 2.0
    for name, length in whole.lengths_m.items():
        assert parts.lengths_m[name] == pytest.approx(length, rel=0.06)


def test_one_landmark_on_the_wrong_thing_is_not_followed():
    _, (image, world, visibility, size) = seen(noise_px=0.0)
    wrong = image.copy()
    wrong[30, JOINT["knee_r"]] += [0.0, 60.0]
    right = knees_deg(inverse_kinematics(fitted((image, world, visibility, size)).joints_m))
    found = knees_deg(inverse_kinematics(fitted((wrong, world, visibility, size)).joints_m))
    assert abs(found[30, 0] - right[30, 0]) < 12.0
    assert rms(np.delete(found - right, slice(26, 35), axis=0)) < 2.0


def test_the_fit_is_deterministic():
    marks = seen()[1]
    # BLAS rounds by where in memory an array happens to lie
    np.testing.assert_allclose(fitted(marks).joints_m, fitted(marks).joints_m, atol=1e-12)


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_few_frames_can_be_fitted(frames):
    assert np.isfinite(fitted(seen(frames=frames)[1]).joints_m).all()


def nan_image(image, world, visibility):
    image[3, 4] = np.nan


def nan_world(image, world, visibility):
    world[0, 0, 0] = np.nan


@pytest.mark.parametrize("damage", [nan_image, nan_world], ids=["image", "world"])
def test_nan_landmarks_are_refused(damage):
    image, world, visibility, size = seen(frames=10)[1]
    damage(image, world, visibility)
    with pytest.raises(ValueError, match="NaN"):
        fitted((image, world, visibility, size))


def test_wrong_shapes_are_refused():
    image, world, visibility, size = seen(frames=10)[1]
    with pytest.raises(ValueError, match="visibility has shape"):
        fitted((image, world, visibility[:, :5], size))
