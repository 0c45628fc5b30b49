"""A video with its motion, cycles and findings, read from a work folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.stages.cycles import scored_from_row
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_notes, read_parquet
from qevd_bio.views.work_folder import finished_artifacts

_FINDING_NAMES = tuple(field.name for field in fields(Finding))


@dataclass(frozen=True, slots=True)
class AnalysedSegment:
    """One exercise of a video with what was found in it.

    Attributes
    ----------
    exercise : str
        Name of the exercise.
    frame_start, frame_end : int
        First frame, and the one after the last.
    rule : Rule or None
        None: the exercise has no rule, and nothing was checked.
    cycles : tuple of Cycle
        In time order, in frames of the video.
    findings : tuple of Finding
        Of these cycles.
    """

    exercise: str
    frame_start: int
    frame_end: int
    rule: Rule | None
    cycles: tuple[Cycle, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class AnalysedVideo:
    """A video with its motion and what was found in it.

    Attributes
    ----------
    video_file : Path
        The video.
    turn_deg : int
        Clockwise turn that puts the person upright.
    motion : Motion
        One row a frame.
    segments : tuple of AnalysedSegment
        Its exercises.
    """

    video_file: Path
    turn_deg: int
    motion: Motion
    segments: tuple[AnalysedSegment, ...]


def analysed_video(pipeline: Pipeline, video: str) -> AnalysedVideo:
    """Read a finished video of a work folder.

    Parameters
    ----------
    pipeline : Pipeline
        Of the work folder.
    video : str
        Video id.

    Returns
    -------
    AnalysedVideo

    Raises
    ------
    UsageError, DataError
        The video is unknown, or not finished.
    """
    artifacts = finished_artifacts(pipeline, video)
    session = pipeline.sessions.by_id[video]
    table = read_parquet(artifacts["kinematics"], kinematics_table.SCHEMA)
    cycles = read_parquet(artifacts["cycles"], cycle_table.SCHEMA).to_pylist()
    findings = read_parquet(artifacts["findings"], finding_table.SCHEMA).to_pylist()
    segments = tuple(
        AnalysedSegment(
            exercise=segment.exercise_text,
            frame_start=segment.frame_start,
            frame_end=segment.frame_end,
            rule=session.rules.get(segment.index),
            cycles=tuple(
                scored_from_row(row).cycle
                for row in cycles
                if row["segment_index"] == segment.index
            ),
            findings=tuple(
                Finding(**{name: row[name] for name in _FINDING_NAMES})
                for row in findings
                if row["segment_index"] == segment.index
            ),
        )
        for segment in session.segments
    )
    return AnalysedVideo(
        video_file=session.record.video_file,
        turn_deg=int(read_notes(table)["capture"]["turn_deg"]),
        motion=motion_from_table(table),
        segments=segments,
    )
