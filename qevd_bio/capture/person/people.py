"""Distinguish people by place, size and clothing.

People are numbered within a shot.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.video.decode import RgbImage

_BONES = np.array([(11, 23), (12, 24), (23, 25), (24, 26), (25, 27), (26, 28), (11, 12)])
_TORSO = [11, 12, 23, 24]


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one picture.

    The box (4,) is left, top, right, bottom in pixels; the colour (3,) the mean between shoulders
    and hips, 0 to 255; sizes compare between pictures, whatever the pose and view.
    """

    box_px: FloatArray
    torso_rgb: FloatArray
    size_px: float


def person_of(
    image: RgbImage, image_px: FloatArray, visibility: FloatArray, config: PersonConfig
) -> Person:
    """Describe a person by the landmarks found (33, 2) and their visibility (33,).

    The box is that of the visible landmarks. The size is the longest of trunk, thighs, shanks and
    shoulder width: one of them lies near the picture's plane.
    """
    seen = visibility >= config.least_visibility
    points = image_px[seen] if seen.sum() >= 2 else image_px
    torso = image_px[_TORSO]
    bones = np.linalg.norm(image_px[_BONES[:, 0]] - image_px[_BONES[:, 1]], axis=1)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    colour = _mean_colour(image, torso.min(axis=0), torso.max(axis=0))
    return Person(box, colour, float(bones.max()))


def person_in_box(image: RgbImage, box_px: FloatArray) -> Person:
    """Describe a person of whom only the box is known.

    The colour is that of the middle of the box, the size the box's diagonal.
    """
    middle, half = (box_px[:2] + box_px[2:]) / 2, 0.2 * (box_px[2:] - box_px[:2])
    colour = _mean_colour(image, middle - half, middle + half)
    return Person(box_px, colour, float(np.hypot(*(box_px[2:] - box_px[:2]))))


def _mean_colour(image: RgbImage, low_px: FloatArray, high_px: FloatArray) -> FloatArray:
    height, width = image.shape[:2]
    corners = np.clip([low_px, high_px], 0, [width - 1, height - 1]).astype(np.int64)
    (left, top), (right, bottom) = corners
    patch = image[top : bottom + 1, left : right + 1]
    step = max(1, min(patch.shape[:2]) // 8)
    return np.asarray(patch[::step, ::step].reshape(-1, 3).mean(axis=0, dtype=np.float64))


def shared_area(first_px: FloatArray, second_px: FloatArray) -> float:
    """Area that two boxes (4,) share."""
    low, high = np.maximum(first_px[:2], second_px[:2]), np.minimum(first_px[2:], second_px[2:])
    return float(np.prod(np.clip(high - low, 0.0, None)))


def area(box_px: FloatArray) -> float:
    """Area of a box (4,)."""
    return float(np.prod(box_px[2:] - box_px[:2]))


def is_of_like_size(first: Person, second: Person, most: float) -> bool:
    """Whether the sizes of two people differ by no more than a factor."""
    small, large = sorted([first.size_px, second.size_px])
    return large <= most * small


def colour_distance(first: Person, second: Person) -> float:
    """Root mean square difference of two torso colours (0..255)."""
    return float(np.linalg.norm(first.torso_rgb - second.torso_rgb) / np.sqrt(3.0))


def is_same_place(before: Person, now: Person, config: PersonConfig) -> bool:
    """Whether boxes of successive frames belong to one person: they overlap, alike in size."""
    smaller = min(area(before.box_px), area(now.box_px))
    shared = shared_area(before.box_px, now.box_px)
    return shared >= config.least_overlap * smaller and is_of_like_size(
        before, now, config.most_growth
    )


def is_alike(known: Person, now: Person, config: PersonConfig) -> bool:
    """Whether somebody found again may be the person known: by size and clothing."""
    is_like = is_of_like_size(known, now, config.most_growth)
    return is_like and colour_distance(known, now) <= config.alike_colour


def outline(box_px: FloatArray, image: RgbImage, share: float) -> FloatArray:
    """Widen a box (4,) by a share of its longer side all around, within the picture."""
    reach = share * float(max(box_px[2:] - box_px[:2]))
    height, width = image.shape[:2]
    grown = np.concatenate([box_px[:2] - reach, box_px[2:] + reach])
    return np.asarray(np.clip(grown, 0.0, [width, height, width, height]))


@dataclass(slots=True)
class _Track:
    """Somebody followed over some frames; the weight is largest for the nearest and longest."""

    last: Person
    weight: float = 0.0


class Tracks:
    """The people followed in one shot, by number.

    Somebody who is found again counts as the person known with the same size and clothing, so
    leaving the picture for a while makes no second person.
    """

    def __init__(self, config: PersonConfig) -> None:
        self._config = config
        self._tracks: list[_Track] = []

    def _alike(self, person: Person, taken: Collection[int] = ()) -> list[int]:
        return [
            number
            for number, track in enumerate(self._tracks)
            if number not in taken and is_alike(track.last, person, self._config)
        ]

    def number_of(self, person: Person, taken: Collection[int] = ()) -> int:
        """Find the number of somebody who appears, none of those taken; a new one if needed."""
        alike = self._alike(person, taken)
        if alike:
            return max(alike, key=lambda number: self._tracks[number].weight)
        self._tracks.append(_Track(person))
        return len(self._tracks) - 1

    def add(self, number: int, person: Person) -> None:
        """Add one more frame of a person."""
        track = self._tracks[number]
        track.last, track.weight = person, track.weight + person.size_px

    def last(self, number: int) -> Person:
        """Return the person as found last."""
        return self._tracks[number].last
