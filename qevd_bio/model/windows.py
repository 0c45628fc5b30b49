"""Windows of kinematics around utterances, for training with PyTorch.

F instants of a window, D = 46 DoF, N frames of a row group
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from qevd_bio.arrays import BoolArray, Float32Array, FloatArray
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.open_regular import open_regular
from qevd_bio.released.contents import RESTORE
from qevd_bio.released.loading import load_table, shard_files
from qevd_bio.tables.kinematics import ANGLE_COLUMNS
from qevd_bio.tables.left_out import full_schema, with_columns

REACH_S = 0.05
"""A frame further than this from an instant does not stand for it: half a frame at 10 Hz."""

_HELD_GROUPS = 2
_COLUMNS = ("video_id", "time_s", "valid", *ANGLE_COLUMNS)


@dataclass(frozen=True, slots=True)
class _RowGroup:
    """Where some rows of kinematics lie, and which videos and times they are of."""

    file: Path
    number: int
    videos: tuple[str, str]
    times_s: tuple[float, float]

    def may_hold(self, video: str, start_s: float, end_s: float) -> bool:
        first, last = self.videos
        return first <= video <= last and self.times_s[0] <= end_s and start_s <= self.times_s[1]


@dataclass(frozen=True, slots=True)
class _Frames:
    """Rows of kinematics in memory, of one or more videos."""

    video: NDArray[np.object_]
    time_s: FloatArray
    valid: BoolArray
    angle_rad: Float32Array


class UtteranceWindows(Dataset[dict[str, Any]]):
    """The angles around every utterance of a split, at F instants evenly apart.

    Parameters
    ----------
    path : Path or str
        Folder of a release.
    split : str
        ``train`` or ``test``.
    before_s, after_s : float
        The window begins and ends this long before and after the utterance, in seconds.
    frames : int
        Number F of instants, the first and the last at the ends of the window.
    statuses : iterable of str, optional
        Only utterances of these statuses, such as ``("rewritten",)``; all where none is given.

    Raises
    ------
    UsageError
        The folder is no release, the split is unknown, or the window has no length.
    DataError
        A shard is missing or unreadable.

    Notes
    -----
    Each instant takes the frame nearest in time (the earlier of two) and never a mean of two:
    angles wrap. ``mask`` is false where no frame lies within `REACH_S`, that is before the
    video, after it and in gaps, and where nobody was seen. ``observed`` is false there, too,
    and where the capture does not measure the degree of freedom; the angle is 0 then.
    Utterances without a time are left out. The order is that of the release.

    Of the kinematics, only the row groups that hold the window are read, and the last two kept.
    Copies in the workers of a ``DataLoader`` read for themselves. Batches: `collate_windows`.
    """

    def __init__(
        self,
        path: Path | str,
        split: str,
        *,
        before_s: float = 4.0,
        after_s: float = 0.0,
        frames: int = 120,
        statuses: Iterable[str] | None = None,
    ) -> None:
        if not (np.isfinite([before_s, after_s]).all() and before_s + after_s > 0) or frames < 2:
            raise UsageError(
                f"a window from {-before_s} s to {after_s} s in {frames} frames has no length",
                where="window",
                next_step="Let it end after it begins, with two frames or more",
            )
        rows = load_table(split, path)
        chosen = pc.is_valid(rows["timestamp_s"])
        if statuses is not None:
            chosen = pc.and_(chosen, pc.is_in(rows["status"], pa.array(statuses, pa.string())))
        self._rows = rows.filter(chosen)
        self._offsets_s = np.linspace(-before_s, after_s, frames)
        self._groups = [
            group for file in shard_files(split, path, "kinematics") for group in _row_groups(file)
        ]
        self._held: OrderedDict[tuple[Path, int], _Frames] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the frames in memory behind: a worker reads its own."""
        return {**self.__dict__, "_held": OrderedDict()}

    def __len__(self) -> int:
        """Count the utterances."""
        return int(self._rows.num_rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return one window.

        Parameters
        ----------
        index : int
            From 0; negative numbers count from the end.

        Returns
        -------
        dict
            ``angle_rad`` (F, D) float32 in radians, ``observed`` (F, D) bool, ``mask`` (F,) bool,
            ``offset_s`` (F,) float32, the instants in seconds from the utterance, and
            ``annotation``, the row of the annotations as a dict.

        Raises
        ------
        IndexError
            There is no such utterance.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"utterance {index} of {len(self)}")
        row = self._rows.slice(index % len(self), 1).to_pylist()[0]
        instants_s = row["timestamp_s"] + self._offsets_s
        time_s, valid, angle_rad = self._frames(row["video_id"], instants_s[0], instants_s[-1])
        if len(time_s) == 0:
            mask = np.zeros(len(instants_s), np.bool_)
            angle = np.full((len(instants_s), len(ANGLE_COLUMNS)), np.nan, np.float32)
        else:
            nearest = _nearest(time_s, instants_s)
            mask = valid[nearest] & (np.abs(time_s[nearest] - instants_s) <= REACH_S)
            angle = angle_rad[nearest]
        observed = mask[:, None] & np.isfinite(angle)
        return {
            "angle_rad": torch.from_numpy(np.where(observed, angle, np.float32(0.0))),
            "observed": torch.from_numpy(observed),
            "mask": torch.from_numpy(mask),
            "offset_s": torch.from_numpy(self._offsets_s.astype(np.float32)),
            "annotation": row,
        }

    def _frames(
        self, video: str, start_s: float, end_s: float
    ) -> tuple[FloatArray, BoolArray, Float32Array]:
        start_s, end_s = start_s - REACH_S, end_s + REACH_S
        found = [
            (
                frames,
                (frames.video == video) & (frames.time_s >= start_s) & (frames.time_s <= end_s),
            )
            for group in self._groups
            if group.may_hold(video, start_s, end_s)
            for frames in [self._read(group)]
        ]
        empty = np.empty((0, len(ANGLE_COLUMNS)), np.float32)
        return (
            np.concatenate([np.empty(0), *(frames.time_s[own] for frames, own in found)]),
            np.concatenate([np.empty(0, np.bool_), *(frames.valid[own] for frames, own in found)]),
            np.concatenate([empty, *(frames.angle_rad[own] for frames, own in found)]),
        )

    def _read(self, group: _RowGroup) -> _Frames:
        key = (group.file, group.number)
        if key not in self._held:
            self._held[key] = _read_group(group)
            if len(self._held) > _HELD_GROUPS:
                self._held.popitem(last=False)
        self._held.move_to_end(key)
        return self._held[key]


