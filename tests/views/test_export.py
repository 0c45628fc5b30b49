"""Motion for other tools: the .mot holds the same as the motion, the .rrd can be read."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.recorded.backend import recorded_motion
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.skeleton.opensim_map import COORDINATES
from qevd_bio.views.analysed_video import AnalysedSegment, AnalysedVideo
from qevd_bio.views.export import export_motion, gap_note, opensim_columns
from tests.views.test_overlay import SQUAT, squats


def analysed(**changed: object) -> AnalysedVideo:
    motion = replace(squats(), **changed)
    segment = AnalysedSegment(0, "squats", 0, len(motion.q), SQUAT, (), ())
    return AnalysedVideo("0001", Path("unused.mp4"), 0, motion, (segment,))


def test_every_column_of_the_model_is_there_in_degrees_from_zero(tmp_path: Path) -> None:
    export_motion(analysed(), tmp_path / "a.mot", "mot")
    held = read_mot(tmp_path / "a.mot")
    assert list(held.columns) == [*COORDINATES, "pelvis_tx", "pelvis_ty", "pelvis_tz"]
    assert held.in_degrees and held.time_s[0] == 0.0 and len(held.time_s) == 40
    assert held.columns["knee_angle_r"].max() == pytest.approx(100.0, abs=0.1)


def test_measures_of_the_mot_are_those_of_the_motion(tmp_path: Path) -> None:
    """Export, import, and compare the measures of the rules: no convention is lost on the way."""
    motion = analysed().motion
    export_motion(analysed(), tmp_path / "a.mot", "mot")
    back = recorded_motion(tmp_path / "a.mot", motion.time_s).motion
    names = [n for n in CATALOGUE if n not in ("lumbar_flexion", "thorax_flexion",
                                                 "head_flexion")]  # fmt: skip
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    before = measure_values(names, motion.q, skeleton, motion.gravity)
    after = measure_values(names, back.q, skeleton, back.gravity)
    for name in names:
        # the spine is distributed again over its two joints, which moves the shoulders a little
        limit = 3.0 if name.startswith(("trunk", "body_line", "shoulder")) else 0.05
        assert np.nanmax(np.abs(after[name] - before[name])) < limit, name


def test_gaps_that_are_filled_are_marked_and_said(tmp_path: Path) -> None:
    """The mark survives the way back: the frames are not valid again."""
    valid = np.ones(40, dtype=bool)
    valid[[0, 12, 13, 14, 39]] = False
    video = analysed(valid=valid)
    export_motion(video, tmp_path / "a.mot", "mot")
    held = read_mot(tmp_path / "a.mot")
    since_s = video.motion.time_s - video.motion.time_s[0]
    expected = [(0, 0), (12, 14), (39, 39)]
    assert np.allclose(held.filled_s, [(since_s[a], since_s[b]) for a, b in expected], atol=1e-7)
    back = recorded_motion(tmp_path / "a.mot", video.motion.time_s)
    assert back.motion.valid.tolist() == valid.tolist()
    assert any("5 rows are marked as filled" in one for one in back.concerns)
    assert gap_note(video.motion, "mot").startswith("5 of 40 frames were not measured (")
    assert gap_note(analysed().motion, "mot") == ""


def test_the_feet_stay_on_the_ground_and_the_hips_sink() -> None:
    still = opensim_columns(analysed(root_m=None, focal_share=None).motion)
    assert np.ptp(still["pelvis_tx"]) < 0.15 and 0.85 < still["pelvis_ty"][0] < 1.2
    assert still["pelvis_ty"].min() < still["pelvis_ty"][0] - 0.2


def test_a_measured_path_is_kept_towards_the_camera_as_x() -> None:
    motion = analysed().motion
    frames = len(motion.q)
    root = np.column_stack([np.zeros(frames), np.full(frames, 0.1), np.linspace(4.0, 3.0, frames)])
    still = opensim_columns(replace(motion, root_m=np.tile(root[:1], (frames, 1))))
    walking = opensim_columns(replace(motion, root_m=root))
    gone = walking["pelvis_tx"] - still["pelvis_tx"]
    assert np.allclose(gone, np.linspace(0.0, 1.0, frames))
    assert np.allclose(walking["pelvis_tz"], still["pelvis_tz"])


def test_without_rerun_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    with pytest.raises(EnvironmentProblem, match=r"qevd-bio\[rerun\]"):
        export_motion(analysed(), tmp_path / "a.rrd", "rrd")
    assert not (tmp_path / "a.rrd").exists()


def test_an_rrd_holds_joints_and_curves_over_time(tmp_path: Path) -> None:
    pytest.importorskip("rerun", reason='needs the extra: pip install "qevd-bio[rerun]"')
    import rerun.dataframe

    valid = np.arange(40) != 7
    export_motion(analysed(valid=valid), tmp_path / "a.rrd", "rrd")
    recording = rerun.dataframe.load_recording(tmp_path / "a.rrd")
    table = recording.view(index="frame", contents="/**").select().read_all()
    assert sorted(table["frame"].to_pylist()) == np.flatnonzero(valid).tolist()
    points = table["/body/joints:Points3D:positions"].to_pylist()
    assert len(points[0]) == 24
    curve = table["/measures/right\\ knee\\ flexion:Scalars:scalars"].to_pylist()
    assert max(value[0] for value in curve) == pytest.approx(100.0, abs=0.1)
