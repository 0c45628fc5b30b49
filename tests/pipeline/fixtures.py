"""The pipeline on sessions with made-up capture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.capture.monocular import backend
from qevd_bio.pipeline.pipeline import Pipeline, PipelineConfig, open_pipeline
from tests.pipeline.sessions_made import captured

Walk = Callable[..., Pipeline]


def walked(
    root: Path,
    work: Path,
    *,
    depth: float = 0.7,
    capture: Callable[..., Any] | None = None,
    **options: Any,
) -> Pipeline:
    """Run the pipeline on a data root; `depth` scales the squats that everybody does there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "capture_motion", capture or captured(depth))
        pipeline = open_pipeline(PipelineConfig(root, **options), work)
        summary = pipeline.run(argv=["test"], on_event=lambda event: None)
    assert not summary.failures
    return pipeline


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Walk:
    """Run the pipeline as `walked` does, into a folder of the test; no video is captured in it."""

    def into_the_folder(
        root: Path,
        *,
        depth: float = 0.7,
        capture: Callable[..., Any] | None = None,
        work: str = "work",
        **options: Any,
    ) -> Pipeline:
        monkeypatch.setattr(backend, "capture_motion", capture or captured(depth))
        return walked(root, tmp_path / work, depth=depth, capture=capture, **options)

    return into_the_folder
