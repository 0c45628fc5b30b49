"""What is made once for all workers of a run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

MadeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "of-all-workers"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def made_once(of_all_workers: Path) -> MadeOnce:
    """Fill a folder with what many tests read and none changes; the workers that come later wait.

    What was not made to its end is made anew.
    """

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = of_all_workers / name, of_all_workers / f"{name}.done"
        with (of_all_workers / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def fits(of_all_workers: Path) -> Path:
    """Where the fits of muscle models are kept: each takes seconds, and its file is atomic."""
    return of_all_workers / "fits"
