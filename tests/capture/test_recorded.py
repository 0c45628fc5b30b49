"""Motion from dumps and .mot files: the person followed, valid frames, refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.capture.recorded.backend import RecordedConfig, recorded_file, recorded_motion
from qevd_bio.capture.recorded.follow_person import FollowingConfig, follow
from qevd_bio.errors import DataError, VideoError
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.files.opensim_mot import read_mot, write_mot
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS
from qevd_bio.skeleton.opensim_map import COORDINATES

GOLDEN = Path(__file__).parents[1] / "golden" / "hsmr" / "HSMR-synthetic.npy"
KNEE = DOF_INDEX["knee_angle_r"]
RATE_HZ = 30.0


def times(frames: int) -> np.ndarray:
    return 1.69e9 + np.arange(frames) / RATE_HZ


def person(knee: float, x: float, side: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    pose = np.zeros(N_DOFS)
    pose[KNEE], pose[0] = knee, np.pi
    return pose, np.array([x, 300.0, side])


def record(*people: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """One frame as HSMR writes it."""
    count = len(people)
    return {
        "patch_cam_t": np.zeros((count, 3), np.float32),
        "poses": np.array([p for p, _ in people], np.float32).reshape(count, 46),
        "betas": np.full((count, 10), 0.5, np.float32),
        "full_cam_t": np.zeros((count, 3), np.float32),
        "bbx_cs": [b.astype(np.float32) for _, b in people] if people else None,
    }


def dumped(path: Path, frames: list[Any]) -> Path:
    held = np.empty(len(frames), dtype=object)
    for i, frame in enumerate(frames):
        held[i] = frame
    np.save(path, held, allow_pickle=True)
    return path


def test_a_dump_of_hsmr_itself_is_read() -> None:
    read = recorded_motion(GOLDEN, times(4))
    assert read.motion.valid.tolist()[1] is False
    assert read.motion.valid.sum() >= 1 and read.motion.observed.all()
    assert read.motion.betas is not None and read.motion.betas.shape == (4, 10)
    assert np.isfinite(read.motion.betas).all(axis=1).tolist() == read.motion.valid.tolist()
    assert read.notes["frames_in_file"] == 4


def test_one_person_is_followed_through_swapped_rows(tmp_path: Path) -> None:
    """Two people change places in the list; a knee that jumps would be 2 rad off."""
    frames = []
    for i in range(60):
        subject, other = person(0.01 * i, 300.0), person(2.0, 900.0, 150.0)
        frames.append(record(*((subject, other) if (i // 3) % 2 else (other, subject))))
    frames[40] = record(person(2.0, 900.0, 150.0))  # the subject is missed once
    read = recorded_motion(dumped(tmp_path / "a.npy", frames), times(60))
    expected = 0.01 * np.arange(60)
    expected[40] = expected[39]
    assert np.allclose(read.motion.q[:, KNEE], expected, atol=1e-6)
    assert np.flatnonzero(~read.motion.valid).tolist() == [40]
    assert read.notes["people_seen"] == 2 and read.notes["stretches"] == 1


def test_people_who_cross_keep_their_names_by_pose(tmp_path: Path) -> None:
    frames = []
    for i in range(61):
        left, right = person(0.1, 300.0 + 10 * i), person(2.0, 900.0 - 10 * i)
        frames.append(record(left, right) if i % 2 else record(right, left))
    read = recorded_motion(dumped(tmp_path / "a.npy", frames), times(61))
    assert np.ptp(read.motion.q[:, KNEE]) < 1e-6


def test_a_passer_by_is_not_followed_and_a_cut_is(tmp_path: Path) -> None:
    frames = [record(person(0.1, 300.0)) for _ in range(60)]
    frames += [record(person(1.5, 800.0, 600.0)) for _ in range(10)]  # a third of a second
    frames += [record() for _ in range(40)]
    frames += [record(person(0.3, 700.0, 400.0)) for _ in range(45)]  # after a cut
    read = recorded_motion(dumped(tmp_path / "a.npy", frames), times(155))
    valid = read.motion.valid
    assert valid[:60].all() and not valid[60:110].any() and valid[110:].all()
    assert np.allclose(read.motion.q[60:110, KNEE], 0.1)
    assert read.notes["stretches"] == 2


def test_frames_without_a_person_hold_the_last_pose_and_leading_ones_the_first(
    tmp_path: Path,
) -> None:
    frames = [record(), record(), record(person(0.5, 300.0)), record(), record(person(0.6, 300.0))]
    motion = recorded_motion(dumped(tmp_path / "a.npy", frames), times(5)).motion
    assert np.allclose(motion.q[:, KNEE], [0.5, 0.5, 0.5, 0.5, 0.6])
    assert motion.valid.tolist() == [False, False, True, False, True]
    assert motion.confidence.tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_angles_are_unwrapped_and_left_outside_of_their_range(tmp_path: Path) -> None:
    frames = []
    for i in range(40):
        pose, box = person(3.0, 300.0)
        pose[0] = np.pi + 0.02 * (-1) ** i
        pose[0] = np.angle(np.exp(1j * pose[0]))
        frames.append(record((pose, box)))
    motion = recorded_motion(dumped(tmp_path / "a.npy", frames), times(40)).motion
    assert np.abs(np.diff(motion.q[:, 0])).max() < 0.05
    assert np.allclose(motion.q[:, KNEE], 3.0), "172 degrees, beyond the knee's range"


def test_a_row_that_is_not_finite_is_nobody(tmp_path: Path) -> None:
    broken = person(0.1, 300.0)
    broken[0][4] = np.nan
    frames = [record(person(0.1, 300.0)), record(broken), record(person(0.1, 300.0))]
    motion = recorded_motion(dumped(tmp_path / "a.npy", frames), times(3)).motion
    assert motion.valid.tolist() == [True, False, True]


@pytest.mark.parametrize("shape", ["array", "rows", "dict rows", "npz"])
def test_older_and_simpler_layouts(tmp_path: Path, shape: str) -> None:
    poses = np.array([person(0.1 * i, 0.0)[0] for i in range(6)])
    path = tmp_path / ("a.npz" if shape == "npz" else "a.npy")
    if shape == "npz":
        np.savez(path, poses=poses, betas=np.zeros((6, 10)), bbx_cs=np.zeros((6, 3)))
    elif shape == "array":
        np.save(path, poses)
    else:
        dumped(path, [row if shape == "rows" else {"poses": row} for row in poses])
    motion = recorded_motion(path, times(6)).motion
    assert np.allclose(motion.q[:, KNEE], 0.1 * np.arange(6)) and motion.valid.all()


@pytest.mark.parametrize(("frames", "valid"), [(9, 9), (10, 10), (8, 8), (12, 10)])
def test_two_frames_may_differ_at_the_end(tmp_path: Path, frames: int, valid: int) -> None:
    dump = dumped(tmp_path / "a.npy", [record(person(0.1, 300.0))] * frames)
    motion = recorded_motion(dump, times(10)).motion
    assert len(motion.time_s) == 10 and motion.valid.sum() == valid


@pytest.mark.parametrize("frames", [7, 13, 20])
def test_a_dump_of_another_length_is_refused_and_never_stretched(tmp_path, frames) -> None:
    dump = dumped(tmp_path / "a.npy", [record(person(0.1, 300.0))] * frames)
    with pytest.raises(DataError, match=f"has {frames} frames, the video 10 timestamps"):
        recorded_motion(dump, times(10))


BAD = {
    "no poses": ({"betas": np.zeros((1, 10))}, "has no 'poses'"),
    "wrong width": ({"poses": np.zeros((1, 45))}, r"shape \(1, 45\)"),
    "words": ({"poses": ["a"]}, "not of numbers"),
    "boxes": (record(person(0, 0)) | {"bbx_cs": [np.zeros(3)] * 2}, "1 poses and 2 rows"),
}


@pytest.mark.parametrize(("frame", "cause"), BAD.values(), ids=BAD)
def test_a_malformed_frame_is_named(tmp_path: Path, frame: Any, cause: str) -> None:
    good = record(person(0.1, 300.0))
    dump = dumped(tmp_path / "a.npy", [good, frame, good])
    with pytest.raises(DataError, match=cause) as caught:
        recorded_motion(dump, times(3))
    assert "frame 1" in caught.value.where


@pytest.mark.parametrize("kind", ["complex128", "M8[D]", "V8", "<U4", "?"])
def test_a_flat_dump_of_other_things_than_numbers_is_refused(tmp_path: Path, kind: str) -> None:
    np.savez(tmp_path / "a.npz", poses=np.zeros((3, 46), kind))
    with pytest.raises(DataError, match="'poses' is not of numbers"):
        recorded_motion(tmp_path / "a.npz", times(3))


def numbered(path: Path, frame: Any, **others: np.ndarray) -> Path:
    """Rows as a user writes SKEL-CF's parameters: pose, shape and the number of the frame."""
    frame = np.asarray(frame)
    poses = np.array([person(0.1 * i, 0.0)[0] for i in range(len(frame))]).reshape(-1, N_DOFS)
    np.savez(path, poses=poses, betas=np.zeros((len(frame), 10)), frame=frame, **others)
    return path


