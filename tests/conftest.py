"""Fixtures shared by all rooms."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A landing must not depend on luck; random search goes on wherever CI is not set.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# As the command line does: before anything imports numpy.
for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

# One fixture file for each room with made-up data that other rooms use, too.
pytest_plugins = ["tests.release.fixtures", "tests.pipeline.fixtures"]

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real recordings with known truth, kept beside the checkout and never inside it."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}: this test needs them")
    return folder
