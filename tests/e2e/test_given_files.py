"""Small files that once cost more than themselves, each with its right outcome."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.capture.recorded.backend import RecordedConfig, recorded_motion
from qevd_bio.errors import DataError
from qevd_bio.files.restricted_numpy import load_npy
from qevd_bio.tables.kinematics import motion_table
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.store import WeightFolder

pytestmark = pytest.mark.data

ARCHIVES = {
    "gnulong-hsmr.tar.gz": "chained without end",
    "pax-hsmr.tar.gz": "chained without end",
    "huge-int-key-decimal.ckpt": "whole number of more than 512 bits",
}


@pytest.fixture
def cases(shared_data: Path) -> Path:
    folder = shared_data.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no files at {folder}: this test needs them")
    return folder


@pytest.mark.parametrize("name", ARCHIVES)
def test_weights_of_nonsense_are_refused_at_once(cases: Path, tmp_path: Path, name: str) -> None:
    start = time.process_time()
    with pytest.raises(DataError, match=ARCHIVES[name]) as caught:
        import_weights(cases / "input" / name, WeightFolder(tmp_path), name="hsmr", any_size=True)
    assert time.process_time() - start < 5.0
    assert caught.value.where.endswith(name) and len(str(caught.value).splitlines()) == 1


def test_an_array_without_width_takes_no_memory(cases: Path) -> None:
    with pytest.raises(DataError, match=r"shape \(20000000, 0\)"):
        load_npy(cases / "input" / "z2.npy")


def test_a_knee_that_was_given_a_turn_more_is_published_within_its_range(cases: Path) -> None:
    path = cases / "video" / "knee_plus_360.npz"
    with np.load(path) as given:
        time_s = given["time_s"]
    table, _ = motion_table("0001", recorded_motion(path, time_s, RecordedConfig()).motion)
    for side in "rl":
        knee_deg = np.rad2deg(table[f"knee_angle_{side}_rad"].to_numpy())
        assert 3.0 < knee_deg.min() < 5.0 and 101.0 < knee_deg.max() < 103.0
