"""One person in one video, frame by frame, as HSMR estimates them.

F frames, n crops, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.hsmr.batches import Estimates
from qevd_bio.capture.hsmr.network import COLUMNS, ROWS
from qevd_bio.skeleton.dofs import mirror_q

_WIDTH_SHARE = COLUMNS / ROWS
"""Width of what the network sees, as a part of the crop's."""


@dataclass(frozen=True, slots=True)
class CroppedFrame:
    """One frame, without its picture.

    `number` is the person's in the shot; -1 is nobody, with box (4,) and square (3,) NaN;
    `crop` and `mirrored` are the crops of the video that show it, -1 for none.
    """

    shot: int
    number: int
    box_px: FloatArray
    square_px: FloatArray
    score: float
    crop: int = -1
    mirrored: int = -1


@dataclass(frozen=True, slots=True)
class PersonTrack:
    """One person in the F frames of a video.

    Attributes
    ----------
    size_px : (int, int)
        Width and height of the pictures.
    shot : ndarray (F,)
        Number of the camera shot.
    found, somebody_else : ndarray (F,) of bool
        Whether the person is there; whether only another one was cropped. What follows is NaN
        or 0 where the person is not found.
    square_px : ndarray (F, 3)
        Centre x and y and side of the crop.
    score : ndarray (F,)
        Of the detector.
    inside : ndarray (F,)
        Part of what the network sees that lies within the picture.
    edges : ndarray (F,) of int
        Edges of the picture that the box touches.
    q, mirrored_q : ndarray (F, 46)
        Angles of the network in rad; those of the mirrored crop, mirrored back, NaN without one.
    betas : ndarray (F, 10)
        Shape.
    """

    size_px: tuple[int, int]
    shot: IntArray
    found: BoolArray
    somebody_else: BoolArray
    square_px: FloatArray
    score: FloatArray
    inside: FloatArray
    edges: IntArray
    q: FloatArray
    betas: FloatArray
    mirrored_q: FloatArray


def person_track(
    frames: Sequence[CroppedFrame],
    mains: Mapping[int, Callable[[], int]],
    size_px: tuple[int, int],
    estimates: Estimates,
    edge_px: float,
) -> PersonTrack:
    """Assign estimates to their frames; leave out those of others than the shot's person.

    `mains` return the number of the person to follow in each shot. A frame with an
    estimate that is not finite counts as one without the person.
    """
    main = {shot: number() for shot, number in mains.items()}
    shown = np.array([one.number >= 0 for one in frames], dtype=np.bool_)
    other = shown & np.array([one.number != main[one.shot] for one in frames], dtype=np.bool_)
    crop = np.array([one.crop for one in frames], dtype=np.int64)
    mirrored = np.array([one.mirrored for one in frames], dtype=np.int64)
    found = _finite(estimates, crop, shown & ~other)
    box = np.array([one.box_px for one in frames]).reshape(-1, 4)
    square = np.array([one.square_px for one in frames]).reshape(-1, 3)
    box[~found], square[~found] = np.nan, np.nan
    return PersonTrack(
        size_px=size_px,
        shot=np.array([one.shot for one in frames], dtype=np.int64),
        found=found,
        somebody_else=other,
        square_px=square,
        score=np.where(found, [one.score for one in frames], 0.0),
        inside=_inside(square, size_px),
        edges=_edges(box, size_px, edge_px),
        q=_spread(estimates.q, crop, found),
        betas=_spread(estimates.betas, crop, found),
        mirrored_q=_spread(
            mirror_q(estimates.q), mirrored, _finite(estimates, mirrored, found & (mirrored >= 0))
        ),
    )


def _finite(estimates: Estimates, crop: IntArray, among: BoolArray) -> BoolArray:
    finite = among.copy()
    finite[among] = estimates.finite[crop[among]]
    return finite


def _spread(values: FloatArray, crop: IntArray, where: BoolArray) -> FloatArray:
    spread = np.full((len(crop), values.shape[1]), np.nan)
    spread[where] = values[crop[where]]
    return spread


def _inside(square_px: FloatArray, size_px: tuple[int, int]) -> FloatArray:
    """Part of the middle 3:4 of each square that lies within the picture; 0 without one."""
    half = square_px[:, 2:] * np.array([_WIDTH_SHARE, 1.0]) / 2
    low, high = square_px[:, :2] - half, square_px[:, :2] + half
    shown = np.clip(np.minimum(high, size_px) - np.maximum(low, 0.0), 0.0, None)
    share = np.prod(shown, axis=1) / np.prod(high - low, axis=1)
    return np.asarray(np.nan_to_num(share))


def _edges(box_px: FloatArray, size_px: tuple[int, int], edge_px: float) -> IntArray:
    low = box_px[:, :2] <= edge_px
    high = box_px[:, 2:] >= np.array(size_px) - edge_px
    return np.asarray(low.sum(axis=1) + high.sum(axis=1), dtype=np.int64)
