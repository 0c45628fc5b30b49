"""After stage 2: angles and cycles to the plausibility of the capture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.count_without_rule import count_without_rule, disagreement
from qevd_bio.exercises.recognise import Recognised, is_other_exercise, recognise
from qevd_bio.exercises.recognition_model import shipped_digest
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.capture_quality import capture_quality
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.without_rule import Unruled
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import quality as quality_table
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import read_parquet, rows_table, schema_sha256, write_parquet


@dataclass(frozen=True)
class QualityStage(Stage):
    """Measure how plausible each capture is as the movement of a person."""

    sessions: Sessions
    name: str = "quality"
    version: int = 7
    reads: tuple[str, ...] = ("kinematics", "cycles")
    writes: str = "quality"
    schema_digest: str = schema_sha256(quality_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the segments, the rules of their exercises, and the model that recognises them."""
        session = self.sessions.by_id[video_id]
        own = {"segments": session.segments_digest(), "recognition": shipped_digest()}
        return own | session.rule_digests()

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Measure one video; the notes repeat its concerns."""
        motion = read_motion(inputs["kinematics"])
        cycles = read_parquet(inputs["cycles"], cycle_table.SCHEMA).to_pylist()
        row = quality_row(video_id, motion, self.sessions.by_id[video_id], cycles)
        write_parquet(rows_table([row], quality_table.SCHEMA), out)
        return {"concerns": list(row["concerns"])}


def quality_row(
    video_id: str, motion: Motion, session: Session, cycles: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Measure the capture of one video, whose cycles are given as rows; return its row."""
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = asdict(capture_quality(motion, skeleton))
    alone = _counted_alone(motion, session, skeleton)
    seen = _recognised(motion, session, skeleton, alone)
    concerns = (
        *found["concerns"],
        *_count_concerns(session, cycles, alone),
        *_exercise_concerns(session, seen),
    )
    row = {"video_id": video_id, "start_s": float(motion.time_s[0]), **found}
    return row | {
        "exercise_recognised": [one.exercise or "" for one in seen],
        "exercise_probability": [one.probability for one in seen],
        "concerns": concerns,
    }


def _counted_alone(motion: Motion, session: Session, skeleton: Skeleton) -> dict[int, Unruled]:
    """Count each segment with frames from the movement alone, by its number."""
    frames = len(motion.time_s)
    ends = {one.index: min(one.frame_end, frames) for one in session.segments}
    return {
        one.index: count_without_rule(motion, one.frame_start, ends[one.index], skeleton)
        for one in session.segments
        if one.frame_start < ends[one.index]
    }


def _recognised(
    motion: Motion, session: Session, skeleton: Skeleton, alone: Mapping[int, Unruled]
) -> list[Recognised]:
    """Recognise the exercise of each segment."""
    frames = len(motion.time_s)
    return [
        recognise(
            motion,
            min(one.frame_start, frames),
            min(one.frame_end, frames),
            skeleton,
            alone=alone.get(one.index),
        )
        for one in session.segments
    ]


def _exercise_concerns(session: Session, seen: Sequence[Recognised]) -> list[str]:
    """Say where somebody surely does another exercise than the session says."""
    return [
        f"segment {segment.index}, {session.rules[segment.index].title}: the movement looks like "
        f"{one.exercise} ({one.probability:.2f})"
        for segment, one in zip(session.segments, seen, strict=True)
        if segment.index in session.rules and is_other_exercise(one, session.rules[segment.index])
    ]


def _count_concerns(
    session: Session, cycles: Sequence[Mapping[str, Any]], alone: Mapping[int, Unruled]
) -> list[str]:
    """Compare what the rules count with what the movement alone shows."""
    counted = Counter(row["segment_index"] for row in cycles)
    concerns = []
    for segment in session.segments:
        rule = session.rules.get(segment.index)
        if rule is None or rule.kind == "hold" or segment.index not in alone:
            continue
        words = disagreement(rule, counted[segment.index], alone[segment.index])
        concerns += [f"segment {segment.index}, {words}"] if words else []
    return concerns
