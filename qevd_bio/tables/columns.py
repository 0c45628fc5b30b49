"""How a column says what it means: description and unit in the field's own metadata."""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = "1.2.0"


def column(
    name: str, kind: pa.DataType, description: str, *, unit: str = "", nullable: bool = False
) -> pa.Field:
    """Describe one column.

    Parameters
    ----------
    name, kind : str, DataType
        Column name (with its unit suffix) and Arrow type.
    description : str
        One sentence for the data card.
    unit : str
        ``s``, ``rad``, ``deg``, ``frames`` or empty for plain values.
    nullable : bool
        Whether a missing value has a meaning here.

    Returns
    -------
    pyarrow.Field
    """
    metadata = {"description": description}
    if unit:
        metadata["unit"] = unit
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


def versioned(name: str, fields: list[pa.Field]) -> pa.Schema:
    """Make the one explicit schema of a table, marked with its name and schema version."""
    return pa.schema(
        fields,
        metadata={"qevd_bio.table": name, "qevd_bio.schema_version": SCHEMA_VERSION},
    )
