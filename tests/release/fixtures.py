"""A release made from three made-up videos."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.released.contents import MissingVideo, PublishedVideo, Release
from qevd_bio.released.drop_in import records_table
from tests.release.made_artifacts import publish, published

GENERATOR = {"qevd-bio": "0.1.0", "pyarrow": "26.0.1"}
MISSING = (
    MissingVideo("0151", "test", "kinematics", "moov | atom <not> found\nin file"),
    MissingVideo("0009", "train", "source", "video file is absent"),
)
RECORDS = [{"feedbacks": ["", "Go lower", "é"], "feedback_timestamps": [1690028800.2981102]}]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[PublishedVideo], Release]:
    """The videos and their release, made once and copied for every test that asks."""
    home = tmp_path_factory.mktemp("made")
    videos = [
        published(home / "work", "0146", "train"),
        published(home / "work", "0150", "test", frames=7, n_cycles=0),
        published(home / "work", "0007", "train", frames=30),
    ]
    return videos, publish(videos, **arguments_for(home))


@pytest.fixture
def videos(tmp_path: Path, made: tuple[list[PublishedVideo], Release]) -> list[PublishedVideo]:
    """Two videos of train, one of test without cycles; not in order."""
    found = []
    for video in made[0]:
        home = tmp_path / "work" / video.video_id
        shutil.copytree(video.artifacts["quality"].parent, home)
        own = {name: home / path.name for name, path in video.artifacts.items()}
        found.append(replace(video, artifacts=own))
    return found


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, Any]:
    """All of `publish` but the videos."""
    return arguments_for(tmp_path)


def arguments_for(home: Path) -> dict[str, Any]:
    """All of `publish` but the videos, for a release in a folder."""
    return {
        "out": home / "release",
        "version": "1.0.0",
        "missing": MISSING,
        "drop_in": {"QEVD-FIT-COACH": RECORDS},
        "records": {"QEVD-FIT-COACH": records_table(RECORDS, {})},
        "generator": GENERATOR,
    }


@pytest.fixture
def release(tmp_path: Path, made: tuple[list[PublishedVideo], Release]) -> Release:
    """The release of those videos."""
    folder = tmp_path / "release" / "1.0.0"
    shutil.copytree(made[1].folder, folder)
    return replace(made[1], folder=folder)
