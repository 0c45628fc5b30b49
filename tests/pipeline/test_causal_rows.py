"""Rows that are tied to a moment hold nothing from later: cut the angles there, the same row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.capture.captured import Captured
from qevd_bio.exercises.load import load_rules
from qevd_bio.motion.record import Motion
from qevd_bio.release.assembly import release_from
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables import contexts as context_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.parquet import read_parquet, write_parquet
from qevd_bio.verify.release import verify_release
from tests.exercises.performed import performed
from tests.pipeline.fixtures import walked
from tests.pipeline.sessions_made import TIMES_S, Said, record, squats_motion, write_root

VIDEO = "0001"
SAID: list[Said] = [
    (5, "First up are squats!", 12, True),
    *((frame, "Sink deeper into these squats", 4, False) for frame in range(60, 205, 9)),
    (210, "Moving on to planks!", 12, True),
    *((frame, "Keep your hips level in the plank", 4, False) for frame in range(232, 400, 12)),
    (405, "That's it for today!", 12, True),
]
PLANK = slice(222, 340)
SCHEMAS = {"annotations": annotation_table.SCHEMA, "contexts": context_table.SCHEMA}
MADE_OF_BYTES = ("kinematics_sha256",)


def moved(times_s: np.ndarray) -> Motion:
    """Noisy squats, ever shallower, then a plank that ends before the video does."""
    motion = squats_motion(0.75, times_s)
    motion.q[:] *= np.linspace(1.1, 0.7, len(times_s))[:, None]
    motion.q[:, DOF_INDEX["pelvis_tilt"]] += np.pi * (1 - np.linspace(1.1, 0.7, len(times_s)))
    held = performed(load_rules()["plank"], 1, period_s=30.0)
    motion.q[PLANK] = held[: PLANK.stop - PLANK.start]
    motion.q[:] += np.deg2rad(1.5) * np.random.default_rng(7).standard_normal(motion.q.shape)
    return motion


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """The pipeline on one video, run once; never changed."""
    home = tmp_path_factory.mktemp("made")

    def capture(path, times_s, *, video_id, config, exercises=()):
        return Captured(motion=moved(times_s), notes={"turn_deg": 0})

    root = write_root(home / "QEVD", [record(VIDEO, SAID)])
    return walked(root, home / "work", capture=capture)


def rows_of(made, name: str, inputs: dict[str, Path], out: Path) -> list[dict[str, Any]]:
    made.stage(name).process(VIDEO, inputs, out)
    rows = read_parquet(out, SCHEMAS[name]).to_pylist()
    for row in rows:
        for key in MADE_OF_BYTES:
            row.get("provenance", {}).pop(key, None)
    return rows


@pytest.mark.parametrize("name", SCHEMAS)
def test_angles_cut_at_a_row_give_the_same_row(made, tmp_path: Path, name: str) -> None:
    paths = made.artifacts()[VIDEO]
    inputs = {one: paths[one] for one in ("kinematics", "morphometrics")}
    out, part = tmp_path / "out.parquet", tmp_path / "part.parquet"
    rows = rows_of(made, name, inputs, out)
    whole = read_parquet(inputs["kinematics"], kinematics_table.SCHEMA)
    place = "frame_start" if name == "annotations" else "frame"
    for frame in sorted({row[place] for row in rows})[:: 1 if name == "annotations" else 40]:
        write_parquet(whole.slice(0, frame + 1), part)
        cut = rows_of(made, name, inputs | {"kinematics": part}, out)
        assert [r for r in cut if r[place] == frame] == [r for r in rows if r[place] == frame]


def test_a_hold_that_goes_on_is_cited_up_to_the_utterance(made) -> None:
    rows = read_parquet(made.artifacts()[VIDEO]["annotations"], annotation_table.SCHEMA)
    planks = [row for row in rows.to_pylist() if row["exercise"] == "plank" and row["cycle"]]
    during = [row for row in planks if row["frame_start"] < PLANK.stop]
    after = [row for row in planks if row["frame_start"] > PLANK.stop + 12]
    assert len(during) >= 8 and len(after) >= 1
    for row in during:
        spoken_s = float(TIMES_S[row["frame_start"]])
        assert row["cycle"]["kind"] == "hold_in_progress" and row["cycle"]["cut"] == "end"
        assert spoken_s - 0.5 < row["cycle"]["end_s"] <= spoken_s
        assert {one["status"] for one in row["findings"] if one["check"] == "tempo"} <= {
            "unmeasurable"
        }
    assert {row["cycle"]["kind"] for row in after} == {"hold"}
    assert {row["cycle"]["end_s"] for row in after} == {after[0]["cycle"]["end_s"]}


def test_nothing_cited_ends_after_its_utterance(made) -> None:
    rows = read_parquet(made.artifacts()[VIDEO]["annotations"], annotation_table.SCHEMA)
    cited = [row for row in rows.to_pylist() if row["cycle"]]
    assert {row["exercise"] for row in cited} == {"squat", "plank"}
    for row in cited:
        assert row["cycle"]["end_s"] <= float(TIMES_S[row["frame_start"]])
        assert all(one["key_frame"] <= row["frame_start"] for one in row["findings"])
        assert row["video_time_s"] == float(TIMES_S[row["frame_start"]] - TIMES_S[0])
    squats = [row["cycle"]["cycle_index"] for row in cited if row["exercise"] == "squat"]
    assert squats == sorted(squats) and squats[-1] >= 3, "one repetition after the other"


def test_the_release_is_proved(made, tmp_path: Path) -> None:
    release = release_from(made, out=tmp_path / "release", version="1.0.0")
    verdict = verify_release(release.folder, made.config.data_root)
    assert verdict.issues == [] and verdict.unchecked == []
