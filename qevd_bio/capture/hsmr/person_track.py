"""Of the people in a video the one who exercises, frame by frame, as HSMR estimates her.

F frames, D = 46 DoF
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.hsmr.batches import Estimates
from qevd_bio.capture.hsmr.network import COLUMNS, ROWS
from qevd_bio.capture.person.performer import SeenPerson, numbered_shots
from qevd_bio.capture.person.posed import seen_in_poses
from qevd_bio.skeleton.dofs import mirror_q

Choose = Callable[[Mapping[int, SeenPerson], int, int], IntArray]
"""As `performer`: of people by number the one in each frame from a first one up to a last."""

_WIDTH_SHARE = COLUMNS / ROWS
"""Width of what the network sees, as a part of the crop's."""


@dataclass(frozen=True, slots=True)
class CroppedPerson:
    """Somebody in one frame, without the picture.

    `number` is the person's in the shot; `square_px` (3,) is what was cropped around the box (4,);
    `crop` and `mirrored` are the crops of the video that show it, -1 for none.
    """

    frame: int
    number: int
    box_px: FloatArray
    square_px: FloatArray
    score: float
    crop: int
    mirrored: int = -1


@dataclass(frozen=True, slots=True)
class PersonTrack:
    """One person in the F frames of a video.

    Attributes
    ----------
    size_px : (int, int)
        Width and height of the pictures.
    shot : ndarray (F,)
        Number of the camera shot, from 0. Where another person is followed from some frame of a
        shot on, a new number begins.
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
    changes : tuple of int
        First frames of those numbers that begin with another person and no cut.
    people : int
        People seen in the shot with most of them.
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
    changes: tuple[int, ...] = ()
    people: int = 1


def person_track(
    cropped: Sequence[CroppedPerson],
    shot: IntArray,
    size_px: tuple[int, int],
    estimates: Estimates,
    edge_px: float,
    choose: Choose,
) -> PersonTrack:
    """Choose the person of each shot (F,), and assign her estimates to her frames.

    An estimate that is not finite counts as nobody.
    """
    shown = [one for one in cropped if estimates.finite[one.crop]]
    chosen, people = _chosen(shown, shot, estimates, choose)
    numbers, changes = numbered_shots(chosen)
    hers = np.concatenate([np.empty(0, dtype=np.int64), *chosen])
    own = [one for one in shown if one.number == hers[one.frame]]
    frame, crop, mirrored = np.array(
        [(one.frame, one.crop, one.mirrored) for one in own], dtype=np.int64
    ).reshape(-1, 3).T  # fmt: skip
    flipped = mirrored >= 0
    flipped[flipped] = estimates.finite[mirrored[flipped]]

    def spread(values: FloatArray, at: IntArray) -> FloatArray:
        filled = np.full((len(shot), values.shape[1]), np.nan)
        filled[at] = values
        return filled

    anybody, found = np.zeros((2, len(shot)), dtype=np.bool_)
    anybody[[one.frame for one in shown]], found[frame] = True, True
    box = spread(np.array([one.box_px for one in own]).reshape(-1, 4), frame)
    square = spread(np.array([one.square_px for one in own]).reshape(-1, 3), frame)
    score = spread(np.array([[one.score] for one in own]).reshape(-1, 1), frame)[:, 0]
    return PersonTrack(
        size_px=size_px,
        shot=numbers,
        found=found,
        somebody_else=anybody & ~found,
        square_px=square,
        score=np.where(found, score, 0.0),
        inside=_inside(square, size_px),
        edges=_edges(box, size_px, edge_px),
        q=spread(estimates.q[crop], frame),
        betas=spread(estimates.betas[crop], frame),
        mirrored_q=spread(mirror_q(estimates.q)[mirrored[flipped]], frame[flipped]),
        changes=changes,
        people=people,
    )


def _chosen(
    shown: Sequence[CroppedPerson], shot: IntArray, estimates: Estimates, choose: Choose
) -> tuple[list[IntArray], int]:
    """Choose somebody for each frame of each shot; count the people of the shot with most."""
    of_shot: defaultdict[int, defaultdict[int, list[CroppedPerson]]]
    of_shot = defaultdict(lambda: defaultdict(list))
    for one in shown:
        of_shot[int(shot[one.frame])][one.number].append(one)
    chosen = []
    starts = np.flatnonzero(np.diff(shot, prepend=-1))
    for first, last in pairwise([*starts, len(shot)]):
        people = of_shot[int(shot[first])]
        seen = {number: _seen(rows, estimates) for number, rows in people.items()}
        chosen.append(choose(seen, int(first), int(last)))
    return chosen, max(map(len, of_shot.values()), default=0)


def _seen(rows: Sequence[CroppedPerson], estimates: Estimates) -> SeenPerson:
    frames = np.array([one.frame for one in rows], dtype=np.int64)
    box = np.array([one.box_px for one in rows])
    low, high = box[:, :2], box[:, 2:]
    q = estimates.q[[one.crop for one in rows]]
    return seen_in_poses(frames, q, (low + high) / 2, (high - low).max(axis=1))


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
