"""Motion from OpenSim's files: units, names, whole turns, gaps, and files of others as truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.capture.captured import Captured
from qevd_bio.capture.recorded.backend import RecordedConfig, recorded_motion
from qevd_bio.capture.recorded.opensim_motion import OpensimConfig, covered, repeated_rows
from qevd_bio.errors import DataError, VideoError
from qevd_bio.files.opensim_mot import read_mot, write_mot
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics, joint_rotations
from qevd_bio.skeleton.opensim_map import COORDINATES, ground_axes

KNEE = DOF_INDEX["knee_angle_r"]
RATE_HZ = 50.0
TIME_S = np.arange(201) / RATE_HZ
KNEE_DEG = 50.0 - 45.0 * np.cos(2.0 * np.pi * TIME_S / 2.0)
DOWN = np.array([0.0, 1.0, 0.0])


def columns(knee_deg: np.ndarray = KNEE_DEG) -> dict[str, np.ndarray]:
    """A body that bends its knees and hips, in degrees."""
    found = {name: np.full(len(knee_deg), 3.0) for name in COORDINATES}
    for side in "rl":
        found[f"knee_angle_{side}"] = knee_deg.copy()
        found[f"hip_flexion_{side}"] = 0.8 * knee_deg
    return found


def read(
    folder: Path, held: dict[str, np.ndarray], time_s: np.ndarray = TIME_S, name: str = "a.mot"
) -> Captured:
    write_mot(folder / name, time_s, held)
    return recorded_motion(folder / name, TIME_S)


def rewritten(path: Path, old: str, new: str) -> Captured:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return recorded_motion(path, TIME_S)


def test_a_sound_file_raises_no_concern(tmp_path: Path) -> None:
    found = read(tmp_path, columns())
    assert found.concerns == () and found.motion.valid.all()
    assert np.allclose(np.rad2deg(found.motion.q[:, KNEE]), KNEE_DEG, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(turns=st.lists(st.integers(-2, 2), min_size=30, max_size=30), step=st.integers(1, 199))
def test_whole_turns_too_many_change_no_pose(
    tmp_path_factory: pytest.TempPathFactory, turns: list[int], step: int
) -> None:
    """From the start of the file or from some row on, as a wrapped angle has them."""
    folder = tmp_path_factory.mktemp("turns")
    plain, turned = columns(), columns()
    for nth, (name, turn) in enumerate(zip(COORDINATES, turns, strict=True)):
        turned[name][step if nth % 2 else 0 :] += 360.0 * turn
    before, after = read(folder, plain).motion, read(folder, turned).motion
    assert np.allclose(joint_rotations(before.q), joint_rotations(after.q), atol=1e-6)
    assert np.allclose(before.q[:, KNEE], after.q[:, KNEE], atol=1e-6)


@pytest.mark.parametrize("kind", ["repeated", "nan", "missing"])
def test_a_gap_is_not_valid_and_told(tmp_path: Path, kind: str) -> None:
    held, time_s, gap = columns(), TIME_S, slice(60, 91)
    if kind == "missing":
        keep = np.setdiff1d(np.arange(len(TIME_S)), np.arange(60, 91))
        held, time_s = {name: values[keep] for name, values in held.items()}, TIME_S[keep]
    else:
        for values in held.values():
            values[gap] = values[59] if kind == "repeated" else np.nan
    found = read(tmp_path, held, time_s)
    assert np.flatnonzero(~found.motion.valid).tolist() == list(range(60, 91))
    assert np.allclose(found.motion.q[60:91], found.motion.q[59])
    assert len(found.concerns) == 1 and "31 of 201 frames lie in gaps" in found.concerns[0]
    assert ("repeat" in found.concerns[0]) == (kind == "repeated")
    assert ("NaN" in found.concerns[0]) == (kind == "nan")


def test_a_pose_that_is_held_exactly_is_no_gap(tmp_path: Path) -> None:
    """A computed motion holds still to the last digit and goes on from there."""
    held = np.concatenate([KNEE_DEG[:51], np.full(75, KNEE_DEG[50]), KNEE_DEG[51:126]])
    found = read(tmp_path, columns(held))
    assert found.motion.valid.all() and found.concerns == ()


def test_a_pose_repeated_to_the_end_is_no_gap() -> None:
    table = np.deg2rad(np.minimum(np.arange(100.0), 60.0))[:, None]
    assert not repeated_rows(table, np.arange(100) / 50.0, OpensimConfig()).any()
    assert not repeated_rows(np.zeros((1, 3)), np.zeros(1), OpensimConfig()).any()


def test_a_slow_file_is_read_between_its_rows() -> None:
    rows_s, since_s = np.arange(0.0, 3.0, 0.2), np.linspace(0.0, 2.8, 57)
    assert covered(since_s, rows_s, OpensimConfig()).all()
    assert not covered(since_s, np.delete(rows_s, [5, 6]), OpensimConfig()).all()


def test_a_coordinate_of_nan_is_absent_and_rows_of_nan_are_refused(tmp_path: Path) -> None:
    held = columns()
    held["mtp_angle_r"][:] = np.nan
    motion = read(tmp_path, held).motion
    assert motion.valid.all() and not motion.observed[DOF_INDEX["mtp_angle_r"]]
    for nth, values in enumerate(held.values()):
        values[nth % 2 :: 2] = np.nan
    with pytest.raises(VideoError, match="no row without NaN"):
        read(tmp_path, held)


def test_frames_before_the_first_row_are_no_gap(tmp_path: Path) -> None:
    found = read(tmp_path, {n: v[5:-5] for n, v in columns().items()}, TIME_S[5:-5])
    assert np.flatnonzero(~found.motion.valid).tolist() == [*range(5), *range(196, 201)]
    assert found.concerns == ()


def test_radians_marked_as_degrees_are_told(tmp_path: Path) -> None:
    radians = {name: np.deg2rad(values) for name, values in columns().items()}
    (concern,) = read(tmp_path, radians).concerns
    assert "the largest joint angle is 2 degrees" in concern and "radians" in concern


def test_degrees_marked_as_radians_are_refused(tmp_path: Path) -> None:
    write_mot(tmp_path / "a.mot", TIME_S, columns())
    with pytest.raises(DataError, match="turns a joint by 95 radians") as caught:
        rewritten(tmp_path / "a.mot", "inDegrees=yes", "inDegrees=no")
    assert "inDegrees=yes" in caught.value.next_step


def test_radians_are_the_same_motion(tmp_path: Path) -> None:
    degrees = read(tmp_path, columns()).motion
    radians = {name: np.deg2rad(values) for name, values in columns().items()}
    write_mot(tmp_path / "b.mot", TIME_S, radians)
    found = rewritten(tmp_path / "b.mot", "inDegrees=yes", "inDegrees = no")
    assert np.allclose(found.motion.q, degrees.q, atol=1e-6) and found.concerns == ()


def test_milliseconds_are_refused_with_the_guess(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the video from 0 to 4") as caught:
        read(tmp_path, columns(), TIME_S * 1000.0)
    assert "milliseconds" in caught.value.next_step


def test_knees_that_bend_negatively_are_negated(tmp_path: Path) -> None:
    usual, other = columns(), columns()
    for side in "rl":
        other[f"knee_angle_{side}"] *= -1.0
    found = read(tmp_path, other)
    assert np.allclose(found.motion.q, read(tmp_path, usual).motion.q)
    assert "negated" in str(found.notes["knees"])


def test_a_straight_knee_that_overextends_keeps_its_sign(tmp_path: Path) -> None:
    """Even where one row is far off."""
    knee_deg = -8.0 + 0.5 * np.sin(TIME_S)
    knee_deg[100] = -30.0
    found = read(tmp_path, columns(knee_deg))
    assert np.rad2deg(found.motion.q[:, KNEE]).max() < -7.0 and "knees" not in found.notes


def test_states_of_a_states_file_are_read(tmp_path: Path) -> None:
    states = {f"/jointset/any/{name}/value": values for name, values in columns().items()}
    states |= {f"/jointset/any/{name}/speed": values for name, values in columns().items()}
    found = read(tmp_path, states, name="a.sto")
    assert np.allclose(found.motion.q, read(tmp_path, columns()).motion.q)


def test_the_name_of_a_file_says_what_measured_it(tmp_path: Path) -> None:
    config = RecordedConfig()
    for name, backend, sigma_deg in (
        ("a.mot", "opensim", config.opensim_sigma_deg),
        ("OpenCap-Monocular-a.mot", "opencap-monocular", config.opencap_monocular_sigma_deg),
    ):
        motion = read(tmp_path, columns(), name=name).motion
        assert motion.backend == backend
        still = DOF_INDEX["subtalar_angle_r"]
        assert np.rad2deg(motion.sigma_rad[still]) == pytest.approx(sigma_deg, abs=0.01)


@pytest.mark.data
@pytest.mark.parametrize("name", ["spaces_in_header", "state_paths", "gap_export"])
def test_files_that_went_wrong_give_the_known_angles(shared_data: Path, name: str) -> None:
    folder = shared_data.parent / "cases" / "video"
    with np.load(folder / "truth_squat_side.npz") as truth:
        time_s, q = truth["time_s"], truth["poses"]
    found = recorded_motion(folder / f"{name}.mot", time_s)
    valid = found.motion.valid
    assert np.rad2deg(np.abs(found.motion.q[valid, KNEE] - q[valid, KNEE])).max() < 0.01
    gap = list(range(100, 160)) if name == "gap_export" else []
    assert np.flatnonzero(~valid).tolist() == gap and len(found.concerns) == bool(gap)


@pytest.mark.data
def test_radians_marked_as_degrees_in_a_squat_are_told(shared_data: Path) -> None:
    folder = shared_data.parent / "cases" / "video"
    with np.load(folder / "truth_squat_side.npz") as truth:
        found = recorded_motion(folder / "radians_marked_degrees.mot", truth["time_s"])
    assert len(found.concerns) == 1 and "is 2 degrees" in found.concerns[0]


def _triangulated(path: Path) -> dict[str, np.ndarray]:
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name.strip()]
    rows = [[float(cell) for cell in line.split("\t") if cell.strip()] for line in lines[5:]]
    table = np.array([row for row in rows if row])
    return {name: table[:, 2 + 3 * i : 5 + 3 * i] for i, name in enumerate(names)}


@pytest.mark.data
def test_pose2sim_s_motion_points_as_its_triangulation(shared_data: Path) -> None:
    """Its model has vertebrae: without them the shoulders would be 11 degrees off."""
    folder = shared_data / "pose2sim_demo"
    file = folder / "tri_body25b.mot"
    motion = recorded_motion(file, read_mot(file).time_s).motion
    joints = forward_kinematics(motion.q, generic_skeleton())[0] @ ground_axes(DOWN)
    points = _triangulated(folder / "tri_hpe.trc")

    def apart_deg(own: tuple[str, str], other: tuple[str, str]) -> float:
        a = joints[:, JOINT_INDEX[own[1]]] - joints[:, JOINT_INDEX[own[0]]]
        b = points[other[1]] - points[other[0]]
        cosine: Any = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        return float(np.median(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0)))))

    assert apart_deg(("humerus_l", "humerus_r"), ("LShoulder", "RShoulder")) < 4.0
    assert apart_deg(("femur_l", "femur_r"), ("LHip", "RHip")) < 6.0
    for side in "rl":
        a, b = f"femur_{side}", f"tibia_{side}"
        assert apart_deg((a, b), (f"{side.upper()}Hip", f"{side.upper()}Knee")) < 8.0
