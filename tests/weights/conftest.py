"""The folder that weights are imported into."""

from __future__ import annotations

from pathlib import Path

import pytest

from qevd_bio.weights.store import WeightFolder


@pytest.fixture
def folder(tmp_path: Path) -> WeightFolder:
    return WeightFolder(tmp_path / "weights")
