"""Plausibility against hand-computed numbers, made motions and published figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.motion.capture_quality import capture_quality
from qevd_bio.motion.centre_of_mass import centre_of_mass_m, contact_translation_m
from qevd_bio.motion.normalisation import normalise_time, segment_squats
from qevd_bio.motion.plausibility import (
    LEG_PAIRS,
    angular_speed_deg_s,
    asymmetry_deg,
    feet_drift_m_s,
    floor_metrics,
    longest_gap_s,
    mean_acceleration_m_s2,
    mean_speed_m_s,
    pelvis_tilt_deg,
    range_excess_deg,
)
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, JOINT_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics, joint_turn

SKELETON = generic_skeleton(height_m=1.75)
UP = np.array([0.0, 1.0, 0.0])
NAN = float("nan")


def posed(**degrees: float) -> np.ndarray:
    q = np.zeros((1, 46))
    for name, value in degrees.items():
        q[0, DOF_INDEX[name]] = np.deg2rad(value)
    return q


def standing(frames: int = 90, rate_hz: float = 30.0) -> Motion:
    """Upright before the camera, arms hanging, not moving at all."""
    q = np.tile(posed(pelvis_tilt=180, shoulder_r_x=80, shoulder_l_x=-80), (frames, 1))
    return Motion(
        q=q,
        time_s=np.arange(frames) / rate_hz,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(2.0)),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={},
    )


@pytest.mark.parametrize(
    "degrees, tilt",
    [
        pytest.param({}, 0, id="upright"),
        pytest.param({"pelvis_tilt": -25}, -25, id="forward is negative"),
        pytest.param({"pelvis_tilt": 15}, 15, id="backward"),
        pytest.param({"pelvis_tilt": -25, "pelvis_rotation": 70}, -25, id="wherever one faces"),
        pytest.param({"pelvis_tilt": -90}, -90, id="prone"),
    ],
)
def test_pelvis_tilt(degrees, tilt):
    turned = forward_kinematics(posed(**degrees), SKELETON)[1]
    assert pelvis_tilt_deg(turned[:, 0], UP) == pytest.approx(tilt, abs=1e-9)


def test_asymmetry_is_the_mean_over_pairs_and_knows_no_whole_turns():
    q = posed(knee_angle_r=30, knee_angle_l=18, hip_flexion_l=3)
    assert asymmetry_deg(q) == pytest.approx((12 + 3 + 0) / 3)
    q[0, DOF_INDEX["knee_angle_l"]] += 2 * np.pi
    assert asymmetry_deg(q) == pytest.approx(5)
    assert asymmetry_deg(q, LEG_PAIRS[:1]) == pytest.approx(3)
    assert np.isnan(asymmetry_deg(q, ()))


def test_angular_speed_at_uneven_times_over_a_gap_and_a_turn():
    time_s = np.array([0.0, 0.1, 0.3, 0.4, 0.5])
    angle = np.deg2rad([350.0, 370.0, 410.0, NAN, 430.0])[:, None]
    wrapped = np.angle(np.exp(1j * angle))
    assert angular_speed_deg_s(angle, time_s) == pytest.approx(200)
    assert angular_speed_deg_s(wrapped, time_s) == pytest.approx(200)
    assert np.isnan(angular_speed_deg_s(angle[:1], time_s[:1]))


def test_a_falling_point_accelerates_by_gravity_whatever_the_rate():
    time_s = np.sort(np.random.default_rng(3).uniform(0, 1, 60))
    point = np.stack([time_s * 0, -9.81 / 2 * time_s**2, time_s * 3], axis=1)
    assert mean_acceleration_m_s2(point, time_s) == pytest.approx(9.81)
    assert mean_speed_m_s(point[:, [0, 0, 2]], time_s) == pytest.approx(3)


def test_the_centre_of_mass_of_a_standing_adult():
    """Winter: it lies at 0.55 to 0.58 of the height; every mass is counted once."""
    joints = forward_kinematics(posed(shoulder_r_x=85, shoulder_l_x=-85), SKELETON)[0]
    centre = centre_of_mass_m(joints)[0]
    floor = joints[0, JOINT_INDEX["toes_r"], 1]
    assert 0.55 <= (centre[1] - floor) / 1.75 <= 0.59
    assert centre[0] == pytest.approx(0, abs=1e-9)
    moved = centre_of_mass_m(joints + np.array([1.0, 2.0, 3.0]))[0]
    assert moved - centre == pytest.approx([1, 2, 3])
    arms_up = forward_kinematics(posed(shoulder_r_x=-85, shoulder_l_x=85), SKELETON)[0]
    assert centre_of_mass_m(arms_up)[0, 1] > centre[1] + 0.03


def test_contact_finds_the_translation_of_a_body_that_sways_over_one_foot():
    time_s = np.arange(120) / 30.0
    q = np.tile(posed(hip_flexion_l=60, knee_angle_l=90, ankle_angle_r=25), (120, 1))
    q[:, DOF_INDEX["pelvis_tilt"]] += 0.10 * np.sin(2 * time_s)
    q[:, DOF_INDEX["pelvis_list"]] += 0.05 * np.sin(3 * time_s)
    about_pelvis = forward_kinematics(q, SKELETON)[0]
    heel = about_pelvis[:, JOINT_INDEX["calcn_r"]]
    assert (np.argmin(about_pelvis @ UP, axis=1) == JOINT_INDEX["calcn_r"]).all()
    truth = heel[0] * [1, 0, 1] - heel
    assert contact_translation_m(about_pelvis, UP) == pytest.approx(truth, abs=1e-9)
    holey = about_pelvis.copy()
    holey[40:60] = NAN
    found = contact_translation_m(holey, UP)
    assert np.isnan(found[40:60]).all()
    assert found[60:] == pytest.approx(truth[60:], abs=1e-9)


def test_floor_metrics_of_a_body_that_sinks_floats_and_slides():
    joints = np.tile(forward_kinematics(posed(), SKELETON)[0], (100, 1, 1))
    time_s = np.arange(100) / 50.0
    joints[:10, :, 1] -= 0.05
    joints[10:30, :, 1] += 0.02
    found = floor_metrics(joints, time_s, UP)
    assert found.penetration_m == pytest.approx(0.05 * 10 / 100)
    assert found.floating_m == pytest.approx(0.02 * 20 / 100)
    still = np.tile(joints[-1:], (100, 1, 1))
    sliding = still + time_s[:, None, None] * [0.3, 0.0, 0.4]
    assert floor_metrics(sliding, time_s, UP).sliding_m_s == pytest.approx(0.5)
    assert floor_metrics(still, time_s, UP).sliding_m_s == pytest.approx(0)


def test_feet_drift_is_that_of_a_sliding_foot_not_of_a_lifted_one():
    time_s = np.arange(60) / 30.0
    joints = np.tile(forward_kinematics(posed(), SKELETON)[0], (60, 1, 1))
    swaying = joints + np.sin(time_s)[:, None, None]
    assert feet_drift_m_s(swaying, time_s, UP) == pytest.approx(0, abs=1e-9)
    foot = [JOINT_INDEX[f"{name}_l"] for name in ("talus", "calcn", "toes")]
    slid = joints.copy()
    slid[:, foot] += time_s[:, None, None] * [0.2, 0, 0]
    assert feet_drift_m_s(slid, time_s, UP) == pytest.approx(0.2)
    lifted = slid.copy()
    lifted[:, foot] += [0, 0.2, 0]
    assert np.isnan(feet_drift_m_s(lifted, time_s, UP))


@pytest.mark.parametrize(
    "degrees, excess",
    [
        pytest.param({"knee_angle_r": 150}, {}, id="a deep squat"),
        pytest.param({"knee_angle_r": -12}, {"knee_angle_r": 12}, id="knee bent forward"),
        pytest.param({"knee_angle_r": 360 + 90}, {}, id="a whole turn more"),
        pytest.param({"pelvis_tilt": 180, "pelvis_rotation": -170}, {}, id="the pelvis is free"),
        pytest.param(
            {"shoulder_r_x": 20 + 180, "shoulder_r_y": 180 - 30, "shoulder_r_z": 10 + 180},
            {},
            id="the other spelling of an arm's turn",
        ),
        pytest.param({"hip_rotation_l": 75}, {"hip_rotation_l": 30}, id="a twisted thigh"),
    ],
)
def test_range_excess(degrees, excess):
    expected = np.zeros(46)
    for name, value in excess.items():
        expected[DOF_INDEX[name]] = value
    assert range_excess_deg(posed(**degrees))[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("beyond_deg", [0.0, 30.0, 56.0])
@pytest.mark.parametrize("from_pole_deg", [0.0, 2.0])
def test_an_arm_held_out_is_possible_however_its_triple_is_spelt(beyond_deg, from_pole_deg):
    """At 90 degrees in the middle only the sum or difference of the outer two is a rotation."""
    middle = 90.0 - from_pole_deg
    turned = {"shoulder_r_x": 176.0 + beyond_deg, "shoulder_r_y": middle, "shoulder_r_z": -60.0}
    excess = range_excess_deg(posed(**turned))[0]
    assert excess.max() <= 2.0 * from_pole_deg + 1e-6


@given(st.lists(st.floats(-180, 180), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def test_the_excess_of_a_ball_joint_is_that_of_its_nearest_possible_rotation(triple):
    """Against a search over a grid of possible rotations, which can only lie farther away."""
    names = ("hip_flexion_r", "hip_adduction_r", "hip_rotation_r")
    dofs = [DOF_INDEX[name] for name in names]
    excess = range_excess_deg(posed(**dict(zip(names, triple, strict=True))))[0]
    axes = [np.linspace(DOFS[dof].low_rad, DOFS[dof].high_rad, 19) for dof in dofs]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    own = joint_turn("femur_r", np.deg2rad([triple]))
    trace = (joint_turn("femur_r", grid) * own).sum(axis=(0, 1))
    nearest = np.rad2deg(np.arccos(np.clip((trace.max() - 1) / 2, -1, 1)))
    assert nearest - 10.0 <= excess.max() <= nearest + 1.0


@pytest.mark.parametrize(
    "valid, gap_s",
    [
        ("1111111111", 0.0),
        ("1110011111", 3.0),
        ("0011111111", 2.0),
        ("1111111000", 3.0),
        ("0000000000", 9.0),
    ],
)
def test_longest_gap(valid, gap_s):
    found = np.array([digit == "1" for digit in valid])
    assert longest_gap_s(np.arange(10.0), found) == gap_s


def test_a_still_body_is_plausible_and_what_has_no_translation_is_not_made_up():
    found = capture_quality(standing(), SKELETON)
    assert found.concerns == ()
    assert (found.valid_share, found.root_source) == (1.0, "contact")
    assert found.penetration_m is found.floating_m is found.foot_sliding_m_s is None
    assert found.range_excess_share == 0.0 and found.range_excess_dof is None
    for name in ("pelvis_tilt_peak_deg", "asymmetry_deg", "angular_speed_deg_s",
                 "com_speed_m_s", "com_acceleration_m_s2", "feet_drift_m_s"):  # fmt: skip
        assert getattr(found, name) == pytest.approx(0, abs=1e-6), name
    rising = np.zeros((90, 3))
    rising[:, 1] = -standing().time_s * 0.1
    moved = capture_quality(standing(), SKELETON, rising)
    assert moved.root_source == "backend"
    assert moved.foot_sliding_m_s == pytest.approx(0.1)
    assert moved.com_speed_m_s == pytest.approx(0.1)
    assert (
        moved.floating_m == pytest.approx(moved.penetration_m) == pytest.approx(0.3 / 8, rel=0.02)
    )


def test_bad_captures_are_named():
    motion = standing()
    unseen = capture_quality(replace(motion, valid=motion.time_s < 0.5), SKELETON)
    assert unseen.concerns == (
        "nobody is seen in 83% of the frames",
        "nobody is seen for 2.5 s on end",
    )
    nobody = capture_quality(replace(motion, valid=np.zeros(90, dtype=bool)), SKELETON)
    assert nobody.com_speed_m_s is nobody.range_excess_share is nobody.confidence_median is None
    assert "nobody is seen in 100% of the frames" in nobody.concerns
    q = motion.q.copy()
    q[:20, DOF_INDEX["knee_angle_l"]] = np.deg2rad(-40)
    backward = replace(motion, q=q)
    assert capture_quality(backward, SKELETON).concerns == (
        "joints leave their range in 22% of the frames, knee_angle_l by up to 40 degrees",
    )
    blind = np.arange(46) != DOF_INDEX["knee_angle_l"]
    assert capture_quality(replace(backward, observed=blind), SKELETON).concerns == ()
    shaking = np.random.default_rng(0).normal(0, np.deg2rad(20), motion.q.shape)
    worse = capture_quality(replace(motion, q=motion.q + np.abs(shaking)), SKELETON)
    assert any("degrees/s on average" in concern for concern in worse.concerns)


def test_101_points_are_cubic_and_keep_the_ends():
    time_s = np.sort(np.random.default_rng(1).uniform(0, 2, 40))
    at = np.linspace(time_s[0], time_s[-1], 101)
    cubic = np.stack([time_s**3 - time_s, time_s**2], axis=1)
    assert normalise_time(cubic, time_s) == pytest.approx(np.stack([at**3 - at, at**2], axis=1))
    holey = cubic[:, 0].copy()
    holey[[5, 6]] = NAN
    assert normalise_time(holey, time_s) == pytest.approx(at**3 - at)
    with pytest.raises(ValueError, match="1 known"):
        normalise_time(np.array([1.0, NAN]), np.array([0.0, 1.0]))


def test_the_three_squats_most_alike_are_chosen():
    rate_hz, lengths, depths = 60.0, [1.8, 1.5, 1.5, 1.5, 1.9], [1.2, 1.6, 1.6, 1.6, 1.0]
    pieces, truth, at = [np.zeros(30)], [], 30
    for length, depth in zip(lengths, depths, strict=True):
        frames = round(length * rate_hz)
        pieces += [depth * (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frames) / frames))]
        truth.append((at / rate_hz, (at + frames) / rate_hz))
        at += frames
    knee = np.concatenate([*pieces, np.zeros(30)])
    time_s = np.arange(len(knee)) / rate_hz
    found = segment_squats(knee, knee * 0.95, time_s)
    assert [(time_s[a], time_s[b]) for a, b in found] == pytest.approx(
        [pytest.approx(span, abs=0.15) for span in truth[1:4]]
    )
    assert segment_squats(knee[:200], knee[:200], time_s[:200]) == []


OPENCAP = ("squats1_videoAndMocap.mot", "subject4_squats1_ik.mot")


def coordinates(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Seconds, and columns in rad; translations in metres."""
    lines = path.read_text().splitlines()
    header = next(i for i, line in enumerate(lines) if line.strip() == "endheader") + 1
    table = np.array([line.split() for line in lines[header + 1 :] if line.strip()], dtype=float)
    unit = 1.0 if any(line.strip() == "inDegrees=no" for line in lines) else np.pi / 180
    named = zip(lines[header].split(), table.T, strict=True)
    return table[:, 0], {
        name: values * (1.0 if name.startswith("pelvis_t") and name != "pelvis_tilt" else unit)
        for name, values in named
    }


