"""Files of verdict events: Parquet and JSON lines, both without loss."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from qevd_bio.errors import UsageError
from qevd_bio.files.json_schema import load_schema
from qevd_bio.tables.columns import column
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet
from qevd_bio.verdicts.event import VerdictEvent, event_from
from qevd_bio.verdicts.sealed_lines import read_sealed, write_sealed

FORMAT, VERSION = "qevd_bio.verdict_events", 1
SUFFIXES = (".parquet", ".jsonl")
_EVENT = load_schema(__file__, "event.schema.json")

SCHEMA: pa.Schema = pa.schema(
    [
        column("event_id", pa.string(), "Made by the client; a known id is the same event"),
        column("annotator", pa.string(), "Who judged"),
        column("video_id", pa.string(), "Video of the sentence"),
        column("feedback_index", pa.int32(), "Utterance of the video, from 0"),
        column("judged", pa.string(), "Digest of the sentences and findings that were shown"),
        column("verdict", pa.string(), "accepted, rejected, edited, skipped, undone, ..."),
        column("text", pa.string(), "The edited sentence, else empty"),
        column("reason", pa.string(), "Id in prompts/review_reasons.json, or empty"),
        column("note", pa.string(), "Free words of the annotator"),
        column("undoes", pa.string(), "Event that is taken back, else empty"),
        column("seconds", pa.float64(), "Time spent on the item", unit="s"),
        column("time", pa.string(), "When, ISO 8601 UTC"),
        column("adjudication", pa.bool_(), "Decides between annotators who disagree"),
    ],
    metadata={"qevd_bio.format": FORMAT, "qevd_bio.format_version": str(VERSION)},
)


def write_events(path: Path, events: Iterable[VerdictEvent]) -> int:
    """Write events to a ``.parquet`` or ``.jsonl`` file, atomically; return their number.

    Raises
    ------
    UsageError
        The name ends otherwise.
    """
    suffix = _suffix(path)
    rows = [event.as_json() for event in events]
    if suffix == ".parquet":
        write_parquet(rows_table(rows, SCHEMA), path)
    else:
        write_sealed(path, FORMAT, VERSION, rows)
    return len(rows)


def read_events(path: Path) -> list[VerdictEvent]:
    """Read events that `write_events` wrote; they are checked when a store imports them.

    Raises
    ------
    UsageError
        The name ends otherwise.
    DataError
        The file is unreadable, of another format, or was changed.
    """
    if _suffix(path) == ".parquet":
        rows = read_parquet(path, SCHEMA).to_pylist()
    else:
        _, rows = read_sealed(path, FORMAT, VERSION, _EVENT)
    return [event_from(row) for row in rows]


def _suffix(path: Path) -> str:
    if path.suffix not in SUFFIXES:
        raise UsageError(
            f"ends with {path.suffix or 'no suffix'}",
            where=str(path),
            next_step=f"Name a file that ends with {' or '.join(SUFFIXES)}",
        )
    return path.suffix
