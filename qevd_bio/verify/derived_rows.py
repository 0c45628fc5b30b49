"""The rows of one video, derived again from its angles by the functions that the stages call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from qevd_bio.body.plausible import flags_of
from qevd_bio.exercises.cycle_until import LastCycle
from qevd_bio.exercises.salience import SegmentSalience
from qevd_bio.feedback.morphology import reportable_measurements
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.record import LoadedRecords
from qevd_bio.release.reviewed import as_generated
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.stages.annotations import AnnotationsStage, Measured
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.stages.cycles import cycle_rows, scored_from_row
from qevd_bio.stages.findings import finding_rows
from qevd_bio.stages.morphometrics import columns_of_capture
from qevd_bio.stages.quality import quality_row
from qevd_bio.stages.sessions import Session, Sessions
from qevd_bio.tables.contexts import angles_source
from qevd_bio.tables.cycles import HOLD_IN_PROGRESS
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.kinematics import motion_of_release
from qevd_bio.tables.morphometrics import MEASURES, SEGMENTS
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.made_by import MadeBy
from qevd_bio.verify.rebuilt_session import (
    opinions_of_rows,
    rebuilt_session,
    salience_of_rows,
)
from qevd_bio.verify.row_differences import row_issues

Row = Mapping[str, Any]
Issue = tuple[str, int, str]
"""Table, place of the row among those of the video, cause."""

_MOMENTS = ("start", "key", "end")
_SHAPE = ("betas", "betas_frames", "betas_frames_left_out", "betas_spread")
_ROUNDING = 0.005
"""Half of the last digit of a published measure of the body."""


@dataclass(frozen=True)
class PublishedVideo:
    """One video as published.

    Attributes
    ----------
    video, split : str
        As the release names them.
    entry : mapping
        Its entry in the manifest.
    record : mapping
        Its row of ``records.parquet``.
    tables : VideoRows
        Its rows.
    made_by : MadeBy
        How the release was made.
    concern : str
        Why its capture is to be doubted, by the manifest.
    dropped : frozenset of int
        Utterances that are left out because annotators rejected their sentences.
    """

    video: str
    split: str
    entry: Mapping[str, Any]
    record: Row
    tables: VideoRows
    made_by: MadeBy
    concern: str = ""
    dropped: frozenset[int] = frozenset()

    @cached_property
    def motion(self) -> Motion:
        """The published angles."""
        return motion_of_release(self.tables["kinematics"], self.entry["kinematics"]["motion"])

    @cached_property
    def rows(self) -> Mapping[str, list[dict[str, Any]]]:
        """Rows of all tables but the angles."""
        return {name: self.tables.rows(name) for name in self.tables if name != "kinematics"}

    @cached_property
    def session(self) -> Session:
        """Utterances, segments and rules."""
        return rebuilt_session(
            self.video, self.split, self.record, self.motion.time_s, self.made_by
        )

    @cached_property
    def salience(self) -> Mapping[int, SegmentSalience]:
        """The salient joints of each segment."""
        rows = [*self.rows.get("contexts", ()), *self.rows.get("annotations", ())]
        return salience_of_rows(self.session, rows, self.motion.time_s, self.made_by)

    @property
    def capture(self) -> Mapping[str, Any]:
        """Notes of its capture."""
        notes: Mapping[str, Any] = self.entry["kinematics"].get("capture", {})
        return notes

    @cached_property
    def derived_cycles(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """The cycles that its angles give, and why segments have none."""
        return cycle_rows(self.session, self.motion)


def derived_issues(one: PublishedVideo, *, wholly: bool) -> Iterator[Issue]:
    """Compare the rows of a video with those that follow from its angles and the rules.

    Each table is derived from the tables before it as they were published, so that one wrong
    value is one issue. What was known at each moment costs most to find again: without `wholly`
    contexts are left out, and of an utterance the cycle and its findings are believed.

    Raises
    ------
    QevdBioError, ValueError, KeyError, TypeError, IndexError, ArithmeticError
        The rows are of another shape.
    """
    checks: Mapping[str, Callable[[PublishedVideo], Iterator[Issue]]] = {
        "quality": _quality,
        "morphometrics": _morphometrics,
        "cycles": _cycles,
        "findings": _findings,
        "annotations": partial(_annotations, wholly=wholly),
        "contexts": _contexts,
    }
    for name, check in checks.items():
        if name == "contexts" and not wholly:
            continue
        if name in one.made_by.tables and name in one.rows:
            yield from check(one)


def _compared(
    one: PublishedVideo, name: str, due: Sequence[Row], skip: Sequence[str] = ()
) -> Iterator[Issue]:
    key = [part for part in TABLES[name].key if part != "video_id"] or ["video_id"]
    for place, cause in row_issues(one.rows[name], due, key, skip):
        yield name, place, cause


def _quality(one: PublishedVideo) -> Iterator[Issue]:
    cycles = one.rows.get("cycles") or one.derived_cycles[0]
    (row,) = one.rows["quality"]
    due = quality_row(one.video, one.motion, one.session, cycles)
    due = {name: value for name, value in due.items() if name in row}  # of earlier versions
    yield from _compared(one, "quality", [due])
    for concern in one.rows["quality"][0]["concerns"]:
        if concern not in one.concern:
            yield "quality", 0, f"concern {concern!r} is not among those of the manifest"


def _morphometrics(one: PublishedVideo) -> Iterator[Issue]:
    """Compare what follows from the capture, and the flags; the body itself is not published."""
    (row,) = one.rows["morphometrics"]
    lengths = ["segment_source", *(f"{n}_{unit}" for n in SEGMENTS for unit in ("m", "ratio"))]
    due = dict.fromkeys([*lengths, *_SHAPE]) | columns_of_capture(one.motion)
    if row["segment_source"] == "body" and row["source"] == "betas":
        due = {name: value for name, value in due.items() if name not in lengths}
    due["video_id"] = one.video
    yield from _compared(one, "morphometrics", [due])
    for cause in _body_contradictions(row):
        yield "morphometrics", 0, cause


def _body_contradictions(row: Row) -> Iterator[str]:
    """Find a source that contradicts what the row holds, and flags that do not follow."""
    held = [name for name in MEASURES if row[name] is not None]
    given = row["given_height_m"]
    if row["source"] in ("betas", "shapy") and len(held) < len(MEASURES) and not row["reason"]:
        yield f"source is {row['source']!r} and measures are null without a reason"
    if row["source"] in ("none", "height"):
        allowed = ["height_m"] if row["source"] == "height" else []
        if held != allowed or row["flags"]:
            yield f"source is {row['source']!r} and it has {', '.join(held) or 'flags'}"
        if row["source"] == "height" and given is None:
            yield "source is 'height' and no height is given"
    if len(held) == len(MEASURES):
        nudged = [
            set(flags_of({n: row[n] + by for n in MEASURES}, given_height_m=given))
            for by in (-_ROUNDING, 0.0, _ROUNDING)
        ]
        sure, possible = set.intersection(*nudged), set.union(*nudged) | {"open_surface"}
        own = set(row["flags"])
        if not sure <= own <= possible:
            yield f"flags are {sorted(own)}, its measures give {sorted(nudged[1])}"


def _cycles(one: PublishedVideo) -> Iterator[Issue]:
    yield from _compared(one, "cycles", one.derived_cycles[0])


def _findings(one: PublishedVideo) -> Iterator[Issue]:
    due = finding_rows(one.session, one.motion, one.rows["cycles"], one.salience)
    yield from _compared(one, "findings", due)


def _annotations(one: PublishedVideo, *, wholly: bool) -> Iterator[Issue]:
    """Compare the utterances; without `wholly` the cycle that each names is believed."""
    session, made_by = one.session, one.made_by
    (body,) = one.rows["morphometrics"]
    measured = Measured(
        motion=one.motion,
        angles_from=angles_source(one.capture),
        skeleton=scaled_skeleton(one.motion.segment_lengths_m),
        body=reportable_measurements(body),
        salience=one.salience,
        last_cycles={} if wholly else _stated_cycles(one),
    )
    stage = AnnotationsStage(
        _only(session),
        policy=made_by.policy,
        variants=made_by.variants,
        opinions=opinions_of_rows(one.rows["annotations"]) if made_by.has_opinions else {},
    )
    artifacts = one.entry["artifacts"]
    due = stage.rows(
        session,
        measured,
        {
            "kinematics_sha256": artifacts["kinematics"],
            "findings_sha256": None,
            "generator_version": made_by.version,
        },
    )
    own = {row["feedback_index"]: row for row in due}
    published = [
        as_generated(row, own.get(row["feedback_index"], row)) for row in one.rows["annotations"]
    ]
    due = [row for row in due if row["feedback_index"] not in one.dropped]
    for place, cause in row_issues(published, due, ("feedback_index",), skip=("review",)):
        yield "annotations", place, cause


def _contexts(one: PublishedVideo) -> Iterator[Issue]:
    session = one.session
    (body,) = one.rows["morphometrics"]
    stage = ContextsStage(_only(session), policy=one.made_by.policy)
    due = stage.rows(
        session,
        one.motion,
        one.capture,
        body=reportable_measurements(body),
        salient=one.salience,
    )
    yield from _compared(one, "contexts", due)


def _only(session: Session) -> Sessions:
    return Sessions({session.record.unit_id: session}, LoadedRecords((), ()))


def _stated_cycles(one: PublishedVideo) -> dict[int, LastCycle]:
    """Read the cycles that utterances name, at the times of their frames, with their findings."""
    known: dict[int, LastCycle] = {}
    times_s = one.motion.time_s.tolist()
    for row in one.rows["annotations"]:
        cycle = row["cycle"]
        if cycle is None:
            continue
        frames = np.searchsorted(one.motion.time_s, [cycle[f"{n}_s"] for n in _MOMENTS]).tolist()
        stated = {
            **cycle,
            "kind": "hold" if cycle["kind"] == HOLD_IN_PROGRESS else cycle["kind"],
            "counted": "full",  # not told by an utterance, and no word of it depends on it
            **{f"frame_{name}": frame for name, frame in zip(_MOMENTS, frames, strict=True)},
            **{f"{name}_s": times_s[frame] for name, frame in zip(_MOMENTS, frames, strict=True)},
        }
        findings = tuple(finding_from_row(finding) for finding in row["findings"])
        scored = scored_from_row(stated)
        known[row["feedback_index"]] = LastCycle(cycle["cycle_index"], scored, findings, "")
    return known
