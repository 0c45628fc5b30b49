"""Experts correct the joints that a model named: one line a decision, and the file of `run` anew.

The lines are appended and synced; none is changed. Of several decisions on a segment the newest
counts.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qevd_bio.annotate.draft_rule import time_text
from qevd_bio.annotate.joint_agreement import cohens_kappa, flags_of, jaccard
from qevd_bio.annotate.joint_annotation import SegmentKey
from qevd_bio.annotate.joint_files import JOINTS_FILE, REVIEWED_FILE, json_lines, read_segments
from qevd_bio.errors import UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.strict_json import dump_json

_REVIEWED = load_schema(__file__, "reviewed_joints.schema.json")


@dataclass(frozen=True, slots=True)
class ReviewedJoints:
    """The joints of a segment as an annotator left them; most important first."""

    event_id: str
    annotator: str
    video_id: str
    segment_index: int
    joints: tuple[str, ...]
    time: str = ""

    @property
    def key(self) -> SegmentKey:
        """The segment."""
        return self.video_id, self.segment_index


class JointReview:
    """The annotation of a folder and the decisions of experts on it, for several threads.

    `DataError` where the folder holds no annotation, or a line of it is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.suggested = {one.key: one for one in read_segments(folder)}
        path = folder / REVIEWED_FILE
        lines = json_lines(path, _REVIEWED) if path.exists() else ()
        self._reviewed = [_review_of(one) for one in lines]
        self._known = {one.event_id: one for one in self._reviewed}

    def reviewed(self) -> list[ReviewedJoints]:
        """List the decisions in the order in which they were stored."""
        with self._lock:
            return list(self._reviewed)

    def newest(self, key: SegmentKey) -> ReviewedJoints | None:
        """Return the decision that counts for a segment."""
        return next((one for one in reversed(self.reviewed()) if one.key == key), None)

    def add(self, decision: ReviewedJoints) -> ReviewedJoints:
        """Store a decision; it is on the disk when this returns.

        An id that is stored already stores nothing and returns the first one. `UsageError` where
        the decision cannot be stored, or the segment has no annotation.
        """
        if decision.key not in self.suggested:
            raise UsageError(
                f"no joints were asked for segment {decision.segment_index}",
                where=decision.video_id[:80],
                next_step="Run `qevd-bio annotate joints` for this video",
            )
        line: dict[str, Any] = asdict(decision) | {"joints": list(decision.joints)}
        line["time"] = time_text()
        if violation := schema_violation(_REVIEWED, line):
            raise UsageError(
                f"{violation[0]}: {violation[1]}",
                where="reviewed joints",
                next_step="Send joints of SKEL, each once and at least one",
            )
        with self._lock:
            if decision.event_id in self._known:
                return self._known[decision.event_id]
            _append(self.folder / REVIEWED_FILE, dump_json(line, where=REVIEWED_FILE))
            stored = _review_of(line)
            self._reviewed.append(stored)
            self._known[stored.event_id] = stored
            return stored


def write_joints(review: JointReview) -> None:
    """Write the file for `run --salient-joints`; a segment without joints is absent."""
    joints = {key: one.joined.joints for key, one in review.suggested.items()}
    joints |= {one.key: one.joints for one in review.reviewed() if one.key in joints}
    found: dict[str, dict[str, list[str]]] = {}
    for (video, index), names in joints.items():
        if names:
            found.setdefault(video, {})[str(index)] = list(names)
    text = dump_json(found, where=JOINTS_FILE, indent=2) + "\n"
    write_text_atomic(review.folder / JOINTS_FILE, text)


def apply_reviews(folder: Path) -> dict[str, Any]:
    """Write the file for `run --salient-joints` anew: experts' decisions before the model's.

    Returns
    -------
    dict
        ``segments``, those ``reviewed``, those of them left ``unchanged``; ``added`` and
        ``removed``: how often each joint was; ``jaccard``: mean between model and expert;
        ``annotators``: how well experts agree where several decided on a segment.

    Raises
    ------
    DataError
        As for `JointReview`.
    """
    review = JointReview(folder)
    write_joints(review)
    newest = {one.key: one for one in review.reviewed() if one.key in review.suggested}
    pairs = [(review.suggested[key].joined.joints, one.joints) for key, one in newest.items()]
    return {
        "segments": len(review.suggested),
        "reviewed": len(newest),
        "unchanged": sum(set(model) == set(expert) for model, expert in pairs),
        "added": _counted([set(expert) - set(model) for model, expert in pairs]),
        "removed": _counted([set(model) - set(expert) for model, expert in pairs]),
        "jaccard": sum(jaccard(*pair) for pair in pairs) / len(pairs) if pairs else None,
        "annotators": _between_annotators(review.reviewed()),
    }


def _counted(sets: Sequence[set[str]]) -> dict[str, int]:
    names = sorted({name for one in sets for name in one})
    return {name: sum(name in one for one in sets) for name in names}


def _between_annotators(reviewed: Sequence[ReviewedJoints]) -> dict[str, Any]:
    """Compare the newest decisions of the first two annotators of each segment."""
    own: dict[SegmentKey, dict[str, ReviewedJoints]] = {}
    for one in reviewed:
        own.setdefault(one.key, {})[one.annotator] = one
    pairs = [tuple(by.values())[:2] for by in own.values() if len(by) > 1]
    return {
        "segments": len(pairs),
        "jaccard": sum(jaccard(a.joints, b.joints) for a, b in pairs) / len(pairs)
        if pairs
        else None,
        "kappa": cohens_kappa(
            flags_of(a.joints for a, _ in pairs), flags_of(b.joints for _, b in pairs)
        ),
    }


def _review_of(value: Mapping[str, Any]) -> ReviewedJoints:
    return ReviewedJoints(**{**value, "joints": tuple(value["joints"])})


def _append(path: Path, line: str) -> None:
    """Add a line and sync it; a line that a crash cut, which nobody was told of, is taken away."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        held = file.read()
        file.truncate(held.rfind(b"\n") + 1)
        file.write(line.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
