"""Find the landmarks of one person in every frame of a video, and of nobody else.

T frames, M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.person.following import (
    CLEARLY_LARGER,
    Person,
    Tracks,
    is_same_place,
    person_of,
    without,
)
from qevd_bio.capture.person.landmarks import CutFinder, Landmarks, M, PoseLandmarker
from qevd_bio.capture.video.decode import RgbImage

MOST_PEOPLE = 3
"""People looked for in one picture."""

RECHECK_FRAMES = 60
"""Every so many frames somebody larger than the person followed is looked for."""

RETURN_FRAMES = 6
"""... and the person of this shot, while another is followed."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person's landmarks in one picture.

    Attributes
    ----------
    image_px, world_m, visibility : ndarray (33, 2), (33, 3), (33,)
        As in `Landmarks`.
    person : Person
        Box, size and clothing.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    person: Person


class PersonFollower(AbstractContextManager["PersonFollower"]):
    """Follow one person through the frames of one shot after the other.

    Parameters
    ----------
    config : CaptureConfig
        Thresholds of the landmarker.

    Notes
    -----
    The landmarker follows whom it found first, and takes the next best when it loses her. So
    people are looked for one after the other, each painted over before the next, when a shot
    begins, when the person is lost or the landmarks leap, and every few frames.
    """

    def __init__(self, config: CaptureConfig) -> None:
        self._tracker = PoseLandmarker(config, follow=True)
        self._single = PoseLandmarker(config, follow=False)
        self._last: Person | None = None
        self._number = -1
        self._followed_for = 0
        self.tracks = Tracks()

    def __exit__(self, *raised: object) -> None:
        for landmarker in (self._tracker, self._single):
            landmarker.__exit__(*raised)

    def begin_shot(self) -> None:
        """Forget everybody: the camera has cut."""
        self._lose()
        self.tracks = Tracks()

    def __call__(self, image: RgbImage) -> tuple[int, Sighting] | None:
        """Find the person in the next frame.

        Parameters
        ----------
        image : ndarray (H, W, 3)
            Contiguous RGB.

        Returns
        -------
        (int, Sighting) or None
            The person's number in `tracks` and landmarks; None when nobody is found.
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

    def _followed(self, image: RgbImage) -> Sighting | None:
        if self._last is None:
            return None
        seen = look(self._tracker, image)
        if seen is not None and is_same_place(self._last, seen.person):
            return seen
        self._lose()
        return None

    def _sought(self, image: RgbImage) -> Sighting | None:
        people: list[Sighting] = []
        while len(people) < MOST_PEOPLE:
            painted = without(image, [p.person for p in people]) if people else image
            seen = look(self._single, painted)
            if seen is None or any(is_same_place(p.person, seen.person) for p in people):
                break
            people.append(seen)
        if not people:
            return None
        largest = max(people, key=lambda p: p.person.size_px)
        known = max(people, key=lambda p: self.tracks.weight_of(p.person))
        is_known = self.tracks.weight_of(known.person) > 0
        chosen = largest
        if is_known and largest.person.size_px <= CLEARLY_LARGER * known.person.size_px:
            chosen = known
        return self._begin(image, chosen, [p.person for p in people if p is not chosen])

    def _begin(self, image: RgbImage, chosen: Sighting, others: list[Person]) -> Sighting:
        """Set the follower on somebody: in its first picture nobody else is to be seen."""
        self._lose()
        self._number = self.tracks.number_of(chosen.person)
        seen = look(self._tracker, without(image, others) if others else image)
        if seen is not None and is_same_place(chosen.person, seen.person):
            return seen
        self._tracker.forget()
        return chosen

    def _recheck_frames(self) -> int:
        return RECHECK_FRAMES if self.tracks.main() in (None, self._number) else RETURN_FRAMES

    def _better_one(self, image: RgbImage, seen: Sighting) -> Sighting:
        """Look for somebody clearly larger, or known for longer."""
        self._followed_for = 0
        other = look(self._single, without(image, [seen.person]))
        if other is None or is_same_place(seen.person, other.person):
            return seen
        times = other.person.size_px / seen.person.size_px
        is_known = self.tracks.weight_of(other.person) > self.tracks.weight_of(seen.person)
        if times > CLEARLY_LARGER or (is_known and times > 1 / CLEARLY_LARGER):
            return self._begin(image, other, [seen.person])
        return seen


def look(landmarker: PoseLandmarker, image: RgbImage) -> Sighting | None:
    """Find one person in one picture (H, W, 3); None when nobody is found."""
    found = landmarker(image)
    if found is None:
        return None
    flat, world, visibility = found
    return Sighting(flat, world, visibility, person_of(image, flat, visibility))


def detect(frames: Iterable[RgbImage], config: CaptureConfig) -> Landmarks:
    """Find the landmarks of one person in every frame of a video.

    Parameters
    ----------
    frames : iterable of ndarray (H, W, 3)
        RGB, all of one size; read once, none kept.
    config : CaptureConfig
        Thresholds.

    Returns
    -------
    Landmarks
        One row per frame; of each shot those of the person who is largest and longest seen.

    Raises
    ------
    EnvironmentProblem
        mediapipe is not installed.
    """
    image_px, world_m, visibility, shots, numbers = [], [], [], [], []
    mains: list[int | None] = []
    size = (0, 0)
    nowhere = (np.full((M, 2), np.nan), np.full((M, 3), np.nan), np.zeros(M))
    cut = CutFinder(config)
    with PersonFollower(config) as follower:
        for image in frames:
            size = (image.shape[1], image.shape[0])
            if cut(image):
                mains.append(follower.tracks.main())
                follower.begin_shot()
            found = follower(image)
            number, seen = found if found is not None else (-1, None)
            flat, world, visible = (
                (seen.image_px, seen.world_m, seen.visibility) if seen is not None else nowhere
            )
            image_px.append(flat)
            world_m.append(world)
            visibility.append(visible)
            shots.append(len(mains))
            numbers.append(number)
        mains.append(follower.tracks.main())
    count = len(shots)
    flat_all = np.array(image_px).reshape(count, M, 2)
    world_all = np.array(world_m).reshape(count, M, 3)
    visibility_all = np.clip(np.array(visibility).reshape(count, M), 0.0, 1.0)
    other = np.array(
        [number not in (-1, mains[shot]) for number, shot in zip(numbers, shots, strict=True)],
        dtype=np.bool_,
    )
    flat_all[other], world_all[other], visibility_all[other] = nowhere
    return Landmarks(
        image_px=flat_all,
        world_m=world_all,
        visibility=visibility_all,
        found=np.isfinite(flat_all[:, 0, 0]),
        somebody_else=other,
        shot=np.array(shots, dtype=np.int64),
        size_px=size,
    )
