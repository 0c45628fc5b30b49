"""The artifacts a release was published from: their bytes again, and the digests stated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.tables.parquet import parquet_bytes
from qevd_bio.tables.published import TABLES


def artifact_issues(
    tables: Mapping[str, pa.Table],
    motion: Motion,
    entry: Mapping[str, Any],
    no_cycle_reasons: Mapping[str, str],
    names: Sequence[str],
) -> Iterator[str]:
    """Find artifacts whose digest in the manifest is not that of the published rows and notes.

    Parameters
    ----------
    tables : mapping of str to Table
        Published rows of the video.
    motion : Motion
        From `qevd_bio.tables.kinematics.motion_of_release`.
    entry : mapping
        Of the video in the manifest.
    no_cycle_reasons : mapping of str to str
        What the artifact of cycles notes.
    names : sequence of str
        Tables to check.

    Yields
    ------
    str
        The cause.

    Notes
    -----
    Equal rows have equal bytes only by the same build of the writer. Rows that reviews changed
    are no longer those of the artifact: leave their table out.
    """
    notes: dict[str, Mapping[str, Any]] = {
        "kinematics": entry["kinematics"],
        "cycles": {"no_cycle_reasons": no_cycle_reasons},
    }
    for name in names:
        rows = _as_written(name, tables[name], motion)
        digest = sha256(parquet_bytes(rows, notes=notes.get(name))).hexdigest()
        if entry["artifacts"].get(name) != digest:
            yield f"that of {name} is not the digest of the published rows and notes"


def _as_written(name: str, rows: pa.Table, motion: Motion) -> pa.Table:
    schema = TABLES[name].schema
    if not rows.num_rows:
        return schema.empty_table()  # a split without rows of this table has no columns either
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    if name == "kinematics":
        for dof, is_observed in enumerate(motion.observed):
            if not is_observed:
                values = motion.q[:, dof].astype(np.float32)
                columns[f"{DOF_NAMES[dof]}_rad"] = pa.array(values, pa.float32())
    arrays = [columns[column].combine_chunks() if isinstance(columns[column], pa.ChunkedArray)
              else columns[column] for column in schema.names]  # fmt: skip
    return pa.Table.from_arrays(arrays, schema=schema)
