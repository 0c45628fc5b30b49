"""Find the landmarks of the person who exercises in every frame of a video, and of nobody else.

T frames, M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.captured import Notes
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.follow_people import FoundPerson, PeopleFollower, confidence_of
from qevd_bio.capture.person.performer import (
    SeenPerson,
    numbered_shots,
    people_notes,
    performer,
)
from qevd_bio.capture.person.pose_landmarker import (
    ANKLES,
    ELBOWS,
    HIPS,
    KNEES,
    SHOULDERS,
    WRISTS,
    M,
)
from qevd_bio.capture.video.cuts import shot_frames
from qevd_bio.capture.video.decode import RgbImage
from qevd_bio.capture.video.prefetch import prefetched

_FRAMES_AHEAD = 4
"""Decoded and judged for cuts, at most, while the network looks at one."""

_JOINTS = np.array([SHOULDERS, ELBOWS, WRISTS, HIPS, KNEES, ANKLES])
_TRUNK = [*SHOULDERS, *HIPS]


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

    def notes(self) -> Notes:
        """State how many people were seen at once, and where another one was followed."""
        return people_notes(self.people, self.changes)


@dataclass(frozen=True, slots=True)
class PersonLandmarks:
    """Landmarks of one person in the T frames of a shot in which she was found.

    `frames` (T,) count within the video; landmarks are as in `Landmarks`; sizes (T,) as in
    `people.Person`.
    """

    frames: IntArray
    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    size_px: FloatArray

    def seen(self) -> SeenPerson:
        """Keep what shows how she moves."""
        middle_px = self.image_px[:, _TRUNK].mean(axis=1)
        visible = self.visibility[:, _JOINTS] >= 0.5
        return SeenPerson(self.frames, self.world_m[:, _JOINTS], visible, middle_px, self.size_px)


@dataclass(slots=True)
class _Shots:
    """The people of successive shots, and who was chosen in each frame."""

    time_s: FloatArray | None
    expected: Sequence[ExpectedExercise]
    config: VideoConfig
    chosen: list[IntArray] = field(default_factory=list)
    seen: list[dict[int, PersonLandmarks]] = field(default_factory=list)

    def end(self, seen: dict[int, list[tuple[int, FoundPerson]]], last: int, mixed: int) -> None:
        """Choose the person of a shot that ends before a frame, the last ones mixed."""
        first = sum(map(len, self.chosen))
        clear = last - mixed
        within = {number: [row for row in rows if row[0] < clear] for number, rows in seen.items()}
        people = {number: _landmarks(rows) for number, rows in within.items() if rows}
        seen_people = {number: one.seen() for number, one in people.items()}
        config = self.config.person.performer
        # more frames than times are refused elsewhere, when all are counted
        chosen = performer(seen_people, self.time_s, first, last, self.expected, config)
        self.chosen.append(chosen)
        self.seen.append(people)

    def landmarks(self, size_px: tuple[int, int]) -> Landmarks:
        """Keep the landmarks of the people chosen."""
        frames = sum(map(len, self.chosen))
        image_px, world_m = np.full((frames, M, 2), np.nan), np.full((frames, M, 3), np.nan)
        visibility = np.zeros((frames, M))
        anybody = np.zeros(frames, dtype=bool)
        first = 0
        for chosen, people in zip(self.chosen, self.seen, strict=True):
            for number, one in people.items():
                anybody[one.frames] = True
                kept = chosen[one.frames - first] == number
                take = one.frames[kept]
                image_px[take], world_m[take] = one.image_px[kept], one.world_m[kept]
                visibility[take] = np.clip(one.visibility[kept], 0.0, 1.0)
            first += len(chosen)
        shot, changes = numbered_shots(self.chosen)
        found_her = np.isfinite(image_px[:, 0, 0])
        return Landmarks(
            image_px=image_px,
            world_m=world_m,
            visibility=visibility,
            found=found_her,
            somebody_else=anybody & ~found_her,
            shot=shot,
            size_px=size_px,
            changes=changes,
            people=max(map(len, self.seen), default=0),
        )


def _landmarks(rows: list[tuple[int, FoundPerson]]) -> PersonLandmarks:
    return PersonLandmarks(
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
        RGB, all of one size; read once, in another thread, and few are kept.
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
    with prefetched(shot_frames(frames, config), _FRAMES_AHEAD) as shown:
        for frame in shown:
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
