"""Follow the people of a shot from frame to frame, each by her own landmarks.

M = 33 landmarks
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.detector.landmarks import PoseLandmarks
from qevd_bio.capture.person.people import (
    Person,
    colour_distance,
    is_alike,
    is_of_like_size,
    is_same_place,
    person_of,
)
from qevd_bio.capture.person.pose_landmarker import (
    ANKLES,
    ELBOWS,
    HIPS,
    KNEES,
    SHOULDERS,
    WRISTS,
    PoseLandmarker,
)
from qevd_bio.capture.video.decode import RgbImage

_TORSO = [*SHOULDERS, *HIPS]
_PAIRS = np.array([SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES])


def confidence_of(visibility: FloatArray) -> FloatArray:
    """Return how well a person is visible (...,), from 0 to 1, by landmarks (..., 33).

    The mean over shoulders, elbows, wrists, hips, knees and ankles of the more visible of both
    sides: from the side, half of the body is always hidden.
    """
    return np.asarray(visibility[..., _PAIRS].max(axis=-1).mean(axis=-1))


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Landmarks of one person in one picture, as in `Landmarks`."""

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    person: Person

    @property
    def middle_px(self) -> FloatArray:
        """Middle of the trunk (2,)."""
        return np.asarray(self.image_px[_TORSO].mean(axis=0))


@dataclass(slots=True)
class _Known:
    """Somebody known in this shot, with slow means of her looks, place and speed."""

    looks: Person
    middle_px: FloatArray
    speed_px: FloatArray = field(default_factory=lambda: np.zeros(2))
    frame: int = 0
    strange: int = 0

    def unlikeness(self, found: FoundPerson, config: PersonConfig) -> float:
        """How far somebody is from her, by colours and by the place expected."""
        off = found.middle_px - self.middle_px - self.speed_px
        colour = colour_distance(self.looks, found.person) / config.alike_colour
        return colour + float(np.linalg.norm(off)) / found.person.size_px

    def learn(self, found: FoundPerson, frame: int) -> None:
        """Take over what she looks like and where she is."""
        step = found.middle_px - self.middle_px
        self.speed_px = self.speed_px + 0.1 * (step - self.speed_px)
        self.middle_px = found.middle_px
        share = 0.0 if self.strange else 0.05
        rgb = self.looks.torso_rgb + share * (found.person.torso_rgb - self.looks.torso_rgb)
        self.looks, self.frame = replace(found.person, torso_rgb=rgb), frame


