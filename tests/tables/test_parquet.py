"""Reading leaves nothing behind; what a reader requires decides the digest of a schema."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from qevd_bio.tables.parquet import schema_sha256, write_parquet

SCHEMA = pa.schema(
    [
        pa.field("a", pa.int32(), nullable=False),
        pa.field("b", pa.struct([pa.field("x", pa.float64(), nullable=False)])),
    ]
)


@pytest.mark.parametrize(
    "changed",
    [
        SCHEMA.append(pa.field("c", pa.int32())),
        SCHEMA.remove(1),
        pa.schema([SCHEMA.field(1), SCHEMA.field(0)]),
        SCHEMA.set(0, pa.field("a", pa.int64(), nullable=False)),
        SCHEMA.set(0, pa.field("a", pa.int32())),
        SCHEMA.set(1, pa.field("b", pa.struct([pa.field("x", pa.float64())]))),
        SCHEMA.set(1, pa.field("b", pa.struct([pa.field("y", pa.float64(), nullable=False)]))),
    ],
    ids=["more", "fewer", "order", "type", "nullable", "nullable inside", "name inside"],
)
def test_what_a_reader_refuses_changes_the_digest(changed: pa.Schema) -> None:
    assert not changed.equals(SCHEMA, check_metadata=False)
    assert schema_sha256(changed) != schema_sha256(SCHEMA)


def test_descriptions_change_nothing() -> None:
    described = SCHEMA.set(0, SCHEMA.field(0).with_metadata({"description": "better words"}))
    described = described.with_metadata({"qevd_bio.schema_version": "9.0.0"})
    assert schema_sha256(described) == schema_sha256(SCHEMA)


_READ = """
import sys
from pathlib import Path
from qevd_bio.tables.parquet import read_table
for _ in range(3):
    table = read_table(Path(sys.argv[1]))
"""


def test_a_process_that_ends_after_reading_is_not_aborted(tmp_path: Path) -> None:
    columns = {f"column_{index}": np.random.default_rng(index).random(2000) for index in range(60)}
    write_parquet(pa.table(columns), tmp_path / "table.parquet")
    # one in three such processes was aborted
    for _ in range(12):
        command = [sys.executable, "-c", _READ, str(tmp_path / "table.parquet")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
