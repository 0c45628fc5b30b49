"""Stage 3: cycles to findings, constraint by constraint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.salience import SegmentSalience, on_salient_joints
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.stages.cycles import scored_from_row
from qevd_bio.stages.salience import salience_for
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables.findings import finding_row
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import read_parquet, rows_table, schema_sha256, write_parquet


@dataclass(frozen=True)
class FindingsStage(Stage):
    """Check the constraints of each exercise on each of its cycles."""

    sessions: Sessions
    name: str = "findings"
    version: int = 7
    reads: tuple[str, ...] = ("kinematics", "cycles")
    writes: str = "findings"
    schema_digest: str = schema_sha256(finding_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the rules of the session's exercises and the salient joints."""
        session = self.sessions.by_id[video_id]
        return {"salient joints": session.salience_digest(), **session.rule_digests()}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Check the cycles of one video."""
        session = self.sessions.by_id[video_id]
        cycles = read_parquet(inputs["cycles"], cycle_table.SCHEMA).to_pylist()
        motion, salient = read_motion(inputs["kinematics"]), salience_for(session, inputs)
        rows = finding_rows(session, motion, cycles, salient)
        write_parquet(rows_table(rows, finding_table.SCHEMA), out)
        return {"findings": len(rows), "violated": sum(bool(row["violated"]) for row in rows)}


def finding_rows(
    session: Session,
    motion: Motion,
    cycles: Sequence[Mapping[str, Any]],
    salient: Mapping[int, SegmentSalience],
) -> list[dict[str, Any]]:
    """Check the cycles of one video, given as rows; return the rows of findings."""
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    frame_starts = {segment.index: segment.frame_start for segment in session.segments}
    rows: list[dict[str, Any]] = []
    for segment_index, group in groupby(cycles, key=itemgetter("segment_index")):
        rule, segment_rows = session.rules[segment_index], list(group)
        found = segment_findings(
            motion,
            rule,
            [scored_from_row(row).cycle for row in segment_rows],
            skeleton,
            frame_start=frame_starts[segment_index],
        )
        rows += [
            {
                "video_id": session.record.unit_id,
                "segment_index": segment_index,
                "cycle_index": row["cycle_index"],
                "exercise": rule.id,
                **finding_row(finding),
                "video_key_s": finding.key_s - float(motion.time_s[0]),
            }
            for row, findings in zip(segment_rows, found, strict=True)
            for finding in on_salient_joints(findings, salient[segment_index].chosen)
        ]
    return rows
