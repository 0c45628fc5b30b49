"""Find the landmarks of the person who exercises in every frame of a video, and of nobody else.

T frames, M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.follow_people import FoundPerson, PeopleFollower, confidence_of
from qevd_bio.capture.person.performer import SeenPerson, performer
from qevd_bio.capture.person.pose_landmarker import M
from qevd_bio.capture.video.cuts import shot_frames
from qevd_bio.capture.video.decode import RgbImage

_ASSUMED_RATE_HZ = 30.0


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
        Number of the camera shot, from 0. Where another person is followed from some frame of
        a shot on, a new number begins.
    size_px : tuple of int
        Width and height of the pictures.
    changes : tuple of int
        First frames of those numbers that begin with another person and no cut.
    people : int
        People seen in the shot with most of them.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    found: BoolArray
    somebody_else: BoolArray
    shot: IntArray
    size_px: tuple[int, int]
    changes: tuple[int, ...] = ()
    people: int = 1

    def confidence(self) -> FloatArray:
        """Return the visibility of the person in each frame (T,), from 0 to 1."""
        return confidence_of(self.visibility)

    def notes(self) -> dict[str, int | float | str | bool]:
        """State how many people were seen at once, and where another one was followed."""
        return {
            "people_seen": self.people,
            "person_changes": ", ".join(f"frame {frame}" for frame in self.changes),
        }


@dataclass(slots=True)
class _Shots:
    """The people of successive shots, and who was chosen in each frame."""

    time_s: FloatArray | None
    expected: Sequence[ExpectedExercise]
    config: VideoConfig
    chosen: list[IntArray] = field(default_factory=list)
    seen: list[dict[int, SeenPerson]] = field(default_factory=list)

    def end(self, seen: dict[int, list[tuple[int, FoundPerson]]], last: int, mixed: int) -> None:
        """Choose the person of a shot that ends before a frame, the last ones mixed."""
        first = sum(map(len, self.chosen))
        clear = last - mixed
        within = {number: [row for row in rows if row[0] < clear] for number, rows in seen.items()}
        people = {number: _seen_person(rows) for number, rows in within.items() if rows}
        # more frames than times are refused elsewhere, when all are counted
        given = self.time_s
        if given is None or len(given) < last:
            given = np.arange(last) / _ASSUMED_RATE_HZ
        config = self.config.person.performer
        self.chosen.append(performer(people, given, first, last, self.expected, config))
        self.seen.append(people)

    def landmarks(self, size_px: tuple[int, int]) -> Landmarks:
        """Keep the landmarks of the people chosen."""
        frames = sum(map(len, self.chosen))
        image_px, world_m = np.full((frames, M, 2), np.nan), np.full((frames, M, 3), np.nan)
        visibility = np.zeros((frames, M))
        anybody, numbers = np.zeros(frames, dtype=bool), np.zeros(frames, dtype=np.int64)
        changes: list[int] = []
        first = part = 0
        for chosen, people in zip(self.chosen, self.seen, strict=True):
            turns = np.concatenate([[0], np.diff(chosen) != 0]).astype(np.int64)[: len(chosen)]
            changes += [first + int(i) for i in np.flatnonzero(turns)]
            numbers[first : first + len(chosen)] = part + np.cumsum(turns)
            for number, one in people.items():
                anybody[one.frames] = True
                kept = chosen[one.frames - first] == number
                take = one.frames[kept]
                image_px[take], world_m[take] = one.image_px[kept], one.world_m[kept]
                visibility[take] = np.clip(one.visibility[kept], 0.0, 1.0)
            first += len(chosen)
            part = int(numbers[first - 1]) + 1 if len(chosen) else part
        found_her = np.isfinite(image_px[:, 0, 0])
        return Landmarks(
            image_px=image_px,
            world_m=world_m,
            visibility=visibility,
            found=found_her,
            somebody_else=anybody & ~found_her,
            shot=numbers,
            size_px=size_px,
            changes=tuple(changes),
            people=max(map(len, self.seen), default=0),
        )


def _seen_person(rows: list[tuple[int, FoundPerson]]) -> SeenPerson:
    return SeenPerson(
        frames=np.array([frame for frame, _ in rows], dtype=np.int64),
        image_px=np.array([found.image_px for _, found in rows]),
        world_m=np.array([found.world_m for _, found in rows]),
        visibility=np.array([found.visibility for _, found in rows]),
        size_px=np.array([found.person.size_px for _, found in rows]),
    )


def detect(
    frames: Iterable[RgbImage],
    config: VideoConfig,
    time_s: FloatArray | None = None,
    expected: Sequence[ExpectedExercise] = (),
) -> Landmarks:
    """Find the landmarks of the person who exercises in every frame of a video.

    Parameters
    ----------
    frames : iterable of ndarray (H, W, 3)
        RGB, all of one size; read once, and none is kept but the last.
    config : VideoConfig
        Settings.
    time_s : ndarray, optional
        Seconds of the frames; 30 a second if not given.
    expected : sequence of ExpectedExercise
        The exercises named, if any.

    Returns
    -------
    Landmarks
        In each shot those of the one who performs the exercise (`performer`).
    """
    shots = _Shots(time_s, expected, config)
    follower = PeopleFollower(config.person)
    size, count = (0, 0), 0
    for frame in shot_frames(frames, config):
        size = (frame.image.shape[1], frame.image.shape[0])
        if frame.begins:
            shots.end(follower.seen, count, frame.mixed_before)
            follower.begin_shot()
        follower(frame.image)
        count += 1
    if count:
        shots.end(follower.seen, count, 0)
        follower.begin_shot()  # what `shots` keeps as arrays needs no second copy
    return shots.landmarks(size)