def test_rows_of_skel_cf_lie_on_the_frames_they_name(tmp_path: Path) -> None:
    """Its demo leaves out pictures without a person: here 1, 4 and everything after 5."""
    read = recorded_motion(numbered(tmp_path / "SKEL-CF-a.npz", [0, 2, 3, 5]), times(30))
    motion = read.motion
    assert np.flatnonzero(motion.valid).tolist() == [0, 2, 3, 5]
    assert np.allclose(motion.q[[0, 2, 3, 5], KNEE], [0.0, 0.1, 0.2, 0.3])
    assert motion.backend == "skel-cf" and motion.observed.all()
    assert motion.betas is not None and np.isfinite(motion.betas[0]).all()


def test_rows_of_one_frame_are_several_people(tmp_path: Path) -> None:
    frame = np.repeat(np.arange(60), 2)
    dump = numbered(tmp_path / "SKEL-CF-a.npz", frame)
    poses = np.array([person(0.01 * i if k == i % 2 else 2.0, 0)[0]
                      for i in range(60) for k in (0, 1)])  # fmt: skip
    boxes = np.array([person(0, 300.0 if k == i % 2 else 900.0, 200.0 if k == i % 2 else 90.0)[1]
                      for i in range(60) for k in (0, 1)])  # fmt: skip
    np.savez(dump, poses=poses, frame=frame, bbx_cs=boxes)
    read = recorded_motion(dump, times(60))
    assert read.notes["people_seen"] == 2
    assert np.allclose(read.motion.q[:, KNEE], 0.01 * np.arange(60))


