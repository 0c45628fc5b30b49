"""The release that tests damage, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _derived_once(equal_inputs_are_derived_once: None) -> None:
    """Every file here verifies the same motions again and again."""


@pytest.fixture(scope="session")
def home(sound: Path) -> Path:
    """A folder with a release and, under QEVD, its source."""
    return sound


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be damaged."""
    return Path(shutil.copytree(home / "release" / "1.0.0", tmp_path / "1.0.0"))
