"""The release that tests damage, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.made_once import MadeOnce
from tests.verify.made_release import made_release


@pytest.fixture(scope="session", autouse=True)
def _derived_once(equal_inputs_are_derived_once: None) -> None:
    """Every file here verifies the same motions again and again."""


@pytest.fixture(scope="session")
def home(made_once: MadeOnce) -> Path:
    """A folder with a release and, under QEVD, its source."""
    return made_once("sound", made_release)


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """A copy of the release, to be damaged."""
    return Path(shutil.copytree(home / "release" / "1.0.0", tmp_path / "1.0.0"))
