"""Files of predictions: the challenge's JSON, the same as Parquet, FitCoach's matched pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from qevd_bio.errors import DataError, UsageError
from qevd_bio.evaluation.pairs import Pair, SegmentKey, Utterance, matched_pairs, true_segments
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.input_file import read_json_input
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.strict_json import JsonValue, dump_json
from qevd_bio.tables.columns import column
from qevd_bio.tables.parquet import read_notes, read_parquet, rows_table, write_parquet

Predicted = Mapping[SegmentKey, Sequence[Utterance]]

FORMAT, VERSION = "qevd_bio.predictions", 1
SCHEMA: pa.Schema = pa.schema(
    [
        column("video_id", pa.string(), "Video of the session"),
        column("segment_index", pa.int32(), "Exercise segment of the session"),
        column("timestamp_s", pa.float64(), "Time in the source's clock", unit="s"),
        column("feedback", pa.string(), "Predicted sentence"),
    ],
    metadata={"qevd_bio.format": FORMAT, "qevd_bio.format_version": str(VERSION)},
)
_JSON = load_schema(__file__, "predictions.schema.json")
_SILENT = "silent"
_NEXT = "docs/evaluation.md describes the formats"


def read_pairs(path: Path, truth: Path | None = None, split: str = "test") -> list[Pair]:
    """Read predictions and pair them with what was to be said.

    Parameters
    ----------
    path : Path
        ``.parquet`` of `SCHEMA`, or ``.json`` by ``predictions.schema.json``.
    truth, split : Path, str
        Release and split with the true sentences; only matched pairs need none.

    Raises
    ------
    UsageError
        The predictions need a truth, or are pairs and need none; the name ends otherwise.
    DataError
        The file is malformed, its key is named; or it predicts what the truth does not have.
    """
    if path.suffix not in (".parquet", ".json"):
        raise UsageError(
            "is neither .parquet nor .json", where=str(path), next_step=_NEXT.capitalize()
        )
    content = _checked_json(path) if path.suffix == ".json" else None
    if content is not None and "GT" in content[0]:
        if truth is not None:
            raise UsageError(
                "holds true sentences itself", where=str(path), next_step="Leave --truth out"
            )
        return [_pair(place, one) for place, one in enumerate(content)]
    if truth is None:
        raise UsageError(
            "holds no true sentences", where=str(path), next_step="Name the release by --truth"
        )
    predicted, _ = read_predictions(path)
    return matched_pairs(predicted, true_segments(truth, split), where=str(path))


def read_predictions(path: Path) -> tuple[Predicted, dict[str, str]]:
    """Read what was said in each exercise, and the notes of what made it; JSON has none.

    Raises
    ------
    UsageError, DataError
        As `read_pairs`; or the file holds matched pairs, which have no times.
    """
    if path.suffix == ".parquet":
        table = read_parquet(path, SCHEMA)
        notes = read_notes(table)
        silent = {_key_of(name): () for name in notes.pop(_SILENT, ())}
        return {**silent, **_of_table(table)}, {key: str(one) for key, one in notes.items()}
    if path.suffix != ".json":
        raise UsageError(
            "is neither .parquet nor .json", where=str(path), next_step=_NEXT.capitalize()
        )
    content = _checked_json(path)
    if "GT" in content[0]:
        raise UsageError(
            "holds pairs without times",
            where=str(path),
            next_step="Give the predictions themselves",
        )
    return _of_challenge(path, content), {}


def write_predictions(
    predicted: Predicted, path: Path, notes: Mapping[str, str] | None = None
) -> None:
    """Write predictions as Parquet, or, by a name that ends in .json, as the challenge's JSON.

    Parquet keeps the notes, and the exercises about which nothing is said.
    """
    ordered = sorted(predicted.items())
    if path.suffix == ".json":
        segments: JsonValue = [
            {
                "mini_episode_id": _name_of(key),
                "pred_feedbacks": [one.text for one in said],
                "pred_feedback_timestamps": [one.time_s for one in said],
            }
            for key, said in ordered
        ]
        write_text_atomic(path, dump_json(segments, where=str(path), indent=1) + "\n")
        return
    rows = [
        {
            "video_id": key.video_id,
            "segment_index": key.segment_index,
            "timestamp_s": one.time_s,
            "feedback": one.text,
        }
        for key, said in ordered
        for one in said
    ]
    silent = [_name_of(key) for key, said in ordered if not said]
    write_parquet(rows_table(rows, SCHEMA), path, notes={**(notes or {}), _SILENT: silent})


def _checked_json(path: Path) -> list[dict[str, Any]]:
    content = read_json_input(path, next_step=_NEXT.capitalize())
    if violation := schema_violation(_JSON, content):
        key, message = violation
        raise DataError(message, where=f"{path} key {key or 'top'}", next_step=_NEXT)
    return cast("list[dict[str, Any]]", content)


def _pair(place: int, one: Mapping[str, Any]) -> Pair:
    session, exercise = one.get("video_id", ""), one.get("exercise")
    return Pair(str(place), session, exercise, "matched", one["GT"], one["Pred"])


def _of_challenge(path: Path, content: Sequence[Mapping[str, Any]]) -> Predicted:
    found: dict[SegmentKey, list[Utterance]] = {}
    for place, one in enumerate(content):
        texts, times = one["pred_feedbacks"], one["pred_feedback_timestamps"]
        key = _key_of(one["mini_episode_id"])
        if len(texts) != len(times):
            raise DataError(
                f"has {len(texts)} feedbacks and {len(times)} timestamps",
                where=f"{path} key {place}",
                next_step=_NEXT,
            )
        if key in found:
            raise DataError(
                f"{one['mini_episode_id']} is given twice",
                where=f"{path} key {place}",
                next_step="Give every segment once",
            )
        found[key] = [Utterance(float(t), text) for t, text in zip(times, texts, strict=True)]
    return found


def _name_of(key: SegmentKey) -> str:
    return f"{key.video_id}_{key.segment_index}"


def _key_of(name: str) -> SegmentKey:
    video_id, _, number = name.rpartition("_")
    return SegmentKey(video_id, int(number))


def _of_table(table: pa.Table) -> Predicted:
    found: dict[SegmentKey, list[Utterance]] = {}
    for row in table.to_pylist():
        key = SegmentKey(row["video_id"], row["segment_index"])
        found.setdefault(key, []).append(Utterance(row["timestamp_s"], row["feedback"]))
    return found
