"""The table of visual features: one row a feature map. Not published; large."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import Float16Array, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.parquet import read_notes, read_parquet, write_parquet

MAP_SHAPE = (1280, 7, 5)
_MAP_BYTES = 2 * MAP_SHAPE[0] * MAP_SHAPE[1] * MAP_SHAPE[2]

SCHEMA: pa.Schema = versioned(
    "features",
    [
        column("video_id", pa.string(), "Video the map belongs to"),
        column("feature_index", pa.int32(), "Place of the map in the video, from 0"),
        column("time_s", pa.float64(), "Time of the last of its four frames", unit="s"),
        column(
            "map_f16",
            pa.binary(_MAP_BYTES),
            "1280 channels of 7 rows and 5 columns in [0, 6]: little-endian float16 in C order",
        ),
    ],
)


def write_features(
    path: Path,
    video_id: str,
    values: Float16Array,
    time_s: FloatArray,
    notes: Mapping[str, Any],
) -> None:
    """Write the feature maps (L, 1280, 7, 5) of a video with their times (L,) in seconds."""
    if values.shape != (len(time_s), *MAP_SHAPE):
        raise ValueError(f"maps have shape {values.shape} for {len(time_s)} times")
    maps = np.ascontiguousarray(values, dtype="<f2").reshape(-1).view(np.uint8)
    table = pa.table(
        [
            pa.array([video_id] * len(time_s), pa.string()),
            pa.array(np.arange(len(time_s), dtype=np.int32)),
            pa.array(np.asarray(time_s, dtype=np.float64)),
            pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(_MAP_BYTES), len(time_s), [None, pa.py_buffer(maps)]
            ),
        ],
        schema=SCHEMA,
    )
    write_parquet(table, path, notes=notes)


def network_identity(notes: Mapping[str, Any]) -> str:
    """Name the network of some features and its weights, from their notes.

    Files of the official layout have no notes; they are of an unknown network.
    """
    return f"{notes.get('network', 'unknown')} {notes.get('weights_sha256', '')}".strip()


def read_features(path: Path) -> tuple[str, Float16Array, FloatArray, dict[str, Any]]:
    """Read a file of `write_features`.

    Returns
    -------
    video_id : str
        The video whose features these are.
    values : ndarray (L, 1280, 7, 5)
        float16, not to be written to.
    time_s : ndarray (L,)
        Seconds, strictly increasing.
    notes : dict
        Which network made them, and how the video was turned.

    Raises
    ------
    DataError
        The file is no table of features of one video.
    """
    table = read_parquet(path, SCHEMA).combine_chunks()
    videos = table.column("video_id").unique().to_pylist()
    if len(videos) != 1:
        raise DataError(
            f"holds features of {len(videos)} videos, not of one",
            where=str(path),
            next_step="Delete it and run again",
        )
    maps = table.column("map_f16").chunk(0)
    start = maps.offset * _MAP_BYTES
    values = np.frombuffer(
        maps.buffers()[1], dtype="<f2", offset=start, count=len(maps) * _MAP_BYTES // 2
    )
    time_s = table.column("time_s").to_numpy()
    return str(videos[0]), values.reshape(-1, *MAP_SHAPE), time_s, read_notes(table)
