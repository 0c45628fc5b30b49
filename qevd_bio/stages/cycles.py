"""Stage 2: angles to cycles, segment by segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.cycle_search import ScoredCycle, SegmentCycles, segment_cycles
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.cycle_score import CycleScore
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.qevd.segments import Segment
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables.cycles import score_columns, video_columns
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import rows_table, schema_sha256, write_parquet


@dataclass(frozen=True)
class CyclesStage(Stage):
    """Find the repetitions and holds of each exercise."""

    sessions: Sessions
    name: str = "cycles"
    version: int = 9
    reads: tuple[str, ...] = ("kinematics",)
    writes: str = "cycles"
    schema_digest: str = schema_sha256(cycle_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the segments and the rules of their exercises."""
        session = self.sessions.by_id[video_id]
        return {"segments": session.segments_digest(), **session.rule_digests()}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Find the cycles of one video; the notes state why a segment has none."""
        session = self.sessions.by_id[video_id]
        rows, reasons = cycle_rows(session, read_motion(inputs["kinematics"]))
        table = rows_table(rows, cycle_table.SCHEMA)
        write_parquet(table, out, notes={"no_cycle_reasons": reasons})
        return {"no_cycle_reasons": dict(reasons)}


def cycle_rows(session: Session, motion: Motion) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Find the cycles of one video: its rows, and by segment why there is none."""
    rows: list[dict[str, Any]] = []
    reasons: dict[str, str] = {}
    for segment in session.segments:
        rule = session.rules.get(segment.index)
        found = _cycles_of(motion, rule, segment)
        if found.reason:
            reasons[str(segment.index)] = found.reason
        if rule is not None:
            rows += [
                _row(session.record.unit_id, segment.index, index, rule, scored)
                | video_columns(scored.cycle, float(motion.time_s[0]))
                for index, scored in enumerate(found.cycles)
            ]
    return rows, reasons


def scored_from_row(row: Mapping[str, Any]) -> ScoredCycle:
    """Read a cycle back from its row."""
    cycle = Cycle(
        kind=row["kind"],
        start=row["frame_start"],
        key=row["frame_key"],
        end=row["frame_end"],
        start_s=row["start_s"],
        key_s=row["key_s"],
        end_s=row["end_s"],
        side=row["side"],
        cut=row["cut"],
        counted=row["counted"],
    )
    if row["quality"] is None:
        return ScoredCycle(cycle, None)
    parts = (row[f"quality_{part}"] for part in ("cosine", "pearson", "velocity", "amplitude"))
    return ScoredCycle(cycle, CycleScore(row["quality"], *parts))


def _cycles_of(motion: Motion, rule: Rule | None, segment: Segment) -> SegmentCycles:
    if rule is None:
        return SegmentCycles((), f"the exercise '{segment.exercise_text}' has no rule")
    end = min(segment.frame_end, len(motion.time_s))
    if segment.frame_start >= end:
        return SegmentCycles((), "the segment lies after the last frame time")
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    return segment_cycles(motion, rule, segment.frame_start, end, skeleton)


def _row(
    video_id: str, segment_index: int, cycle_index: int, rule: Rule, scored: ScoredCycle
) -> dict[str, Any]:
    cycle = scored.cycle
    return {
        "video_id": video_id,
        "segment_index": segment_index,
        "cycle_index": cycle_index,
        "exercise": rule.id,
        "kind": cycle.kind,
        "side": cycle.side,
        "cut": cycle.cut,
        "counted": cycle.counted,
        "frame_start": cycle.start,
        "frame_key": cycle.key,
        "frame_end": cycle.end,
        "start_s": cycle.start_s,
        "key_s": cycle.key_s,
        "end_s": cycle.end_s,
        **score_columns(scored.score),
        "rule_version": rule.version,
    }
