"""From boxes in every k-th frame to the boxes of each person in every frame.

N people in a picture
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.person.people import (
    Person,
    Tracks,
    area,
    is_alike,
    is_same_place,
    person_in_box,
    shared_area,
)
from qevd_bio.capture.video.cuts import shot_frames
from qevd_bio.capture.video.decode import RgbImage

Detector = Callable[[Sequence[RgbImage]], list[Detected]]

_NEVER = 1e6
"""Cost of taking two boxes for one person that cannot be."""


@dataclass(frozen=True, slots=True)
class BoxedPerson:
    """Somebody to crop: box (4,) as left, top, right, bottom in pixels, and the score."""

    box_px: FloatArray
    score: float


@dataclass(frozen=True, slots=True)
class BoxedFrame:
    """One frame of a video, and the people to crop, by their number in the shot."""

    image: RgbImage
    shot: int
    people: Mapping[int, BoxedPerson]


@dataclass(frozen=True, slots=True)
class _Detection:
    """One frame that the detector examined, and the people there."""

    index: int
    people: Mapping[int, BoxedPerson]


class PeopleOfShot:
    """The people of one shot, matched from one detection to the next.

    Notes
    -----
    Boxes are matched by overlap among those that may be the same person in the same place;
    somebody who was out of sight is recognised by size and colours.
    """

    def __init__(self, config: PersonConfig) -> None:
        self._config = config
        self._tracks = Tracks(config)
        self._present: list[int] = []

    def add(self, people: Sequence[Person]) -> list[int]:
        """Add the people of the next detection; return their numbers."""
        numbers = self._in_place(people)
        for i, person in enumerate(people):
            if numbers[i] < 0:
                numbers[i] = self._tracks.number_of(person, numbers)
            self._tracks.add(numbers[i], person)
        self._present = numbers
        return numbers

    def _in_place(self, people: Sequence[Person]) -> list[int]:
        numbers = [-1] * len(people)
        costs = np.full((len(self._present), len(people)), _NEVER)
        for row, number in enumerate(self._present):
            before = self._tracks.last(number)
            for i, now in enumerate(people):
                if is_same_place(before, now, self._config):
                    costs[row, i] = 1.0 - _overlap(before.box_px, now.box_px)
                    costs[row, i] += 0.0 if is_alike(before, now, self._config) else 1.0
        for shown, found in zip(*linear_sum_assignment(costs), strict=True):
            if costs[shown, found] < _NEVER:
                numbers[int(found)] = self._present[int(shown)]
        return numbers


def _overlap(a: FloatArray, b: FloatArray) -> float:
    """Area shared by two boxes as a part of the area they cover together."""
    shared = shared_area(a, b)
    covered = area(a) + area(b) - shared
    return shared / covered if covered > 0 else 0.0


def boxed_frames(
    frames: Iterable[RgbImage], detector: Detector, config: HsmrConfig
) -> Iterator[list[BoxedFrame]]:
    """Find the people to crop in every frame, some frames of one shot at a time.

    Parameters
    ----------
    frames : iterable of ndarray (H, W, 3)
        RGB, all of one size; read once. No more than ``detect_every * detect_together + 1``
        are held.
    detector : callable
        Runs on every `detect_every`-th frame and at both ends of a shot. Boxes narrower or
        lower than a pixel, as of somebody beyond the edge, are left out, and beyond
        `most_people` the smallest ones.
    config : HsmrConfig
        Settings.

    Yields
    ------
    list of BoxedFrame
        Successive frames. Between two detections a box moves linearly; of somebody detected in
        only one of the two it stays for the nearer half of the frames.
    """
    people, shot = PeopleOfShot(config.video.person), 0
    before: _Detection | None = None
    for held, number in _shots(frames, config):
        if number != shot:
            people, shot, before = PeopleOfShot(config.video.person), number, None
        at = sorted({0, len(held) - 1, *range(0, len(held), config.detect_every)})
        detections = [] if before is None else [replace(before, index=0)]
        at = at[len(detections) :]
        for i, found in zip(at, detector([held[i] for i in at]), strict=True):
            detections.append(_detection(i, held[i], found, people, config))
        new = range(0 if before is None else 1, len(held))
        yield [_boxed(held[i], i, detections, shot) for i in new]
        before = detections[-1]


def _shots(frames: Iterable[RgbImage], config: HsmrConfig) -> Iterator[tuple[list[RgbImage], int]]:
    """Hold some frames of one shot at a time.

    Each list begins with the last frame of the one before it, unless a shot begins.
    """
    shot = 0
    most = config.detect_every * config.detect_together + 1
    held: list[RgbImage] = []
    new = 0
    for frame in shot_frames(frames, config.video):
        if frame.begins and held:
            if new:
                yield held, shot
            held, new, shot = [], 0, shot + 1
        held.append(frame.image)
        new += 1
        if len(held) == most:
            yield held, shot
            held, new = [frame.image], 0
    if new:
        yield held, shot


def _detection(
    index: int, image: RgbImage, found: Detected, people: PeopleOfShot, config: HsmrConfig
) -> _Detection:
    extent = found.box_px[:, 2:] - found.box_px[:, :2]
    sure = (found.score >= config.least_score) & (extent >= 1.0).all(axis=1)
    size = np.where(sure, np.hypot(*extent.T), 0.0)
    largest = np.argsort(-size, kind="stable")[: config.video.person.most_people]
    taken = [int(i) for i in np.sort(largest) if sure[i]]
    numbers = people.add([person_in_box(image, found.box_px[i]) for i in taken])
    at = zip(numbers, taken, strict=True)
    boxed = {number: BoxedPerson(found.box_px[i], float(found.score[i])) for number, i in at}
    return _Detection(index, boxed)


def _boxed(image: RgbImage, index: int, detections: Sequence[_Detection], shot: int) -> BoxedFrame:
    after = next(one for one in detections if one.index >= index)
    before = next(one for one in reversed(detections) if one.index <= index)
    share = (index - before.index) / max(1, after.index - before.index)
    near, far = (before, after) if share <= 0.5 else (after, before)
    weight = share if near is before else 1.0 - share
    people = {
        number: _between(one, far.people.get(number, one), weight)
        for number, one in near.people.items()
    }
    return BoxedFrame(image, shot, people)


def _between(near: BoxedPerson, far: BoxedPerson, weight: float) -> BoxedPerson:
    if near is far:
        return near
    return BoxedPerson(
        (1.0 - weight) * near.box_px + weight * far.box_px,
        (1.0 - weight) * near.score + weight * far.score,
    )
