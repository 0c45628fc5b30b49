"""A release against the annotation files it came from: its own copy, and the source itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.errors import DataError
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS, find_splits
from qevd_bio.qevd.load import load_records, read_source
from qevd_bio.qevd.record import LoadedRecords, Record
from qevd_bio.qevd.utterances import utterances
from qevd_bio.released.drop_in import DROP_IN_FOLDER, TABLE_FILE, records_of
from qevd_bio.released.rows import open_shard
from qevd_bio.tables import records
from qevd_bio.verify.files import Layout
from qevd_bio.verify.issues import IssueKind, Verdict
from qevd_bio.verify.schemas import schema_differences

Sentences = dict[str, list[dict[str, Any]]]
"""Annotation rows by video: the columns of `SENTENCE_COLUMNS`."""

MOST_FRAMES = 10_000_000
"""Frames of the longest honest video: three days."""

SENTENCE_COLUMNS = (
    "video_id", "feedback_index", "frame_start", "frame_end", "timestamp_s", "is_transition",
    "feedback_original", "feedback",
)  # fmt: skip


def check_drop_in(
    layout: Layout,
    split: str,
    sentences: Sentences | None,
    source: Sequence[JsonValue] | None,
) -> None:
    """Check the drop-in file of a split against its tables, and against the source.

    `sentences` has the annotation rows by video; None where the table is wrong. `source` is the
    source's file of that split, where there is one.
    """
    home, verdict = f"{DROP_IN_FOLDER}/{SPLIT_FOLDERS[split]}", layout.verdict
    table = _records_table(layout, f"{home}/{TABLE_FILE}")
    written = layout.folder.json(f"{home}/{RECORDS_FILE}")
    if table is None or written is None or sentences is None:
        verdict.skip(f"the drop-in file of {split}")
        return
    if not isinstance(written, list) or len(written) != table.num_rows:
        count = len(written) if isinstance(written, list) else "no list of"
        cause = f"holds {count} records, {TABLE_FILE} {table.num_rows}"
        verdict.add("count", f"{home}/{RECORDS_FILE}", cause)
        return
    if source is not None and len(source) != len(written):
        cause = f"holds {len(written)} records, the source {len(source)}"
        verdict.add("source", f"{home}/{RECORDS_FILE}", cause)
        source = None
    left = dict(sentences)
    table = table.sort_by("record_index")
    for index in range(table.num_rows):
        one, record = table.slice(index, 1), written[index]
        video = one["video_id"][0].as_py()
        rows = left.pop(video, []) if video is not None else []
        where = f"{home}/{RECORDS_FILE} record {index}"
        if _is_too_long(one, rows):
            verdict.add("drop-in", where, f"a text ends beyond {MOST_FRAMES} frames")
            continue
        _check_record(one, rows, record, where, verdict)
        _check_stamps(one, rows, verdict)
        if source is not None:
            _check_against_source(one, rows, source[index], where, verdict)
    for video in sorted(left):
        verdict.add("reference", f"{home}/{TABLE_FILE}", f"no record is of video {video}")


def _is_too_long(one: pa.Table, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the dense texts would not fit into memory: the table holds only lengths."""
    runs = one["runs"][0].as_py() or []
    ends = [sum(max(run["frames"], 0) for run in runs), *(row["frame_end"] for row in rows)]
    return any(end > MOST_FRAMES for end in ends)


def _records_table(layout: Layout, name: str) -> pa.Table | None:
    if name not in layout.folder.files:
        if not layout.verdict.has(name):
            layout.verdict.add("missing file", name, "every split has one")
        return None
    try:
        shard = open_shard(layout.folder.path, name)
        groups = [shard.group(index) for index in range(len(shard.group_rows))]
    except DataError as error:
        layout.verdict.add("unreadable", name, error.message)
        return None
    table = pa.concat_tables(groups) if groups else shard.schema.empty_table()
    causes = schema_differences(table.schema, records.SCHEMA, "the schema of records")
    for cause in causes:
        layout.verdict.add("schema", name, cause)
    return None if causes else table


def _check_record(
    one: pa.Table,
    rows: Sequence[Mapping[str, Any]],
    record: JsonValue,
    where: str,
    verdict: Verdict,
) -> None:
    try:
        (rebuilt,) = records_of(one, rows)
    except DataError as error:
        verdict.add("drop-in", where, f"{error.where}: {error.message}")
        return
    except TypeError:
        verdict.add("drop-in", where, f"{TABLE_FILE} holds no record of this shape")
        return
    for what, difference in _differences(rebuilt, record):
        verdict.add("drop-in", where, f"{what} is not what the tables give{difference}")


def _check_against_source(
    one: pa.Table,
    rows: Sequence[Mapping[str, Any]],
    source: JsonValue,
    where: str,
    verdict: Verdict,
) -> None:
    originals = [{**row, "feedback": row["feedback_original"]} for row in rows]
    try:
        (original,) = records_of(one, originals)
    except (DataError, TypeError):
        # an issue already: the same sentences do not fit their frames
        return
    for what, difference in _differences(source, original):
        verdict.add("source", where, f"{what} is not the source's{difference}")