@pytest.mark.data
@pytest.mark.parametrize("name", OPENCAP)
def test_opencap_squats_have_the_figures_bige_prints(shared_data, name):
    """Table 3, OpenCap: asymmetry 2.76 +- 0.59, 96 +- 14 degrees/s, COM 0.67 +- 0.14 m/s."""
    time_s, column = coordinates(shared_data / "opencap_opensim" / name)
    q = np.zeros((len(time_s), 46))
    for pair in LEG_PAIRS:
        for dof in pair:
            label = next(n for n, i in DOF_INDEX.items() if i == dof)
            q[:, dof] = column[label]
    legs = [dof for pair in LEG_PAIRS for dof in pair]
    root = np.stack([column[f"pelvis_t{axis}"] for axis in "xyz"], axis=1)
    assert 1.0 <= asymmetry_deg(q) <= 4.5
    assert 50 <= angular_speed_deg_s(q[:, legs], time_s) <= 140
    assert 0.3 <= mean_speed_m_s(root, time_s) <= 1.1


@pytest.mark.data
def test_opencap_squats_are_cut_while_standing(shared_data):
    time_s, column = coordinates(shared_data / "opencap_opensim" / OPENCAP[1])
    right, left = (column[f"knee_angle_{side}"] for side in "rl")
    spans = segment_squats(right, left, time_s)
    bottoms = [1.35, 3.93, 6.73, 9.44, 12.27]
    assert len(spans) == 3
    for first, last in spans:
        assert sum(time_s[first] < bottom < time_s[last] for bottom in bottoms) == 1
        assert max(right[first], right[last]) < np.deg2rad(30)
