"""Of the people in a shot, find the one who performs the exercise.

T frames of one person, n instants of a grid, P people, F frames of a video
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.captured import Notes
from qevd_bio.capture.config import PerformerConfig
from qevd_bio.capture.expected import ExpectedExercise

_SHOULDER, _ELBOW, _WRIST, _HIP, _KNEE, _ANKLE = range(6)
_BENDS = {
    "knee": (_HIP, _KNEE, _ANKLE),
    "elbow": (_SHOULDER, _ELBOW, _WRIST),
    "hip": (_SHOULDER, _HIP, _KNEE),
    "shoulder": (_HIP, _SHOULDER, _ELBOW),
}
_ANGLE_OF_MEASURE = {
    "knee_flexion": "knee",
    "elbow_flexion": "elbow",
    "hip_flexion": "hip",
    "shoulder_elevation": "shoulder",
    "shoulder_horizontal_adduction": "shoulder",
    "thigh_split": "thighs",
    "hip_abduction": "thighs",
}
_STEP_S = 0.1
_ASSUMED_RATE_HZ = 30.0
_UNNAMED = ExpectedExercise(0, 0, "repetitive", "", "", 0.5, 4.0)
"""What is looked for where no exercise is named: any movement that repeats."""


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """One person in the T frames of a shot in which she was found.

    Attributes
    ----------
    frames : ndarray (T,) of int
        Counted within the video.
    joints_m : ndarray (T, 6, 2, 3)
        Shoulder, elbow, wrist, hip, knee and ankle of both sides; metres, camera axes.
    visible : ndarray (T, 6, 2) of bool
        Which of them are visible.
    middle_px : ndarray (T, 2)
        Where she is in the picture.
    size_px : ndarray (T,)
        Length of her longest bone in the picture, were it parallel to it.
    """

    frames: IntArray
    joints_m: FloatArray
    visible: BoolArray
    middle_px: FloatArray
    size_px: FloatArray


def performer(
    people: Mapping[int, SeenPerson],
    time_s: FloatArray | None,
    first: int,
    last: int,
    expected: Sequence[ExpectedExercise],
    config: PerformerConfig,
) -> IntArray:
    """Choose the person who exercises, for each frame of a shot.

    Parameters
    ----------
    people : mapping of int to SeenPerson
        By number.
    time_s : ndarray or None
        Seconds of all frames of the video; 30 a second where fewer than `last` are given.
    first, last : int
        First frame of the shot, and the one after its last.
    expected : sequence of ExpectedExercise
        The exercises named; where none is, any movement that repeats counts.
    config : PerformerConfig
        Settings.

    Returns
    -------
    ndarray (last - first,) of int
        Numbers; -1 everywhere in a shot without people.

    Notes
    -----
    What counts is how far the exercise's measure moves at the exercise's rhythm; somebody who
    walks is discounted by the way covered, and somebody farther away by size. A change from one
    person to another must pay for itself over `change_s`.
    """
    if len(people) < 2:
        return np.full(last - first, next(iter(people), -1), dtype=np.int64)
    if time_s is None or len(time_s) < last:
        time_s = np.arange(last) / _ASSUMED_RATE_HZ
    grid_s = np.arange(time_s[first], time_s[last - 1] + _STEP_S, _STEP_S)
    frame = np.clip(np.searchsorted(time_s[first:last], grid_s), 0, last - first - 1) + first
    largest = max(_size_px(one) for one in people.values())
    numbers = sorted(people)
    score = np.stack(
        [_score(people[number], time_s, grid_s, frame, expected, config) for number in numbers]
    )
    size = np.array([_size_px(people[number]) / largest for number in numbers])
    path = _steady_choice(score * size[:, None] ** config.size_power, config)
    nearest = np.clip(np.searchsorted(grid_s, time_s[first:last]), 0, len(grid_s) - 1)
    return np.asarray(np.asarray(numbers, dtype=np.int64)[path[nearest]])


def numbered_shots(chosen: Sequence[IntArray]) -> tuple[IntArray, tuple[int, ...]]:
    """Count the shots of a video (F,) from 0, and further where the person changes.

    Parameters
    ----------
    chosen : sequence of ndarray of int
        For each shot the person of each of its frames, as from `performer`.

    Returns
    -------
    (ndarray (F,) of int, tuple of int)
        Numbers, and first frames of those that begin with another person and no cut.
    """
    numbers, changes = [np.empty(0, dtype=np.int64)], list[int]()
    first = part = 0
    for one in chosen:
        turns = np.diff(one, prepend=one[:1]) != 0
        changes += [first + int(i) for i in np.flatnonzero(turns)]
        numbers.append(part + np.cumsum(turns))
        first += len(one)
        part = int(numbers[-1][-1]) + 1 if len(one) else part
    return np.concatenate(numbers), tuple(changes)


def people_notes(people: int, changes: Sequence[int]) -> Notes:
    """State how many people were followed, and where another one was."""
    return {
        "people_seen": people,
        "person_changes": ", ".join(f"frame {frame}" for frame in changes),
    }


def _size_px(person: SeenPerson) -> float:
    """Return her usual size, above nothing also where her box is a point."""
    return max(float(np.median(person.size_px)), 1e-6)


def _score(
    person: SeenPerson,
    time_s: FloatArray,
    grid_s: FloatArray,
    frame: IntArray,
    expected: Sequence[ExpectedExercise],
    config: PerformerConfig,
) -> FloatArray:
    """Rate how much somebody exercises (n,), in degrees; 0 where she is not seen."""
    at_s = time_s[person.frames]
    angles = {name: _on_grid(curve, at_s, grid_s) for name, curve in _angles_deg(person).items()}
    place = _on_grid(person.middle_px.T / _size_px(person), at_s, grid_s)
    stays = 1.0 / (1.0 + (_speed(place) / config.walking_sizes_s) ** 2)
    lies = np.clip((_on_grid(_tilt_deg(person), at_s, grid_s) - 15.0) / 30.0, 0.2, 1.0)[0]
    active = np.zeros(len(grid_s))
    spans = [(one, (frame >= one.frame_start) & (frame < one.frame_end)) for one in expected]
    unnamed = ~np.any([span for _, span in spans], axis=0) if spans else np.ones(len(frame), bool)
    for exercise, span in [*spans, (_UNNAMED, unnamed)]:
        if span.any():
            rate = _activity_deg({n: curve[:, span] for n, curve in angles.items()}, exercise)
            rate *= lies[span] if exercise.posture in ("prone", "supine") else 1.0
            active[span] = rate * (1.0 if exercise.kind == "hold" else stays[span])
    seen = np.isfinite(place[0])
    return np.where(seen, config.idle_deg + np.nan_to_num(active), 0.0)


def _angles_deg(person: SeenPerson) -> dict[str, FloatArray]:
    """Angles of both sides (2, T) in degrees from straight; NaN where a joint is hidden.

    The angle between the thighs counts for both.
    """
    joints, visible = person.joints_m, person.visible
    angles = {}
    for name, (above, at, below) in _BENDS.items():
        bend = _angle_deg(joints[:, above] - joints[:, at], joints[:, below] - joints[:, at])
        known = visible[:, [above, at, below]].all(axis=1)
        bend = bend if name == "shoulder" else 180.0 - bend
        angles[name] = np.where(known, bend, np.nan).T
    thighs = joints[:, _KNEE] - joints[:, _HIP]
    apart = _angle_deg(thighs[:, 0], thighs[:, 1])
    both = visible[:, [_HIP, _KNEE]].all(axis=(1, 2))
    angles["thighs"] = np.tile(np.where(both, apart, np.nan), (2, 1))
    return angles


def _angle_deg(one: FloatArray, other: FloatArray) -> FloatArray:
    length = np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
    cosine = np.sum(one * other, axis=-1) / np.maximum(length, 1e-9)
    return np.asarray(np.rad2deg(np.arccos(np.clip(cosine, -1.0, 1.0))))


def _tilt_deg(person: SeenPerson) -> FloatArray:
    """How far the trunk is from upright (1, T)."""
    trunk = person.joints_m[:, _SHOULDER].mean(axis=1)
    trunk = trunk - person.joints_m[:, _HIP].mean(axis=1)
    return _angle_deg(trunk, np.array([0.0, -1.0, 0.0]))[None]


def _on_grid(curves: FloatArray, at_s: FloatArray, grid_s: FloatArray) -> FloatArray:
    """Average curves (k, T) around each instant of a grid (k, n); NaN where nothing is known."""
    cell = np.clip(np.round((at_s - grid_s[0]) / _STEP_S).astype(int), 0, len(grid_s) - 1)
    result = np.full((len(curves), len(grid_s)), np.nan)
    for row, curve in zip(result, curves, strict=True):
        known = np.isfinite(curve)
        count = np.bincount(cell[known], minlength=len(grid_s))
        total = np.bincount(cell[known], weights=curve[known], minlength=len(grid_s))
        row[count > 0] = total[count > 0] / count[count > 0]
        _fill_short_gaps(row)
    return result


def _fill_short_gaps(row: FloatArray, most: int = 5) -> None:
    """Fill gaps of a curve (n,) linearly, in place."""
    known = np.flatnonzero(np.isfinite(row))
    for a, b in pairwise(known):
        if 1 < b - a <= most:
            row[a : b + 1] = np.linspace(row[a], row[b], b - a + 1)


def _speed(place: FloatArray) -> FloatArray:
    """Speed of somebody's middle (2, n), averaged over 1.5 s, in sizes a second (n,)."""
    reach = round(0.75 / _STEP_S)
    count = place.shape[1]
    before = np.maximum(np.arange(count) - reach, 0)
    after = np.minimum(np.arange(count) + reach, count - 1)
    way = np.hypot(*(place[:, after] - place[:, before]))
    return np.asarray(np.nan_to_num(way / (np.maximum(after - before, 1) * _STEP_S)))


