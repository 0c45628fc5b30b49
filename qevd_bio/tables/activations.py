"""The table of muscle activations: one row a frame. Not published.

T frames, M muscles, N coordinates
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.simulate import Simulation
from qevd_bio.tables.columns import column, versioned
from qevd_bio.tables.parquet import write_parquet

_FEET = (("r", "right"), ("l", "left"))
_AXES = (("x", "forward"), ("y", "up"), ("z", "to the right"))
_NONE = "null: not simulated"


def _number(name: str, unit: str, text: str) -> pa.Field:
    return column(name, pa.float32(), f"{text}; {_NONE}", unit=unit, nullable=True)


SCHEMA: pa.Schema = versioned(
    "activations",
    [
        column("video_id", pa.string(), "Video the frame belongs to"),
        column("frame", pa.int32(), "Frame number, from 0", unit="frames"),
        column("time_s", pa.float64(), "Time on the source's clock", unit="s"),
        column("judged", pa.bool_(), "False: not to be judged; the notes say why"),
        column(
            "activation",
            pa.list_(pa.float32()),
            f"0 to 1, in the order of `muscles` of the notes; {_NONE}",
            nullable=True,
        ),
        column(
            "reserve",
            pa.list_(pa.float32()),
            "Nm or N made by neither muscles nor floor, in the order of `coordinates` of the "
            f"notes; of trunk and arms the joint's whole moment; {_NONE}",
            nullable=True,
        ),
        *(
            _number(f"ground_{foot}_{axis}_n", "N", f"Floor on the {side} foot, {way}")
            for foot, side in _FEET
            for axis, way in _AXES
        ),
        *(
            _number(f"pressure_{foot}_{axis}_m", "m", f"Pressure of the {side} foot, {way}")
            for foot, side in _FEET
            for axis, way in (_AXES[0], _AXES[2])
        ),
        _number("reserve_nm", "Nm", "Largest reserve of a joint with muscles"),
        _number("residual_n", "N", "Largest force on the pelvis that nothing makes"),
        _number("residual_nm", "Nm", "Largest moment on the pelvis that nothing makes"),
    ],
)  # fmt: skip


def write_activations(
    path: Path,
    video_id: str,
    time_s: FloatArray,
    parts: Mapping[int, Simulation],
    *,
    judged: bool,
    notes: Mapping[str, Any],
) -> None:
    """Write the simulated stretches of a video, by their first frames; other frames are null.

    `time_s` (T,) are the times of all frames in seconds.
    """
    rows: list[dict[str, Any]] = [
        dict.fromkeys(SCHEMA.names)
        | {"video_id": video_id, "frame": frame, "time_s": float(at), "judged": False}
        for frame, at in enumerate(time_s)
    ]
    for first, part in parts.items():
        for offset in range(len(part.activations)):
            rows[first + offset] |= {"judged": judged, **_row(part, offset)}
    write_parquet(pa.Table.from_pylist(rows, SCHEMA), path, notes=notes)


def _row(part: Simulation, frame: int) -> dict[str, Any]:
    reserve = part.reserves[frame]
    row: dict[str, Any] = {
        "activation": part.activations[frame].tolist(),
        "reserve": reserve.tolist(),
        "reserve_nm": float(np.abs(reserve[part.joint_rows]).max(initial=0.0)),
        "residual_n": float(np.abs(reserve[part.pelvis_rows][3:]).max(initial=0.0)),
        "residual_nm": float(np.abs(reserve[part.pelvis_rows][:3]).max(initial=0.0)),
    }
    for number, (foot, _) in enumerate(_FEET):
        for axis, (name, _) in enumerate(_AXES):
            row[f"ground_{foot}_{name}_n"] = float(part.ground_n[frame, number, axis])
        for axis in (0, 2):
            at = float(part.centres_m[frame, number, axis])
            row[f"pressure_{foot}_{_AXES[axis][0]}_m"] = at if np.isfinite(at) else None
    return row
