"""The table of chosen joints: one row a segment that a joint selector looked at. Not published."""

from __future__ import annotations

import pyarrow as pa

from qevd_bio.tables.columns import column, versioned

SCHEMA: pa.Schema = versioned(
    "salience",
    [
        column("video_id", pa.string(), "Video the segment belongs to"),
        column("segment_index", pa.int32(), "Exercise segment of the session, from 0"),
        column("joints", pa.list_(pa.string()), "SKEL joints, most important first"),
        column("importance", pa.list_(pa.float64()), "Of these joints, 0 to 1"),
        column("known_s", pa.float64(), "Time of the last feature map it rests on", unit="s"),
        column("feature_maps", pa.int32(), "Feature maps that the choice rests on"),
    ],
)
