from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from qevd_bio.capture.hsmr.confidence import (
    LARGE_JOINTS,
    confidence,
    disagreement,
    flip_sigma,
    impossible,
)
from qevd_bio.capture.hsmr.config import ConfidenceConfig, StandingConfig
from qevd_bio.capture.hsmr.gravity import find_gravity
from qevd_bio.capture.hsmr.person_track import PersonTrack
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from qevd_bio.synthetic.scene import (
    View,
    camera_for,
    in_camera_frame,
    pelvis_angles,
    pelvis_rotation,
)

CONFIG = ConfidenceConfig()
FACING = np.zeros(46)
FACING[0] = np.pi


def track(frames=6, **changes):
    q = np.tile(FACING, (frames, 1))
    whole = PersonTrack(
        size_px=(640, 480),
        shot=np.zeros(frames, np.int64),
        found=np.ones(frames, bool),
        somebody_else=np.zeros(frames, bool),
        square_px=np.tile([320.0, 240.0, 300.0], (frames, 1)),
        score=np.full(frames, 0.9),
        inside=np.ones(frames),
        edges=np.zeros(frames, np.int64),
        q=q,
        betas=np.zeros((frames, 10)),
        mirrored_q=np.full((frames, 46), np.nan),
    )
    return replace(whole, **changes)


def turned_by(degrees):
    """The same pose with its hip bent by so many degrees more."""
    q = np.tile(FACING, (6, 1))
    q[:, DOF_INDEX["hip_flexion_r"]] += np.deg2rad(degrees)
    return q


def test_without_a_doubt_the_detector_s_score_is_left():
    np.testing.assert_allclose(confidence(track(), CONFIG), 0.9)


def test_confidence_falls_with_everything_that_speaks_against_a_frame():
    q = np.tile(FACING, (6, 1))
    q[:, DOF_INDEX["knee_angle_r"]] = np.deg2rad(-60.0)
    for against in (
        track(score=np.full(6, 0.6)),
        track(inside=np.full(6, 0.7)),
        track(edges=np.ones(6, np.int64)),
        track(mirrored_q=turned_by(40.0)),
        track(q=q),
    ):
        assert (confidence(against, CONFIG) < 0.89).all()
    nobody = track(found=np.array([True] * 5 + [False]), mirrored_q=turned_by(0.0))
    nobody.q[5] = nobody.mirrored_q[5] = np.nan
    assert confidence(nobody, CONFIG)[5] == 0.0 and (confidence(nobody, CONFIG)[:5] > 0.89).all()


def test_disagreement_is_the_mean_turn_between_the_joints():
    apart = disagreement(np.tile(FACING, (6, 1)), turned_by(33.0))
    np.testing.assert_allclose(np.rad2deg(apart), 33.0 / len(LARGE_JOINTS))
    # at gimbal lock the angles differ and the rotation does not
    locked, same = np.tile(FACING, (1, 1)), np.tile(FACING, (1, 1))
    middle, first, last = (DOF_INDEX[f"shoulder_r_{axis}"] for axis in "yxz")
    locked[:, [middle, first, last]] = np.pi / 2, 0.3, 0.1
    same[:, [middle, first, last]] = np.pi / 2, 0.5, 0.3
    assert disagreement(locked, same) == pytest.approx(0.0, abs=1e-6)
    assert abs(locked - same).max() > 0.1


def test_disagreement_at_the_threshold_halves_and_is_interpolated():
    mirrored = np.full((6, 46), np.nan)
    mirrored[0] = FACING
    mirrored[5] = FACING
    # turning the pelvis turns one of the joints: eleven times as far for the mean
    for joint in ("pelvis_tilt", "hip_flexion_r", "hip_flexion_l", "lumbar_extension",
                  "thorax_extension", "shoulder_r_z", "shoulder_l_z", "knee_angle_r",
                  "knee_angle_l"):  # fmt: skip
        mirrored[5, DOF_INDEX[joint]] += np.deg2rad(CONFIG.doubtful_deg)
    for elbow in ("elbow_flexion_r", "elbow_flexion_l"):
        mirrored[5, DOF_INDEX[elbow]] += np.deg2rad(CONFIG.doubtful_deg)
    trust = confidence(track(mirrored_q=mirrored), CONFIG)
    assert trust[0] == pytest.approx(0.9) and trust[5] == pytest.approx(0.45, abs=0.01)
    assert (np.diff(trust) < 0).all()


