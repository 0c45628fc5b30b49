"""The small world, as fixtures."""

from __future__ import annotations

import pytest

from tests.engine.toy_world import World


@pytest.fixture(scope="session")
def make_world():
    return World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "work")
