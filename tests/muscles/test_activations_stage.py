"""The stage on real squats, and what it says without its extra or from one camera."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.engine.stage import Skip
from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.motion.record import Motion
from qevd_bio.pipeline.config import PipelineConfig, config_from, config_of
from qevd_bio.pipeline.settings import Settings
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.opensim_map import COORDINATES, from_opensim
from qevd_bio.stages.activations import ActivationsStage, MuscleOptions
from qevd_bio.tables.activations import SCHEMA
from qevd_bio.tables.kinematics import motion_table
from qevd_bio.tables.parquet import read_notes, read_parquet, write_parquet

DOWN = np.array([0.0, 1.0, 0.0])


def squatting(shared_data, backend="opensim") -> Motion:
    """Four seconds of a person's squats as markers and a model gave them."""
    file = read_mot(shared_data / "forces" / "subject4_squats1_ik_scaled.mot")
    kept = (file.time_s > 2.0) & (file.time_s < 6.0)
    rotations = {n: np.deg2rad(file.columns[n][kept]) for n in COORDINATES}
    q, observed = from_opensim(rotations, DOWN)
    frames = len(q)
    return Motion(
        q=q, time_s=file.time_s[kept], confidence=np.ones(frames),
        valid=np.arange(frames) != 120, observed=observed,
        sigma_rad=np.where(observed, 0.01, np.inf), gravity=DOWN, gravity_source="file",
        backend=backend, betas=None, segment_lengths_m=segment_lengths_for_height(1.75),
    )  # fmt: skip


def run(stage, motion, folder):
    table, notes = motion_table("0001", motion)
    write_parquet(table, folder / "kinematics.parquet", notes=notes)
    out = folder / "out.parquet"
    return stage.process("0001", {"kinematics": folder / "kinematics.parquet"}, out), out


@pytest.fixture(scope="module")
def stage(shared_data, tmp_path_factory):
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    pytest.importorskip("daqp")
    model = shared_data / "forces" / "subject4_manually_scaled.osim"
    fits = tmp_path_factory.mktemp("fits")
    one = ActivationsStage.from_options(MuscleOptions(model, 0.0, fits))
    one.setup()
    assert len(list(fits.iterdir())) == 1
    return one


@pytest.mark.data
@pytest.mark.slow
def test_squats_of_a_person_become_activations_that_can_be_believed(
    stage, shared_data, tmp_path
) -> None:
    notes, out = run(stage, squatting(shared_data), tmp_path)
    assert notes["not_judged"] == [] and notes["reserve_nm"] < 10 and notes["residual_n"] < 5
    table = read_parquet(out, SCHEMA)
    rows, about = table.to_pylist(), read_notes(table)
    assert [row["activation"] is None for row in rows].index(True) == 120
    done = [row for row in rows if row["activation"] is not None]
    assert all(row["judged"] for row in done) and not rows[120]["judged"]
    assert len(about["muscles"]) == len(done[0]["activation"]) == 80
    assert len(about["coordinates"]) == len(done[0]["reserve"]) == 33
    weight = np.mean([row["ground_r_y_n"] + row["ground_l_y_n"] for row in done])
    assert weight == pytest.approx(62.6 * 9.80665, rel=0.02)
    vasti = [row["activation"][about["muscles"].index("vaslat_r")] for row in done]
    assert max(vasti) > 0.4 > 0.1 > min(vasti), "standing needs little, squatting much"


@pytest.mark.data
@pytest.mark.slow
def test_a_kept_fit_gives_the_same_bytes_as_a_new_one(stage, shared_data, tmp_path) -> None:
    again = ActivationsStage.from_options(stage.options)
    again.setup()
    motion = squatting(shared_data)
    files = []
    for number, one in enumerate((stage, again)):
        folder = tmp_path / str(number)
        folder.mkdir()
        files.append(run(one, motion, folder)[1].read_bytes())
    assert files[0] == files[1]
    assert again.depends("0001")["model"] == again.loaded()["model"]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("backend", ["mediapipe", "hsmr", "opencap-monocular"])
def test_from_one_camera_nothing_is_judged(stage, shared_data, tmp_path, backend) -> None:
    notes, out = run(stage, squatting(shared_data, backend), tmp_path)
    assert "one camera" in notes["not_judged"][0]
    assert not any(read_parquet(out, SCHEMA).column("judged").to_pylist())


@pytest.mark.data
@pytest.mark.slow
def test_an_impossible_motion_is_stored_as_not_to_be_believed(
    stage, shared_data, tmp_path
) -> None:
    """Leaning back by 40 degrees, a body falls: no foot can hold it."""
    motion = squatting(shared_data)
    leaning = motion.q.copy()
    leaning[:, 0] += np.deg2rad(40.0)
    notes, _ = run(stage, replace(motion, q=leaning), tmp_path)
    assert any("on the pelvis" in one for one in notes["not_judged"])


@pytest.mark.data
@pytest.mark.slow
def test_nobody_seen_long_enough_is_skipped(stage, shared_data, tmp_path) -> None:
    motion = squatting(shared_data)
    glimpses = replace(motion, valid=np.arange(len(motion.q)) % 10 != 0)
    with pytest.raises(Skip, match=r"0\.5 s"):
        run(stage, glimpses, tmp_path)


def test_without_the_extra_a_run_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "opensim", None)
    with pytest.raises(EnvironmentProblem, match=r"qevd-bio\[muscles\]"):
        ActivationsStage.from_options(MuscleOptions(tmp_path / "model.osim"))


def test_a_file_that_is_no_model_is_named(tmp_path) -> None:
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    from qevd_bio.muscles.prepared import prepare

    path = tmp_path / "model.osim"
    path.write_text("<OpenSimDocument/>")
    with pytest.raises(DataError, match=r"model\.osim"):
        prepare(path, tmp_path / "fits")


def test_options_of_a_run_reach_the_stage_and_its_files() -> None:
    config = config_of(
        Settings(data_root=Path("data"), muscles=Path("model.osim"), passive_scale=0.5)
    )
    assert config.muscles == MuscleOptions(Path("model.osim"), 0.5)
    again = config_from(config.as_json(), where="test")
    assert isinstance(again, PipelineConfig) and again.muscles is not None
    assert again.muscles.passive_scale == 0.5
    with pytest.raises(UsageError, match="no muscles"):
        config_of(Settings(data_root=Path("data"), passive_scale=0.5))
