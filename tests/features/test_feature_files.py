"""Files of features: what comes back, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.features.extract import FeatureMaps
from qevd_bio.features.feature_files import (
    load_features,
    official_files,
    read_video_features,
    write_official,
)
from qevd_bio.model.visual_features import check_network
from qevd_bio.tables.features import write_features

FRAMES_S = 1.6e9 + np.arange(100) / 30.0
TIMES_S = FRAMES_S[7:97:8]


def made(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 6, (len(TIMES_S), 1280, 7, 5)).astype(np.float16)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    path = tmp_path / "artifact.parquet"
    write_features(path, "0007", made(), TIMES_S, {"network": "standin", "weights_sha256": "ab"})
    return path


def test_an_artifact_comes_back_to_the_bit(artifact: Path, tmp_path: Path) -> None:
    values, time_s = load_features(artifact, "0007", FRAMES_S)
    assert values.dtype == np.float16
    np.testing.assert_array_equal(values, made())
    np.testing.assert_array_equal(time_s, TIMES_S)
    assert read_video_features(artifact, "0007").about["network"] == "standin"
    other = tmp_path / "again.parquet"
    write_features(other, "0007", made(), TIMES_S, {"network": "standin", "weights_sha256": "ab"})
    assert other.read_bytes() == artifact.read_bytes()


def test_the_official_layout_comes_back(tmp_path: Path) -> None:
    file = write_official(tmp_path, "0007", FeatureMaps(made(), TIMES_S))
    assert file.relative_to(tmp_path).parts == (
        "efficientnet_features", "long_range_videos", "0007_features.npy",
    )  # fmt: skip
    assert np.load(file).dtype == np.float32
    assert np.load(official_files(tmp_path, "0007")[1]).dtype == np.float64
    values, time_s = load_features(file, "0007", FRAMES_S)
    np.testing.assert_array_equal(values, made())
    np.testing.assert_array_equal(time_s, TIMES_S)


def test_features_of_another_video_are_refused(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds features of video 0007, not of 0008"):
        load_features(artifact, "0008")
    other_clock = FRAMES_S + 0.5 / 30.0
    with pytest.raises(DataError, match="another video than 0007: 12 of 12 times"):
        load_features(artifact, "0007", other_clock)
    shorter = FRAMES_S[:90]
    with pytest.raises(DataError, match="1 of 12 times"):
        load_features(artifact, "0007", shorter)
    official = write_official(tmp_path, "0007", FeatureMaps(made(), TIMES_S))
    with pytest.raises(DataError, match=r"is not named 0008_features\.npy"):
        load_features(official, "0008")
    renamed = official.with_name("0008_features.npy")
    official.rename(renamed)
    official_files(tmp_path, "0007")[1].rename(official_files(tmp_path, "0008")[1])
    with pytest.raises(DataError, match="another video than 0008"):
        load_features(renamed, "0008", FRAMES_S + 3600.0)


def test_features_of_another_network_are_refused(artifact: Path) -> None:
    found = read_video_features(artifact, "0007")
    check_network(found, "ab", where="0007")
    with pytest.raises(DataError, match="not by the network of the model"):
        check_network(found, "cd", where="0007")


DAMAGE: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "cut": (lambda f, t: f.write_bytes(f.read_bytes()[:-9]), "header promises"),
    "no times": (lambda f, t: t.unlink(), "_timestamps.npy"),
    "other count": (lambda f, t: np.save(t, TIMES_S[:-1]), "for times"),
    "integers": (lambda f, t: np.save(t, np.arange(12)), "times of int64"),
    "not rising": (lambda f, t: np.save(t, TIMES_S[::-1].copy()), "strictly increasing"),
    "too large": (lambda f, t: np.save(f, made().astype(np.float32) + 1), "within 0 and 6"),
    "nan": (lambda f, t: np.save(f, made() * np.float16("nan")), "within 0 and 6"),
    "other shape": (lambda f, t: np.save(f, made()[:, :, :6]), "holds maps of shape"),
    "objects": (
        lambda f, t: np.save(f, np.array([{}], dtype=object), allow_pickle=True),
        "Python objects",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_official_files_are_refused(tmp_path: Path, name: str) -> None:
    write_official(tmp_path, "0007", FeatureMaps(made(), TIMES_S))
    features, times = official_files(tmp_path, "0007")
    change, cause = DAMAGE[name]
    change(features, times)
    with pytest.raises(DataError, match=cause):
        load_features(features, "0007")


def test_a_damaged_artifact_is_refused(artifact: Path) -> None:
    artifact.write_bytes(artifact.read_bytes()[:-100])
    with pytest.raises(DataError, match="no readable Parquet file"):
        load_features(artifact, "0007")


def test_features_of_a_video_without_frames_are_those_of_another(tmp_path: Path) -> None:
    file = tmp_path / "0001.parquet"
    maps = np.zeros((2, 1280, 7, 5), dtype=np.float16)
    write_features(file, "0001", maps, np.array([0.2, 0.5]), {})
    times = np.array([0.1, 0.2, 0.5])
    assert len(read_video_features(file, "0001", times).time_s) == 2
    for wrong in (times[:0], times[:1], times[:2], times[2:]):
        with pytest.raises(DataError, match="another video"):
            read_video_features(file, "0001", wrong)
