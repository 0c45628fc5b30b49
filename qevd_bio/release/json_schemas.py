"""The tables of a release as JSON Schemas of one row."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pyarrow as pa

from qevd_bio.files.strict_json import JsonValue
from qevd_bio.release.features import plain_type
from qevd_bio.tables.columns import SCHEMA_VERSION
from qevd_bio.tables.published_table import PublishedTable

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def row_schema(
    table: PublishedTable, schema: pa.Schema | None = None, *, left_out: Collection[str] = ()
) -> dict[str, JsonValue]:
    """Write the JSON Schema (draft 2020-12) of one row of a table.

    Every column is required and no other allowed; those in `left_out` are null in the whole
    release and not in its shards, and ``leftOut`` describes them. Beside the words of the
    standard it has ``unit`` and ``arrowType`` of a column, ``sortedBy`` and ``schemaVersion`` of
    the table, which validators pass over. `schema` gives the columns of a shard where they are
    not this version's.
    """
    fields = list(table.schema if schema is None else schema)
    lost = {field.name: _property(field) for field in fields if field.name in left_out}
    return {
        "$schema": _DIALECT,
        "title": table.name,
        "schemaVersion": SCHEMA_VERSION,
        "sortedBy": list(table.order),
        **({"leftOut": lost} if lost else {}),
        **_object([field for field in fields if field.name not in lost], nullable=False),
    }


def _object(fields: Sequence[pa.Field], *, nullable: bool) -> dict[str, JsonValue]:
    return {
        "type": ["object", "null"] if nullable else "object",
        "properties": {field.name: _property(field) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _property(field: pa.Field) -> JsonValue:
    metadata = {key.decode(): text.decode() for key, text in field.metadata.items()}
    return {**metadata, **_typed(field.type, nullable=field.nullable)}


def _typed(kind: pa.DataType, *, nullable: bool) -> dict[str, JsonValue]:
    if pa.types.is_struct(kind):
        return _object(list(kind), nullable=nullable)
    if pa.types.is_list(kind):
        items = _typed(kind.value_type, nullable=False)
        return {"type": ["array", "null"] if nullable else "array", "items": items}
    plain = plain_type(kind)
    return {"type": [plain.json, "null"] if nullable else plain.json, "arrowType": plain.name}
