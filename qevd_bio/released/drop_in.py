"""The source's annotation files as tables, and back from a release alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.qevd.texts import is_unicode
from qevd_bio.released.contents import RESTORE
from qevd_bio.released.loading import load_table, splits_of
from qevd_bio.tables.parquet import read_parquet, rows_table
from qevd_bio.tables.records import SCHEMA

DROP_IN_FOLDER = "drop_in"
TABLE_FILE = "records.parquet"
_TEXTS = "feedbacks"


def records_table(source: Sequence[JsonValue], video_ids: Mapping[int, str]) -> pa.Table:
    """Return the records of an annotation file, malformed ones included, as a table.

    `video_ids` has the unit id by place in the file; records that cannot be used are absent.
    `records_of` gives the records back, to the last bit of every number.
    """
    rows = []
    for index, raw in enumerate(source):
        texts = raw.get(_TEXTS) if isinstance(raw, dict) else None
        runs = _runs(texts) if isinstance(texts, list) else None
        shown = {**raw, _TEXTS: None} if isinstance(raw, dict) and runs is not None else raw
        rows.append(
            {
                "record_index": index,
                "video_id": video_ids.get(index),
                "fields_json": json.dumps(shown, allow_nan=False),
                "runs": runs,
            }
        )
    return rows_table(rows, SCHEMA)


def _runs(texts: list[JsonValue]) -> list[dict[str, Any]] | None:
    if not all(isinstance(text, str) and is_unicode(text) for text in texts):
        return None
    return [{"text": text, "frames": len(list(run))} for text, run in groupby(texts)]


def records_of(table: pa.Table, sentences: Sequence[Mapping[str, Any]]) -> list[JsonValue]:
    """Rebuild the records of an annotation file, in its order.

    Parameters
    ----------
    table : Table
        From `records_table`.
    sentences : sequence of mapping
        Annotation rows with the `feedback` to use; none gives the source back.

    Raises
    ------
    DataError
        A sentence's frames do not hold its original, or it belongs to no record.
    """
    by_video: dict[str, list[Mapping[str, Any]]] = {}
    for row in sentences:
        by_video.setdefault(row["video_id"], []).append(row)
    records: list[JsonValue] = []
    for row in table.sort_by("record_index").to_pylist():
        record = parse_json(row["fields_json"], where=f"record {row['record_index']}")
        if row["runs"] is not None:
            dense = [run["text"] for run in row["runs"] for _ in range(run["frames"])]
            for sentence in by_video.pop(row["video_id"], []):
                _replace(dense, sentence)
            record = {**cast("dict[str, JsonValue]", record), _TEXTS: dense}
        records.append(record)
    for video in by_video:
        raise _bad("has sentences and no record", video)
    return records


def _replace(dense: list[str], sentence: Mapping[str, Any]) -> None:
    start, end = sentence["frame_start"], sentence["frame_end"]
    index = sentence["feedback_index"]
    if not start < end or dense[start:end] != [sentence["feedback_original"]] * (end - start):
        raise _bad(f"utterance {index} is not what its frames hold", sentence["video_id"])
    dense[start:end] = [sentence["feedback"]] * (end - start)


def drop_in_of_release(path: Path | str, split: str, *, original: bool = False) -> list[JsonValue]:
    """Rebuild the annotation file of one split from the tables of a release.

    Parameters
    ----------
    path : Path or str
        Folder of a release, the one that holds ``manifest.json``.
    split : str
        ``train`` or ``test``.
    original : bool
        Whether to give the source back instead of the new sentences.

    Returns
    -------
    list
        What ``feedbacks_long_range.json`` holds, one entry a record.

    Raises
    ------
    UsageError
        The release has no records of that split.
    DataError
        The tables do not fit together.
    """
    folder = Path(path)
    file = folder / DROP_IN_FOLDER / SPLIT_FOLDERS.get(split, split) / TABLE_FILE
    if not file.is_file():
        raise UsageError(
            f"has no records of split {split!r}",
            where=str(folder),
            next_step=f"Give a release folder and one of {', '.join(SPLIT_FOLDERS)}",
        )
    wanted = ["video_id", "feedback_index", "frame_start", "frame_end"]
    wanted += ["feedback_original", "feedback"]
    sentences: list[Mapping[str, Any]] = []
    if split in splits_of(folder):
        sentences = load_table(split, folder).select(wanted).to_pylist()
    if original:
        sentences = [{**row, "feedback": row["feedback_original"]} for row in sentences]
    return records_of(read_parquet(file, SCHEMA), sentences)


def _bad(cause: str, video: str) -> DataError:
    return DataError(cause, where=f"video {video}", next_step=RESTORE)
