"""The table of angles keeps a motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qevd_bio.errors import DataError
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.tables import cycles, kinematics
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet


def made_motion(frames: int = 30) -> Motion:
    rng = np.random.default_rng(3)
    observed = rng.random(N_DOFS) < 0.5
    return Motion(
        q=rng.normal(size=(frames, N_DOFS)),
        time_s=1.69e9 + np.cumsum(rng.uniform(0.02, 0.05, frames)),
        confidence=rng.random(frames),
        valid=rng.random(frames) < 0.9,
        observed=observed,
        sigma_rad=np.where(observed, 0.05, np.inf),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={"thigh": 0.42, "shank": 0.43},
    )


def written(motion: Motion, path: Path) -> Path:
    table, notes = kinematics.motion_table("0001", motion)
    write_parquet(table, path, notes=notes)
    return path


def test_a_motion_comes_back(tmp_path: Path) -> None:
    motion = made_motion()
    path = written(motion, tmp_path / "a.parquet")
    back = kinematics.motion_from_table(read_parquet(path, kinematics.SCHEMA))
    turns = (back.q - motion.q) / (2.0 * np.pi)  # random angles leave the ranges of joints
    assert np.allclose(turns, np.round(turns), atol=1e-6)
    assert np.array_equal(back.time_s, motion.time_s)  # bit for bit
    assert np.array_equal(back.valid, motion.valid)
    assert np.array_equal(back.observed, motion.observed)
    assert np.array_equal(back.sigma_rad, motion.sigma_rad)
    assert back.segment_lengths_m == motion.segment_lengths_m
    assert back.betas is None and back.gravity_source == "camera"
    assert back.frame_sigma_rad is None


def test_the_noise_of_each_frame_comes_back(tmp_path: Path) -> None:
    plain = made_motion()
    sigma = np.where(
        plain.observed, np.random.default_rng(1).uniform(0.02, 0.3, (30, N_DOFS)), np.inf
    )
    sigma[~plain.valid] = np.inf
    path = written(replace(plain, frame_sigma_rad=sigma), tmp_path / "a.parquet")
    back = kinematics.motion_from_table(read_parquet(path, kinematics.SCHEMA))
    assert back.frame_sigma_rad is not None
    np.testing.assert_allclose(back.frame_sigma_rad, sigma, atol=6e-5)
    noise = back.noise_rad()
    np.testing.assert_array_equal(
        noise[~plain.valid], back.sigma_rad[None].repeat((~plain.valid).sum(), 0)
    )


def test_the_shape_of_each_frame_comes_back(tmp_path: Path) -> None:
    plain = made_motion()
    betas = np.random.default_rng(2).normal(size=(30, 10))
    betas[~plain.valid] = np.nan
    path = written(replace(plain, betas=betas), tmp_path / "a.parquet")
    back = kinematics.motion_from_table(read_parquet(path, kinematics.SCHEMA))
    np.testing.assert_array_equal(back.betas, betas.astype(np.float32))


def test_equal_motions_give_equal_bytes(tmp_path: Path) -> None:
    first = written(made_motion(), tmp_path / "a.parquet").read_bytes()
    assert written(made_motion(), tmp_path / "b.parquet").read_bytes() == first


def test_only_ids_are_dictionary_encoded(tmp_path: Path) -> None:
    path = written(made_motion(2000), tmp_path / "a.parquet")
    group = pq.ParquetFile(path).metadata.row_group(0)
    encodings = {
        group.column(i).path_in_schema: group.column(i).encodings for i in range(group.num_columns)
    }
    assert any("DICTIONARY" in name for name in encodings["video_id"])
    assert "BYTE_STREAM_SPLIT" in encodings["knee_angle_r_rad"]
    assert group.column(0).compression == "ZSTD"


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: data[: len(data) // 2], lambda data: b"PAR1" * 10],
    ids=["empty", "cut", "no parquet"],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage) -> None:
    path = written(made_motion(), tmp_path / "a.parquet")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"a\.parquet"):
        read_parquet(path, kinematics.SCHEMA)


def test_a_foreign_schema_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"video_id": ["1"]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="differ"):
        read_parquet(tmp_path / "a.parquet", kinematics.SCHEMA)


def test_a_row_with_a_key_too_many_is_refused() -> None:
    row = dict.fromkeys(cycles.SCHEMA.names)
    with pytest.raises(ValueError, match="extra"):
        rows_table([{**row, "extra": 1}], cycles.SCHEMA)
