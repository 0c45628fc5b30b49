"""Read HSMR's dumps frame by frame, checked.

F frames, N persons in a frame, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.files.restricted_numpy import load_npz, load_records_npy
from qevd_bio.motion.record import N_BETAS
from qevd_bio.skeleton.dofs import N_DOFS


@dataclass(frozen=True, slots=True)
class DumpFrame:
    """The persons of one frame: poses (N, 46) in rad, boxes (N, 3) and shapes (N, 10) if any."""

    poses: FloatArray
    boxes: FloatArray | None = None
    betas: FloatArray | None = None

    def select(self, rows: BoolArray | slice) -> DumpFrame:
        """Pick persons."""
        boxes, betas = (None if one is None else one[rows] for one in (self.boxes, self.betas))
        return DumpFrame(self.poses[rows], boxes, betas)

    def finite(self) -> DumpFrame:
        """Leave out persons with a pose that is not finite: HSMR's arcsine is not clamped."""
        return self.select(np.isfinite(self.poses).all(axis=1))


def read_dump(path: Path) -> list[DumpFrame]:
    """Read the F frames of a dump.

    An .npz file has no frame numbers: each of its rows is a separate frame.

    Raises
    ------
    DataError
        The file is malformed or holds anything but numbers.
    """
    if path.suffix == ".npz":
        whole = _frame(load_npz(path, ("poses", "betas")), str(path))
        return [whole.select(slice(i, i + 1)).finite() for i in range(len(whole.poses))]
    return [
        _frame(held if isinstance(held, dict) else {"poses": held}, f"{path} frame {i}").finite()
        for i, held in enumerate(load_records_npy(path))
    ]


def _frame(record: Mapping[str, Any], where: str) -> DumpFrame:
    if "poses" not in record:
        raise _malformed(where, "has no 'poses'")
    poses = _rows(record["poses"], N_DOFS, where, "poses")
    betas = _rows(record["betas"], N_BETAS, where, "betas") if "betas" in record else None
    boxes = record.get("bbx_cs")
    boxes = None if boxes is None else _rows(boxes, 3, where, "bbx_cs")
    for name, rows in (("betas", betas), ("bbx_cs", boxes)):
        if rows is not None and len(rows) != len(poses):
            raise _malformed(where, f"has {len(poses)} poses and {len(rows)} rows of {name}")
    return DumpFrame(poses, boxes, betas)


def _rows(values: object, width: int, where: str, name: str) -> FloatArray:
    """Read rows (N, width) of numbers; one row may come without its list."""
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "fiuO":
            raise TypeError(given.dtype)
        rows = given.astype(np.float64)
    except (ValueError, TypeError) as error:
        raise _malformed(where, f"'{name}' is not of numbers") from error
    if rows.shape == (width,):
        rows = rows[None]
    if rows.shape == (0,):
        rows = rows.reshape(0, width)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise _malformed(where, f"'{name}' has shape {rows.shape}, needs (persons, {width})")
    return rows


def _malformed(where: str, cause: str) -> DataError:
    return DataError(cause, where=where, next_step="Dump this video again")
