"""The stage of contexts: segment by segment, and the same from kinematics cut at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.release.context_evidence import video_context_issues
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.tables import contexts as context_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables import morphometrics as morphometrics_table
from qevd_bio.tables.parquet import read_notes, read_parquet, write_parquet
from tests.pipeline.fixtures import walked
from tests.pipeline.sessions_made import SQUATS, TIMES_S, record, squats_motion, write_root

VIDEO = "0001"
SAID = [*SQUATS[:5], (330, "Moving on to high knees!", 12, True), SQUATS[-1]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A session of three exercises, the second of them unknown, with a hole in its capture.

    Never changed.
    """
    home = tmp_path_factory.mktemp("made")

    def capture(path, times_s, *, video_id, config, exercises=()):
        motion = squats_motion(0.7, times_s)
        motion.valid[90:130] = False
        return Captured(motion=motion, notes={"turn_deg": 0})

    root = write_root(home / "QEVD", [record(VIDEO, SAID)])
    return walked(root, home / "work", capture=capture, height_m=1.8)


def stage_rows(pipeline, inputs: dict[str, Path], out: Path) -> list[dict[str, Any]]:
    pipeline.stage("contexts").process(VIDEO, inputs, out)
    return read_parquet(out, context_table.SCHEMA).to_pylist()


def test_each_segment_has_its_rows_and_the_times_of_the_source(made) -> None:
    paths = made.artifacts()[VIDEO]
    rows = read_parquet(paths["contexts"], context_table.SCHEMA).to_pylist()
    segments = made.sessions.by_id[VIDEO].segments
    assert [one.exercise_text for one in segments] == ["squats", "zorbing", "high knees"]
    for segment in segments:
        own = [row for row in rows if row["segment_index"] == segment.index]
        assert own[0]["frame"] == segment.frame_start and own[0]["clip_s"] == 0.0
        assert own[-1]["frame"] < segment.frame_end
        assert len(own) == pytest.approx(4 * (segment.end_s - segment.start_s), abs=2)
        assert [row["time_s"] for row in own] == [float(TIMES_S[row["frame"]]) for row in own]
    squats = [row for row in rows if row["exercise"] == "squat"]
    assert squats[-1]["cycle_count"] >= 3
    assert "Knee flexion 70° (target: 90°)" in squats[-1]["motion_context"]
    assert {row["morphology_context"].startswith("Warning") for row in squats} == {True, False}
    assert all(row["morphology_context"].endswith("Height 1.80 m.") for row in rows)
    assert {row["motion_context"] for row in rows if row["exercise"] is None} == {""}
    assert {row["angles_from"] for row in rows} == {"whole_clip"}


def test_kinematics_cut_at_any_time_give_the_same_rows_up_to_then(made, tmp_path: Path) -> None:
    paths = made.artifacts()[VIDEO]
    inputs = {name: paths[name] for name in ("kinematics", "morphometrics")}
    rows = read_parquet(paths["contexts"], context_table.SCHEMA).to_pylist()
    whole = read_parquet(inputs["kinematics"], kinematics_table.SCHEMA)
    for frames in (1, 7, *np.random.default_rng(3).integers(8, whole.num_rows, 6).tolist()):
        part = tmp_path / f"{frames}.parquet"
        write_parquet(whole.slice(0, frames), part)
        cut = stage_rows(made, inputs | {"kinematics": part}, tmp_path / "out.parquet")
        assert cut == [row for row in rows if row["frame"] < frames]


def test_a_capture_that_uses_only_the_past_is_named(made, tmp_path: Path) -> None:
    paths = made.artifacts()[VIDEO]
    table = read_parquet(paths["kinematics"], kinematics_table.SCHEMA)
    notes = read_notes(table)
    part = tmp_path / "kinematics.parquet"
    write_parquet(table, part, notes=notes | {"capture": notes["capture"] | {"is_causal": True}})
    inputs = {"kinematics": part, "morphometrics": paths["morphometrics"]}
    rows = stage_rows(made, inputs, tmp_path / "out.parquet")
    assert {row["angles_from"] for row in rows} == {"past"}


def test_the_rows_are_proved_from_the_other_tables(made) -> None:
    paths = made.artifacts()[VIDEO]
    tables = VideoRows(
        {
            "contexts": read_parquet(paths["contexts"], context_table.SCHEMA),
            "kinematics": read_parquet(paths["kinematics"], kinematics_table.SCHEMA),
            "morphometrics": read_parquet(paths["morphometrics"], morphometrics_table.SCHEMA),
        }
    )
    notes = read_notes(tables["kinematics"])
    assert list(video_context_issues(tables, notes)) == []


def test_another_exercise_of_the_session_runs_the_stage_again(made) -> None:
    stage = made.stage("contexts")
    depends = stage.depends(VIDEO)
    assert {"rule:squat", "rule:high_knees", "segments", "policy", "salient joints"} <= set(
        depends
    )
    assert stage.reads == ("kinematics", "morphometrics")
