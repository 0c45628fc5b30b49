"""A release made from three made-up videos."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_artifacts import published

from qevd_bio.dataset.drop_in import records_table
from qevd_bio.dataset.publish import publish
from qevd_bio.dataset.release import MissingVideo, PublishedVideo, Release

GENERATOR = {"qevd-bio": "0.1.0", "pyarrow": "26.0.1"}
MISSING = (
    MissingVideo("0151", "test", "kinematics", "moov | atom <not> found\nin file"),
    MissingVideo("0009", "train", "source", "video file is absent"),
)
RECORDS = [{"feedbacks": ["", "Go lower", "é"], "feedback_timestamps": [1690028800.2981102]}]


@pytest.fixture
def videos(tmp_path: Path) -> list[PublishedVideo]:
    """Two videos of train, one of test without cycles; not in order."""
    return [
        published(tmp_path / "work", "0146", "train"),
        published(tmp_path / "work", "0150", "test", frames=7, n_cycles=0),
        published(tmp_path / "work", "0007", "train", frames=30),
    ]


@pytest.fixture
def arguments(tmp_path: Path) -> dict[str, Any]:
    """All of `publish` but the videos."""
    return {
        "out": tmp_path / "release",
        "version": "1.0.0",
        "missing": MISSING,
        "drop_in": {"QEVD-FIT-COACH": RECORDS},
        "records": {"QEVD-FIT-COACH": records_table(RECORDS, {})},
        "generator": GENERATOR,
    }


@pytest.fixture
def release(videos: list[PublishedVideo], arguments: dict[str, Any]) -> Release:
    """The release of those videos."""
    return publish(videos, **arguments)
