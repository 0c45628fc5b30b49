"""Follow one person through detections that have no name.

T frames, N persons in a frame, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class FollowingConfig:
    """What decides who is who.

    Attributes
    ----------
    lost_s : float
        A person out of view for longer is a new one.
    most_cost : float
        Two detections further apart than this are two people: distance of the boxes in box
        sizes, plus the logarithm of their sizes' ratio, plus the pose's share.
    pose_share : float
        Weight of a radian of mean pose difference.
    least_s : float
        Another person is followed only if in view for this long.
    """

    lost_s: float = 1.0
    most_cost: float = 1.5
    pose_share: float = 0.5
    least_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Followed:
    """Which detection of each frame is the person.

    row (T,) is the row of the frame's detections, -1 where the person is not among them; track
    (T,) the number of the uninterrupted stretch of one person, from 0, -1 where `row` is; people
    counts all tracks.
    """

    row: IntArray
    track: IntArray
    people: int


@dataclass(slots=True)
class _Track:
    frames: list[int]
    rows: list[int]
    box: FloatArray | None
    pose: FloatArray
    presence: float


def follow(
    poses: Sequence[FloatArray],
    boxes: Sequence[FloatArray | None],
    time_s: FloatArray,
    config: FollowingConfig,
) -> Followed:
    """Follow the person who is longest and largest in view.

    Parameters
    ----------
    poses : sequence of ndarray (N, 46)
        One a frame, rad, finite; N may be 0.
    boxes : sequence of ndarray (N, 3) or None
        Centre x, centre y and side in pixels; None where nobody is found or none are known.
    time_s : ndarray (T,)
        Frame times.

    Notes
    -----
    The track with the greatest sum of box sides over its frames counts. Where it is absent, a
    further track that does not overlap it, in the same order: a camera cut begins a new track
    of, as a rule, the same person. Neighbouring frames are matched by least total cost, so that
    two people who change places in the list keep their names. Row order means nothing.
    """
    tracks = _linked(poses, boxes, time_s, config)
    order = sorted(tracks, key=lambda one: (-one.presence, one.frames[0], one.rows[0]))
    row = np.full(len(poses), -1, dtype=np.int64)
    track = np.full(len(poses), -1, dtype=np.int64)
    kept: list[_Track] = []
    for one in order:
        seen_s = time_s[one.frames[-1]] - time_s[one.frames[0]]
        span = slice(one.frames[0], one.frames[-1] + 1)
        if kept and (seen_s < config.least_s or (row[span] >= 0).any()):
            continue
        kept.append(one)
        row[one.frames] = one.rows
    for number, one in enumerate(sorted(kept, key=lambda one: one.frames[0])):
        track[one.frames] = number
    return Followed(row, track, len(tracks))


def _linked(
    poses: Sequence[FloatArray],
    boxes: Sequence[FloatArray | None],
    time_s: FloatArray,
    config: FollowingConfig,
) -> list[_Track]:
    done: list[_Track] = []
    active: list[_Track] = []
    for frame, (found, box) in enumerate(zip(poses, boxes, strict=True)):
        still = [one for one in active if time_s[frame] - time_s[one.frames[-1]] <= config.lost_s]
        done += [one for one in active if one not in still]
        active = still
        costs = np.array([[_cost(one, found[i], box, i, config) for i in range(len(found))]
                          for one in active]).reshape(len(active), len(found))  # fmt: skip
        taken = set()
        for which, i in zip(*linear_sum_assignment(costs), strict=True):
            if costs[which, i] <= config.most_cost:
                one = active[which]
                one.frames.append(frame)
                one.rows.append(int(i))
                one.pose, one.box = found[i], None if box is None else box[i]
                one.presence += _size(one.box)
                taken.add(int(i))
        active += [
            _Track([frame], [i], own, found[i], _size(own))
            for i, own in enumerate(box if box is not None else [None] * len(found))
            if i not in taken
        ]
    return done + active


def _size(box: FloatArray | None) -> float:
    return 1.0 if box is None else float(box[2])


def _cost(
    track: _Track, pose: FloatArray, box: FloatArray | None, i: int, config: FollowingConfig
) -> float:
    """Distance of a detection from where and how the person last was; angles wrap."""
    turn = np.angle(np.exp(1j * (pose - track.pose)))
    cost = config.pose_share * float(np.sqrt(np.mean(turn**2)))
    if box is None or track.box is None:
        return cost
    side = max(float(np.sqrt(box[i, 2] * track.box[2])), 1e-9)
    apart = float(np.hypot(*(box[i, :2] - track.box[:2])))
    ratio = abs(float(np.log(max(box[i, 2], 1e-9) / max(track.box[2], 1e-9))))
    return cost + apart / side + ratio
