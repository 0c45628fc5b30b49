"""The stage around a capture backend: heights by video, identity, set-up and release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from qevd_bio.capture.backend import Backend, SourceVideo
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.exercises.load import load_rules
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.stages.sessions import Sessions, load_sessions
from qevd_bio.tables.kinematics import motion_from_table
from tests.pipeline.sessions_made import SPLIT, SQUATS, record, squats_motion, write_root

TEST_SPLIT = "QEVD-FIT-COACH-Benchmark"


@dataclass(frozen=True)
class MadeBackend(Backend):
    """Squats for every video, and a list of its calls."""

    calls: list[str] = field(default_factory=list)
    name: str = "made"
    version: int = 1
    gpus: int = 2

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        return {"file": video.file.name}

    def setup(self) -> None:
        self.calls.append("setup")

    def capture(self, video: SourceVideo, time_s: np.ndarray) -> Captured:
        self.calls.append(video.video_id)
        return Captured(squats_motion(0.7, time_s), {"turn_deg": 0})

    def teardown(self) -> None:
        self.calls.append("teardown")


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS), record("0002", SQUATS)], SPLIT)
    write_root(root, [record("0001", SQUATS)], TEST_SPLIT)
    return load_sessions(root, load_rules())


def height_m(stage: KinematicsStage, unit: str, tmp_path: Path) -> float | None:
    stage.process(unit, {}, tmp_path / "out.parquet")
    return motion_from_table(pq.read_table(tmp_path / "out.parquet")).height_m


def test_a_video_has_its_own_height_before_that_of_the_run(
    sessions: Sessions, tmp_path: Path
) -> None:
    stage = KinematicsStage(sessions, MadeBackend(), 1.78, {"0002": 1.62})
    assert height_m(stage, "test-0001", tmp_path) == 1.78
    assert height_m(stage, "0002", tmp_path) == 1.62
    assert height_m(replace(stage, height_m=None), "train-0001", tmp_path) is None


def test_heights_and_the_backends_version_are_part_of_the_identity(sessions: Sessions) -> None:
    stage = KinematicsStage(sessions, MadeBackend())
    taller = replace(stage, height_of={"0002": 1.9})
    assert taller.depends("0002") != stage.depends("0002")
    assert taller.depends("test-0001") == stage.depends("test-0001")
    newer = replace(stage, backend=MadeBackend(version=2))
    assert newer.depends("0002") != stage.depends("0002")


def test_the_backend_does_the_work_and_gets_the_name_of_the_file(
    sessions: Sessions, tmp_path: Path
) -> None:
    backend = MadeBackend()
    stage = KinematicsStage(sessions, backend)
    assert stage.resources.gpus == 2
    stage.setup()
    stage.process("test-0001", {}, tmp_path / "out.parquet")
    stage.teardown()
    assert backend.calls == ["setup", "0001", "teardown"]


def test_a_constant_of_the_fit_is_part_of_the_identity(sessions: Sessions) -> None:
    usual = MediaPipeConfig()
    changed = replace(usual, lifting=replace(usual.lifting, end_speed_m_s=0.3))
    before, after = (
        KinematicsStage(sessions, MediaPipeBackend(config)).depends("0002")
        for config in (usual, changed)
    )
    assert {key for key in before if before[key] != after[key]} == {"config"}
