"""The manifest of a release: its shape, and reading it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.strict_json import JsonValue, parse_json
from qevd_bio.release.contents import MANIFEST_FILE, RESTORE
from qevd_bio.tables.columns import SCHEMA_VERSION, version_numbers


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
_OPTIONAL = {"statuses": _mapping(_mapping({"type": "integer"}))}
_SHAPE = _object(
    version=_TEXT,
    schema_version=_TEXT,
    generator=_mapping(_TEXT),
    splits=_mapping(_object(videos=_COUNT)),
    configs=_mapping(_mapping(_object(rows=_COUNT, shards={"type": "array", "items": _SHARD}))),
    videos=_mapping(_VIDEO),
)
_MANIFEST = Draft202012Validator({"allOf": [_SHAPE, {"properties": _OPTIONAL}]})


def manifest_problems(manifest: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield where a manifest has another shape, and how."""
    for error in _MANIFEST.iter_errors(manifest):
        yield ".".join(str(part) for part in error.absolute_path) or "its top", error.message[:200]


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a release.

    Raises
    ------
    UsageError
        The folder is no release.
    DataError
        It has another shape, or a newer schema version than this version knows.
    """
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise UsageError(
            f"is no release: it has no {MANIFEST_FILE}",
            where=str(folder),
            next_step="Give the folder of one version, such as release/1.0.0",
        )
    manifest: Any = parse_json(file.read_text(encoding="utf-8"), where=str(file))
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise DataError("has no schema_version", where=str(file), next_step=RESTORE)
    written = str(manifest["schema_version"])
    try:
        is_newer = version_numbers(written) > version_numbers(SCHEMA_VERSION)
    except ValueError as error:
        raise DataError(
            f"has schema version {error}", where=str(file), next_step=RESTORE
        ) from None
    if is_newer:
        raise DataError(
            f"has schema version {written}; this version of qevd_bio reads up to {SCHEMA_VERSION}",
            where=str(file),
            next_step="Update qevd_bio, or read the Parquet files without it",
        )
    for place, problem in manifest_problems(manifest):
        raise DataError(
            f"is no manifest of a release: {place}: {problem}",
            where=str(file),
            next_step="`qevd-bio verify` lists what is wrong with the release",
        )
    return manifest
