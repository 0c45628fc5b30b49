"""Follow people through detections that have no name, and choose the one who exercises.

T frames, N persons in a frame, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.config import PerformerConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.performer import SeenPerson, numbered_shots, performer
from qevd_bio.capture.person.posed import seen_in_poses


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
        Whoever is in view for less does not count, but for the one seen in most frames.
    performer : PerformerConfig
        How one of those in view at the same time is chosen.
    """

    lost_s: float = 1.0
    most_cost: float = 1.5
    pose_share: float = 0.5
    least_s: float = 1.0
    performer: PerformerConfig = field(default_factory=PerformerConfig)


@dataclass(frozen=True, slots=True)
class Followed:
    """Which detection of each frame is the person.

    row (T,) is the row of the frame's detections, -1 where the person is not among them; track
    (T,) the number of the uninterrupted stretch of one person, from 0, -1 where `row` is; people
    are in view at once or in turn, at most; changes are frames from which another one is followed.
    """

    row: IntArray
    track: IntArray
    people: int
    changes: tuple[int, ...]


@dataclass(slots=True)
class _Track:
    frames: list[int]
    rows: list[int]
    box: FloatArray | None
    pose: FloatArray


def follow(
    poses: Sequence[FloatArray],
    boxes: Sequence[FloatArray | None],
    time_s: FloatArray,
    config: FollowingConfig,
    expected: Sequence[ExpectedExercise] = (),
) -> Followed:
    """Follow the person who exercises.

    Parameters
    ----------
    poses : sequence of ndarray (N, 46)
        One a frame, rad, finite; N may be 0.
    boxes : sequence of ndarray (N, 3) or None
        Centre x, centre y and side in pixels; None where nobody is found or none are known.
    time_s : ndarray (T,)
        Frame times.
    config : FollowingConfig
        Settings.
    expected : sequence of ExpectedExercise
        The exercises named, if any.

    Notes
    -----
    Neighbouring frames are matched by least total cost, so that two people who change places in
    the list keep their names. Row order means nothing. Of people in view at the same time
    `performer` chooses one. Where that one is absent, somebody who overlaps with nobody is
    followed: a camera cut begins a new track of, as a rule, the same person.
    """
    tracks = _linked(poses, boxes, time_s, config)
    row = np.full(len(poses), -1, dtype=np.int64)
    chosen, spans = list[IntArray](), [np.empty(0, dtype=np.int64)]
    groups = _in_view_together(tracks, time_s, config.least_s)
    for together in groups:
        first, last = together[0].frames[0], max(one.frames[-1] for one in together) + 1
        people = {i: _seen(one, poses, boxes) for i, one in enumerate(together)}
        chosen.append(performer(people, time_s, first, last, expected, config.performer))
        spans.append(np.arange(first, last))
        for i, one in enumerate(together):
            kept = chosen[-1][people[i].frames - first] == i
            row[people[i].frames[kept]] = np.array(one.rows)[kept]
    numbers, changes = numbered_shots(chosen)
    span = np.concatenate(spans)
    track = np.full(len(poses), -1, dtype=np.int64)
    track[span] = np.where(row[span] >= 0, numbers, -1)
    most = max(map(len, groups), default=0)
    return Followed(row, track, most, tuple(int(span[i]) for i in changes))


def _in_view_together(
    tracks: list[_Track], time_s: FloatArray, least_s: float
) -> list[list[_Track]]:
    """Group tracks that last and overlap in time, directly or by others between; in order."""
    most = max((len(one.frames) for one in tracks), default=0)
    groups: list[list[_Track]] = []
    until = -1
    for one in sorted(tracks, key=lambda one: (one.frames[0], one.rows[0])):
        lasts = time_s[one.frames[-1]] - time_s[one.frames[0]] >= least_s
        if not lasts and len(one.frames) < most:
            continue
        if one.frames[0] > until:
            groups.append([])
        groups[-1].append(one)
        until = max(until, one.frames[-1])
    return groups


def _seen(
    track: _Track, poses: Sequence[FloatArray], boxes: Sequence[FloatArray | None]
) -> SeenPerson:
    """See one track as a person; without boxes everybody is as large and stays in her place."""
    at = list(zip(track.frames, track.rows, strict=True))
    own = [(0.0, 0.0, 1.0) if box is None else box[i] for f, i in at for box in (boxes[f],)]
    around = np.array(own, dtype=np.float64)
    q = np.array([poses[f][i] for f, i in at])
    seen = seen_in_poses(np.array(track.frames), q, around[:, :2], around[:, 2])
    return replace(seen, size_px=np.ones(len(at))) if track.box is None else seen


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
                taken.add(int(i))
        active += [
            _Track([frame], [i], own, found[i])
            for i, own in enumerate(box if box is not None else [None] * len(found))
            if i not in taken
        ]
    return done + active


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