def _activity_deg(angles: Mapping[str, FloatArray], exercise: ExpectedExercise) -> FloatArray:
    """How much of an exercise the angles show at each instant (n,), in degrees."""
    named = _ANGLE_OF_MEASURE.get(exercise.measure)
    chosen = [angles[named]] if named else list(angles.values())
    curves = np.concatenate(chosen)
    if exercise.kind == "hold":
        if named is None:
            return np.full(curves.shape[1], 60.0)
        return np.asarray(np.nan_to_num(np.fmax.reduce(curves, axis=0)))
    window = max(3, round(exercise.longest_s / _STEP_S))
    rates = [_range(curve, window) * _rhythm(curve, exercise) for curve in curves]
    return np.asarray(np.max(rates, axis=0))


def _range(curve: FloatArray, window: int) -> FloatArray:
    """Range of a curve (n,) around each instant, without its outermost tenths; 0 if unknown."""
    half = window // 2
    padded = np.pad(curve, half, constant_values=np.nan)
    views = sliding_window_view(padded, 2 * half + 1)
    known = np.isfinite(views).sum(axis=1) >= 3
    ranges = np.zeros(len(curve))
    if known.any():
        low, high = np.nanpercentile(views[known], [10.0, 90.0], axis=1)
        ranges[known] = high - low
    return ranges


