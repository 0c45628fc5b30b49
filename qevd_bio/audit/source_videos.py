"""The videos that the leak audit compares, with the bodies that a run measured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qevd_bio.audit.audit import SourceVideo
from qevd_bio.capture.body_size import segment_ratios
from qevd_bio.errors import DataError, UsageError
from qevd_bio.pipeline.pipeline import reopen_pipeline
from qevd_bio.qevd.load import load_records
from qevd_bio.released.contents import RESTORE
from qevd_bio.released.loading import load_table, splits_of
from qevd_bio.released.manifest import read_manifest
from qevd_bio.tables.kinematics import SCHEMA as KINEMATICS
from qevd_bio.tables.morphometrics import SCHEMA as MORPHOMETRICS
from qevd_bio.tables.morphometrics import SEGMENTS
from qevd_bio.tables.parquet import read_notes, read_parquet

_TABLE = "morphometrics"
_LENGTHWISE = {"thigh", "shank", "trunk"}


def source_videos(data_root: Path, notes: Mapping[str, Any]) -> list[SourceVideo]:
    """List the videos of a source, train before test.

    `notes` has what the capture noted, by unit id; videos without notes have no body.

    Raises
    ------
    DataError
        The source cannot be read.
    UsageError
        It holds one split only, so there can be no leak.
    """
    records = load_records(data_root).records
    if len({record.split for record in records}) < 2:
        raise UsageError(
            "holds one split only; nothing can be in both",
            where=str(data_root),
            next_step="Give the folder that holds train and test",
        )
    return [
        SourceVideo(
            record.unit_id,
            record.split,
            record.video_file,
            *_body(notes.get(record.unit_id)),
        )
        for record in records
    ]


def notes_of_release(release: Path) -> dict[str, Any]:
    """Read what a release holds of each body: notes of the kinematics, and the measured `body`."""
    manifest = read_manifest(release)
    videos = manifest["videos"]
    notes = {video: dict(one.get("kinematics", {})) for video, one in videos.items()}
    for split in splits_of(release) if _TABLE in manifest["configs"] else ():
        table = load_table(split, release, _TABLE)
        if "video_id" not in table.column_names:
            raise DataError("has no column video_id", where=_TABLE, next_step=RESTORE)
        for row in table.to_pylist():
            if row["video_id"] not in notes:
                cause = (
                    f"holds video {ascii(row['video_id'])[:60]}, which the manifest does not name"
                )
                raise DataError(cause, where=_TABLE, next_step=RESTORE)
            notes[row["video_id"]]["body"] = row
    return notes


def work_of(work: Path) -> tuple[Path, dict[str, Any]]:
    """Read from a work folder the path of its source, and the data of each body."""
    pipeline = reopen_pipeline(work)
    notes: dict[str, Any] = {}
    for video, found in pipeline.artifacts().items():
        if "kinematics" in found:
            notes[video] = read_notes(read_parquet(found["kinematics"], KINEMATICS))
        if "kinematics" in found and _TABLE in found:
            notes[video]["body"] = read_parquet(found[_TABLE], MORPHOMETRICS).to_pylist()[0]
    return pipeline.config.data_root, notes


def _positive(lengths: Any) -> dict[str, float]:  # noqa: ANN401
    """Keep the lengths that are positive numbers; a manifest may hold anything."""
    if not isinstance(lengths, Mapping):
        return {}
    numbers = {name: one for name, one in lengths.items() if isinstance(one, int | float)}
    return {name: float(one) for name, one in numbers.items() if 0.0 < one < 1e6}


def _body(notes: Any) -> tuple[Mapping[str, float], tuple[float, ...]]:  # noqa: ANN401
    """Take proportions and shape from the measured body, else proportions from the capture."""
    if not isinstance(notes, Mapping):
        return {}, ()
    body = notes.get("body")
    body = body if isinstance(body, Mapping) else {}
    ratios = _positive({name: body.get(f"{name}_ratio") for name in SEGMENTS})
    motion = notes.get("motion")
    lengths = _positive(motion.get("segment_lengths_m") if isinstance(motion, Mapping) else {})
    if not ratios and set(lengths) >= _LENGTHWISE:
        ratios = dict(segment_ratios(lengths))
    return ratios, tuple(body.get("betas") or ())
