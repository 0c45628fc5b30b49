"""A check of a whole release: every sentence is the source's, or its numbers are findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.feedback.edited_sentence import edit_issues
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.feedback.numbers import unbacked_numbers, unbacked_pose
from qevd_bio.motion.constraints import Finding
from qevd_bio.released.opened_release import OpenedRelease
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.tables.findings import FINDING_FIELDS, finding_from_row

_FINDING_NAMES = tuple(field.name for field in FINDING_FIELDS)
_MOST_STATEMENTS = 2
_MOST_SPOKEN = 2 * _MOST_STATEMENTS
_ANGLE_TOLERANCE_DEG = 1e-6


@dataclass(frozen=True, slots=True)
class SentenceIssue:
    """What is wrong with the sentence or the contexts of one utterance."""

    video_id: str
    feedback_index: int
    cause: str


def sentence_issues(path: Path | str) -> list[SentenceIssue]:
    """Check every annotation row of a release against its own evidence.

    Parameters
    ----------
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.

    Returns
    -------
    list of SentenceIssue
        Empty when each row passes `row_issues`, nothing in it comes from after its utterance,
        its pose is that of the `kinematics` table and its body that of `morphometrics`.

    Raises
    ------
    UsageError, DataError
        The folder is no release, or a table cannot be read.
    """
    opened = OpenedRelease(Path(path))
    return [
        SentenceIssue(video, index, cause)
        for rows in opened.tables["annotations"].values()
        for video in rows.videos()
        for index, _, cause in video_issues(opened.tables_of(video))
    ]


def row_issues(row: Mapping[str, Any], body: Mapping[str, float] | None = None) -> list[str]:
    """Find the statements of an annotation row without evidence.

    A rewritten sentence holds numbers of its spoken findings only, in their places; any other is
    the source's to the character. The motion context holds numbers of the row's pose and findings
    only, the morphology context those of `body` (`morphology.reportable_measurements`; None:
    nothing measured the body).
    """
    findings = [finding_from_row(one) for one in row["findings"]]
    spoken = [f for f, one in zip(findings, row["findings"], strict=True) if one["spoken"]]
    return [
        *_context_issues(row, findings, body),
        *(_edited_issues(row, findings) if _is_edited(row) else ()),
        *(
            _rewritten_issues(row, spoken)
            if row["status"] == "rewritten"
            else _original_issues(row, findings, spoken)
        ),
    ]


def _is_edited(row: Mapping[str, Any]) -> bool:
    """Return whether an annotator wrote the sentence."""
    return row["review"] is not None and row["review"]["verdict"] == "edited"


def _context_issues(
    row: Mapping[str, Any], findings: Sequence[Finding], body: Mapping[str, float] | None
) -> Iterator[str]:
    pose, _, violations = row["motion_context"].partition("Violations:")
    for number in unbacked_numbers(violations, findings):
        yield f"the motion context states {number} and no finding does"
    angles = [(angle["name"], angle["angle_deg"]) for angle in row["pose"]]
    for item in unbacked_pose(pose.strip(), angles):
        yield f"the pose state states '{item}'"
    contexts = [morphology_context(body or {}, low_confidence=low) for low in (False, True)]
    if row["morphology_context"] not in contexts:
        known = f"the body is '{contexts[0]}'" if body else "nothing measured the body"
        yield f"the morphology context states '{row['morphology_context']}' and {known}"


def _edited_issues(row: Mapping[str, Any], findings: Sequence[Finding]) -> Iterator[str]:
    """Check a sentence that an annotator wrote: it may speak of no finding, or of any."""
    text, is_transition = row["feedback"], row["is_transition"]
    for issue in edit_issues(
        row["feedback_original"], text, findings, is_transition=is_transition
    ):
        yield f"the edited sentence: {issue}"


def _rewritten_issues(row: Mapping[str, Any], spoken: Sequence[Finding]) -> Iterator[str]:
    if not _is_edited(row) and not 1 <= len(spoken) <= _MOST_SPOKEN:
        yield f"the sentence is rewritten by {len(spoken)} findings"
    for number in unbacked_numbers(row["feedback"], spoken):
        yield f"the sentence states {number} and no finding it speaks of does"


def _original_issues(
    row: Mapping[str, Any], findings: Sequence[Finding], spoken: Sequence[Finding]
) -> Iterator[str]:
    if row["feedback"] != row["feedback_original"]:
        yield f"the sentence differs from the source's and its status is {row['status']}"
    if spoken:
        yield f"{len(spoken)} findings are spoken and the status is {row['status']}"
    if row["status"] == "unsupported":
        for number in unbacked_numbers(row["reason"], findings):
            yield f"the reason states {number} and no finding does"


def video_issues(tables: VideoRows) -> Iterator[tuple[int, int, str]]:
    """Check the annotation rows of one video against its findings, body and angles.

    `tables` has all rows of the video by table; releases before schema 1.2.0 measured no body,
    and those up to 1.3.0 have the findings of a cycle of the whole segment.
    Yields the number of the utterance, its place among the annotation rows, and the cause.
    """
    bodies = tables.rows("morphometrics")
    body = reportable_measurements(bodies[0]) if bodies else None
    rows = tables.rows("annotations")
    checked = {} if all("angles_from" in row for row in rows) else _checked_cycles(tables)
    kinematics, frames = tables["kinematics"], _Frames.of(tables["kinematics"])
    for place, row in enumerate(rows):
        causes = row_issues(row, body)
        if row["cycle"] is None:
            causes += ["it has findings and no cycle"] if row["findings"] else []
        elif "angles_from" in row:
            causes += _later_causes(row, frames)
        else:
            key = (row["segment_index"], row["cycle"]["cycle_index"])
            own = [{name: one[name] for name in _FINDING_NAMES} for one in row["findings"]]
            if own != checked.get(key, []):
                causes.append("its findings are not those of its cycle")
        causes += _differing(kinematics, frames.places.get(row["frame_start"], -1), row)
        for cause in causes:
            yield row["feedback_index"], place, cause


@dataclass(frozen=True, slots=True)
class _Frames:
    """Where the frames of a video stand, and their times; no times where one is missing."""

    places: dict[int, int]
    times_s: list[float] | None

    @classmethod
    def of(cls, kinematics: pa.Table) -> _Frames:
        numbers = kinematics["frame"].to_pylist()
        places = {number: place for place, number in reversed(list(enumerate(numbers)))}
        is_whole = numbers == list(range(len(numbers)))
        return cls(places, kinematics["time_s"].to_pylist() if is_whole else None)


def _checked_cycles(tables: VideoRows) -> dict[tuple[int, int], list[dict[str, Any]]]:
    """Group the findings of a video by the segment and number of their cycle."""
    checked: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in tables.rows("findings"):
        key = (one["segment_index"], one["cycle_index"])
        checked.setdefault(key, []).append({name: one[name] for name in _FINDING_NAMES})
    return checked


def _later_causes(row: Mapping[str, Any], frames: _Frames) -> Iterator[str]:
    """Find what an annotation row cites from after the first frame of its utterance.

    Nothing where a frame is missing, which is an issue of `kinematics`.
    """
    cycle, frame, times_s = row["cycle"], row["frame_start"], frames.times_s
    if times_s is None:
        return
    if not 0 <= frame < len(times_s):
        yield f"it has a cycle, and its frame {frame} has no angles"
        return
    if cycle["end_s"] > times_s[frame]:
        yield f"its cycle ends at {cycle['end_s']!r} s, after frame {frame}"
    for finding in row["findings"]:
        key, name = finding["key_frame"], finding["constraint_id"]
        if key > frame:
            yield f"its check of {name} is at the later frame {key}"
        elif key < 0 or finding["key_s"] != times_s[key]:
            yield f"key_s of {name} is not the time of frame {key}"
        elif not cycle["start_s"] <= finding["key_s"] <= cycle["end_s"]:
            yield f"its check of {name} is outside of its cycle"


def _differing(kinematics: pa.Table, place: int, row: Mapping[str, Any]) -> Iterator[str]:
    """Name the degrees of freedom of a pose that its frame, at a place of the table, lacks."""
    frame = row["frame_start"]
    for angle in row["pose"]:
        name = angle["name"]
        if name not in DOF_INDEX:
            continue
        value = kinematics[f"{name}_rad"][place].as_py() if place >= 0 else None
        if value is None or not _is_angle(value, angle["angle_deg"]):
            yield f"the pose holds {name} {angle['angle_deg']:.3f}° and the frame {frame} does not"


def _is_angle(value_rad: float, angle_deg: float) -> bool:
    turned_deg = math.degrees(math.remainder(value_rad - math.radians(angle_deg), math.tau))
    return abs(turned_deg) <= _ANGLE_TOLERANCE_DEG
