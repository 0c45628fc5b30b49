"""From boxes in every k-th frame to the box of one person in every frame.

N people in a picture
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.person.following import CLEARLY_LARGER, Person, is_alike, is_same_place
from qevd_bio.capture.person.landmarks import CutFinder
from qevd_bio.capture.video.decode import RgbImage

Detector = Callable[[Sequence[RgbImage]], list[Detected]]

_NEVER = 1e6
"""Cost of taking two boxes for one person that cannot be."""


@dataclass(frozen=True, slots=True)
class Sighted:
    """One frame of a video, and whom to look at in it.

    Attributes
    ----------
    image : ndarray (H, W, 3)
        RGB.
    shot : int
        Number of the camera shot.
    number : int
        The person's number in the shot; -1 when nobody is to be seen.
    box_px : ndarray (4,)
        Left, top, right, bottom; NaN when nobody is to be seen.
    score : float
        Of the detector; 0 when nobody is to be seen.
    """

    image: RgbImage
    shot: int
    number: int
    box_px: FloatArray
    score: float


@dataclass(slots=True)
class _Track:
    last: Person
    weight: float = 0.0


@dataclass(slots=True)
class _Looked:
    """One frame the detector has looked at: who is where, by number."""

    index: int
    who: dict[int, tuple[FloatArray, float]]
    leader: int


@dataclass(slots=True)
class PeopleOfShot:
    """The people of one shot, matched from one look of the detector to the next.

    Notes
    -----
    Boxes are matched by overlap among those that may be the same person in the same place;
    somebody who was out of sight is known again by size and colours. The one to look at is
    the largest and longest seen of those present, and is left for another only when that one
    is clearly larger or known for clearly longer.
    """

    tracks: list[_Track] = field(default_factory=list)
    present: list[int] = field(default_factory=list)
    leader: int = -1

    def see(self, people: Sequence[Person]) -> list[int]:
        """Name the people of the next picture looked at by their numbers."""
        numbers = self._in_place(people)
        for i, person in enumerate(people):
            if numbers[i] < 0:
                numbers[i] = self._known_again(person, numbers)
            track = self.tracks[numbers[i]]
            track.last, track.weight = person, track.weight + person.size_px
        self.present = numbers
        self._lead()
        return numbers

    def main(self) -> int:
        """Return the number of the largest and longest seen; -1 for an empty shot."""
        weights = [track.weight for track in self.tracks]
        return int(np.argmax(weights)) if weights else -1

    def _in_place(self, people: Sequence[Person]) -> list[int]:
        numbers = [-1] * len(people)
        costs = np.full((len(self.present), len(people)), _NEVER)
        for row, number in enumerate(self.present):
            before = self.tracks[number].last
            for i, now in enumerate(people):
                if is_same_place(before, now):
                    costs[row, i] = 1.0 - _overlap(before.box_px, now.box_px)
                    costs[row, i] += 0.0 if is_alike(before, now) else 1.0
        for row, i in zip(*linear_sum_assignment(costs), strict=True):
            if costs[row, i] < _NEVER:
                numbers[int(i)] = self.present[row]
        return numbers

    def _known_again(self, person: Person, taken: Sequence[int]) -> int:
        known = [
            number
            for number, track in enumerate(self.tracks)
            if number not in taken and is_alike(track.last, person)
        ]
        if known:
            return max(known, key=lambda number: self.tracks[number].weight)
        self.tracks.append(_Track(person))
        return len(self.tracks) - 1

    def _lead(self) -> None:
        if not self.present:
            return
        weights = {number: self.tracks[number].weight for number in self.present}
        heaviest = max(weights, key=lambda number: weights[number])
        if self.leader not in weights:
            self.leader = heaviest
            return
        largest = max(self.present, key=lambda number: self.tracks[number].last.size_px)
        sizes = [self.tracks[number].last.size_px for number in (largest, self.leader)]
        if sizes[0] > CLEARLY_LARGER * sizes[1]:
            self.leader = largest
        elif weights[heaviest] > CLEARLY_LARGER * weights[self.leader]:
            self.leader = heaviest


def _overlap(a: FloatArray, b: FloatArray) -> float:
    """Area shared by two boxes as a part of the area they cover together."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    shared = float(np.prod(np.clip(high - low, 0.0, None)))
    covered = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - shared
    return shared / covered if covered > 0 else 0.0


