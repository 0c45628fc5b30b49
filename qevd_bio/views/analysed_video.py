"""A video with its motion, cycles and findings, read from a work folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.stages.cycles import scored_from_row
from qevd_bio.stages.sessions import Session, chosen_videos
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_notes, read_parquet


@dataclass(frozen=True, slots=True)
class AnalysedSegment:
    """One exercise of a video with what was found in it.

    Attributes
    ----------
    index : int
        Number of the segment in the video.
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
    utterances_s : tuple of float
        Times of the utterances, on the data set's clock.
    """

    index: int
    exercise: str
    frame_start: int
    frame_end: int
    rule: Rule | None
    cycles: tuple[Cycle, ...]
    findings: tuple[Finding, ...]
    utterances_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class AnalysedVideo:
    """A video with its motion and what was found in it.

    Attributes
    ----------
    video_id, video_file : str, Path
        The video.
    turn_deg : int
        Clockwise turn that puts the person upright.
    motion : Motion
        One row a frame.
    segments : tuple of AnalysedSegment
        Its exercises.
    """

    video_id: str
    video_file: Path
    turn_deg: int
    motion: Motion
    segments: tuple[AnalysedSegment, ...]


def finished_video(pipeline: Pipeline, video: str) -> AnalysedVideo:
    """Read a finished video of a work folder.

    Raises
    ------
    UsageError, DataError
        The video is unknown, or not finished.
    """
    chosen_videos(pipeline.sessions, (video,))
    artifacts = pipeline.artifacts()[video]
    if "findings" not in artifacts:
        raise DataError(
            "is not finished",
            where=f"video {video}",
            next_step="`qevd-bio plan --why` lists what is open",
        )
    return analysed_video(pipeline.sessions.by_id[video], artifacts)


def analysed_video(session: Session, artifacts: Mapping[str, Path]) -> AnalysedVideo:
    """Read a video from its kinematics, cycles and findings (paths by stage)."""
    table = read_parquet(artifacts["kinematics"], kinematics_table.SCHEMA)
    motion = motion_from_table(table)
    cycles = read_parquet(artifacts["cycles"], cycle_table.SCHEMA).to_pylist()
    findings = read_parquet(artifacts["findings"], finding_table.SCHEMA).to_pylist()
    segments = []
    for segment in session.segments:
        index = segment.index
        said = [session.utterances[i].frame_start for i in segment.utterance_indices]
        own = [scored_from_row(row) for row in cycles if row["segment_index"] == index]
        found = [finding_from_row(row) for row in findings if row["segment_index"] == index]
        segments.append(
            AnalysedSegment(
                index=index,
                exercise=segment.exercise_text,
                frame_start=segment.frame_start,
                frame_end=segment.frame_end,
                rule=session.rules.get(index),
                cycles=tuple(one.cycle for one in own),
                findings=tuple(found),
                utterances_s=tuple(
                    float(motion.time_s[frame]) for frame in said if frame < len(motion.time_s)
                ),
            )
        )
    return AnalysedVideo(
        video_id=session.record.unit_id,
        video_file=session.record.video_file,
        turn_deg=int(read_notes(table)["capture"]["turn_deg"]),
        motion=motion,
        segments=tuple(segments),
    )
