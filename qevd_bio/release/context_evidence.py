"""A check of the contexts of a release: every row follows from the past that the release holds."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.choices import Policy
from qevd_bio.exercises.cycle_until import PAUSE_S
from qevd_bio.feedback.context_stream import due_frames
from qevd_bio.feedback.contexts import violations_state
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.pose import pose_of, pose_text, pose_texts, unproved_angles
from qevd_bio.feedback.quantities import decimals_of, is_reportable, value_text
from qevd_bio.feedback.statements import joined_sides, spoken
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.release.made_with import other_prompts
from qevd_bio.released.opened_release import OpenedRelease
from qevd_bio.released.video_rows import VideoRows
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.tables.contexts import angles_source
from qevd_bio.tables.cycles import HOLD_IN_PROGRESS
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.kinematics import ANGLE_COLUMNS

Row = Mapping[str, Any]


_OF_SEGMENT = (
    "exercise_text",
    "exercise",
    "rule_version",
    "angles_from",
)
"""Columns that are the same in all rows of a segment."""

_SALIENT = ("salient_joints", "salient_source")
"""Columns that change once at most, when a selector has chosen."""

_CLOCK_S = 1e-6
_PHASE = "<phase>"
"""Stands for the words of a phase, which only the rule knows."""


@dataclass(frozen=True, slots=True)
class ContextIssue:
    """What is wrong with one row of `contexts`; `place` counts the rows of the video."""

    video_id: str
    place: int
    cause: str


@dataclass(frozen=True, slots=True)
class _Frames:
    """The published angles of one video, and what holds for all of them."""

    q: FloatArray
    time_s: FloatArray
    is_unsure: BoolArray
    observed: BoolArray
    skeleton: Skeleton
    gravity: FloatArray


def context_issues(path: Path | str) -> list[ContextIssue]:
    """Check the contexts of a release against its other tables.

    Parameters
    ----------
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.

    Returns
    -------
    list of ContextIssue
        Empty when every row passes `video_context_issues`; a release before schema 1.3.0 has no
        contexts.

    Raises
    ------
    UsageError, DataError
        The folder is no release, or a table cannot be read.
    """
    opened = OpenedRelease(Path(path))
    same = not opened.made_with or not other_prompts(opened.made_with)
    return [
        ContextIssue(video, place, cause)
        for rows in opened.tables.get("contexts", {}).values()
        for video in rows.videos()
        for place, cause in video_context_issues(
            opened.tables_of(video), opened.videos[video]["kinematics"], same_words=same
        )
    ]


def video_context_issues(
    tables: VideoRows, notes: Mapping[str, Any], *, same_words: bool = True
) -> Iterator[tuple[int, str]]:
    """Check the rows of `contexts` of one video.

    Parameters
    ----------
    tables : VideoRows
        All rows of the video.
    notes : mapping
        Those of its kinematics, as the manifest has them.
    same_words : bool
        Whether it is made with the installed prompts; of other words only the numbers are checked.

    Yields
    ------
    int, str
        The place of a row and the cause: it is at no quarter of a second, its pose is not that of
        its frame, its violations are not those of the last cycle that was known by then, this
        cycle or a check of it lies after the row or was known before it was over, the body is
        another, or what holds for a segment changes in it. Nothing where a frame is missing or
        out of order, which is an issue of `kinematics`.

    Notes
    -----
    That a phase or the number of a cycle is right cannot be seen without its rule.
    """
    numbers = tables["kinematics"]["frame"].to_numpy()
    if not np.array_equal(numbers, np.arange(len(numbers))):
        return
    frames = _frames(tables["kinematics"], notes["motion"])
    bodies = tables.rows("morphometrics")
    body = reportable_measurements(bodies[0]) if bodies else {}
    bodies_said = [morphology_context(body, low_confidence=low) for low in (False, True)]
    angles_from = angles_source(notes.get("capture", {}))
    spoken = _last_spoken(tables.get("annotations"))
    rows = list(enumerate(tables.rows("contexts")))
    for _, group in groupby(rows, key=lambda one: one[1]["segment_index"]):
        segment = list(group)
        own = [row for _, row in segment]
        causes = (
            *_clock_issues(own, frames, spoken.get(own[0]["segment_index"], 0)),
            *_segment_issues(own, angles_from),
            *_cycle_issues(own, frames),
            *_text_issues(own, frames, same_words),
            *_body_issues(own, frames, bodies_said),
        )
        for i, cause in sorted(causes):
            yield segment[i][0], cause


def _frames(kinematics: pa.Table, notes: Mapping[str, Any]) -> _Frames:
    columns = [kinematics[name].to_numpy().astype(np.float64) for name in ANGLE_COLUMNS]
    q = np.stack(columns, axis=1)
    valid = kinematics["valid"].to_numpy(zero_copy_only=False)
    return _Frames(
        q=q,
        time_s=kinematics["time_s"].to_numpy(),
        is_unsure=~valid | (kinematics["confidence"].to_numpy() < LEAST_CONFIDENCE),
        observed=np.isfinite(q).any(axis=0),
        skeleton=scaled_skeleton(notes["segment_lengths_m"]),
        gravity=np.array(notes["gravity"], dtype=np.float64),
    )


def _last_spoken(annotations: pa.Table | None) -> dict[int, int]:
    """Find the last frame of each segment at which an utterance begins."""
    if annotations is None:
        return {}
    numbers = (annotations[name].to_pylist() for name in ("segment_index", "frame_start"))
    spoken: dict[int, int] = {}
    for index, frame in zip(*numbers, strict=True):
        if index is not None:
            spoken[index] = max(frame, spoken.get(index, frame))
    return spoken


def _clock_issues(rows: Sequence[Row], frames: _Frames, spoken: int) -> Iterator[tuple[int, str]]:
    """Find rows that are not due when they stand there; the first row begins the segment.

    It lasts until the last row, and at least until the last utterance in it begins.
    """
    first, last = rows[0]["frame"], max(rows[-1]["frame"], spoken)
    due = {first + i for i in due_frames(frames.time_s[first : last + 1].tolist())}
    for i, row in enumerate(rows):
        if row["frame"] not in due:
            yield i, f"frame {row['frame']} is at no quarter of a second of its segment"
        due.discard(row["frame"])
        clip_s = row["time_s"] - rows[0]["time_s"]
        if row["clip_s"] != clip_s:
            yield i, f"clip_s is {row['clip_s']!r}, {clip_s!r} after the segment's first row"
    if due:
        yield len(rows) - 1, f"the segment lacks the rows of frames {sorted(due)[:5]}"


def _segment_issues(rows: Sequence[Row], angles_from: str) -> Iterator[tuple[int, str]]:
    """Find rows that state something else of their segment than its first row."""
    for i, row in enumerate(rows):
        for name in _OF_SEGMENT:
            due = angles_from if name == "angles_from" else rows[0][name]
            if row[name] != due:
                yield i, f"{name} is {row[name]!r}, that of its segment is {due!r}"
        chooses = row["salient_source"] == "selector" != rows[i - 1]["salient_source"]
        for name in _SALIENT if i and not chooses else ():
            if row[name] != rows[i - 1][name]:
                yield i, f"{name} is {row[name]!r}, that of its segment is {rows[i - 1][name]!r}"


def _body_issues(
    rows: Sequence[Row], frames: _Frames, said: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """Find another body, or a warning where the capture is sure.

    `said` is the body without a warning and with one.
    """
    is_unsure = False
    for i, row in enumerate(rows):
        cycle = row["cycle"]
        if row["is_refresh"] and cycle is not None:
            span = np.searchsorted(frames.time_s, [cycle["start_s"], cycle["end_s"]])
            of_cycle = frames.is_unsure[span[0] : span[1] + 1]
            is_unsure = len(of_cycle) > 0 and bool(of_cycle.mean() > 0.5)
        frame = row["frame"]
        is_low = is_unsure or (0 <= frame < len(frames.q) and bool(frames.is_unsure[frame]))
        if row["morphology_context"] != said[is_low]:
            yield i, f"the morphology context states '{row['morphology_context']}'"


def _cycle_issues(rows: Sequence[Row], frames: _Frames) -> Iterator[tuple[int, str]]:
    """Find cycles that change without a refresh, and checks of frames after their row."""
    count, cycle = 0, None
    for i, row in enumerate(rows):
        if row["is_refresh"]:
            if row["cycle"] is None or row["cycle"]["known_s"] != row["time_s"]:
                yield i, "a refresh has no cycle that became known with it"
            elif _is_too_early(row["cycle"]):
                yield i, f"its cycle is known less than {PAUSE_S} s after its end"
            if not max(count, 1) <= row["cycle_count"]:
                yield i, f"cycle_count is {row['cycle_count']} after {count}"
        elif row["cycle"] != cycle or row["cycle_count"] != count:
            yield i, "its cycle is not that of the row before, and it is no refresh"
        elif row["findings"]:
            yield i, "it has findings and is no refresh"
        count, cycle = row["cycle_count"], row["cycle"]
        yield from ((i, cause) for cause in _check_issues(row, frames))


def _check_issues(row: Row, frames: _Frames) -> Iterator[str]:
    """Find checks of frames after their row, or outside of their cycle."""
    cycle = row["cycle"]
    for finding in row["findings"]:
        key, name = finding["key_frame"], finding["constraint_id"]
        if key > row["frame"]:
            yield f"its check of {name} is at the later frame {key}"
        elif not 0 <= key < len(frames.time_s) or finding["key_s"] != frames.time_s[key]:
            yield f"key_s of {name} is not the time of frame {key}"
        elif cycle and not cycle["start_s"] <= finding["key_s"] <= cycle["end_s"]:
            yield f"its check of {name} is outside of its cycle"


def _is_too_early(cycle: Row) -> bool:
    """Tell whether the cycle could still go on; a hold is checked while it does."""
    # up to schema 1.3.0 a hold in progress was a hold that is cut
    goes_on = cycle["kind"] in ("hold", HOLD_IN_PROGRESS) and cycle["cut"] == "end"
    return not goes_on and cycle["known_s"] - cycle["end_s"] < PAUSE_S - _CLOCK_S


def _text_issues(rows: Sequence[Row], frames: _Frames, same: bool) -> Iterator[tuple[int, str]]:
    """Find motion contexts that state another pose or other violations than are known."""
    if any(not 0 <= row["frame"] < len(frames.q) for row in rows):
        return
    poses: list[tuple[str, tuple[str, ...]]] = []
    for joints, group in groupby(rows, key=lambda row: row["salient_joints"]):
        without = unproved_angles(frames.observed, joints, frames.skeleton)
        poses += [(pose, without) for pose in _pose_states(list(group), frames)]
    findings: tuple[Finding, ...] | None = None
    for i, (row, (due_pose, unproved)) in enumerate(zip(rows, poses, strict=True)):
        if row["is_refresh"]:
            findings = tuple(finding_from_row(one) for one in row["findings"])
        pose, word, violations = row["motion_context"].partition("Violations:")
        own = pose.strip()
        if own != due_pose and _proved_part(own, unproved) != _proved_part(due_pose, unproved):
            yield i, f"the pose state is '{own}', its frame gives '{due_pose}'"
        measured = any(finding.status == "measured" for finding in findings or ())
        if word or due_pose or measured:
            for cause in _violation_issues(f"{word}{violations}", findings, same):
                yield i, cause


def _proved_part(pose: str, unproved: Sequence[str]) -> list[str]:
    """Leave out of a pose state the angles that a release does not hold enough to compute."""
    parts = pose.removesuffix(".").split(", ")
    stem = pose[: len(pose) - len(pose.partition(": ")[2])]
    parts[0] = parts[0].removeprefix(stem)
    return [part for part in parts if part and part.rpartition(" ")[0] not in unproved]


def _violation_issues(text: str, findings: Sequence[Finding] | None, same: bool) -> Iterator[str]:
    violated = [finding for finding in findings or () if is_reportable(finding)]
    if not violated:
        due = violations_state(findings)
        if text != due:
            yield f"it states '{text}', and the findings known give '{due}'"
        return
    for number in unbacked_numbers(text, violated):
        yield f"the motion context states {number} and no finding does"
    if not same:
        return
    for statement in map(spoken, joined_sides(violated)):
        for finding in statement:
            value = value_text(finding, decimals_of(statement))
            if value not in text:
                yield f"the motion context leaves out {finding.measure} {value}"
    if not any(pattern.fullmatch(text) for pattern in _patterns(tuple(findings or ()))):
        yield f"it states '{text}', which are not the words of its findings"


@functools.lru_cache(maxsize=64)
def _patterns(findings: tuple[Finding, ...]) -> tuple[re.Pattern[str], ...]:
    """Write violations in each policy; where the rule has words for a phase they are left open."""
    words = dict.fromkeys((finding.phase for finding in findings), _PHASE)
    return tuple(
        _pattern(
            violations_state(findings, Style(policy)),
            violations_state(findings, Style(policy, phase_words=words)),
        )
        for policy in get_args(Policy)
    )


def _pattern(plain: str, marked: str) -> re.Pattern[str]:
    own = r"(?!at the [a-z_ ]+ phase\b)[a-z' -]+?"
    named = re.split(re.escape(re.escape(_PHASE)), re.escape(marked))
    return re.compile(f"{re.escape(plain)}|{own.join(named)}")


def _pose_states(rows: Sequence[Row], frames: _Frames) -> list[str]:
    """Write the pose of each row; in doubt of a last digit one by one, as they were made.

    All rows have the same salient joints.
    """
    joints = rows[0]["salient_joints"]
    places = [row["frame"] for row in rows]
    texts = pose_texts(
        frames.q[places], frames.observed, joints, skeleton=frames.skeleton, gravity=frames.gravity
    )
    for i, row in enumerate(rows):
        if not row["motion_context"].startswith(texts[i]):
            texts[i] = pose_text(
                pose_of(
                    frames.q[places[i]],
                    frames.observed,
                    joints,
                    skeleton=frames.skeleton,
                    gravity=frames.gravity,
                )
            )
    return texts
