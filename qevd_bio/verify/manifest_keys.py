"""What a manifest may say: keys that no release has would be believed by whoever reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jsonschema import Draft202012Validator

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.released.manifest import schema_problems


def _mapping(values: JsonValue) -> JsonValue:
    return {"type": "object", "additionalProperties": values}


def _only(known: Iterable[str], **inner: JsonValue) -> dict[str, JsonValue]:
    """Allow these keys and no other; `inner` are schemas of some."""
    properties: dict[str, JsonValue] = dict.fromkeys(known, True)
    return {"properties": properties | inner, "additionalProperties": False}


_PREVIOUS: JsonValue = {
    "required": ["version", "sha256sums_sha256"],
    **_only((), version={"type": "string"}, sha256sums_sha256={"pattern": "^[0-9a-f]{64}$"}),
}
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


def unknown_statements(manifest: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield what a manifest states beyond what this version writes: the key and the cause."""
    yield from schema_problems(_CLOSED, manifest)