def test_rows_of_frames_may_come_in_any_order(tmp_path: Path) -> None:
    read = recorded_motion(numbered(tmp_path / "SKEL-CF-a.npz", [3, 0, 2]), times(4))
    assert np.flatnonzero(read.motion.valid).tolist() == [0, 2, 3]
    assert np.allclose(read.motion.q[[3, 0, 2], KNEE], [0.0, 0.1, 0.2])
    with pytest.raises(VideoError, match="holds nobody"):
        recorded_motion(numbered(tmp_path / "SKEL-CF-b.npz", np.zeros(0, int)), times(4))


def test_parameters_of_skel_cf_are_found_in_its_own_dicts(tmp_path: Path) -> None:
    """As its network returns them for one picture."""
    frames = []
    for i in range(6):
        poses = np.float32([person(0.1 * i, 0.0)[0]])
        within = {"poses": poses, "betas": np.zeros((1, 10), np.float32)}
        frames.append({"pd_skel_params": within, "pd_cam_t": np.zeros((1, 3), np.float32)})
    motion = recorded_motion(dumped(tmp_path / "SKEL-CF-a.npy", frames), times(6)).motion
    assert np.allclose(motion.q[:, KNEE], 0.1 * np.arange(6)) and motion.valid.all()
    assert motion.backend == "skel-cf" and motion.betas is not None


@pytest.mark.parametrize(
    ("frame", "cause"),
    [
        ([0, 1, 40], "has 41 frames, the video 10 timestamps"),
        ([0, 1, -1], "not between 0 and"),
        ([0, 1, 10**15], "not between 0 and"),
        ([0.0, 1.0, 2.0], "one whole number for each of 3 poses"),
        ([[0], [1], [2]], "one whole number for each of 3 poses"),
    ],
    ids=["too many", "negative", "huge", "not whole", "shape"],
)
def test_numbers_of_frames_that_cannot_be_are_refused(
    tmp_path: Path, frame: Any, cause: str
) -> None:
    with pytest.raises(DataError, match=cause):
        recorded_motion(numbered(tmp_path / "SKEL-CF-a.npz", frame), times(10))


def test_a_knee_a_turn_too_far_is_brought_back(tmp_path: Path) -> None:
    poses = np.array([person(0.05 * i + 2.0 * np.pi, 0.0)[0] for i in range(40)])
    np.savez(tmp_path / "a.npz", poses=poses)
    motion = recorded_motion(tmp_path / "a.npz", times(40)).motion
    assert np.allclose(motion.q[:, KNEE], 0.05 * np.arange(40))


def test_a_dump_of_nobody_is_reported(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="holds nobody"):
        recorded_motion(dumped(tmp_path / "a.npy", [record()] * 3), times(3))


