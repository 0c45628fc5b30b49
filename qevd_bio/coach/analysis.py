"""Videos through the pipeline's own stages: capture, cycles, quality, findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.video.video_files import video_id_of
from qevd_bio.choices import DetectorModel
from qevd_bio.coach.plain_session import PlainVideo, part_of_video, plain_session, sessions_of
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.engine.events import Event, Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import PlannedUnit, current_artifacts, plan
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError, UsageError, VideoError
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.stages.cycles import CyclesStage
from qevd_bio.stages.findings import FindingsStage
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.stages.quality import QualityStage
from qevd_bio.stages.sessions import Session, Sessions

WORK = "work"
"""Folder of the artifacts below the results; a second call with the same video finds them."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A video, the artifacts of the stages by name, and what makes the capture doubtful.

    `capture` are the notes of the capture: people in view, turn, whether the file breaks off.
    """

    video: PlainVideo
    session: Session
    artifacts: Mapping[str, Path]
    concerns: tuple[str, ...]
    capture: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that cannot be coached, and why."""

    video_id: str
    source: Path
    reason: str


def named_files(files: Sequence[Path]) -> dict[str, Path]:
    """Name videos after their files; `DataError` where two would have one name."""
    named: dict[str, Path] = {}
    for file in files:
        video_id = video_id_of(file)
        if video_id in named:
            raise DataError(
                f"would be a second video '{video_id}'",
                where=str(file),
                next_step="Rename the file, or write to another --out",
            )
        named[video_id] = file
    return named


def analysed(
    video_id: str,
    source: Path,
    rule: Rule,
    settings: CoachSettings,
    on_event: Callable[[Event], None],
) -> Analysis | Failure:
    """Bring a video through the stages, in this process.

    `EnvironmentProblem` where the detector, or the folder of the results, cannot be used.
    """
    cut = settings.out / video_id / "part.mp4"
    try:
        video = part_of_video(video_id, source, settings.start_s, settings.end_s, cut)
        session = plain_session(video, rule)
    except (VideoError, DataError, UsageError) as error:
        return Failure(video_id, source, str(error))
    stages = _stages(sessions_of([session]), settings.detector_model, settings.height_m)
    store = Store(settings.out / WORK)
    summary = run_local(stages, [video_id], store, Tally(on_event))
    if summary.failures:
        return Failure(video_id, source, summary.failures[0].reason)
    planned = plan(stages, [video_id], store)
    artifacts = current_artifacts(planned, store)[video_id]
    notes = planned[0].record.notes if planned[0].record else {}
    return Analysis(video, session, artifacts, _concerns(planned), notes)


def _concerns(units: Iterable[PlannedUnit]) -> tuple[str, ...]:
    """Return what the stages noted that makes a capture doubtful."""
    noted = [one.record.notes.get("concerns") for one in units if one.record]
    return tuple(str(one) for some in noted if isinstance(some, list) for one in some)


def _stages(
    sessions: Sessions, detector: DetectorModel | None, height_m: float | None
) -> tuple[Stage, ...]:
    return (
        KinematicsStage(sessions, MediaPipeBackend.with_detector(detector), height_m),
        CyclesStage(sessions),
        QualityStage(sessions),
        FindingsStage(sessions),
    )
