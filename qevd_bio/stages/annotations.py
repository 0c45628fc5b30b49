"""Stage 4: utterances and findings to annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qevd_bio import __version__
from qevd_bio.choices import Policy
from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.cycle_search import ScoredCycle, choose_cycle
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.keep_or_rewrite import Rewritten, rewrite
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.feedback.pose import PoseAngle, pose_of
from qevd_bio.feedback.prompt_files import prompt_digests
from qevd_bio.feedback.style import style_of
from qevd_bio.files.digest import sha256_file, sha256_json
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.drop_in import merging_pairs
from qevd_bio.qevd.segments import Segment
from qevd_bio.qevd.utterances import Utterance
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.stages.cycles import scored_from_row
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import morphometrics as morphometrics_table
from qevd_bio.tables.cycles import score_columns
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import (
    read_notes,
    read_parquet,
    rows_table,
    schema_sha256,
    write_parquet,
)


@dataclass(frozen=True, slots=True)
class _Measured:
    """The results of the earlier stages for one video."""

    motion: Motion
    skeleton: Skeleton
    cycles: Mapping[int, list[ScoredCycle]]
    findings: Mapping[tuple[int, int], list[Finding]]
    no_cycle_reasons: Mapping[str, str]
    body: Mapping[str, float]


@dataclass(frozen=True)
class AnnotationsStage(Stage):
    """Rewrite the trainer's sentences where the findings support it."""

    sessions: Sessions
    policy: Policy = "evidence"
    variants: bool = False
    name: str = "annotations"
    version: int = 4
    reads: tuple[str, ...] = ("kinematics", "morphometrics", "cycles", "findings")
    writes: str = "annotations"
    schema_digest: str = schema_sha256(annotation_table.SCHEMA)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name the record, the rules, the salient joints, the language data and the choices."""
        session = self.sessions.by_id[video_id]
        return {
            "record": session.record.digest,
            "segments": session.segments_digest(),
            "policy": sha256_json(self.policy),
            "wording variants": sha256_json(self.variants),
            "salient joints": session.salience_digest(),
            "generator": __version__,
            **session.rule_digests(),
            **prompt_digests(),
        }

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Write one row an utterance."""
        session = self.sessions.by_id[video_id]
        measured = _read_measured(inputs)
        made_from = {
            "kinematics_sha256": sha256_file(inputs["kinematics"]),
            "findings_sha256": sha256_file(inputs["findings"]),
            "generator_version": __version__,
        }
        rows = [
            self._row(session, utterance, measured, made_from) for utterance in session.utterances
        ]
        _restore_merging(session, rows)
        write_parquet(rows_table(rows, annotation_table.SCHEMA), out)
        return dict(sorted(Counter(row["status"] for row in rows).items()))

    def _row(
        self,
        session: Session,
        utterance: Utterance,
        measured: _Measured,
        made_from: Mapping[str, str],
    ) -> dict[str, Any]:
        segment = session.segment_of(utterance)
        rule = session.rules.get(segment.index) if segment else None
        salience = session.salience.get(segment.index) if segment else None
        index, scored = _cycle_meant(segment, utterance, measured)
        findings = measured.findings.get((segment.index, index), []) if segment else []
        kind = kind_of(utterance.text, is_transition=utterance.is_transition)
        pose = _pose(measured, utterance.frame_start, salience.joints if salience else ())
        seed = f"{session.record.unit_id}:{utterance.index}" if self.variants else None
        style = style_of(rule, self.policy, seed)
        cycle = scored.cycle if scored else None
        rewritten = rewrite(utterance.text, kind, rule, cycle, findings, pose, style)
        return {
            "video_id": session.record.unit_id,
            "segment_index": segment.index if segment else None,
            "exercise_text": segment.exercise_text if segment else None,
            "exercise": rule.id if rule else None,
            "feedback_index": utterance.index,
            "timestamp_s": utterance.timestamp_s,
            "frame_start": utterance.frame_start,
            "frame_end": utterance.frame_end,
            "is_transition": utterance.is_transition,
            "kind": kind.name,
            "kind_source": kind.source,
            "kind_confidence": kind.confidence,
            "feedback_original": utterance.text,
            "feedback": rewritten.feedback,
            "status": rewritten.status,
            "reason": _reason(rewritten, segment, measured),
            "motion_context": rewritten.motion_context,
            "morphology_context": _morphology(measured, utterance.frame_start, scored),
            "salient_joints": list(salience.joints) if salience else [],
            "salient_source": salience.source if salience else None,
            "pose": [asdict(angle) for angle in pose],
            "cycle": _cycle_struct(index, scored, rule),
            "findings": [
                {**asdict(finding), "matches_cue": matches, "spoken": finding in rewritten.chosen}
                for finding, matches in zip(findings, rewritten.matches_cue, strict=True)
            ],
            "review": None,
            "provenance": {**made_from, "rule_version": rule.version if rule else None},
        }


