"""The schemas of the shards: against the one schema of their table, and against schema/*.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from qevd_bio.files.strict_json import dump_json
from qevd_bio.release.features import field_list
from qevd_bio.release.json_schemas import row_schema
from qevd_bio.released.rows import ShardFile
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.files import Layout


def check_shard_schema(
    layout: Layout, config: str, shard: ShardFile, first: ShardFile | None
) -> bool:
    """Compare a shard with the one schema of its table.

    That is this version's, or for a release of another schema version that of the table's first
    shard. Return whether the rows can be checked.
    """
    schema, name = shard.schema, f"the schema of {config}"
    if layout.is_current:
        expected = TABLES[config].schema
    else:
        expected, name = (schema, name) if first is None else (first.schema, first.path)
    causes = schema_differences(schema, expected, name)
    for cause in causes:
        layout.verdict.add("schema", shard.path, cause)
    metadata = schema.metadata or {}
    due = {
        "qevd_bio.table": config,
        "qevd_bio.schema_version": layout.manifest["schema_version"],
        "qevd_bio.release": layout.manifest["version"],
        "qevd_bio.generator": dump_json(dict(layout.manifest["generator"]), where="generator"),
    }
    for key, value in due.items() if layout.is_current else ():
        if metadata.get(key.encode()) != value.encode():
            cause = f"{key} of its metadata is {metadata.get(key.encode())!r}, not {value!r}"
            layout.verdict.add("schema", shard.path, cause)
    if first is not None and not causes and schema.metadata != first.schema.metadata:
        layout.verdict.add("schema", shard.path, f"its metadata differ from those of {first.path}")
    ids = schema.field("video_id").type if schema.names.count("video_id") == 1 else None
    return not causes and bool(ids == pa.string())


def schema_differences(found: pa.Schema, expected: pa.Schema, name: str) -> list[str]:
    """List the differences of a schema from the one it should be, called `name`.

    Missing and further columns, then types, nullability and metadata by column, then the order;
    empty when they are equal except for the metadata of the whole schema.
    """
    causes = [f"lacks column {n}" for n in expected.names if n not in found.names]
    causes += [f"has column {n}, unknown to {name}" for n in found.names
               if n not in expected.names]  # fmt: skip
    twice = {column for column in found.names if found.names.count(column) > 1}
    causes += [f"has column {column} more than once" for column in sorted(twice)]
    for field in expected:
        if field.name in found.names and field.name not in twice:
            own = found.field(field.name)
            if own.type != field.type:
                causes.append(f"column {field.name} is {own.type}, not {field.type}")
            elif own.nullable != field.nullable:
                may = "may" if own.nullable else "may not"
                causes.append(f"column {field.name} {may} be null, unlike in {name}")
            elif _description(own) != _description(field):
                causes.append(f"column {field.name} has another unit or description")
    if not causes and found.names != expected.names:
        causes.append(f"its columns have another order than {name}")
    return causes


def _description(field: pa.Field) -> object:
    """Describe a field with all its inner fields; a foreign one by its bare metadata."""
    try:
        return field_list(pa.schema([field]))
    except (KeyError, ValueError):
        return field.metadata


def check_schema_file(layout: Layout, config: str, shard: ShardFile) -> None:
    """Compare schema/<table>.json, and the columns that the manifest leaves out, with a shard."""
    name, schema = f"schema/{config}.json", shard.schema
    stated = layout.manifest.get("left_out", {}).get(config, [])
    if sorted(stated) != sorted(shard.left_out):
        cause = f"{config} leaves out {stated}, its shards {list(shard.left_out)}"
        layout.verdict.add("schema", "manifest.json left_out", cause)
    written = layout.folder.json(name)
    if written is None:
        return
    try:
        if isinstance(written, Mapping) and "fields" in written:
            # as releases before schema 1.2.0 have it
            fits = written["fields"] == field_list(schema)
        else:
            expected = json.loads(
                json.dumps(row_schema(TABLES[config], schema, left_out=shard.left_out))
            )
            fits = isinstance(written, Mapping) and _columns(written) == _columns(expected)
    except (ValueError, KeyError):
        layout.verdict.add("schema", name, "the columns of the shards cannot be described")
        return
    if not fits:
        layout.verdict.add("schema", name, "does not describe the columns of the shards")


def _columns(written: Mapping[str, Any]) -> list[object]:
    return [
        written.get(key) for key in ("properties", "required", "additionalProperties", "leftOut")
    ]
