"""A proof over a whole release: every sentence is the source's, or its numbers are findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from qevd_bio.dataset.loading import splits_of, videos_of
from qevd_bio.feedback.numbers import unbacked_numbers, unbacked_pose
from qevd_bio.motion.constraints import Finding
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.tables.findings import FINDING_FIELDS
from qevd_bio.tables.kinematics import ANGLE_COLUMNS

_FINDING_NAMES = tuple(field.name for field in FINDING_FIELDS)
_MOST_STATEMENTS = 2
_MOST_SPOKEN = 2 * _MOST_STATEMENTS
_ANGLE_TOLERANCE_DEG = 1e-6


@dataclass(frozen=True, slots=True)
class SentenceFault:
    """What is wrong with the sentence or the contexts of one utterance."""

    video_id: str
    feedback_index: int
    cause: str


def release_faults(path: Path | str) -> list[SentenceFault]:
    """Check every annotation row of a release against its own evidence.

    Parameters
    ----------
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.

    Returns
    -------
    list of SentenceFault
        Empty when each row keeps `row_faults`, its findings are those of the `findings` table
        and its pose is that of the `kinematics` table.

    Raises
    ------
    UsageError, DataError
        The folder is no release, or a table cannot be read.
    """
    folder = Path(path)
    return [fault for split in splits_of(folder) for fault in _split_faults(folder, split)]


def row_faults(row: Mapping[str, Any]) -> list[str]:
    """Say what an annotation row tells without evidence.

    Parameters
    ----------
    row : mapping
        Columns of the `annotations` table.

    Returns
    -------
    list of str
        Causes. A rewritten sentence holds numbers of its spoken findings only, in their places;
        any other is the source's to the character; the contexts hold numbers of the row's pose
        and findings only.
    """
    findings = [Finding(**{name: one[name] for name in _FINDING_NAMES}) for one in row["findings"]]
    spoken = [f for f, one in zip(findings, row["findings"], strict=True) if one["spoken"]]
    pose, violations = _parts(row["motion_context"])
    causes = [
        f"the motion context says {number} and no finding does"
        for number in unbacked_numbers(violations, findings)
    ]
    told = [(angle["name"], angle["angle_deg"]) for angle in row["pose"]]
    causes += [f"the pose state says '{item}'" for item in unbacked_pose(pose, told)]
    causes += [
        f"the morphology context says {number} and nothing measured the body"
        for number in unbacked_numbers(row["morphology_context"], ())
    ]
    if row["status"] == "rewritten":
        if not 1 <= len(spoken) <= _MOST_SPOKEN:
            causes.append(f"the sentence is rewritten by {len(spoken)} findings")
        causes += [
            f"the sentence says {number} and no finding it speaks of does"
            for number in unbacked_numbers(row["feedback"], spoken)
        ]
        return causes
    if row["feedback"] != row["feedback_original"]:
        causes.append(f"the sentence differs from the source's and its status is {row['status']}")
    if spoken:
        causes.append(f"{len(spoken)} findings are spoken and the status is {row['status']}")
    if row["status"] == "unsupported":
        causes += [
            f"the reason says {number} and no finding does"
            for number in unbacked_numbers(row["reason"], findings)
        ]
    return causes


def _parts(context: str) -> tuple[str, str]:
    pose, _, violations = context.partition("Violations:")
    return pose.strip(), violations


def _split_faults(folder: Path, split: str) -> Iterator[SentenceFault]:
    """Go through the three tables side by side; all are sorted by video."""
    findings = _Follower(videos_of(split, folder, "findings"))
    kinematics = _Follower(videos_of(split, folder, "kinematics", ("frame", *ANGLE_COLUMNS)))
    for video, rows in videos_of(split, folder):
        checked = _of_cycles(findings.rows_of(video))
        angles = kinematics.rows_of(video)
        for row in rows.to_pylist():
            causes = [*row_faults(row), *_strange_findings(row, checked)]
            causes += _strange_angles(angles, row["frame_start"], row["pose"])
            for cause in causes:
                yield SentenceFault(video, row["feedback_index"], cause)


class _Follower:
    """A table read video by video, asked for videos in ascending order."""

    def __init__(self, videos: Iterator[tuple[str, pa.Table]]) -> None:
        self._videos = videos
        self._next = next(videos, None)

    def rows_of(self, video: str) -> pa.Table | None:
        """Return the rows of a video; None where it has none."""
        while self._next is not None and self._next[0] < video:
            self._next = next(self._videos, None)
        return self._next[1] if self._next is not None and self._next[0] == video else None


def _of_cycles(findings: pa.Table | None) -> dict[tuple[int, int], list[dict[str, Any]]]:
    checked: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in [] if findings is None else findings.to_pylist():
        key = (one["segment_index"], one["cycle_index"])
        checked.setdefault(key, []).append({name: one[name] for name in _FINDING_NAMES})
    return checked


def _strange_findings(
    row: Mapping[str, Any], checked: Mapping[tuple[int, int], list[dict[str, Any]]]
) -> Iterator[str]:
    if row["cycle"] is None:
        if row["findings"]:
            yield "it has findings and no cycle"
        return
    key = (row["segment_index"], row["cycle"]["cycle_index"])
    own = [{name: one[name] for name in _FINDING_NAMES} for one in row["findings"]]
    if own != checked.get(key, []):
        yield "its findings are not those of its cycle"


def _strange_angles(
    angles: pa.Table | None, frame: int, pose: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Name the degrees of freedom of a pose that the frame does not have."""
    # rows are sorted by frame, and frames count from 0
    rows = [] if angles is None or frame < 0 else angles.slice(frame, 1).to_pylist()
    shown = {row["frame"]: row for row in rows}.get(frame, {})
    for angle in pose:
        name = angle["name"]
        if name not in DOF_INDEX:
            continue
        value = shown.get(f"{name}_rad")
        if value is None or not _is_angle(value, angle["angle_deg"]):
            yield f"the pose holds {name} {angle['angle_deg']:.3f}° and the frame {frame} not"


def _is_angle(value_rad: float, angle_deg: float) -> bool:
    turned_deg = math.degrees(math.remainder(value_rad - math.radians(angle_deg), math.tau))
    return abs(turned_deg) <= _ANGLE_TOLERANCE_DEG