def test_impossible_angles_are_counted_beyond_a_margin_and_across_the_circle():
    q = np.tile(FACING, (3, 1))
    q[1, DOF_INDEX["knee_angle_l"]] = np.deg2rad(-9.0)
    q[2, DOF_INDEX["knee_angle_l"]] = np.deg2rad(-40.0)
    share = impossible(q, 10.0)
    assert share[0] == share[1] == 0.0 and share[2] == pytest.approx(1 / 43)
    np.testing.assert_allclose(impossible(q + 2 * np.pi, 10.0), share)


def test_flip_sigma_finds_the_noise_of_both_and_nothing_without_mirrored_crops():
    rng = np.random.default_rng(0)
    truth = np.tile(FACING, (4000, 1))
    sigma = np.deg2rad(rng.uniform(1.0, 9.0, 46))
    one, other = (truth + sigma * rng.normal(size=truth.shape) for _ in range(2))
    other[::7] = np.nan
    np.testing.assert_allclose(flip_sigma(one, mirror_q(mirror_q(other))), sigma, rtol=0.06)
    assert (flip_sigma(one, np.full_like(one, np.nan)) == 0.0).all()


TIME_S = np.arange(90) / 30.0
ALL = np.ones(90, bool)


def standing(pitch_deg, roll_deg=0.0, azimuth_deg=30.0, sway_deg=1.0):
    """A standing person in the picture of a tilted camera, and the direction of gravity."""
    rng = np.random.default_rng(1)
    world = np.zeros((90, 46))
    world[:, :3] = np.deg2rad(sway_deg) * rng.normal(size=(90, 3))
    world[:, DOF_INDEX["shoulder_r_x"]] = 1.2
    camera = camera_for(View("tilted", azimuth_deg, 3.0, 1.0, pitch_deg, 55.0), 480, 640)
    q = in_camera_frame(world, camera)
    down = camera.rotation @ np.array([0.0, -1.0, 0.0])
    roll = Rotation.from_euler("z", roll_deg, degrees=True)
    return rolled(q, roll), roll.apply(down)


def rolled(q, roll):
    """The same body before a camera that is rolled about its line of sight."""
    q = q.copy()
    q[:, :3] = pelvis_angles(roll.as_matrix() @ pelvis_rotation(q))
    return q


@pytest.mark.parametrize(
    ("pitch", "roll", "azimuth"),
    [(0, 0, 0), (12, 0, 30), (-10, 0, 90), (15, 8, -45), (0, -12, 180)],
)
def test_gravity_is_found_from_somebody_who_stands(pitch, roll, azimuth):
    q, down = standing(pitch, roll, azimuth)
    found = find_gravity(q, TIME_S, ALL, StandingConfig())
    assert found.source == "standing" and found.standing_frames > 80
    assert np.rad2deg(np.arccos(found.down @ down)) < 2.5
    assert np.linalg.norm(found.down) == pytest.approx(1.0, abs=1e-8)


def lying():
    q, _ = standing(0.0)
    return rolled(q, Rotation.from_euler("z", 88, degrees=True))


def crouching():
    q, _ = standing(10.0)
    q[:, [DOF_INDEX["knee_angle_r"], DOF_INDEX["knee_angle_l"]]] = 1.0
    return q


def swaying():
    return standing(10.0, sway_deg=14.0)[0]


@pytest.mark.parametrize(
    "q", [lying(), crouching(), swaying()], ids=["lying", "crouching", "swaying"]
)
def test_without_somebody_who_stands_still_the_picture_s_down_is_taken(q):
    found = find_gravity(q, TIME_S, ALL, StandingConfig())
    assert found.source == "camera" and found.down.tolist() == [0.0, 1.0, 0.0]
    assert found.tilt_deg == 0.0


def test_a_moment_of_standing_is_not_enough():
    q, _ = standing(12.0)
    assert find_gravity(q, TIME_S, TIME_S < 0.5, StandingConfig()).source == "camera"
    # nor are single frames all over the video
    assert find_gravity(q, TIME_S, np.arange(90) % 2 == 0, StandingConfig()).source == "camera"
    assert (
        find_gravity(np.full((90, 46), np.nan), TIME_S, ~ALL, StandingConfig()).source == "camera"
    )
