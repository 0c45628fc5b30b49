"""The manifest of a release: its shape, and reading it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.path_containment import contained_path
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.released.contents import MANIFEST_FILE, RESTORE
from qevd_bio.released.manifest_values import VALUES, relation_problems, text_problems
from qevd_bio.tables.columns import SCHEMA_VERSION, version_numbers

MOST_MANIFEST_BYTES = 1 << 28


def _object(**properties: JsonValue) -> JsonValue:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _mapping(values: JsonValue) -> JsonValue:
    return {"type": "object", "additionalProperties": values}


_TEXT: JsonValue = {"type": "string"}
_COUNT: JsonValue = {"type": "integer", "minimum": 0}
_SHARD = _object(path=_TEXT, rows=_COUNT, sha256=_TEXT)
_VIDEO: JsonValue = {
    "type": "object",
    "required": ["split"],
    "properties": {
        "split": _TEXT,
        **{name: {"type": "object"} for name in ("kinematics", "artifacts", "rows_sha256")},
    },
}
_INDEX: JsonValue = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_REVIEW = _object(
    verdicts_sha256=_TEXT,
    rejected={"enum": ["original", "drop"]},
    verdicts=_mapping(_COUNT),
    dropped=_mapping({"type": "array", "items": _INDEX}),
)
_OPTIONAL = {
    "statuses": _mapping(_mapping({"type": "integer"})),
    "made_with": _mapping(_TEXT),
    "left_out": _mapping({"type": "array", "items": _TEXT}),
    "parquet_writer": _TEXT,
    "concerns": _mapping(_TEXT),
    "review": _REVIEW,
    "missing": {
        "type": "array",
        "items": _object(video_id=_TEXT, split=_TEXT, stage=_TEXT, reason=_TEXT),
    },
}
_SHAPE = _object(
    version=_TEXT,
    schema_version=_TEXT,
    generator=_mapping(_TEXT),
    splits=_mapping(_object(videos=_COUNT)),
    configs=_mapping(_mapping(_object(rows=_COUNT, shards={"type": "array", "items": _SHARD}))),
    videos=_mapping(_VIDEO),
)
_PREVIOUS = _object(version=_TEXT, sha256sums_sha256={"pattern": "^[0-9a-f]{64}$"})


def _only(known: Iterable[str], **inner: JsonValue) -> dict[str, JsonValue]:
    """Allow these keys and no other; `inner` are schemas of some."""
    properties: dict[str, JsonValue] = dict.fromkeys(known, True)
    return {"properties": properties | inner, "additionalProperties": False}


_CLOSED = Draft202012Validator(
    _only(
        [
            "version", "schema_version", "generator", "left_out", "statuses", "made_with",
            "parquet_writer", "concerns",
        ],
        name={"const": "qevd_bio"},
        previous_release={"anyOf": [{"type": "null"}, _PREVIOUS]},
        splits=_mapping(_only(["videos"])),
        configs=_mapping(
            _mapping(_only(["rows"], shards={"items": _only(["path", "rows", "bytes", "sha256"])}))
        ),
        missing={"items": _only(["video_id", "split", "stage", "reason"])},
        review=_only(["verdicts_sha256", "rejected", "verdicts", "dropped"]),
        videos=_mapping(
            _only(["split", "source_faults", "artifacts", "rows_sha256", "kinematics"])
        ),
    )
)  # fmt: skip
"""What the manifests that this version writes may say, and nothing else."""

_MANIFEST = Draft202012Validator({"allOf": [_SHAPE, {"properties": _OPTIONAL}, VALUES]})


def unknown_statements(manifest: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield what a manifest states beyond what this version writes: the key and the cause."""
    yield from _schema_problems(_CLOSED, manifest)


def _schema_problems(schema: Draft202012Validator, manifest: JsonValue) -> list[tuple[str, str]]:
    found = []
    try:
        for error in schema.iter_errors(manifest):
            place = ".".join(str(part) for part in error.absolute_path) or "its top"
            found.append((place[:200], ascii(error.message[:200])[1:-1]))
    except (RecursionError, OverflowError) as error:
        found.append(("its top", type(error).__name__))
    return found


def manifest_problems(manifest: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield where a manifest has another shape or values that no release has, and how."""
    found = list(text_problems(manifest))
    if not found:
        found += _schema_problems(_MANIFEST, manifest)
    if not found and isinstance(manifest, Mapping):
        found += relation_problems(manifest)
    yield from found


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises
    ------
    UsageError
        The folder is no release.
    DataError
        It has another shape, values that no release has, or a newer schema version than this
        version knows.
    """
    file = folder / MANIFEST_FILE
    if not os.path.lexists(file):
        raise UsageError(
            f"is no release: it has no {MANIFEST_FILE}",
            where=str(folder),
            next_step="Give the folder of one version, such as release/1.0.0",
        )
    text = _text(file)
    manifest: Any = parse_json(text, where=str(file), next_step=RESTORE)
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise DataError("has no schema_version", where=str(file), next_step=RESTORE)
    written = manifest["schema_version"]
    try:
        is_newer = version_numbers(written) > version_numbers(SCHEMA_VERSION)
    except (ValueError, TypeError):
        shown = ascii(written)[:60]
        raise DataError(
            f"schema_version is {shown}, which is not three numbers",
            where=str(file),
            next_step=RESTORE,
        ) from None
    if is_newer:
        raise DataError(
            f"has schema version {written[:40]}; this version of qevd_bio reads up to "
            f"{SCHEMA_VERSION}",
            where=str(file),
            next_step="Update qevd_bio, or read the Parquet files without it",
        )
    for place, problem in manifest_problems(manifest):
        raise DataError(
            f"is no manifest of a release: {place}: {problem}",
            where=str(file),
            next_step="`qevd-bio verify` lists what is wrong with the release",
        )
    _check_paths(manifest, folder, where=str(file))
    return manifest


def _check_paths(manifest: Mapping[str, Any], folder: Path, *, where: str) -> None:
    """Refuse shards outside of the release: `DataError`."""
    for splits in manifest["configs"].values():
        for entry in splits.values():
            for shard in entry["shards"]:
                contained_path(folder, shard["path"], where=where)


def _text(file: Path) -> str:
    try:
        return read_text_regular(file, most_bytes=MOST_MANIFEST_BYTES)
    except OSError as error:
        cause = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        cause = "is not UTF-8"
    raise DataError(cause, where=str(file), next_step=RESTORE)
