"""The table of angles: one row a frame, 46 columns of SKEL degrees of freedom.

T frames, D = 46 DoF, N = 10 shape numbers
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.motion.record import N_BETAS, Motion
from qevd_bio.skeleton.dofs import DOF_NAMES, DOFS
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.parquet import read_notes
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

SCHEMA: pa.Schema = versioned(
    "kinematics",
    [
        column("video_id", pa.string(), "Video the frame belongs to"),
        column("frame", pa.int32(), "Frame number, from 0", unit="frames"),
        column("time_s", pa.float64(), "Time on the data set's clock", unit="s"),
        column("confidence", pa.float32(), "0 nobody seen, 1 all key points clearly seen"),
        column("valid", pa.bool_(), "False: nobody seen, the last valid pose is repeated"),
        *(
            column(
                name,
                pa.float32(),
                f"SKEL degree of freedom {dof.name} of {dof.joint}; null where not measured",
                unit="rad",
                nullable=True,
            )
            for name, dof in zip(ANGLE_COLUMNS, DOFS, strict=True)
        ),
        *(
            column(
                name,
                pa.float32(),
                f"Mid-hips in the camera frame, {axis}; null where the backend does not say",
                unit="m",
                nullable=True,
            )
            for name, axis in ROOT_COLUMNS.items()
        ),
        *(
            column(
                name,
                pa.float32(),
                f"Standard deviation of {dof.name} in this frame; null where not measured, or "
                "where the backend gives one for the whole video (`sigma_rad` of the notes)",
                unit="rad",
                nullable=True,
            )
            for name, dof in zip(SIGMA_COLUMNS, DOFS, strict=True)
        ),
        *(
            column(
                name,
                pa.float32(),
                f"Shape number {i} of SKEL's male body as seen in this frame, in standard "
                "deviations; null where nobody was seen or the backend gives no shape",
                nullable=True,
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
    """Lay a motion out as a table.

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
    columns: list[Any] = [
        pa.array([video_id] * frames, pa.string()),
        pa.array(np.arange(frames), pa.int32()),
        pa.array(motion.time_s, pa.float64()),
        pa.array(motion.confidence.astype(np.float32), pa.float32()),
        pa.array(motion.valid, pa.bool_()),
        *(pa.array(motion.q[:, i].astype(np.float32), pa.float32()) for i in range(len(DOFS))),
        *(
            pa.nulls(frames, pa.float32())
            if motion.root_m is None
            else pa.array(
                np.round(motion.root_m[:, i], LENGTH_DECIMALS).astype(np.float32), pa.float32()
            )
            for i in range(3)
        ),
        *(_sigma_column(motion, i) for i in range(len(DOFS))),
        *(_beta_column(motion, i) for i in range(N_BETAS)),
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


def _beta_column(motion: Motion, number: int) -> pa.Array:
    if motion.betas is None:
        return pa.nulls(len(motion.time_s), pa.float32())
    values = motion.betas[:, number].astype(np.float32)
    return pa.array(values, pa.float32(), mask=~np.isfinite(values))


def _sigma_column(motion: Motion, dof: int) -> pa.Array:
    if motion.frame_sigma_rad is None:
        return pa.nulls(len(motion.time_s), pa.float32())
    sigma = np.round(motion.frame_sigma_rad[:, dof], FRAME_SIGMA_DECIMALS).astype(np.float32)
    return pa.array(sigma, pa.float32(), mask=~np.isfinite(sigma))


def motion_from_table(table: pa.Table) -> Motion:
    """Read a motion back from the table and notes of `motion_table`."""
    notes = read_notes(table)["motion"]
    observed = set(notes["observed"])
    sigma = notes["sigma_rad"]
    q = np.stack([table[name].to_numpy() for name in ANGLE_COLUMNS], axis=1)
    root = np.stack([table[name].to_numpy() for name in ROOT_COLUMNS], axis=1)
    has_root = notes["focal_share"] is not None
    per_frame = [table[name].to_numpy() for name in SIGMA_COLUMNS]
    has_sigma = any(np.isfinite(column).any() for column in per_frame)
    frame_sigma = np.stack(per_frame, axis=1).astype(np.float64)
    betas = np.stack([table[name].to_numpy() for name in BETA_COLUMNS], axis=1)
    return Motion(
        q=q.astype(np.float64),
        time_s=table["time_s"].to_numpy().astype(np.float64),
        confidence=table["confidence"].to_numpy().astype(np.float64),
        valid=table["valid"].to_numpy(zero_copy_only=False).astype(np.bool_),
        observed=np.array([name in observed for name in DOF_NAMES]),
        sigma_rad=np.array([sigma.get(name, np.inf) for name in DOF_NAMES]),
        gravity=np.array(notes["gravity"], dtype=np.float64),
        gravity_source=notes["gravity_source"],
        backend=notes["backend"],
        betas=betas.astype(np.float64) if np.isfinite(betas).any() else None,
        segment_lengths_m=notes["segment_lengths_m"],
        root_m=root.astype(np.float64) if has_root else None,
        focal_share=notes["focal_share"],
        frame_sigma_rad=np.where(np.isnan(frame_sigma), np.inf, frame_sigma)
        if has_sigma
        else None,
        height_m=notes["height_m"],
    )