class PeopleFollower:
    """Follow up to `most_people` through the frames of one shot after the other.

    Others are looked for every few frames, and more often after somebody was lost. Somebody who
    is found again counts as the person known with the same size and clothing. Where two are
    followed to the same place, as when one walks past the other, the one who belongs there less
    is lost, and looked for again.

    Attributes
    ----------
    seen : dict of int to list of (int, FoundPerson)
        By number: the frames, counted from the first of the video, in which somebody was found.
    """

    def __init__(self, config: PersonConfig) -> None:
        self._config = config
        self._looker = PoseLandmarker(config, follow=False)
        self._frame = -1
        self.begin_shot()

    def begin_shot(self) -> None:
        """Forget everybody: the camera has cut."""
        self.seen: dict[int, list[tuple[int, FoundPerson]]] = {}
        self._known: dict[int, _Known] = {}
        self._trackers: dict[int, PoseLandmarker] = {}
        self._searched = self._lost = -self._config.return_within_frames
        self._searched_for_all = False

    def __call__(self, image: RgbImage) -> None:
        """Find everybody in the next frame, and add them to `seen`."""
        self._frame += 1
        found = {number: self._followed(image, number) for number in self._trackers}
        kept = {number: one for number, one in found.items() if one is not None}
        self._lose_doubles(kept)
        for number in set(self._trackers) - set(kept):
            del self._trackers[number]
            self._lost = self._frame
        if self._is_search_due():
            kept |= self._search(image, kept)
        for number, one in kept.items():
            self._known[number].learn(one, self._frame)
            self.seen.setdefault(number, []).append((self._frame, one))

    def _followed(self, image: RgbImage, number: int) -> FoundPerson | None:
        """Find somebody where she was; None when she is lost."""
        marks = self._trackers[number].find(image)
        if marks is None:
            return None
        found, known = _described(image, marks, self._config), self._known[number]
        if not is_same_place(known.looks, found.person, self._config):
            return None
        if self._has_been_left(number, found):
            del self.seen[number][-known.strange :]
            known.strange = 0
            return None
        return found

    def _has_been_left(self, number: int, found: FoundPerson) -> bool:
        """Whether the landmarks have gone away with somebody of other looks."""
        known, config = self._known[number], self._config
        if colour_distance(known.looks, found.person) < config.strange_colour:
            known.strange = 0
            return False
        known.strange += 1
        rows = self.seen.get(number, [])
        if known.strange < config.strange_frames or len(rows) <= known.strange:
            return False
        _, before = rows[-known.strange]
        way = float(np.linalg.norm(found.middle_px - before.middle_px))
        return way > 0.7 * found.person.size_px

    def _lose_doubles(self, found: dict[int, FoundPerson]) -> None:
        """Remove, of two who are one, the one who belongs there less."""
        for a, b in combinations(sorted(found), 2):
            if a in found and b in found and _is_one(found[a], found[b]):
                off = {n: self._known[n].unlikeness(found[n], self._config) for n in (a, b)}
                del found[max(off, key=lambda number: off[number])]

    def _is_search_due(self) -> bool:
        config, frame = self._config, self._frame
        if len(self._trackers) >= config.most_people:
            return False
        recent = frame - self._lost <= config.return_within_frames
        every = config.return_frames if recent else config.recheck_frames
        return not self._trackers or frame - self._searched >= every

    def _search(self, image: RgbImage, present: dict[int, FoundPerson]) -> dict[int, FoundPerson]:
        """Look for people who are not followed, the surest first."""
        self._searched = self._frame
        new: dict[int, FoundPerson] = {}
        for region in self._looker.regions(image):
            if len(self._trackers) >= self._config.most_people:
                break
            others = [*present.values(), *new.values()]
            centre = np.array([region.x_px, region.y_px])
            if any(_covers(other, centre) for other in others):
                continue
            marks = self._looker.landmarks_in(image, region)
            found = None if marks is None else _described(image, marks, self._config)
            if marks is None or found is None or not self._is_another(found, others):
                continue
            number = self._number_of(found, {*present, *new})
            self._trackers[number] = self._tracker(marks)
            new[number] = found
        return new

    def _is_another(self, found: FoundPerson, others: list[FoundPerson]) -> bool:
        """Whether somebody is none of those present, nor hardly visible beside them."""
        if not others:
            return True
        largest = max(other.person.size_px for other in others)
        return (
            found.person.size_px >= self._config.least_size_share * largest
            and float(confidence_of(found.visibility)) >= self._config.least_confidence
            and not any(_is_one(found, other) for other in others)
        )

    def _tracker(self, marks: PoseLandmarks) -> PoseLandmarker:
        tracker = PoseLandmarker(self._config, follow=True, networks=self._looker.networks)
        tracker.follow(marks)
        return tracker

    def _number_of(self, found: FoundPerson, taken: set[int]) -> int:
        """Return the number of somebody who appears: of a known person like her, or a new one.

        Somebody where a person was lost shortly before may look different, as after a turn.
        """
        config = self._config
        off = {}
        for number, known in self._known.items():
            recent = self._frame - known.frame <= config.return_within_frames
            here = recent and is_same_place(known.looks, found.person, config)
            alike = is_alike(known.looks, found.person, config)
            if number not in taken and (alike or (here and not known.strange)):
                off[number] = replace(known, speed_px=np.zeros(2)).unlikeness(found, config)
        if off:
            return min(off, key=lambda number: off[number])
        number = len(self._known)
        self._known[number] = _Known(found.person, found.middle_px)
        return number


def find_people(
    landmarker: PoseLandmarker, image: RgbImage, config: PersonConfig
) -> list[FoundPerson]:
    """Find the people in one picture, the surest first, each once."""
    people: list[FoundPerson] = []
    for marks in landmarker.find_all(image):
        found = _described(image, marks, config)
        if not any(_is_one(found, other) for other in people):
            people.append(found)
    return people[: config.most_people]


def _described(image: RgbImage, marks: PoseLandmarks, config: PersonConfig) -> FoundPerson:
    person = person_of(image, marks.image_px, marks.visibility, config)
    return FoundPerson(marks.image_px, marks.world_m, marks.visibility, person)


def _is_one(one: FoundPerson, other: FoundPerson) -> bool:
    """Whether two sets of landmarks lie on one body."""
    apart = np.linalg.norm(one.image_px[_TORSO] - other.image_px[_TORSO], axis=1).mean()
    size = min(one.person.size_px, other.person.size_px)
    return bool(apart < 0.4 * size) and is_of_like_size(one.person, other.person, 2.0)


def _covers(other: FoundPerson, point_px: FloatArray) -> bool:
    """Whether a point, the mid-hips of somebody, lies at those of a person already found."""
    hips = other.image_px[list(HIPS)].mean(axis=0)
    return bool(np.linalg.norm(hips - point_px) < 0.4 * other.person.size_px)
