"""The table of source records: what an annotation file of QEVD holds beside its utterances."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.published_table import PublishedTable

RUN: pa.DataType = pa.struct(
    [
        column("text", pa.string(), "Text of the source; empty for silence"),
        column("frames", pa.int32(), "Number of frames it lasts", unit="frames"),
    ]
)

SCHEMA: pa.Schema = versioned(
    "records",
    [
        column("record_index", pa.int32(), "Place of the record in its file, from 0"),
        column(
            "video_id",
            pa.string(),
            "Video as the other tables name it; null where the record cannot be used",
            nullable=True,
        ),
        column(
            "fields_json",
            pa.string(),
            "The record as JSON, its keys in order, with null for the texts that stand in runs",
        ),
        column(
            "runs",
            pa.list_(RUN),
            "The dense texts, one run of equal texts each; null where there are no such texts",
            nullable=True,
        ),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a record of the source.",
    since="1.1.0",
    required=True,
    order=("record_index",),
    key=("record_index",),
)
"""Not in the list of `qevd_bio.tables.published`: it lies beside the drop-in file of a split."""
