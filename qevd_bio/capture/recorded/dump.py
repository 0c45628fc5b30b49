"""Read the dumps of HSMR and SKEL-CF frame by frame, checked.

F frames, N persons in a frame, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.errors import DataError
from qevd_bio.files.restricted_numpy import load_npz, load_records_npy
from qevd_bio.motion.record import N_BETAS
from qevd_bio.skeleton.dofs import N_DOFS

_MOST_FRAMES = 1_000_000
_MOST_RAD = 20.0 * 2.0 * np.pi
"""Angles add up over turns of the whole body; nobody turns twenty times."""
_MOST_OF = {"betas": 1e3, "bbx_cs": 1e7}
_DEGREES = 1000.0


@dataclass(frozen=True, slots=True)
class DumpFrame:
    """The persons of one frame: poses (N, 46) in rad, boxes (N, 3) and shapes (N, 10) if any."""

    poses: FloatArray
    boxes: FloatArray | None = None
    betas: FloatArray | None = None

    def select(self, rows: BoolArray | IntArray | slice) -> DumpFrame:
        """Pick persons."""
        boxes, betas = (None if one is None else one[rows] for one in (self.boxes, self.betas))
        return DumpFrame(self.poses[rows], boxes, betas)

    def finite(self) -> DumpFrame:
        """Leave out persons with a pose that is not finite: HSMR's arcsine is not clamped.

        The same for poses that no person can have, and for boxes that are nowhere.
        """
        kept = np.asarray((np.abs(self.poses) <= _MOST_RAD).all(axis=1))
        if self.boxes is not None:
            kept &= np.isfinite(self.boxes).all(axis=1) & ~(self.boxes[:, 2] < 0.0)
        return self.select(kept)


@dataclass(frozen=True, slots=True)
class Dump:
    """The F frames of a dump.

    `numbered` where each row has the number of its frame: frames after the last row are then of
    nobody, and not missing.
    """

    frames: list[DumpFrame]
    numbered: bool


def read_dump(path: Path) -> Dump:
    """Read a dump.

    An .npz file holds rows ``poses`` (N, 46) in rad, and may hold ``betas`` (N, 10), ``bbx_cs``
    (N, 3) and ``frame`` (N,): the number of each row's frame, the first being 0. Without it each
    row is a separate frame, and boxes are left out: they were never one a frame. An .npy file
    holds a list of dicts, one a frame, or an array (F, 46).

    Raises
    ------
    DataError
        The file is malformed, holds anything but numbers, or mostly poses that no person can have,
        as in degrees.
    """
    if path.suffix == ".npy":
        held = enumerate(load_records_npy(path))
        frames = [_frame(_record(one), f"{path} frame {i}") for i, one in held]
        numbered = False
    else:
        frames, numbered = _frames_of_rows(path)
    _check_angles(frames, str(path))
    return Dump([frame.finite() for frame in frames], numbered)


def _frames_of_rows(path: Path) -> tuple[list[DumpFrame], bool]:
    """Read the frames of an .npz file, and whether it numbers them."""
    arrays = load_npz(path, ("poses", "betas", "bbx_cs", "frame"))
    if "frame" not in arrays:
        arrays.pop("bbx_cs", None)
        whole = _frame(arrays, str(path))
        return [whole.select(slice(i, i + 1)) for i in range(len(whole.poses))], False
    whole = _frame(arrays, str(path))
    number = _frame_numbers(arrays["frame"], len(whole.poses), str(path))
    numbered = [whole.select(slice(0, 0))] * (int(number.max(initial=-1)) + 1)
    order = np.argsort(number, kind="stable")
    for own in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        if len(own):
            numbered[int(number[own[0]])] = whole.select(own)
    return numbered, True


def _check_angles(frames: Sequence[DumpFrame], where: str) -> None:
    """Refuse a file in which more than half of the finite poses are none of a person."""
    largest = [np.abs(one.poses).max(axis=1, initial=0.0) for one in frames]
    of_poses = np.concatenate(largest) if largest else np.empty(0)
    of_poses = of_poses[np.isfinite(of_poses)]
    beyond = of_poses[of_poses > _MOST_RAD]
    if 2 * len(beyond) > len(of_poses):
        guess = "; these look like degrees" if np.median(beyond) < _DEGREES else ""
        raise _malformed(where, f"turns joints by up to {of_poses.max():.3g} radians{guess}")


def _frame_numbers(values: NDArray[Any], rows: int, where: str) -> IntArray:
    if values.dtype.kind not in "iu" or values.shape != (rows,):
        raise _malformed(where, f"'frame' is not one whole number for each of {rows} poses")
    if values.size and not 0 <= values.min() <= values.max() <= _MOST_FRAMES:
        raise _malformed(where, f"'frame' is not between 0 and {_MOST_FRAMES}")
    return values.astype(np.int64)


def _record(held: object) -> Mapping[str, Any]:
    """Find what one frame holds; SKEL-CF's parameters are a dict within its dict."""
    if not isinstance(held, dict):
        return {"poses": held}
    within = held.get("pd_skel_params")
    return {**held, **within} if isinstance(within, dict) else held


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
    except (ValueError, TypeError, OverflowError) as error:
        raise _malformed(where, f"'{name}' is not of numbers") from error
    if rows.shape == (width,):
        rows = rows[None]
    if rows.shape == (0,):
        rows = rows.reshape(0, width)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise _malformed(where, f"'{name}' has shape {rows.shape}, needs (persons, {width})")
    if np.any(np.abs(rows) > _MOST_OF.get(name, np.inf)):
        raise _malformed(where, f"'{name}' holds {np.nanmax(np.abs(rows)):.3g}")
    return rows


def _malformed(where: str, cause: str) -> DataError:
    return DataError(cause, where=where, next_step="Dump this video again")
