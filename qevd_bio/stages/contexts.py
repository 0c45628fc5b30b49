"""Between stages 3 and 4: what is known at each moment of an exercise, from the past only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.choices import Policy
from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.salience import SegmentSalience
from qevd_bio.feedback.context_stream import Context, SegmentFacts, segment_contexts
from qevd_bio.feedback.morphology import reportable_measurements
from qevd_bio.feedback.prompt_files import prompt_digests
from qevd_bio.feedback.style import style_of
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.segments import Segment
from qevd_bio.stages.salience import salience_for
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import contexts as context_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables import morphometrics as morphometrics_table
from qevd_bio.tables.contexts import angles_source
from qevd_bio.tables.cycles import kind_so_far
from qevd_bio.tables.findings import finding_row
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import (
    read_notes,
    read_parquet,
    rows_table,
    schema_sha256,
    write_parquet,
)


@dataclass(frozen=True)
class ContextsStage(Stage):
    """Write four rows a second of each exercise, each from frames up to its own.

    Neither `cycles` nor `findings` are read: both are found with the whole segment in view.
    """

    sessions: Sessions
    policy: Policy = "evidence"
    name: str = "contexts"
    version: int = 7
    reads: tuple[str, ...] = ("kinematics", "morphometrics")
    writes: str = "contexts"
    schema_digest: str = schema_sha256(context_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the segments, the rules, the salient joints, the words and the policy."""
        session = self.sessions.by_id[video_id]
        return {
            "segments": session.segments_digest(),
            "policy": sha256_json(self.policy),
            "salient joints": session.salience_digest(),
            **session.rule_digests(),
            **prompt_digests(),
        }

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Write the rows of one video, segment by segment."""
        session = self.sessions.by_id[video_id]
        table = read_parquet(inputs["kinematics"], kinematics_table.SCHEMA)
        motion, capture = motion_from_table(table), read_notes(table).get("capture", {})
        bodies = read_parquet(inputs["morphometrics"], morphometrics_table.SCHEMA).to_pylist()
        body = reportable_measurements(bodies[0])
        salient = salience_for(session, inputs)
        rows = self.rows(session, motion, capture, body=body, salient=salient)
        write_parquet(rows_table(rows, context_table.SCHEMA), out)
        return {"rows": len(rows), "cycles": sum(row["is_refresh"] for row in rows)}

    def rows(
        self,
        session: Session,
        motion: Motion,
        capture: Mapping[str, Any],
        *,
        body: Mapping[str, float],
        salient: Mapping[int, SegmentSalience],
    ) -> list[dict[str, Any]]:
        """Make the rows of one video; `capture` are the notes of its capture."""
        first_s = float(motion.time_s[0])
        rows: list[dict[str, Any]] = []
        for segment in session.segments:
            facts = self.facts(session, segment, body, salient.get(segment.index))
            contexts = segment_contexts(motion, segment.frame_start, segment.frame_end, facts)
            of_segment = _segment_columns(segment, facts) | {
                "video_id": session.record.unit_id,
                "angles_from": angles_source(capture),
            }
            rows += [of_segment | _context_columns(context, first_s) for context in contexts]
        return rows

    def facts(
        self,
        session: Session,
        segment: Segment,
        body: Mapping[str, float],
        salience: SegmentSalience | None,
    ) -> SegmentFacts:
        """Say what is known of an exercise before it starts."""
        rule = session.rules.get(segment.index)
        return SegmentFacts(rule, salience, body, style_of(rule, self.policy))


def _segment_columns(segment: Segment, facts: SegmentFacts) -> dict[str, Any]:
    return {
        "segment_index": segment.index,
        "exercise_text": segment.exercise_text,
        "exercise": facts.rule.id if facts.rule else None,
        "rule_version": facts.rule.version if facts.rule else None,
    }


def _context_columns(context: Context, first_s: float) -> dict[str, Any]:
    checked = context.checked
    cycle = None
    if checked is not None:
        names = ("side", "cut", "start_s", "key_s", "end_s")
        cycle = {name: getattr(checked.cycle, name) for name in names}
        cycle["kind"] = kind_so_far(checked.cycle)
        cycle["known_s"] = context.known_s
    findings = checked.findings if checked is not None and context.is_refresh else ()
    return {
        "frame": context.frame,
        "time_s": context.time_s,
        "video_time_s": context.time_s - first_s,
        "clip_s": context.clip_s,
        "phase": context.phase,
        "salient_joints": list(context.salience.joints) if context.salience else [],
        "salient_source": context.salience.source if context.salience else None,
        "cycle_count": context.cycle_count,
        "is_refresh": context.is_refresh,
        "cycle": cycle,
        "motion_context": context.motion,
        "morphology_context": context.morphology,
        "findings": [finding_row(finding) for finding in findings],
    }