def person_in_box(image: RgbImage, box_px: FloatArray) -> Person:
    """Describe a person of whom only the box is known.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB.
    box_px : ndarray (4,)
        Left, top, right, bottom.

    Returns
    -------
    Person
        Its colour is that of the middle of the box, its size the box's diagonal.
    """
    height, width = image.shape[:2]
    middle, half = (box_px[:2] + box_px[2:]) / 2, 0.2 * (box_px[2:] - box_px[:2])
    low = np.clip(middle - half, 0, [width - 1, height - 1]).astype(np.int64)
    high = np.clip(middle + half, 0, [width - 1, height - 1]).astype(np.int64) + 1
    patch = image[low[1] : high[1], low[0] : high[0]]
    step = max(1, min(patch.shape[:2]) // 8)
    colour = patch[::step, ::step].reshape(-1, 3).mean(axis=0, dtype=np.float64)
    return Person(box_px, colour, float(np.hypot(*(box_px[2:] - box_px[:2]))))


def sightings(
    frames: Iterable[RgbImage], detector: Detector, config: HsmrConfig
) -> Iterator[tuple[list[Sighted], PeopleOfShot]]:
    """Say of every frame where the person to look at is, some frames of one shot at a time.

    Parameters
    ----------
    frames : iterable of ndarray (H, W, 3)
        RGB, all of one size; read once. No more than ``detect_every * detect_together + 1``
        are held.
    detector : callable
        As `PersonDetector`. Asked in every `detect_every`-th frame and at both ends of a shot.
        Boxes narrower or lower than a pixel, as of somebody beyond the edge, are nobody.
    config : HsmrConfig
        Settings.

    Yields
    ------
    (list of Sighted, PeopleOfShot)
        Successive frames, and the people of their shot: whose `main` is known when the shot is
        over.

    Notes
    -----
    Between two looks a box moves linearly. Of somebody seen in only one of the two, the box
    stays for the nearer half of the frames.
    """
    people, shot = PeopleOfShot(), 0
    before: _Looked | None = None
    for held, number in _shots(frames, config):
        if number != shot:
            people, shot, before = PeopleOfShot(), number, None
        at = sorted({0, len(held) - 1, *range(0, len(held), config.detect_every)})
        looks = [] if before is None else [replace(before, index=0)]
        at = at[len(looks) :]
        for i, found in zip(at, detector([held[i] for i in at]), strict=True):
            looks.append(_look(i, held[i], found, people, config))
        fresh = range(0 if before is None else 1, len(held))
        yield [_sighted(held[i], i, looks, shot) for i in fresh], people
        before = looks[-1]


def _shots(frames: Iterable[RgbImage], config: HsmrConfig) -> Iterator[tuple[list[RgbImage], int]]:
    """Hold some frames of one shot at a time.

    Each list begins with the last frame of the one before it, unless a shot begins.
    """
    cut, shot = CutFinder(config.video), 0
    most = config.detect_every * config.detect_together + 1
    held: list[RgbImage] = []
    fresh = 0
    for image in frames:
        if cut(image) and held:
            if fresh:
                yield held, shot
            held, fresh, shot = [], 0, shot + 1
        held.append(image)
        fresh += 1
        if len(held) == most:
            yield held, shot
            held, fresh = [image], 0
    if fresh:
        yield held, shot


def _look(
    index: int, image: RgbImage, found: Detected, people: PeopleOfShot, config: HsmrConfig
) -> _Looked:
    extent = found.box_px[:, 2:] - found.box_px[:, :2]
    sure = np.flatnonzero((found.score >= config.least_score) & (extent >= 1.0).all(axis=1))
    numbers = people.see([person_in_box(image, found.box_px[i]) for i in sure])
    who = {
        number: (found.box_px[i], float(found.score[i]))
        for number, i in zip(numbers, sure, strict=True)
    }
    return _Looked(index, who, people.leader if people.leader in who else -1)


def _sighted(image: RgbImage, index: int, looks: Sequence[_Looked], shot: int) -> Sighted:
    after = next(look for look in looks if look.index >= index)
    before = next(look for look in reversed(looks) if look.index <= index)
    share = (index - before.index) / max(1, after.index - before.index)
    near, far = (before, after) if share <= 0.5 else (after, before)
    number = near.leader
    if number < 0:
        return Sighted(image, shot, -1, np.full(4, np.nan), 0.0)
    box, score = near.who[number]
    if number in far.who:
        weight = share if near is before else 1.0 - share
        other, other_score = far.who[number]
        box = (1.0 - weight) * box + weight * other
        score = (1.0 - weight) * score + weight * other_score
    return Sighted(image, shot, number, box, score)
