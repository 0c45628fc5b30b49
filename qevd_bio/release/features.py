"""Arrow schemas in the forms of others: Hugging Face features, and JSON of names and units."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from qevd_bio.files.strict_json import JsonValue


class PlainType(NamedTuple):
    """A plain type as NumPy and Hugging Face, JSON Schema, and Croissant name it."""

    name: str
    json: str
    croissant: str


_PLAIN_TYPES = {
    pa.string(): PlainType("string", "string", "sc:Text"),
    pa.bool_(): PlainType("bool", "boolean", "sc:Boolean"),
    pa.int32(): PlainType("int32", "integer", "cr:Int32"),
    pa.int64(): PlainType("int64", "integer", "cr:Int64"),
    pa.float32(): PlainType("float32", "number", "cr:Float32"),
    pa.float64(): PlainType("float64", "number", "cr:Float64"),
}


def plain_type(kind: pa.DataType) -> PlainType:
    """Find the names of a plain type; `ValueError` for any other."""
    if kind not in _PLAIN_TYPES:
        raise ValueError(f"no name is agreed for columns of type {kind}")
    return _PLAIN_TYPES[kind]


def huggingface_features(schema: pa.Schema) -> dict[str, JsonValue]:
    """Write a schema as the features that `datasets` keeps in Parquet metadata, by column.

    A list is written in brackets, the one form that `datasets` reads before and after 4.0.
    """
    return {field.name: _feature(field.type) for field in schema}


def _feature(kind: pa.DataType) -> JsonValue:
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]
    return {"dtype": plain_type(kind).name, "_type": "Value"}


def card_features(schema: pa.Schema) -> list[JsonValue]:
    """Write a schema as the `features` of a data card's YAML, one mapping a column."""
    return [_card_feature(field) for field in schema]


def _card_feature(field: pa.Field) -> JsonValue:
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_card_feature(inner) for inner in field.type]}
    if pa.types.is_list(field.type):
        item = field.type.value_type
        if pa.types.is_struct(item):
            return {"name": field.name, "list": [_card_feature(inner) for inner in item]}
        return {"name": field.name, "list": plain_type(item).name}
    return {"name": field.name, "dtype": plain_type(field.type).name}


def field_list(schema: pa.Schema) -> list[JsonValue]:
    """List every column with its type, unit and description.

    Returns
    -------
    list
        One mapping a column: name, type, nullable, unit (empty for plain values),
        description, and the inner fields of structs and lists of structs.
    """
    return [_described(field) for field in schema]


def _described(field: pa.Field) -> JsonValue:
    metadata = {key.decode(): text.decode() for key, text in (field.metadata or {}).items()}
    kind, name = field.type, ""
    if pa.types.is_list(kind):
        kind, name = kind.value_type, "list of "
    described: dict[str, JsonValue] = {
        "name": field.name,
        "type": name + ("struct" if pa.types.is_struct(kind) else plain_type(kind).name),
        "nullable": field.nullable,
        "unit": metadata.get("unit", ""),
        "description": metadata["description"],
    }
    if pa.types.is_struct(kind):
        described["fields"] = [_described(inner) for inner in kind]
    return described
