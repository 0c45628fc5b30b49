"""Columns with description and unit in their own metadata, and the version of all tables."""

from __future__ import annotations

import re

import pyarrow as pa

SCHEMA_VERSION = "2.1.0"
"""Version of all tables together: which there are, their columns, types, units and meanings.

A column removed, renamed or of another type, unit or meaning counts up the first number, a new
column or table the second, better descriptions the third. It stands in the schema metadata of
every Parquet file (``qevd_bio.schema_version``) and in the manifest of every release; a release
of each version lies in ``tests/archives``. 1.1.0: salient joints, pose and source records.
1.2.0: place of the mid-hips, noise and shape numbers of every frame, morphometrics.
1.3.0: contexts. 2.0.0: ``cycle.cycle_index`` of an annotation counts the cycles known at its
utterance, no longer those of the segment, and ``provenance.findings_sha256`` is null; times
since the first frame of a video; what a backend assumed of the spine; what a verdict of an
annotator was about. (1.4.0 was 2.0.0 in the builds of a day, and never published.) 2.1.0: the
exercise that each segment looks like.
"""


def version_numbers(version: str) -> tuple[int, ...]:
    """Split a schema version; `ValueError` unless it is three numbers."""
    if re.fullmatch(r"\d{1,6}\.\d{1,6}\.\d{1,6}", version, re.ASCII) is None:
        raise ValueError(f"{version[:40]!r}, which is not three numbers")
    return tuple(int(number) for number in version.split("."))


def column(
    name: str, kind: pa.DataType, description: str, *, unit: str = "", nullable: bool = False
) -> pa.Field:
    """Describe one column.

    `name` carries its unit as a suffix, `description` is one sentence for the data card, `unit` is
    ``s``, ``rad``, ``deg``, ``frames``, ... or empty for plain values; `nullable` columns describe
    what null means.
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
