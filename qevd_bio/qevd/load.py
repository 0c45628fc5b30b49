"""Loads the records of QEVD's long videos; repairs nothing and reports every defect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.input_file import noted_reads
from qevd_bio.files.json_items import JsonItems, read_json_items
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.path_containment import contained_path, is_plain_name, plain_name
from qevd_bio.files.restricted_numpy import load_npy
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.layout import SplitFolder, find_splits
from qevd_bio.qevd.record import LoadedRecords, Record, RejectedRecord, SourceIssue
from qevd_bio.qevd.texts import text_fault
from qevd_bio.qevd.utterances import reconcile

_SCHEMA = load_schema(__file__, "record.schema.json")
_MOST_SECONDS = 1e11
"""More than three thousand years: milliseconds or nonsense."""

_MOST_TIMES_BYTES = 1 << 28
_NEXT_STEP = "Restore the file of the release or correct it"


def load_records(data_root: Path) -> LoadedRecords:
    """Load the records of every split below a data root.

    Parameters
    ----------
    data_root : Path
        See `find_splits`.

    Returns
    -------
    LoadedRecords
        A malformed record is rejected with its reason; the others are loaded. Of two records
        with the same video id in one split the second is rejected.

    Raises
    ------
    DataError
        As `read_source` raises.
    """
    records: list[Record] = []
    rejected: list[RejectedRecord] = []
    for split in find_splits(data_root):
        kept: dict[str, Record] = {}
        source = _read(split.records_file)
        for index, raw in enumerate(source.items):
            try:
                if index in source.faults:
                    raise _bad(source.faults[index], _where(split, index))
                record = _record(raw, split, index)
                if record.video_id in kept:
                    raise _bad(
                        f"repeats video id {record.video_id} of record "
                        f"{kept[record.video_id].index}",
                        _where(split, index),
                    )
            except DataError as error:
                rejected.append(RejectedRecord(split.split, index, claimed_id(raw), error.message))
                continue
            kept[record.video_id] = record
        records += kept.values()
    ids = [record.video_id for record in records]
    shared = {video_id for video_id in ids if ids.count(video_id) > 1}
    return LoadedRecords(
        tuple(
            replace(record, unit_id=f"{record.split}-{record.video_id}")
            if record.video_id in shared
            else record
            for record in records
        ),
        tuple(rejected),
    )


def read_source(records_file: Path) -> list[JsonValue]:
    """Read an annotation file as it is.

    Parameters
    ----------
    records_file : Path
        A feedbacks_long_range.json.

    Returns
    -------
    list
        One entry a record, unchecked. Of a record with a value that JSON has no form for, such as
        NaN, this value is a text.

    Raises
    ------
    DataError
        The file is unreadable, not UTF-8, no JSON (line and column are named) or no list.
    """
    return list(_read(records_file).items)


def _read(records_file: Path) -> JsonItems:
    return read_json_items(records_file, next_step=_NEXT_STEP)


def require_times_s(record: Record) -> FloatArray:
    """Return the frame times (N,) of a record in shifted seconds.

    Raises
    ------
    DataError
        The frame timestamps are absent or damaged.
    """
    if record.times_s is None:
        cause = next(issue.message for issue in record.issues if issue.kind == "no_times")
        raise DataError(
            f"frame times are not known: {cause}",
            where=f"video {record.unit_id}",
            next_step=f"Restore {record.timestamps_file.name} beside the video",
        )
    return record.times_s


def _record(raw: JsonValue, split: SplitFolder, index: int) -> Record:
    where = _where(split, index)
    fields = _checked(raw, where)
    relative = fields["long_range_video_file"]
    video_file = contained_path(split.folder, relative, where=where)
    timestamps_file = contained_path(split.folder, fields["video_timestamps"], where=where)
    video_id = plain_name(PurePosixPath(relative).stem, where=where)
    with noted_reads() as noted:
        times_s, issues = _times(timestamps_file, len(fields["feedbacks"]))
    digests = [digest for _, digest in noted.digests]
    record = Record(
        unit_id=video_id,
        video_id=video_id,
        split=split.split,
        video_file=video_file,
        timestamps_file=timestamps_file,
        feedbacks=tuple(fields["feedbacks"]),
        feedback_timestamps=tuple(float(time) for time in fields["feedback_timestamps"]),
        is_transition=tuple(fields["is_transition"]),
        times_s=times_s,
        times_sha256=digests[-1] if digests else None,
        issues=(),
        index=index,
        digest=sha256_json(raw),
    )
    return replace(record, issues=(*issues, *reconcile(record).issues))


def _checked(raw: JsonValue, where: str) -> Mapping[str, Any]:
    if violation := schema_violation(_SCHEMA, _one_text_a_run(raw)):
        field, message = violation
        raise _bad(f"{field or 'record'}: {message}", where)
    if not isinstance(raw, dict):
        raise _bad("is no object", where)
    stamps, flags = raw["feedback_timestamps"], raw["is_transition"]
    for stamp in stamps:
        if not -_MOST_SECONDS < stamp < _MOST_SECONDS:
            raise _bad(f"feedback_timestamps: {stamp!r} is no time in seconds", where)
    if len(stamps) != len(flags):
        raise _bad(
            f"{len(flags)} is_transition flags for {len(stamps)} feedback_timestamps: which "
            "belongs to which is not known",
            where,
        )
    for text in dict.fromkeys(raw["feedbacks"]):
        if fault := text_fault(text):
            raise _bad(f"feedbacks: {text[:80]!a} {fault}", where)
    return raw


def _one_text_a_run(raw: JsonValue) -> JsonValue:
    """Shorten the list of texts for the schema, which checks every item alike."""
    if not isinstance(raw, dict) or not isinstance(raw.get("feedbacks"), list):
        return raw
    return {**raw, "feedbacks": [text for text, _ in groupby(raw["feedbacks"])]}


def _times(path: Path, frames: int) -> tuple[FloatArray | None, tuple[SourceIssue, ...]]:
    try:
        times_s = frame_times_s(load_npy(path, most_bytes=_MOST_TIMES_BYTES), where=str(path))
    except DataError as error:
        return None, (SourceIssue("no_times", f"{path.name} {error.message}"),)
    if len(times_s) == frames:
        return times_s, ()
    message = f"{len(times_s)} frame timestamps for {frames} texts, both taken from frame 0 on"
    return times_s, (SourceIssue("frame_count", message),)


def claimed_id(raw: JsonValue) -> str | None:
    """Return the video id that an unchecked record claims; None where it claims none."""
    if isinstance(raw, dict) and isinstance(raw.get("long_range_video_file"), str):
        stem = PurePosixPath(raw["long_range_video_file"]).stem
        return stem if is_plain_name(stem) else None
    return None


def _where(split: SplitFolder, index: int) -> str:
    return f"{split.records_file} record {index}"


def _bad(cause: str, where: str) -> DataError:
    return DataError(cause, where=where, next_step=_NEXT_STEP)