def _differences(due: JsonValue, found: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield the keys in which a record differs from what it should be, and how."""
    if due == found:
        return
    if not isinstance(due, Mapping) or not isinstance(found, Mapping):
        yield "the record", ""
        return
    for key in sorted({*due, *found}):
        ours, theirs = due.get(key), found.get(key)
        if ours == theirs:
            continue
        if not isinstance(ours, list) or not isinstance(theirs, list):
            yield key, ""
        elif len(ours) != len(theirs):
            yield key, f": {len(theirs)} items, not {len(ours)}"
        else:
            pairs = enumerate(zip(theirs, ours, strict=True))
            place, (own, item) = next((i, pair) for i, pair in pairs if pair[0] != pair[1])
            yield key, f": item {place} is {own!r}, not {item!r}"


def _check_stamps(one: pa.Table, rows: Sequence[Mapping[str, Any]], verdict: Verdict) -> None:
    """Find the timestamps of rows that the source record does not have, bit for bit."""
    if not rows:
        return
    video = rows[0]["video_id"]
    try:
        record = parse_json(one["fields_json"][0].as_py(), where=TABLE_FILE)
    except DataError:
        # an issue of the record itself
        return
    fields = record if isinstance(record, Mapping) else {}
    stamps, flags = fields.get("feedback_timestamps"), fields.get("is_transition")
    if not isinstance(stamps, list) or not isinstance(flags, list) or len(stamps) != len(flags):
        verdict.add("drop-in", f"video {video}", "its timestamps and flags cannot be used")
        return
    known = dict(zip(stamps, flags, strict=True))
    for row in rows:
        stamp, where = row["timestamp_s"], _named(row)
        if stamp is None:
            continue
        if stamp not in known:
            cause = f"timestamp_s {stamp!r} is none of its record's feedback_timestamps"
            verdict.add("time", where, cause)
        elif known[stamp] != row["is_transition"]:
            cause = f"is_transition is {row['is_transition']}, its record's {known[stamp]}"
            verdict.add("drop-in", where, cause)


class Source:
    """The annotation files and videos a release was made from, below a data root."""

    def __init__(self, data_root: Path) -> None:
        loaded: LoadedRecords = load_records(data_root)
        self._records: dict[str, Record] = {one.unit_id: one for one in loaded.records}
        self._splits = {one.split: one for one in find_splits(data_root)}

    def records(self, split: str) -> list[JsonValue] | None:
        """Read the file of a split as it is; None where the source has no such split."""
        found = self._splits.get(split)
        return None if found is None else read_source(found.records_file)

    def video_digest(self, video: str) -> str | None:
        """Hash the file of a video; None where it is absent."""
        record = self._records.get(video)
        if record is None or not record.video_file.is_file():
            return None
        return sha256_file(record.video_file)

    def check_video(
        self,
        split: str,
        video: str,
        rows: Sequence[Mapping[str, Any]] | None,
        frames: pa.Table | None,
        verdict: Verdict,
        dropped: Collection[int] = (),
    ) -> None:
        """Compare utterances and frame times of a video with the source, bit for bit.

        `rows` are its annotation rows and `frames` its kinematics; None where they cannot be read.
        `dropped` are the utterances that the release leaves out.
        """
        record = self._records.get(video)
        if record is None or record.split != split:
            verdict.add("source", f"video {video}", f"the source has no such video in {split}")
            return
        if rows is not None:
            _check_utterances(record, rows, verdict, dropped)
        if frames is not None:
            _check_frames(record, frames, verdict)


def _check_utterances(
    record: Record,
    rows: Sequence[Mapping[str, Any]],
    verdict: Verdict,
    dropped: Collection[int],
) -> None:
    expected = [one for one in utterances(record) if one.index not in dropped]
    if len(rows) != len(expected):
        cause = f"has {len(rows)} utterances, the source {len(expected)}"
        verdict.add("source", f"annotations of video {record.unit_id}", cause)
        return
    for row, one in zip(rows, expected, strict=True):
        due = {
            "timestamp_s": one.timestamp_s,
            "frame_start": one.frame_start,
            "frame_end": one.frame_end,
            "is_transition": one.is_transition,
            "feedback_original": one.text,
        }
        for name, value in due.items():
            if row[name] != value:
                kind: IssueKind = "time" if name == "timestamp_s" else "source"
                cause = f"{name} is {row[name]!r}, the source's {value!r}"
                verdict.add(kind, _named(row), cause)


def _check_frames(record: Record, frames: pa.Table, verdict: Verdict) -> None:
    where = f"kinematics of video {record.unit_id}"
    if record.times_s is None:
        verdict.add("source", f"video {record.unit_id}", "the source has no frame times of it")
        return
    numbers, times = frames["frame"].to_numpy(), frames["time_s"].to_numpy()
    beyond = (numbers >= len(record.times_s)) | (numbers < 0)
    own = record.times_s[np.where(beyond, 0, numbers)]
    for row in verdict.to_list("source", np.flatnonzero(beyond).tolist()):
        cause = f"the source has {len(record.times_s)} frames"
        verdict.add("source", f"{where} frame {numbers[row]}", cause)
    for row in verdict.to_list("time", np.flatnonzero((times != own) & ~beyond).tolist()):
        cause = f"time_s is {times[row]!r}, the source's {own[row]!r}"
        verdict.add("time", f"{where} frame {numbers[row]}", cause)


def _named(row: Mapping[str, Any]) -> str:
    return f"annotations of video {row['video_id']} utterance {row['feedback_index']}"
