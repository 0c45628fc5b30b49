"""The list of published tables: the one test that names them all."""

from __future__ import annotations

import pyarrow as pa
import pytest

from qevd_bio.tables import records
from qevd_bio.tables.columns import SCHEMA_VERSION, version_numbers
from qevd_bio.tables.published import DEFAULT_TABLE, TABLES


def test_the_tables_of_this_version() -> None:
    """A reader relies on these names; a new one counts up `SCHEMA_VERSION`."""
    assert list(TABLES) == [
        "annotations",
        "contexts",
        "kinematics",
        "cycles",
        "findings",
        "morphometrics",
        "quality",
    ]
    assert DEFAULT_TABLE == "annotations"


def test_every_table_is_of_this_version_or_older() -> None:
    for table in TABLES.values():
        assert version_numbers(table.since) <= version_numbers(SCHEMA_VERSION), table.name


def test_rows_are_sorted_by_their_video_first() -> None:
    for table in TABLES.values():
        assert table.order[0] == table.key[0] == "video_id"
        assert set(table.order) <= set(table.key) <= set(table.schema.names)


@pytest.mark.parametrize("schema", [one.schema for one in (*TABLES.values(), records.TABLE)])
def test_every_column_has_a_description_and_its_unit(schema: pa.Schema) -> None:
    for field in schema:
        metadata = {key.decode(): value.decode() for key, value in field.metadata.items()}
        assert len(metadata["description"]) > 4
        suffix = field.name.rsplit("_", 1)[-1]
        if suffix in ("s", "rad", "m", "kg"):
            assert metadata["unit"] in (suffix, f"m/{suffix}", f"deg/{suffix}")
