"""Fixtures shared by all rooms."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A landing must not depend on luck; random search goes on wherever CI is not set.
# No example has a deadline: on a machine with other work any of them can take long.
settings.register_profile("any machine", deadline=None)
settings.register_profile("ci", derandomize=True, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "any machine")

# As the command line does: before anything imports numpy.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# One fixture file for each room with made-up data that other rooms use, too.
pytest_plugins = [
    "tests.made_once",
    "tests.release.fixtures",
    "tests.pipeline.fixtures",
    "tests.verify.derived_once",
]

CHECKOUT = Path(__file__).resolve().parents[1]

gc.disable()  # collecting the tests keeps nearly all it makes: a third of its time is saved


def pytest_collection_finish() -> None:
    """Spare nine thousand tests and their modules from every later search for garbage."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings with known truth, kept beside the checkout and never inside it."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}: this test needs them")
    return folder


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium, headless; one at a time, gone when the file's tests end."""
    from playwright.sync_api import sync_playwright

    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("no chromium: .ci/run installs it")
        pytest.skip("no chromium: install Debian's package chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()
