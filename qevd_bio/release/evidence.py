"""A proof over a whole release: every sentence is the source's, or its numbers are findings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.feedback.numbers import unbacked_numbers, unbacked_pose
from qevd_bio.motion.constraints import Finding
from qevd_bio.release.loading import read_manifest, splits_of
from qevd_bio.release.rows import SplitRows, open_shard
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.tables.findings import FINDING_FIELDS

MORPHOMETRICS = "morphometrics"

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
        Empty when each row keeps `row_faults`, its findings are those of the `findings` table,
        its pose is that of the `kinematics` table and the body told of that of `morphometrics`.

    Raises
    ------
    UsageError, DataError
        The folder is no release, or a table cannot be read.
    """
    folder = Path(path)
    return [fault for split in splits_of(folder) for fault in _split_faults(folder, split)]


def row_faults(row: Mapping[str, Any], body: Mapping[str, float] | None = None) -> list[str]:
    """Say what an annotation row tells without evidence.

    Parameters
    ----------
    row : mapping
        Columns of the `annotations` table.
    body : mapping of str to float, optional
        The video's person, see `feedback.morphology.reportable_measurements`; None: nothing
        measured the body.

    Returns
    -------
    list of str
        Causes. A rewritten sentence holds numbers of its spoken findings only, in their places;
        any other is the source's to the character; the motion context holds numbers of the
        row's pose and findings only, the morphology context those of the body.
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
    contexts = [morphology_context(body or {}, low_confidence=low) for low in (False, True)]
    if row["morphology_context"] not in contexts:
        causes.append(
            f"the morphology context says '{row['morphology_context']}' and "
            + (f"the body is '{contexts[0]}'" if body else "nothing measured the body")
        )
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


def video_faults(
    annotations: Sequence[Mapping[str, Any]],
    findings: Sequence[Mapping[str, Any]],
    morphometrics: Sequence[Mapping[str, Any]],
    kinematics: pa.Table,
) -> Iterator[tuple[int, str]]:
    """Check the annotation rows of one video against its findings, body and angles.

    Parameters
    ----------
    annotations, findings, morphometrics : sequence of mapping
        All rows of the video; releases before schema 1.2.0 measured no body.
    kinematics : Table
        Its frames.

    Yields
    ------
    int, str
        Place among `annotations` and cause.
    """
    checked: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for one in findings:
        key = (one["segment_index"], one["cycle_index"])
        checked.setdefault(key, []).append({name: one[name] for name in _FINDING_NAMES})
    body = reportable_measurements(morphometrics[0]) if morphometrics else None
    for place, row in enumerate(annotations):
        causes = row_faults(row, body)
        if row["cycle"] is not None:
            key = (row["segment_index"], row["cycle"]["cycle_index"])
            own = [{name: one[name] for name in _FINDING_NAMES} for one in row["findings"]]
            if own != checked.get(key, []):
                causes.append("its findings are not those of its cycle")
        elif row["findings"]:
            causes.append("it has findings and no cycle")
        causes += _differing(kinematics, row["frame_start"], row["pose"])
        for cause in causes:
            yield place, cause


def _split_faults(folder: Path, split: str) -> Iterator[SentenceFault]:
    manifest = read_manifest(folder)
    annotations, findings, morphometrics, kinematics = (
        _split_rows(folder, manifest, config, split)
        for config in ("annotations", "findings", MORPHOMETRICS, "kinematics")
    )
    for video in annotations.videos():
        rows, checked, bodies = (
            table.of(video).to_pylist() for table in (annotations, findings, morphometrics)
        )
        for place, cause in video_faults(rows, checked, bodies, kinematics.of(video)):
            yield SentenceFault(video, rows[place]["feedback_index"], cause)


def _split_rows(folder: Path, manifest: Mapping[str, Any], config: str, split: str) -> SplitRows:
    if config not in manifest["configs"]:
        return SplitRows([])
    shards = manifest["configs"][config][split]["shards"]
    return SplitRows([open_shard(folder, shard["path"]) for shard in shards])


def _differing(
    kinematics: pa.Table, frame: int, pose: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """Name the degrees of freedom of a pose that the frame does not have."""
    row = pc.index(kinematics["frame"], frame).as_py() if pose else -1
    for angle in pose:
        name = angle["name"]
        if name not in DOF_INDEX:
            continue
        value = kinematics[f"{name}_rad"][row].as_py() if row >= 0 else None
        if value is None or not _is_angle(value, angle["angle_deg"]):
            yield f"the pose holds {name} {angle['angle_deg']:.3f}° and the frame {frame} not"


def _is_angle(value_rad: float, angle_deg: float) -> bool:
    turned_deg = math.degrees(math.remainder(value_rad - math.radians(angle_deg), math.tau))
    return abs(turned_deg) <= _ANGLE_TOLERANCE_DEG