def _rhythm(curve: FloatArray, exercise: ExpectedExercise) -> float:
    """From .5 to 1: how well a curve (n,) repeats itself at the exercise's rhythm.

    A curve too short for two repetitions says nothing, and gets .75.
    """
    known = np.isfinite(curve)
    lags = np.arange(
        max(2, round(exercise.shortest_s / _STEP_S)), round(exercise.longest_s / _STEP_S) + 1
    )
    lags = lags[2 * lags <= known.sum()]
    if len(lags) == 0:
        return 0.75
    centred = np.where(known, curve - np.nanmean(curve), 0.0)
    best = 0.0
    for lag in lags:
        one, other = centred[:-lag], centred[lag:]
        scale = np.linalg.norm(one) * np.linalg.norm(other)
        best = max(best, float(one @ other / scale) if scale > 0.0 else 0.0)
    return 0.5 + 0.5 * best


def _steady_choice(score: FloatArray, config: PerformerConfig) -> IntArray:
    """Choose one person for each instant (n,) by scores (P, n): the best path with few changes.

    Scores below a share of the usual best one are of people who do not exercise.
    """
    usual = float(np.percentile(score.max(axis=0), 90.0))
    gain = np.where(score >= config.least_share * usual, score, 0.0)
    cost = usual * config.change_s / _STEP_S
    people, instants = gain.shape
    total = gain[:, 0].copy()
    came_from = np.zeros((people, instants), dtype=np.int64)
    for i in range(1, instants):
        best = int(np.argmax(total))
        changed = total[best] - cost > total
        came_from[:, i] = np.where(changed, best, np.arange(people))
        total = np.where(changed, total[best] - cost, total) + gain[:, i]
    path = np.zeros(instants, dtype=np.int64)
    path[-1] = int(np.argmax(total))
    for i in range(instants - 1, 0, -1):
        path[i - 1] = came_from[path[i], i]
    return path
