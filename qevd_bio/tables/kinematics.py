"""The table of angles: one row a frame, 46 columns of SKEL degrees of freedom.

T frames, D = 46 DoF, N = 10 shape numbers
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.record import N_BETAS, Motion
from qevd_bio.skeleton.dofs import (
    DOF_INDEX,
    DOF_NAMES,
    DOFS,
    joint_dofs,
    nearest_turn,
    turn_limits,
)
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.limits import ROOT_REACH_M
from qevd_bio.tables.parquet import read_notes, read_parquet
from qevd_bio.tables.published_table import Limit, PublishedTable, Rising

SIGMA_DECIMALS = 9
"""Decimals of a radian: the last bit of a noise estimate depends on where its arrays lie."""

LENGTH_DECIMALS = 6
"""... and of a metre."""

FRAME_SIGMA_DECIMALS = 4
"""... of the noise of one frame, which fewer digits make a small table."""

_SPINE = ("lumbar_body", "thorax")

ANGLE_COLUMNS: tuple[str, ...] = tuple(f"{name}_rad" for name in DOF_NAMES)

SIGMA_COLUMNS: tuple[str, ...] = tuple(f"{name}_sigma_rad" for name in DOF_NAMES)

BETA_COLUMNS: tuple[str, ...] = tuple(f"beta_{i}" for i in range(N_BETAS))

ASSUMED_DOFS = tuple(DOF_NAMES[dof] for joint in _SPINE for dof in joint_dofs(joint))
"""Degrees of freedom that a backend may assume where it does not observe them."""

ASSUMED_COLUMNS: tuple[str, ...] = tuple(f"{name}_assumed_rad" for name in ASSUMED_DOFS)

_LIMIT_MARGIN_RAD = 1e-5
"""Float32 of the farthest angle."""

ROOT_COLUMNS = {"root_x_m": "to the right", "root_y_m": "down", "root_z_m": "away"}


def _measured(name: str, unit: str, text: str) -> pa.Field:
    return column(name, pa.float32(), text, unit=unit, nullable=True)


SCHEMA: pa.Schema = versioned(
    "kinematics",
    [
        column("video_id", pa.string(), "Video the frame belongs to"),
        column("frame", pa.int32(), "Frame number, from 0", unit="frames"),
        column("time_s", pa.float64(), "Time on the source's clock", unit="s"),
        column("video_time_s", pa.float64(), "The same since the video's first frame", unit="s"),
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
        *(
            _measured(
                column_name,
                "rad",
                f"Value the backend assumed for {name}, which it does not observe: measures of "
                "trunk and shoulders rest on it; null where it is measured, or assumed to be 0",
            )
            for name, column_name in zip(ASSUMED_DOFS, ASSUMED_COLUMNS, strict=True)
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
    leaves_out_empty=True,
    limits=tuple(
        Limit(f"{dof.name}_rad", low - _LIMIT_MARGIN_RAD, high + _LIMIT_MARGIN_RAD)
        for dof in DOFS
        for low, high in [turn_limits(dof)]
    ),
    rising=(Rising("frame", step=1, start=0), Rising("time_s"), Rising("video_time_s")),
)


def video_times_s(time_s: FloatArray, frame_times_s: FloatArray) -> FloatArray:
    """Count times (N,) on the source's clock from a video's first frame, given all its frames."""
    return np.asarray(time_s - frame_times_s[:1])


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
        Schema `SCHEMA`, T rows; DoFs that are not observed hold the prior. Angles are those of
        the turn nearest to the range of their joint.
    notes : dict
        What is true of the whole video: observed DoFs, noise, gravity, sizes, backend. With
        ``scale`` `ratio` only the ratios of lengths mean anything; with `height` they are
        metres. ``nulled`` counts the frames of each column with a number that cannot be, and
        says why.
    """
    frames = len(motion.time_s)
    root = None if motion.root_m is None else np.round(motion.root_m, LENGTH_DECIMALS)
    q = nearest_turn(motion.q) + 0.0  # no -0.0, which a release could not give back
    no_place = np.zeros((0, len(ROOT_COLUMNS)), bool)
    beyond = no_place if root is None else np.abs(root) > ROOT_REACH_M
    root = None if root is None else np.where(beyond, np.nan, root)
    sigma = motion.frame_sigma_rad
    sigma = None if sigma is None else np.round(sigma, FRAME_SIGMA_DECIMALS)
    columns: list[Any] = [
        pa.array([video_id] * frames, pa.string()),
        pa.array(np.arange(frames), pa.int32()),
        pa.array(motion.time_s, pa.float64()),
        pa.array(video_times_s(motion.time_s, motion.time_s), pa.float64()),
        pa.array(motion.confidence.astype(np.float32), pa.float32()),
        pa.array(motion.valid, pa.bool_()),
        *_finite(q, frames, len(DOFS)),
        *_finite(root, frames, len(ROOT_COLUMNS)),
        *_finite(sigma, frames, len(DOFS)),
        *_finite(motion.betas, frames, N_BETAS),
        *_assumed(q, motion.observed),
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
        "nulled": _nulled(q, beyond),
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


def _assumed(q: FloatArray, observed: BoolArray) -> list[pa.Array]:
    """Write what was assumed of the spine; null where it is observed, or 0 throughout."""
    columns = [(q[:, DOF_INDEX[name]], observed[DOF_INDEX[name]]) for name in ASSUMED_DOFS]
    return [
        pa.nulls(len(q), pa.float32())
        if is_observed or not values.any()
        else pa.array(values.astype(np.float32), pa.float32(), mask=~np.isfinite(values))
        for values, is_observed in columns
    ]


def _nulled(q: FloatArray, beyond: BoolArray) -> dict[str, Any]:
    """Count the frames of each column with a number that cannot be; say why."""
    lost = zip(ANGLE_COLUMNS, (~np.isfinite(q)).sum(axis=0).tolist(), strict=True)
    far = zip(ROOT_COLUMNS, beyond.sum(axis=0).tolist(), strict=True)
    reason = f"more than {ROOT_REACH_M:g} m from the camera"
    return {name: {"frames": n, "reason": "no finite number"} for name, n in lost if n} | {
        name: {"frames": n, "reason": reason} for name, n in far if n
    }


def motion_from_table(table: pa.Table, notes: Mapping[str, Any] | None = None) -> Motion:
    """Read a motion back from the table and notes of `motion_table`.

    Parameters
    ----------
    table : pyarrow.Table
        T rows. Columns of noise, shape numbers and the place of the mid-hips may be absent, as
        in releases before schema 1.2.0; the motion then has none.
    notes : mapping, optional
        Where the table has none in its own metadata, as a release keeps them in its manifest.
    """
    return _motion(table, (read_notes(table) if notes is None else notes)["motion"])


def motion_of_release(table: pa.Table, notes: Mapping[str, Any]) -> Motion:
    """Read a motion back from published rows and the notes of the manifest.

    What is not observed is null there; the stages had 0 in its place, or what was assumed.
    """
    motion = _motion(table, notes)
    q = np.where(motion.observed, motion.q, 0.0)
    for name, column_name in zip(ASSUMED_DOFS, ASSUMED_COLUMNS, strict=True):
        dof = DOF_INDEX[name]
        values = table[column_name]
        if not motion.observed[dof] and values.null_count < len(values):
            q[:, dof] = values.to_numpy()
    return replace(motion, q=q)


def _motion(table: pa.Table, notes: Mapping[str, Any]) -> Motion:
    def stacked(names: Iterable[str]) -> FloatArray:
        columns = [table[name].to_numpy().astype(np.float64) for name in names]
        return np.stack(columns, axis=1)

    def stacked_finite(names: Sequence[str]) -> FloatArray | None:
        values = stacked(names) if set(names) <= present else None
        return values if values is not None and np.isfinite(values).any() else None

    present = set(table.column_names)
    observed, noise = set(notes["observed"]), notes["sigma_rad"]
    sigma, focal_share = stacked_finite(SIGMA_COLUMNS), notes.get("focal_share")
    has_place = focal_share is not None and set(ROOT_COLUMNS) <= present
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
        betas=stacked_finite(BETA_COLUMNS),
        segment_lengths_m=notes["segment_lengths_m"],
        root_m=stacked(ROOT_COLUMNS) if has_place else None,
        focal_share=focal_share if has_place else None,
        frame_sigma_rad=None if sigma is None else np.where(np.isnan(sigma), np.inf, sigma),
        height_m=notes.get("height_m"),
    )


def read_motion(path: Path) -> Motion:
    """Read the motion of a file with this table, as `motion_from_table`."""
    return motion_from_table(read_parquet(path, SCHEMA))
