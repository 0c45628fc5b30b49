"""What the values of a manifest may be, beyond their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.texts import is_unicode
from qevd_bio.tables.published import TABLES

_MOST_COUNT = 2**53
_DEEPEST = 32

_NAME: JsonValue = {"pattern": r"^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$"}
_DIGEST: JsonValue = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_COUNT: JsonValue = {"maximum": _MOST_COUNT}
_TABLE: JsonValue = {
    "propertyNames": _NAME,
    "minProperties": 1,
    "additionalProperties": {
        "properties": {
            "rows": _COUNT,
            "shards": {
                "items": {
                    "properties": {
                        "path": {"minLength": 1, "maxLength": 300},
                        "rows": _COUNT,
                        "sha256": _DIGEST,
                    }
                }
            },
        }
    },
}
VALUES: JsonValue = {
    "properties": {
        "version": {"minLength": 1, "maxLength": 100},
        "schema_version": {"pattern": r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}$"},
        "splits": {
            "propertyNames": _NAME, "additionalProperties": {"properties": {"videos": _COUNT}},
        },
        "configs": {"propertyNames": _NAME, "minProperties": 1, "additionalProperties": _TABLE},
        "videos": {
            "propertyNames": _NAME,
            "additionalProperties": {
                "properties": {
                    "artifacts": {"additionalProperties": _DIGEST},
                    "source_faults": {"type": "array", "items": {"type": "string"}},
                }
            },
        },
        "statuses": {
            "additionalProperties": {
                "additionalProperties": {"minimum": 0, "maximum": _MOST_COUNT}
            }
        },
        "missing": {"type": "array", "items": {"type": "object"}},
        "previous_release": {"type": ["object", "null"]},
    }
}  # fmt: skip
"""A JSON schema beside that of the shape."""


def relation_problems(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what does not fit together in a manifest of the right shape: the key and the cause."""
    splits = set(manifest["splits"])
    for config, tables in manifest["configs"].items():
        if config not in TABLES:
            continue  # `verify` names it
        for split in sorted(splits ^ set(tables)):
            where = "splits" if split in tables else f"configs.{config}"
            yield where, f"lacks the split {split!r}"
    for video, entry in manifest["videos"].items():
        if entry["split"] not in splits:
            yield f"videos.{video}.split", f"{entry['split'][:40]!r} is no split of the release"


def text_problems(manifest: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield where a manifest holds text that is no Unicode, or is nested too deeply."""
    layer: list[tuple[str, Any]] = [("", manifest)]
    for _ in range(_DEEPEST):
        inner: list[tuple[str, Any]] = []
        for place, value in layer:
            if isinstance(value, Mapping):
                for key in value:
                    if not is_unicode(key):
                        yield place or "its top", f"the key {ascii(key)[:80]} is no valid Unicode"
                inner += [
                    (f"{place}.{ascii(key)[1:-1][:80]}".lstrip("."), value[key]) for key in value
                ]
            elif isinstance(value, str):
                if not is_unicode(value):
                    yield place or "its top", f"{ascii(value)[:80]} is no valid Unicode"
            elif isinstance(value, Sequence):
                inner += [(f"{place}.{index}", one) for index, one in enumerate(value)]
        layer = inner
    if layer:
        yield layer[0][0][:200], "is nested too deeply"