def test_the_file_is_found_by_the_video_id(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file of video 0007.*HSMR-0007.npy"):
        recorded_file(tmp_path, "0007")
    (tmp_path / "0007.mot").touch()
    assert recorded_file(tmp_path, "0007").name == "0007.mot"
    (tmp_path / "HSMR-0007.npy").touch()
    with pytest.raises(DataError, match="several files"):
        recorded_file(tmp_path, "0007")
    for name in ("SKEL-CF-0008.npz", "OpenCap-Monocular-0009.mot", "0010.sto"):
        (tmp_path / name).touch()
        assert recorded_file(tmp_path, name.split(".")[0][-4:]).name == name


def test_following_needs_no_boxes() -> None:
    poses = [np.array([person(0.1, 0)[0], person(2.0, 0)[0]])[:: (-1) ** i] for i in range(40)]
    found = follow(poses, [None] * 40, times(40), FollowingConfig())
    followed = [poses[i][found.row[i], KNEE] for i in range(40)]
    assert np.ptp(followed) == 0.0 and found.people == 2


def made_mot(path: Path, seconds: float, rate_hz: float = 100.0, begin_s: float = 0.0) -> Path:
    time_s = begin_s + np.arange(round(seconds * rate_hz) + 1) / rate_hz
    columns = {name: np.zeros(len(time_s)) for name in COORDINATES}
    columns["knee_angle_r"] = 50.0 + 40.0 * np.sin(time_s)
    write_mot(path, time_s, columns)
    return path


def test_a_mot_is_read_at_the_video_s_own_times(tmp_path: Path) -> None:
    stamps = times(91) + 0.004 * (np.arange(91) % 2)
    motion = recorded_motion(made_mot(tmp_path / "a.mot", 3.0), stamps).motion
    known = np.deg2rad(50.0 + 40.0 * np.sin(stamps - stamps[0]))
    assert np.allclose(motion.q[:, KNEE], known, atol=1e-4)
    assert motion.valid.all() and motion.gravity_source == "ground"
    assert motion.observed[KNEE] and not motion.observed[DOF_INDEX["lumbar_extension"]]


def test_frames_outside_of_a_mot_are_not_valid(tmp_path: Path) -> None:
    motion = recorded_motion(made_mot(tmp_path / "a.mot", 2.8, begin_s=0.1), times(91)).motion
    assert not motion.valid[0] and not motion.valid[-1] and motion.valid[45]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda p: made_mot(p, 8.0), "lasts from 0.00 to 8.00 s, the video from 0 to 3.00 s"),
        (lambda p: made_mot(p, 3.0, begin_s=2.0), "lasts from 2.00"),
        (lambda p: write_mot(p, np.arange(4.0), {"x": np.zeros(4)}), "full-body model"),
        (lambda p: write_mot(p, np.arange(4.0), {"arm_flex_r": np.zeros(4)}), "without arm_add_r"),
    ],
    ids=["longer", "later", "strange", "half a joint"],
)
def test_a_mot_that_does_not_fit_is_refused(tmp_path: Path, change: Any, cause: str) -> None:
    change(tmp_path / "a.mot")
    with pytest.raises(DataError, match=cause):
        recorded_motion(tmp_path / "a.mot", times(91))


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["squats1_videoAndMocap", "subject4_squats1_ik", "subject4_squatsAsym1_ik"]
)
def test_opencap_squats_count_five_and_are_checked(shared_data: Path, name: str) -> None:
    path = shared_data / "opencap_opensim" / f"{name}.mot"
    motion = recorded_motion(path, read_mot(path).time_s).motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    rule = load_rules()["squat"]
    found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
    cycles = [one.cycle for one in found.cycles]
    known = next(
        entry["events_s"]
        for entry in json.loads((shared_data / "manifest.json").read_text())
        if entry["id"].endswith(f"{name}.mot") or entry["id"].endswith(name)
    )
    assert np.allclose([cycle.key_s for cycle in cycles], known, atol=0.25)
    findings = segment_findings(motion, rule, cycles, skeleton)
    depth = [one for of_cycle in findings for one in of_cycle if one.constraint_id == "depth"]
    assert len(depth) == 10 and all(one.status == "measured" for one in depth)


@pytest.mark.data
def test_the_mean_pose_of_hsmr_stands_upright(shared_data: Path, tmp_path: Path) -> None:
    mean = np.load(shared_data / "skel_formats" / "HSMR_SKEL_mean.npz")["poses"]
    np.save(tmp_path / "a.npy", np.tile(mean, (5, 1)))
    motion = recorded_motion(tmp_path / "a.npy", times(5), RecordedConfig()).motion
    assert abs(motion.q[0, 0]) == pytest.approx(np.pi, abs=0.2)
