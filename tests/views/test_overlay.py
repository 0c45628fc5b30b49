"""A video with marks: the place of the skeleton, the texts, the content of the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, JOINT_NAMES, N_DOFS
from qevd_bio.skeleton.measure_anchors import ANCHORS
from qevd_bio.skeleton.measures import CATALOGUE
from qevd_bio.views.analysed_video import AnalysedSegment, AnalysedVideo
from qevd_bio.views.overlay.draw_skeleton import GLYPHS, imaging
from qevd_bio.views.overlay.frame_marks import (
    VIOLATION_SHOWN_S,
    VideoMarks,
    phase_words,
    progress_words,
    shown_violations,
)
from qevd_bio.views.overlay.project_joints import INSET_SHARE, joints_px, pinhole_px
from qevd_bio.views.overlay.shown_measures import shown_measures
from qevd_bio.views.overlay.write_video import write_overlay
from tests.release.made_artifacts import finding

pytest.importorskip("PIL", reason='pictures need the extra: pip install "qevd-bio[plot]"')

SIZE = (320, 240)
RULES = load_rules()
SQUAT = RULES["squat"]


def squats(repetitions: int = 2) -> Motion:
    """Reference squats in front of the camera, facing it, three metres away."""
    cycle = build_reference(SQUAT)[:-1][::5]
    q = np.tile(cycle, (repetitions, 1))
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    frames = len(q)
    return Motion(
        q=q,
        time_s=100.0 + np.arange(frames) * 0.1,
        confidence=np.ones(frames),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(N_DOFS, dtype=bool),
        sigma_rad=np.full(N_DOFS, 0.05),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m=segment_lengths_for_height(1.75),
        root_m=np.tile([0.3, 0.1, 3.0], (frames, 1)),
        focal_share=1.2,
    )


def cycle(start: int, key: int, end: int, kind: str = "cycle", side: str | None = None) -> Cycle:
    at = [100.0 + 0.1 * frame for frame in (start, key, end)]
    return Cycle(kind, start, key, end, at[0], at[1], at[2], side)


def made_finding(**changed: object) -> Finding:
    names = Finding.__dataclass_fields__
    row = finding(**{"key_frame": 10, "key_s": 101.0, **changed})
    return Finding(**{name: row[name] for name in names})


def video_marks(motion: Motion, *findings: Finding) -> VideoMarks:
    cycles = (cycle(0, 10, 20), cycle(20, 30, 39))
    return VideoMarks(motion, [AnalysedSegment(0, "squats", 0, 40, SQUAT, cycles, findings)], SIZE)


def test_a_pinhole_by_hand() -> None:
    # 1 m right and 0.5 m up at 4 m, focal length 1.2 * 320 px = 384 px
    assert pinhole_px(np.array([1.0, -0.5, 4.0]), 1.2, SIZE) == pytest.approx([160 + 96, 120 - 48])
    assert np.isnan(pinhole_px(np.array([1.0, -0.5, -0.1]), 1.2, SIZE)).all()


def test_the_person_stands_upright_on_the_picture_with_right_on_its_left() -> None:
    joints = joints_px(squats(), SIZE)
    assert joints[:, JOINT_INDEX["pelvis"]] == pytest.approx(
        np.tile([160 + 384 * 0.1, 120 + 384 * 0.1 / 3], (40, 1))
    )
    head, knee, ankle = (joints[0, JOINT_INDEX[f"{name}"], 1] for name in
                         ("head", "tibia_r", "talus_r"))  # fmt: skip
    assert head < joints[0, 0, 1] < knee < ankle
    assert joints[0, JOINT_INDEX["femur_r"], 0] < joints[0, JOINT_INDEX["femur_l"], 0]


def test_without_a_place_the_figure_stands_in_the_corner() -> None:
    motion = replace(squats(), root_m=None, focal_share=None)
    joints = joints_px(motion, SIZE)
    side = INSET_SHARE * min(SIZE)
    assert (joints[..., 0] > SIZE[0] - side).all() and (joints[..., 1] > SIZE[1] - side).all()
    assert (joints < SIZE).all()
    assert not VideoMarks(motion, (), SIZE).on_frame(0).in_place


def test_every_measure_has_a_joint_to_be_written_at() -> None:
    assert set(ANCHORS) == set(CATALOGUE)
    assert set(ANCHORS.values()) <= set(JOINT_NAMES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_measures_shown_are_observed_and_one_a_joint(rule) -> None:
    motion = squats()
    shown = shown_measures(rule, motion)
    assert len({ANCHORS[name] for name in shown}) == len(shown) > 0
    blind = replace(motion, observed=np.zeros(N_DOFS, dtype=bool))
    assert shown_measures(rule, blind) == []


HALVES = (cycle(0, 5, 10, "half", "r"), cycle(10, 15, 20, "half", "l"))


@pytest.mark.parametrize(
    ("rule", "cycles", "frame", "text", "phase"),
    [
        ("squat", (cycle(4, 10, 16),), 2, "0 of 1 cycle done", None),
        ("squat", (cycle(4, 10, 16),), 4, "cycle 1 of 1, standing", 0.0),
        ("squat", (cycle(4, 10, 16),), 7, "cycle 1 of 1, standing to bottom", 0.25),
        ("squat", (cycle(4, 10, 16),), 10, "cycle 1 of 1, bottom", 0.5),
        ("squat", (cycle(4, 10, 16),), 13, "cycle 1 of 1, bottom to standing", 0.75),
        ("squat", (cycle(4, 10, 16),), 17, "1 of 1 cycle done", None),
        ("squat", (cycle(0, 3, 6), cycle(8, 11, 14)), 7, "1 of 2 cycles done", None),
        ("squat", (), 7, "0 of 0 cycles done", None),
        ("plank", (cycle(2, 20, 38, "hold"),), 12, "hold 1 of 1, 1.0 s", None),
    ],
    ids=["before", "start", "down", "key", "up", "after", "between", "none", "hold"],
)
def test_count_and_phase(rule, cycles, frame, text, phase) -> None:
    text_found, share = progress_words(RULES[rule], cycles, frame, squats().time_s)
    assert text_found == text
    assert share == (None if phase is None else pytest.approx(phase))


def test_a_half_names_its_side() -> None:
    found, _ = progress_words(RULES["walking_lunges"], HALVES, 12, squats().time_s)
    assert found.startswith("cycle 2 of 2 (left), ")


def test_phases_are_named_all_the_way() -> None:
    for rule in RULES.values():
        names = {one.name.replace("_", " ") for one in rule.phases}
        for share in np.linspace(0.0, 1.0, 41):
            assert set(phase_words(rule, share).split(" to ")) <= names


def test_a_violation_is_shown_from_its_key_frame_and_not_for_long() -> None:
    found = made_finding()
    shown = {
        t: bool(shown_violations([found], 101.0 + t))
        for t in (-0.1, 0.0, VIOLATION_SHOWN_S + 0.01)
    }
    assert list(shown.values()) == [False, True, False]
    assert not shown_violations([made_finding(violated=False)], 101.0)


def test_a_violation_is_marked_at_its_joint_and_named_with_its_target() -> None:
    marks = video_marks(squats(), made_finding()).on_frame(10)
    assert marks.violations == ("right knee flexion 72.0°, target 90° to 120° ± 10°",)
    violated = {label.joint for label in marks.labels if label.is_violation}
    assert violated == {JOINT_INDEX["tibia_r"]}
    assert "right knee flexion 100°" in marks.lines  # the reference's bottom
    assert not any(
        label.is_violation for label in video_marks(squats(), made_finding()).on_frame(9).labels
    )


def test_a_held_frame_shows_no_values() -> None:
    motion = squats()
    motion = replace(motion, valid=np.arange(40) != 10)
    marks = video_marks(motion).on_frame(10)
    assert not marks.valid and not marks.labels
    assert marks.lines == ("squats", "cycle 1 of 2, bottom")


def test_signs_that_the_font_lacks_are_replaced() -> None:
    below_zero = made_finding(measured=-12.0, target_low=-5.0, target_high=None)
    (text,) = video_marks(squats(), below_zero).on_frame(10).violations
    assert "−12.0°" in text
    font = imaging()[2].load_default(size=20)
    unknown = bytes(font.getmask("\uffff"))
    assert bytes(font.getmask("−")) == unknown
    assert not [sign for sign in text.translate(GLYPHS) if bytes(font.getmask(sign)) == unknown]


def grey_video(path: Path, frames: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(frames):
            picture = np.full((SIZE[1], SIZE[0], 3), 90, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def analysed(tmp_path: Path, motion: Motion, frames: int = 40) -> AnalysedVideo:
    part = AnalysedSegment(0, "squats", 0, 40, SQUAT, (cycle(0, 10, 20),), (made_finding(),))
    return AnalysedVideo("0001", grey_video(tmp_path / "grey.mp4", frames), 0, motion, (part,))


def decoded(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [f.to_ndarray(format="rgb24") for f in frames], [float(f.time) for f in frames]


def colour_at(picture: np.ndarray, at: np.ndarray) -> np.ndarray:
    x, y = np.round(at).astype(int)
    return picture[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)


def test_the_file_has_every_frame_at_its_own_time_and_the_same_bytes_again(tmp_path: Path) -> None:
    motion = squats()
    uneven = motion.time_s + np.where(np.arange(40) % 2, 0.03, 0.0)
    video = analysed(tmp_path, replace(motion, time_s=uneven, valid=np.arange(40) != 35))
    frames: list[int] = []
    count = write_overlay(video, tmp_path / "a.mp4", on_frame=lambda: frames.append(1))
    assert count == 40 == len(frames)
    pictures, times = decoded(tmp_path / "a.mp4")
    assert np.allclose(times, uneven - uneven[0], atol=1e-4)
    write_overlay(video, tmp_path / "b.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()

    joints = joints_px(motion, SIZE)
    shin = joints[:, [JOINT_INDEX["tibia_r"], JOINT_INDEX["talus_r"]]].mean(axis=1)
    red, green, blue = colour_at(pictures[0], shin[0])
    assert red > green > blue + 40, "the right leg is orange"
    x, y = np.round(joints[35, JOINT_INDEX["tibia_r"]]).astype(int)
    held = pictures[35][y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).max(axis=0)
    assert np.ptp(held) < 30 and held.min() > 115, "a held pose is grey, the ground darker"
    label = pictures[12][-10:, 2:60].reshape(-1, 3).mean(axis=0)
    assert label[0] > label[1] + 60, "the violation is written on red below"
    assert np.ptp(pictures[0][-10:, 2:60].reshape(-1, 3).mean(axis=0)) < 12


def test_a_smaller_picture_is_asked_for(tmp_path: Path) -> None:
    video = analysed(tmp_path, squats(), frames=3)
    assert write_overlay(video, tmp_path / "a.mp4", longest_side_px=160) == 3
    assert decoded(tmp_path / "a.mp4")[0][0].shape == (120, 160, 3)
    with pytest.raises(UsageError, match="64 or more"):
        write_overlay(video, tmp_path / "b.mp4", longest_side_px=10)


def test_a_video_that_has_grown_is_refused(tmp_path: Path) -> None:
    video = analysed(tmp_path, squats(), frames=41)
    with pytest.raises(DataError, match="more than the 40 frames"):
        write_overlay(video, tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()
