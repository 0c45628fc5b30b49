"""Stage 4: utterances to annotations, each by what was known when it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from qevd_bio import __version__
from qevd_bio.choices import Policy
from qevd_bio.engine.stage import Stage
from qevd_bio.exercises.cycle_search import ScoredCycle
from qevd_bio.exercises.cycle_until import LastCycle, cycle_until
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.salience import Salience, SegmentSalience, on_salient_joints
from qevd_bio.feedback.keep_or_rewrite import Rewritten, rewrite
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.feedback.pose import PoseAngle, pose_of
from qevd_bio.feedback.prompt_files import prompt_digests
from qevd_bio.feedback.second_opinions import SecondOpinion, decided_kind
from qevd_bio.feedback.style import style_of
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.input_file import sha256_input
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.drop_in import touching_pairs
from qevd_bio.qevd.segments import Segment
from qevd_bio.qevd.texts import loader_text
from qevd_bio.qevd.utterances import Utterance
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.stages.salience import salience_for
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables import annotations as annotation_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables import morphometrics as morphometrics_table
from qevd_bio.tables.contexts import angles_source
from qevd_bio.tables.cycles import kind_so_far, score_columns
from qevd_bio.tables.findings import finding_row
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import (
    read_notes,
    read_parquet,
    rows_table,
    schema_sha256,
    write_parquet,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The results of the earlier stages for one video.

    Attributes
    ----------
    motion, skeleton : Motion, Skeleton
        The angles, and the body they bend.
    angles_from : str
        What each frame's angles were estimated from.
    body : mapping of str to float
        Measures that a sentence may name.
    salience : mapping of int to SegmentSalience
        By segment.
    last_cycles : mapping of int to LastCycle
        By utterance, where the cycle it is about is known already.
    """

    motion: Motion
    angles_from: str
    skeleton: Skeleton
    body: Mapping[str, float]
    salience: Mapping[int, SegmentSalience]
    last_cycles: Mapping[int, LastCycle] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnotationsStage(Stage):
    """Rewrite the trainer's sentences where what was measured by then supports it.

    Neither `cycles` nor `findings` are read: both are found with the whole segment in view.
    `opinions` are second opinions about the kinds of sentences, by sentence.
    """

    sessions: Sessions
    policy: Policy = "evidence"
    variants: bool = False
    opinions: Mapping[str, SecondOpinion] = field(default_factory=dict)
    name: str = "annotations"
    version: int = 10
    reads: tuple[str, ...] = ("kinematics", "morphometrics")
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
            **self._opinions_digest(session),
            **session.rule_digests(),
            **prompt_digests(),
        }

    def _opinions_digest(self, session: Session) -> dict[str, str]:
        """Digest the second opinions about the session's sentences, if there are any."""
        said = (one.text for one in session.utterances)
        own = [asdict(self.opinions[text]) for text in said if text in self.opinions]
        return {"second opinions": sha256_json(own)} if own else {}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Write one row an utterance."""
        session = self.sessions.by_id[video_id]
        measured = _read_measured(session, inputs)
        made_from = {
            "kinematics_sha256": sha256_input(inputs["kinematics"]),
            "findings_sha256": None,
            "generator_version": __version__,
        }
        rows = self.rows(session, measured, made_from)
        write_parquet(rows_table(rows, annotation_table.SCHEMA), out)
        return dict(sorted(Counter(row["status"] for row in rows).items()))

    def rows(
        self, session: Session, measured: Measured, made_from: Mapping[str, str | None]
    ) -> list[dict[str, Any]]:
        """Make one row an utterance; `made_from` is their provenance without the rule."""
        rows = [
            self._row(session, utterance, measured, made_from) for utterance in session.utterances
        ]
        _restore_merging(session, rows)
        return rows

    def _row(
        self,
        session: Session,
        utterance: Utterance,
        measured: Measured,
        made_from: Mapping[str, str | None],
    ) -> dict[str, Any]:
        segment = session.segment_of(utterance)
        rule = session.rules.get(segment.index) if segment else None
        salience = _salience(segment, utterance, measured)
        last = _last_cycle(segment, rule, utterance, measured)
        findings = on_salient_joints(last.findings, salience) if salience else []
        kind = decided_kind(
            utterance.text, is_transition=utterance.is_transition, opinions=self.opinions
        )
        pose = _pose(measured, utterance.frame_start, salience.joints if salience else ())
        seed = f"{session.record.unit_id}:{utterance.index}" if self.variants else None
        style = style_of(rule, self.policy, seed)
        cycle = last.scored.cycle if last.scored else None
        rewritten = rewrite(utterance.text, kind, rule, cycle, findings, pose, style)
        return {
            "video_id": session.record.unit_id,
            "segment_index": segment.index if segment else None,
            "exercise_text": segment.exercise_text if segment else None,
            "exercise": rule.id if rule else None,
            "feedback_index": utterance.index,
            "timestamp_s": utterance.timestamp_s,
            "video_time_s": _video_time_s(measured.motion, utterance.frame_start),
            "frame_start": utterance.frame_start,
            "frame_end": utterance.frame_end,
            "is_transition": utterance.is_transition,
            "kind": kind.name,
            "kind_source": kind.source,
            "kind_confidence": kind.confidence,
            "feedback_original": utterance.text,
            "feedback": rewritten.feedback,
            "status": rewritten.status,
            "reason": _reason(rewritten, last),
            "motion_context": rewritten.motion_context,
            "morphology_context": _morphology(measured, utterance.frame_start, last.scored),
            "salient_joints": list(salience.joints) if salience else [],
            "salient_source": salience.source if salience else None,
            "pose": [{"name": angle.name, "angle_deg": angle.angle_deg} for angle in pose],
            "cycle": _cycle_struct(last, rule),
            "findings": [
                {
                    **finding_row(finding),
                    "matches_cue": matches,
                    "spoken": finding in rewritten.chosen,
                }
                for finding, matches in zip(findings, rewritten.matches_cue, strict=True)
            ],
            "angles_from": measured.angles_from,
            "review": None,
            "provenance": {**made_from, "rule_version": rule.version if rule else None},
        }


def _read_measured(session: Session, inputs: Mapping[str, Path]) -> Measured:
    table = read_parquet(inputs["kinematics"], kinematics_table.SCHEMA)
    motion = motion_from_table(table)
    return Measured(
        motion=motion,
        angles_from=angles_source(read_notes(table).get("capture", {})),
        skeleton=scaled_skeleton(motion.segment_lengths_m),
        body=reportable_measurements(
            read_parquet(inputs["morphometrics"], morphometrics_table.SCHEMA).to_pylist()[0]
        ),
        salience=salience_for(session, inputs),
    )


def _last_cycle(
    segment: Segment | None, rule: Rule | None, utterance: Utterance, measured: Measured
) -> LastCycle:
    """Find the most recent cycle when an utterance begins."""
    motion, frame = measured.motion, utterance.frame_start
    if utterance.index in measured.last_cycles:
        return measured.last_cycles[utterance.index]
    if segment is None or rule is None:
        return LastCycle(-1, None, (), "")
    if frame >= len(motion.time_s):
        return LastCycle(-1, None, (), "the utterance lies after the last frame time")
    return cycle_until(motion, rule, segment.frame_start, frame, measured.skeleton)


def _salience(
    segment: Segment | None, utterance: Utterance, measured: Measured
) -> Salience | None:
    """Return the salient joints that are known when an utterance begins."""
    of_segment = measured.salience.get(segment.index) if segment else None
    if of_segment is None:
        return None
    times_s, frame = measured.motion.time_s, utterance.frame_start
    return of_segment.at(float(times_s[min(frame, len(times_s) - 1)]))


def _video_time_s(motion: Motion, frame: int) -> float | None:
    if frame >= len(motion.time_s):
        return None
    return float(motion.time_s[frame] - motion.time_s[0])


def _reason(rewritten: Rewritten, last: LastCycle) -> str:
    if rewritten.status == "no_cycle" and last.reason:
        return f"{rewritten.reason}: {last.reason}"
    return rewritten.reason


def _pose(measured: Measured, frame: int, joints: tuple[str, ...]) -> tuple[PoseAngle, ...]:
    """Read the pose at a frame; none where no frame or no joint is known."""
    motion = measured.motion
    if frame >= len(motion.time_s) or not joints:
        return ()
    skeleton, gravity = measured.skeleton, motion.gravity
    return pose_of(motion.q[frame], motion.observed, joints, skeleton=skeleton, gravity=gravity)


def _morphology(measured: Measured, frame: int, scored: ScoredCycle | None) -> str:
    """Describe the body, and warn where the pose or most of the cycle is uncertain."""
    motion = measured.motion
    unsure = ~motion.valid | (motion.confidence < LEAST_CONFIDENCE)
    cycle = slice(scored.cycle.start, scored.cycle.end + 1) if scored else slice(0, 0)
    is_low = bool(
        unsure[frame : frame + 1].any() or unsure[cycle].sum() > 0.5 * unsure[cycle].size
    )
    return morphology_context(measured.body, low_confidence=is_low)


def _cycle_struct(last: LastCycle, rule: Rule | None) -> dict[str, Any] | None:
    if last.scored is None or rule is None:
        return None
    cycle = last.scored.cycle
    return {
        "cycle_index": last.number,
        "kind": kind_so_far(cycle),
        "side": cycle.side,
        "cut": cycle.cut,
        "start_s": cycle.start_s,
        "key_s": cycle.key_s,
        "end_s": cycle.end_s,
        "phase": rule.key_phase.name,
        **score_columns(last.scored.score),
    }


def _restore_merging(session: Session, rows: list[dict[str, Any]]) -> None:
    """Restore the original sentence where two utterances would touch and become one.

    The second of two, unless the first repeats the original words of the second: a sentence never
    depends on what is measured after it.
    """
    new = {r["feedback_index"]: r["feedback"] for r in rows if r["status"] == "rewritten"}
    for first, second in touching_pairs(session.record):
        i, j = first.index, second.index
        if i in new and loader_text(new[i]) == loader_text(second.text):
            _restore(rows[i], new)
        if j in new and loader_text(new[j]) == loader_text(new.get(i, first.text)):
            _restore(rows[j], new)


def _restore(row: dict[str, Any], new: dict[int, str]) -> None:
    del new[row["feedback_index"]]
    row["feedback"], row["status"] = row["feedback_original"], "kept"
    row["reason"] = "its new sentence equals its neighbour's, and the two would run together"
    for finding in row["findings"]:
        finding["spoken"] = False
