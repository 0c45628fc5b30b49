"""A digest of what rows hold, however they are written: cut, compressed or sharded."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qevd_bio.tables.flat_columns import flat_columns


def rows_sha256(table: pa.Table) -> str:
    """Hash the rows of one video in one table, in its order; `video_id` is left out.

    Sha256 over names, types, nulls and values, to the last bit: -0.0 is not 0.0, an empty list is
    not null.
    """
    digest = hashlib.sha256()
    own = table.drop_columns(["video_id"])
    for name in own.column_names:
        digest.update(_bits(own[name].is_valid()))
    for column in flat_columns(own).values():
        values = column.values
        digest.update(f"{column.path}\0{values.type}\0{len(values)}\0".encode())
        digest.update(_bits(values.is_valid()))
        if len(values) and column.in_list:
            digest.update(column.rows.astype("<i8").tobytes())
        if pa.types.is_string(values.type):
            texts = pc.fill_null(values, "")
            digest.update(pc.binary_length(texts).to_numpy().astype("<i8").tobytes())
            digest.update("".join(texts.to_pylist()).encode())
        else:
            numbers = pc.fill_null(values, pa.scalar(0).cast(values.type))
            digest.update(numbers.to_numpy(zero_copy_only=False).tobytes())
    return digest.hexdigest()


def _bits(valid: pa.Array | pa.ChunkedArray) -> bytes:
    return np.packbits(np.asarray(valid, dtype=np.bool_)).tobytes()
