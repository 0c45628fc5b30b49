"""Find the landmarks of one person in every frame of a video, and of nobody else.

T frames, M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.config import PersonConfig, VideoConfig
from qevd_bio.capture.person.people import Person, Tracks, is_same_place, person_of, without
from qevd_bio.capture.person.pose_landmarker import (
    ANKLES,
    ELBOWS,
    HIPS,
    KNEES,
    SHOULDERS,
    WRISTS,
    M,
    PoseLandmarker,
)
from qevd_bio.capture.video.cuts import CutFinder
from qevd_bio.capture.video.decode import RgbImage


@dataclass(frozen=True, slots=True)
class Landmarks:
    """Landmarks of one person in the T frames of a video.

    Attributes
    ----------
    image_px : ndarray (T, 33, 2)
        Pixels, x right and y down; NaN where nobody was found.
    world_m : ndarray (T, 33, 3)
        Metres from mid-hips, camera axes; NaN where nobody was found.
    visibility : ndarray (T, 33)
        Between 0 and 1; 0 where nobody was found.
    found, somebody_else : ndarray (T,) of bool
        Whether the person was found; whether only another one was, who does not count.
    shot : ndarray (T,) of int
        Number of the camera shot, from 0.
    size_px : tuple of int
        Width and height of the pictures.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    found: BoolArray
    somebody_else: BoolArray
    shot: IntArray
    size_px: tuple[int, int]

    def confidence(self) -> FloatArray:
        """Return the visibility of the person in each frame (T,), from 0 to 1.

        The mean over shoulders, elbows, wrists, hips, knees and ankles of the more visible of both
        sides: from the side, half of the body is always hidden.
        """
        pairs = np.array([SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES])
        return np.asarray(self.visibility[:, pairs].max(axis=-1).mean(axis=-1))


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Landmarks of one person in one picture, as in `Landmarks`."""

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    person: Person


def find_person(
    landmarker: PoseLandmarker, image: RgbImage, config: PersonConfig
) -> FoundPerson | None:
    """Find one person in one picture (H, W, 3); None when nobody is found."""
    found = landmarker(image)
    if found is None:
        return None
    flat, world, visibility = found
    return FoundPerson(flat, world, visibility, person_of(image, flat, visibility, config))


def find_people(
    landmarker: PoseLandmarker, image: RgbImage, config: PersonConfig
) -> list[FoundPerson]:
    """Find people one after the other, each painted over before the next is looked for."""
    people: list[FoundPerson] = []
    while len(people) < config.most_people:
        found = find_person(landmarker, without(image, [p.person for p in people]), config)
        if found is None or any(is_same_place(p.person, found.person, config) for p in people):
            break
        people.append(found)
    return people


class PersonFollower(AbstractContextManager["PersonFollower"]):
    """Follow one person through the frames of one shot after the other.

    The landmarker follows whom it found first, and takes the next best when it loses her. So
    people are looked for one after the other, each painted over before the next, when a shot
    begins, when the person is lost or the landmarks leap, and every few frames.
    """

    def __init__(self, config: PersonConfig) -> None:
        self._config = config
        self._tracker = PoseLandmarker(config, follow=True)
        self._single = PoseLandmarker(config, follow=False)
        self._last: Person | None = None
        self._number = -1
        self._followed_for = 0
        self.tracks = Tracks(self._config)

    def __exit__(self, *raised: object) -> None:
        for landmarker in (self._tracker, self._single):
            landmarker.__exit__(*raised)

    def begin_shot(self) -> None:
        """Forget everybody: the camera has cut."""
        self._lose()
        self.tracks = Tracks(self._config)

    def __call__(self, image: RgbImage) -> tuple[int, FoundPerson] | None:
        """Find the person in the next frame; None when nobody is found.

        Returns the person's number in `tracks` and the landmarks.
        """
        seen = self._followed(image) or self._sought(image)
        if seen is not None and self._followed_for >= self._recheck_frames():
            seen = self._better_one(image, seen)
        if seen is None:
            return None
        self._last = seen.person
        self._followed_for += 1
        self.tracks.add(self._number, seen.person)
        return self._number, seen

    def _lose(self) -> None:
        self._tracker.forget()
        self._last, self._followed_for = None, 0

    def _followed(self, image: RgbImage) -> FoundPerson | None:
        if self._last is None:
            return None
        seen = find_person(self._tracker, image, self._config)
        if seen is not None and is_same_place(self._last, seen.person, self._config):
            return seen
        self._lose()
        return None

    def _sought(self, image: RgbImage) -> FoundPerson | None:
        people = find_people(self._single, image, self._config)
        if not people:
            return None
        largest = max(people, key=lambda p: p.person.size_px)
        known = max(people, key=lambda p: self.tracks.weight_of(p.person))
        is_known = self.tracks.weight_of(known.person) > 0
        most_px = self._config.clearly_larger * known.person.size_px
        chosen = known if is_known and largest.person.size_px <= most_px else largest
        return self._begin(image, chosen, [p.person for p in people if p is not chosen])

    def _begin(self, image: RgbImage, chosen: FoundPerson, others: list[Person]) -> FoundPerson:
        """Start following somebody: the other people are masked in the first picture."""
        self._lose()
        self._number = self.tracks.number_of(chosen.person)
        seen = find_person(self._tracker, without(image, others), self._config)
        if seen is not None and is_same_place(chosen.person, seen.person, self._config):
            return seen
        self._tracker.forget()
        return chosen

    def _recheck_frames(self) -> int:
        is_main = self.tracks.main() in (-1, self._number)
        return self._config.recheck_frames if is_main else self._config.return_frames

    def _better_one(self, image: RgbImage, seen: FoundPerson) -> FoundPerson:
        """Look for somebody clearly larger, or known for longer."""
        self._followed_for = 0
        other = find_person(self._single, without(image, [seen.person]), self._config)
        if other is None or is_same_place(seen.person, other.person, self._config):
            return seen
        times = other.person.size_px / seen.person.size_px
        is_known = self.tracks.weight_of(other.person) > self.tracks.weight_of(seen.person)
        clearly = self._config.clearly_larger
        if times > clearly or (is_known and times > 1 / clearly):
            return self._begin(image, other, [seen.person])
        return seen


def detect(frames: Iterable[RgbImage], config: VideoConfig) -> Landmarks:
    """Find the landmarks of one person in every frame of a video.

    Frames (H, W, 3) are RGB, all of one size; they are read once and none is kept. In each shot
    the person who is largest and longest in view counts.
    """
    rows: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    shots, numbers, mains = [], [], []
    size = (0, 0)
    nowhere = (np.full((M, 2), np.nan), np.full((M, 3), np.nan), np.zeros(M))
    cut = CutFinder(config)
    with PersonFollower(config.person) as follower:
        for image in frames:
            size = (image.shape[1], image.shape[0])
            if cut(image):
                mains.append(follower.tracks.main())
                follower.begin_shot()
            number, found = follower(image) or (-1, None)
            row = nowhere if found is None else (found.image_px, found.world_m, found.visibility)
            rows.append(row)
            shots.append(len(mains))
            numbers.append(number)
        mains.append(follower.tracks.main())
    image_px, world_m, visibility = (
        np.array([row[part] for row in rows]).reshape(len(rows), *nowhere[part].shape)
        for part in range(3)
    )
    visibility = np.clip(visibility, 0.0, 1.0)
    other = np.array(
        [number not in (-1, mains[shot]) for number, shot in zip(numbers, shots, strict=True)],
        dtype=np.bool_,
    )
    image_px[other], world_m[other], visibility[other] = nowhere
    return Landmarks(
        image_px=image_px,
        world_m=world_m,
        visibility=visibility,
        found=np.isfinite(image_px[:, 0, 0]),
        somebody_else=other,
        shot=np.array(shots, dtype=np.int64),
        size_px=size,
    )