def collate_windows(windows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Join windows to a batch; ``collate_fn`` of a ``DataLoader``.

    Parameters
    ----------
    windows : sequence of mapping
        B windows of `UtteranceWindows`.

    Returns
    -------
    dict
        Its tensors with a leading axis B, and ``annotation`` as a list of B rows.
    """
    batch: dict[str, Any] = {
        name: torch.stack([window[name] for window in windows])
        for name in ("angle_rad", "observed", "mask", "offset_s")
    }
    return {**batch, "annotation": [window["annotation"] for window in windows]}


def _nearest(time_s: FloatArray, instants_s: FloatArray) -> NDArray[np.intp]:
    """Find the frame nearest to each instant, the earlier of two; times ascend."""
    later = np.clip(np.searchsorted(time_s, instants_s), 0, len(time_s) - 1)
    earlier = np.maximum(later - 1, 0)
    is_later = np.abs(time_s[later] - instants_s) < np.abs(time_s[earlier] - instants_s)
    return np.where(is_later, later, earlier)


def _row_groups(file: Path) -> list[_RowGroup]:
    try:
        with open_regular(file) as opened:
            footer = pq.read_metadata(opened)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error
    places = {footer.schema.column(i).path: i for i in range(footer.num_columns)}
    groups = []
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        videos, times = (group.column(places[n]).statistics for n in ("video_id", "time_s"))
        groups.append(_RowGroup(file, number, (videos.min, videos.max), (times.min, times.max)))
    return groups


def _read_group(group: _RowGroup) -> _Frames:
    try:
        with open_regular(group.file) as opened, pq.ParquetFile(opened) as file:
            # no threads: a worker of a DataLoader is a fork
            rows = file.read_row_group(group.number, columns=list(_COLUMNS), use_threads=False)
            schema, left_out = full_schema(file.schema_arrow)
            rows = with_columns(rows, schema, [name for name in left_out if name in _COLUMNS])
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(group.file, error) from error
    return _Frames(
        video=np.asarray(rows["video_id"].to_pylist(), dtype=np.object_),
        time_s=rows["time_s"].to_numpy(),
        valid=rows["valid"].to_numpy().astype(np.bool_),
        angle_rad=np.stack([rows[name].to_numpy() for name in ANGLE_COLUMNS], axis=1),
    )


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(f"cannot be read ({error})", where=str(file), next_step=RESTORE)