def _read_measured(inputs: Mapping[str, Path]) -> _Measured:
    cycles = read_parquet(inputs["cycles"], cycle_table.SCHEMA)
    by_segment: dict[int, list[ScoredCycle]] = {}
    for row in cycles.to_pylist():
        by_segment.setdefault(row["segment_index"], []).append(scored_from_row(row))
    findings: dict[tuple[int, int], list[Finding]] = {}
    for row in read_parquet(inputs["findings"], finding_table.SCHEMA).to_pylist():
        of_cycle = findings.setdefault((row["segment_index"], row["cycle_index"]), [])
        of_cycle.append(finding_from_row(row))
    motion = read_motion(inputs["kinematics"])
    return _Measured(
        motion=motion,
        skeleton=scaled_skeleton(motion.segment_lengths_m),
        cycles=by_segment,
        findings=findings,
        no_cycle_reasons=read_notes(cycles)["no_cycle_reasons"],
        body=reportable_measurements(
            read_parquet(inputs["morphometrics"], morphometrics_table.SCHEMA).to_pylist()[0]
        ),
    )


def _cycle_meant(
    segment: Segment | None, utterance: Utterance, measured: _Measured
) -> tuple[int, ScoredCycle | None]:
    """Find the cycle an utterance is about, and its index in the segment."""
    cycles = measured.cycles.get(segment.index, []) if segment else []
    if not cycles or utterance.frame_start >= len(measured.motion.time_s):
        return -1, None
    scored = choose_cycle(cycles, float(measured.motion.time_s[utterance.frame_start]))
    return (cycles.index(scored), scored) if scored else (-1, None)


def _reason(rewritten: Rewritten, segment: Segment | None, measured: _Measured) -> str:
    detail = measured.no_cycle_reasons.get(str(segment.index), "") if segment else ""
    if rewritten.status == "no_cycle" and detail:
        return f"{rewritten.reason}: {detail}"
    return rewritten.reason


def _pose(measured: _Measured, frame: int, joints: tuple[str, ...]) -> tuple[PoseAngle, ...]:
    """Read the pose at a frame; none where no frame or no joint is known."""
    motion = measured.motion
    if frame >= len(motion.time_s) or not joints:
        return ()
    skeleton, gravity = measured.skeleton, motion.gravity
    return pose_of(motion.q[frame], motion.observed, joints, skeleton=skeleton, gravity=gravity)


def _morphology(measured: _Measured, frame: int, scored: ScoredCycle | None) -> str:
    """Describe the body, and warn where the pose or most of the cycle is uncertain."""
    motion = measured.motion
    unsure = ~motion.valid | (motion.confidence < LEAST_CONFIDENCE)
    cycle = slice(scored.cycle.start, scored.cycle.end + 1) if scored else slice(0, 0)
    is_low = bool(
        unsure[frame : frame + 1].any() or unsure[cycle].sum() > 0.5 * unsure[cycle].size
    )
    return morphology_context(measured.body, low_confidence=is_low)


def _cycle_struct(
    index: int, scored: ScoredCycle | None, rule: Rule | None
) -> dict[str, Any] | None:
    if scored is None or rule is None:
        return None
    cycle = scored.cycle
    return {
        "cycle_index": index,
        "kind": cycle.kind,
        "side": cycle.side,
        "start_s": cycle.start_s,
        "key_s": cycle.key_s,
        "end_s": cycle.end_s,
        "phase": rule.key_phase.name,
        **score_columns(scored.score),
    }


def _restore_merging(session: Session, rows: list[dict[str, Any]]) -> None:
    """Restore the original sentence where two new ones would touch and become one utterance."""
    texts = {
        row["feedback_index"]: row["feedback"] for row in rows if row["status"] == "rewritten"
    }
    while pairs := merging_pairs(session.record, texts):
        first, second = pairs[0]
        index = second if second in texts else first
        texts.pop(index, None)
        row = rows[index]
        row["feedback"], row["status"] = row["feedback_original"], "kept"
        row["reason"] = "its new sentence equals its neighbour's, and the two would run together"
        for finding in row["findings"]:
            finding["spoken"] = False
