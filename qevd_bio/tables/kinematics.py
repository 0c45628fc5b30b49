"""The table of angles: one row a frame, 46 columns of SKEL degrees of freedom.

T frames, D = 46 DoF, N = 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.record import N_BETAS, Motion
from qevd_bio.skeleton.dofs import DOF_NAMES, DOFS
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.parquet import read_notes, read_parquet
from qevd_bio.tables.published_table import PublishedTable, Rising

SIGMA_DECIMALS = 9
"""Decimals of a radian: the last bit of a noise estimate depends on where its arrays lie."""

LENGTH_DECIMALS = 6
"""... and of a metre."""

FRAME_SIGMA_DECIMALS = 4
"""... of the noise of one frame, which fewer digits make a small table."""

ANGLE_COLUMNS: tuple[str, ...] = tuple(f"{name}_rad" for name in DOF_NAMES)

SIGMA_COLUMNS: tuple[str, ...] = tuple(f"{name}_sigma_rad" for name in DOF_NAMES)

BETA_COLUMNS: tuple[str, ...] = tuple(f"beta_{i}" for i in range(N_BETAS))

ROOT_COLUMNS = {"root_x_m": "to the right", "root_y_m": "down", "root_z_m": "away"}


def _measured(name: str, unit: str, text: str) -> pa.Field:
    return column(name, pa.float32(), text, unit=unit, nullable=True)


SCHEMA: pa.Schema = versioned(
    "kinematics",
    [
        column("video_id", pa.string(), "Video the frame belongs to"),
        column("frame", pa.int32(), "Frame number, from 0", unit="frames"),
        column("time_s", pa.float64(), "Time on the data set's clock", unit="s"),
        column("confidence", pa.float32(), "0 nobody seen, 1 all key points clearly seen"),
        column("valid", pa.bool_(), "False: nobody seen, the last valid pose is repeated"),
        *(
            _measured(
                f"{dof.name}_rad",
                "rad",
                f"SKEL degree of freedom {dof.name} of {dof.joint}; null where not measured",
            )
            for dof in DOFS
        ),
        *(
            _measured(
                name,
                "m",
                f"Mid-hips in the camera frame, {axis}; null where the backend does not say",
            )
            for name, axis in ROOT_COLUMNS.items()
        ),
        *(
            _measured(
                f"{dof.name}_sigma_rad",
                "rad",
                f"Standard deviation of {dof.name} in this frame; null where not measured, or "
                "where the backend gives one for the whole video (`sigma_rad` of the notes)",
            )
            for dof in DOFS
        ),
        *(
            _measured(
                name,
                "",
                f"Shape number {i} of SKEL's male body as seen in this frame, in standard "
                "deviations; null where nobody was seen or the backend gives no shape",
            )
            for i, name in enumerate(BETA_COLUMNS)
        ),
    ],
)

TABLE = PublishedTable(
    schema=SCHEMA,
    about="One row a frame: the angles of 46 degrees of freedom.",
    since="1.0.0",
    required=True,
    order=("video_id", "frame"),
    key=("video_id", "frame"),
    rows="some",
    rising=(Rising("frame", step=1, start=0), Rising("time_s")),
)


def motion_table(video_id: str, motion: Motion) -> tuple[pa.Table, dict[str, Any]]:
    """Write a motion as a table.

    Parameters
    ----------
    video_id : str
        Written in every row.
    motion : Motion
        T frames.

    Returns
    -------
    table : pyarrow.Table
        Schema `SCHEMA`, T rows; DoFs that are not observed hold the prior.
    notes : dict
        What is true of the whole video: observed DoFs, noise, gravity, sizes, backend. With
        ``scale`` `ratio` only the ratios of lengths mean anything; with `height` they are
        metres.
    """
    frames = len(motion.time_s)
    root = None if motion.root_m is None else np.round(motion.root_m, LENGTH_DECIMALS)
    sigma = motion.frame_sigma_rad
    sigma = None if sigma is None else np.round(sigma, FRAME_SIGMA_DECIMALS)
    columns: list[Any] = [
        pa.array([video_id] * frames, pa.string()),
        pa.array(np.arange(frames), pa.int32()),
        pa.array(motion.time_s, pa.float64()),
        pa.array(motion.confidence.astype(np.float32), pa.float32()),
        pa.array(motion.valid, pa.bool_()),
        *(pa.array(column, pa.float32()) for column in motion.q.astype(np.float32).T),
        *_finite(root, frames, len(ROOT_COLUMNS)),
        *_finite(sigma, frames, len(DOFS)),
        *_finite(motion.betas, frames, N_BETAS),
    ]
    notes = {
        "observed": [name for name, seen in zip(DOF_NAMES, motion.observed, strict=True) if seen],
        "sigma_rad": {
            name: round(float(sigma), SIGMA_DECIMALS)
            for name, sigma in zip(DOF_NAMES, motion.sigma_rad, strict=True)
            if np.isfinite(sigma)
        },
        "gravity": [float(value) for value in motion.gravity],
        "gravity_source": motion.gravity_source,
        "backend": motion.backend,
        "segment_lengths_m": {
            k: round(float(v), LENGTH_DECIMALS)
            for k, v in sorted(motion.segment_lengths_m.items())
        },
        "focal_share": motion.focal_share,
        "height_m": motion.height_m,
        "scale": "ratio" if motion.height_m is None else "height",
    }
    return pa.Table.from_arrays(columns, schema=SCHEMA), {"motion": notes}


def _finite(values: FloatArray | None, frames: int, count: int) -> list[pa.Array]:
    """Write (T, count) numbers as columns; null where they are not finite, or None."""
    if values is None:
        return [pa.nulls(frames, pa.float32())] * count
    return [
        pa.array(column, pa.float32(), mask=~np.isfinite(column))
        for column in values.astype(np.float32).T
    ]


def motion_from_table(table: pa.Table) -> Motion:
    """Read a motion back from the table and notes of `motion_table`."""

    def stacked(names: Iterable[str]) -> FloatArray:
        columns = [table[name].to_numpy().astype(np.float64) for name in names]
        return np.stack(columns, axis=1)

    notes = read_notes(table)["motion"]
    observed, noise = set(notes["observed"]), notes["sigma_rad"]
    sigma, betas = stacked(SIGMA_COLUMNS), stacked(BETA_COLUMNS)
    sigma_or_inf = np.where(np.isnan(sigma), np.inf, sigma)
    return Motion(
        q=stacked(ANGLE_COLUMNS),
        time_s=table["time_s"].to_numpy().astype(np.float64),
        confidence=table["confidence"].to_numpy().astype(np.float64),
        valid=table["valid"].to_numpy(zero_copy_only=False).astype(np.bool_),
        observed=np.array([name in observed for name in DOF_NAMES]),
        sigma_rad=np.array([noise.get(name, np.inf) for name in DOF_NAMES]),
        gravity=np.array(notes["gravity"], dtype=np.float64),
        gravity_source=notes["gravity_source"],
        backend=notes["backend"],
        betas=betas if np.isfinite(betas).any() else None,
        segment_lengths_m=notes["segment_lengths_m"],
        root_m=None if notes["focal_share"] is None else stacked(ROOT_COLUMNS),
        focal_share=notes["focal_share"],
        frame_sigma_rad=sigma_or_inf if np.isfinite(sigma).any() else None,
        height_m=notes["height_m"],
    )


def read_motion(path: Path) -> Motion:
    """Read the motion of a file with this table, as `motion_from_table`."""
    return motion_from_table(read_parquet(path, SCHEMA))
