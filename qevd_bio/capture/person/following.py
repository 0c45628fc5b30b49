"""Stay with one person while others come, go and pass in front.

T frames, M = 33 landmarks, P people
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray

RgbImage = NDArray[np.uint8]

LEAST_VISIBILITY = 0.3
"""Landmarks seen less are no part of a person's box."""

LEAST_OVERLAP = 0.3
"""Boxes of one person in successive frames share this part of the smaller one."""

MOST_GROWTH = 1.6
"""Sizes of one person differ by no more than this factor, from frame to frame or seen again."""

ALIKE_COLOUR = 40.0
"""Mean torso colours (0..255) of one person seen again differ by no more than this."""

CLEARLY_LARGER = 1.3
"""Another person is preferred to the one followed from this ratio of sizes on."""

_BONES = np.array([(11, 23), (12, 24), (23, 25), (24, 26), (25, 27), (26, 28), (11, 12)])


@dataclass(frozen=True, slots=True)
class Person:
    """One person in one picture.

    Attributes
    ----------
    box_px : ndarray (4,)
        Left, top, right, bottom of the visible landmarks, in pixels.
    torso_rgb : ndarray (3,)
        Mean colour between shoulders and hips, 0 to 255.
    size_px : float
        Longest of trunk, thighs, shanks and shoulder width: in any pose and view one of them
        lies near the picture's plane.
    """

    box_px: FloatArray
    torso_rgb: FloatArray
    size_px: float


def person_of(image: RgbImage, image_px: FloatArray, visibility: FloatArray) -> Person:
    """Describe the person whose landmarks were found.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB.
    image_px : ndarray (33, 2)
        Landmarks in pixels.
    visibility : ndarray (33,)
        Between 0 and 1.

    Returns
    -------
    Person
        Box and colour.
    """
    seen = visibility >= LEAST_VISIBILITY
    points = image_px[seen] if seen.sum() >= 2 else image_px
    torso = image_px[[11, 12, 23, 24]]
    height, width = image.shape[:2]
    low = np.clip(torso.min(axis=0), 0, [width - 1, height - 1]).astype(np.int64)
    high = np.clip(torso.max(axis=0), 0, [width - 1, height - 1]).astype(np.int64) + 1
    patch = image[low[1] : high[1], low[0] : high[0]]
    step = max(1, min(patch.shape[:2]) // 8)
    colour = patch[::step, ::step].reshape(-1, 3).mean(axis=0, dtype=np.float64)
    bones = np.linalg.norm(image_px[_BONES[:, 0]] - image_px[_BONES[:, 1]], axis=1)
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    return Person(box, colour, float(bones.max()))


def _of_like_size(first: Person, second: Person) -> bool:
    small, large = sorted([first.size_px, second.size_px])
    return large <= MOST_GROWTH * small


def is_same_place(before: Person, now: Person) -> bool:
    """Say whether two boxes of successive frames belong to one person.

    Parameters
    ----------
    before, now : Person
        Of two frames that follow each other.

    Returns
    -------
    bool
        True when they overlap and are of like size.
    """
    low = np.maximum(before.box_px[:2], now.box_px[:2])
    high = np.minimum(before.box_px[2:], now.box_px[2:])
    shared = float(np.prod(np.clip(high - low, 0.0, None)))
    smaller = min(float(np.prod(p.box_px[2:] - p.box_px[:2])) for p in (before, now))
    return shared >= LEAST_OVERLAP * smaller and _of_like_size(before, now)


def is_alike(known: Person, now: Person) -> bool:
    """Say whether somebody seen again may be the person known: by size and clothing.

    Parameters
    ----------
    known, now : Person
        Before and after a time without sight.

    Returns
    -------
    bool
        True when size and colour agree.
    """
    colour = float(np.linalg.norm(known.torso_rgb - now.torso_rgb)) / np.sqrt(3.0)
    return _of_like_size(known, now) and colour <= ALIKE_COLOUR


def surroundings(box_px: FloatArray, image: RgbImage, margin: float) -> tuple[slice, slice]:
    """Give the rows and columns of a box with a margin around it.

    Parameters
    ----------
    box_px : ndarray (4,)
        Left, top, right, bottom.
    image : ndarray (H, W, 3)
        The picture the box lies in.
    margin : float
        Part of the box's longer side added on each side.

    Returns
    -------
    (slice, slice)
        Rows and columns inside the picture.
    """
    reach = margin * float(max(box_px[2:] - box_px[:2]))
    height, width = image.shape[:2]
    left, top = np.clip(box_px[:2] - reach, 0, [width, height]).astype(np.int64)
    right, bottom = np.clip(box_px[2:] + reach, 0, [width, height]).astype(np.int64)
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def without(image: RgbImage, people: Sequence[Person]) -> RgbImage:
    """Paint over people with the picture's mean colour.

    Parameters
    ----------
    image : ndarray (H, W, 3)
        RGB.
    people : sequence of Person
        Whom to paint over.

    Returns
    -------
    ndarray (H, W, 3)
        A copy.
    """
    painted = image.copy()
    mean = image[::16, ::16].reshape(-1, 3).mean(axis=0)
    for person in people:
        painted[surroundings(person.box_px, image, 0.1)] = mean
    return painted


@dataclass(frozen=True, slots=True)
class Track:
    """Somebody followed over some frames.

    Attributes
    ----------
    last : Person
        As seen last.
    weight : float
        Sizes added up over the frames: the nearest and longest seen weighs most.
    """

    last: Person
    weight: float


class Tracks:
    """The people followed in one shot, by number.

    Notes
    -----
    Somebody who is found again counts as the person known with the same size and clothing,
    so leaving the picture for a while makes no second person.
    """

    def __init__(self) -> None:
        self._tracks: list[Track] = []

    def weight_of(self, person: Person) -> float:
        """Give the weight of the known person somebody may be; 0 for a new one."""
        return max((t.weight for t in self._tracks if is_alike(t.last, person)), default=0.0)

    def number_of(self, person: Person) -> int:
        """Find the number of somebody who appears; a new one for a new person."""
        alike = [i for i, track in enumerate(self._tracks) if is_alike(track.last, person)]
        if not alike:
            self._tracks.append(Track(person, 0.0))
            return len(self._tracks) - 1
        return max(alike, key=lambda i: self._tracks[i].weight)

    def add(self, number: int, person: Person) -> None:
        """Note that a person is seen in one more frame."""
        track = self._tracks[number]
        self._tracks[number] = replace(track, last=person, weight=track.weight + person.size_px)

    def main(self) -> int | None:
        """Name the person of the shot: the largest, longest seen; None without anybody."""
        weights = [track.weight for track in self._tracks]
        return int(np.argmax(weights)) if weights else None
