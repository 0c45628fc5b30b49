"""The road on sessions whose capture is made up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.pipeline.pipeline import Road, RoadConfig, open_road
from qevd_bio.stages import kinematics
from tests.pipeline.sessions_made import captured

Walk = Callable[..., Road]


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Walk:
    """Run the road on a data root; `depth` scales the squats that everybody does there."""

    def walked(
        root: Path,
        *,
        depth: float = 0.7,
        capture: Callable[..., Any] | None = None,
        work: str = "work",
        **options: Any,
    ) -> Road:
        monkeypatch.setattr(kinematics, "capture_motion", capture or captured(depth))
        monkeypatch.setattr(kinematics, "pose_class", lambda: None)
        road = open_road(RoadConfig(root, **options), tmp_path / work)
        summary = road.run((), argv=["test"], on_event=lambda event: None)
        assert not summary.failures
        return road

    return walked
