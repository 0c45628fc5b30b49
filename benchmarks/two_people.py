"""Whom capture follows when somebody else is in the picture: drawn people in a drawn room.

Run ``python -m benchmarks.two_people [--model full]``. One person squats; another stands by on
either side, stands nearer, walks through in front or behind, or is her image in a mirror.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.capture.config import PersonConfig, VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.follow_person import detect
from qevd_bio.capture.person.pose_landmarker import HIPS, SHOULDERS
from qevd_bio.exercises.expected import expected_exercise
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.scene import OUTFITS, VIEWS, camera_for, empty_room, render_motion

RATE_HZ, SQUAT_S, FRAMES = 24, 2.4, 144
WIDTH, HEIGHT = 240, 400
CAMERA = camera_for(VIEWS["front"], WIDTH, HEIGHT)


@dataclass(frozen=True, slots=True)
class Figure:
    """Somebody cut out of her room: pictures (T, H, W, 3), where she is in them, and her place.

    `left_px` (T,) is where her picture begins; `scale` enlarges it.
    """

    pictures: ByteArray
    shown: ByteArray
    left_px: FloatArray
    scale: float = 1.0

    def paste(self, wall: ByteArray, frame: int) -> None:
        """Draw her picture of a frame onto a wall (H, W, 3), feet at the same height."""
        rows = np.clip(np.arange(int(HEIGHT * self.scale)) / self.scale, 0, HEIGHT - 1).astype(int)
        columns = np.clip(np.arange(int(WIDTH * self.scale)) / self.scale, 0, WIDTH - 1).astype(
            int
        )
        image = self.pictures[frame][np.ix_(rows, columns)]
        mask = self.shown[frame][np.ix_(rows, columns)].astype(bool)
        y, x = np.nonzero(mask)
        top = HEIGHT - 20 - int((HEIGHT - 20) * self.scale)
        at_y, at_x = y + top, x + int(self.left_px[frame] + WIDTH * (1.0 - self.scale) / 2)
        inside = (at_y >= 0) & (at_y < HEIGHT) & (at_x >= 0) & (at_x < wall.shape[1])
        wall[at_y[inside], at_x[inside]] = image[y[inside], x[inside]]


def drawn(poses: FloatArray, build: str, outfit: int, left_px: FloatArray, scale: float) -> Figure:
    """Draw poses in the room once for each of them that differs."""
    room = empty_room(CAMERA, mat=False)
    unique, place = np.unique(poses, axis=0, return_inverse=True)
    images = np.array(
        list(render_motion(unique, load_body(build), OUTFITS[outfit], CAMERA, prone=False))
    )
    shown = (np.abs(images.astype(int) - room.astype(int)).max(axis=-1) > 3).astype(np.uint8)
    return Figure(images[place.ravel()], shown[place.ravel()], left_px, scale)


def scenes() -> dict[str, tuple[list[Figure], int]]:
    """Name the scenes: their figures from back to front, and which of them squats."""
    reference = build_reference(load_rules()["squat"])
    phase = (np.arange(FRAMES) / RATE_HZ / SQUAT_S * 30 % 30).astype(int) * 100 // 30
    squats, still = reference[phase], np.repeat(reference[:1], FRAMES, axis=0)
    here, beside = np.full(FRAMES, float(WIDTH)), np.full(FRAMES, 0.0)
    through = np.linspace(-WIDTH, 3.0 * WIDTH, FRAMES)

    def she(left: FloatArray) -> Figure:
        return drawn(squats, "woman", 0, left, 1.0)

    def he(left: FloatArray, scale: float = 1.0) -> Figure:
        return drawn(still, "man", 1, left, scale)

    image = drawn(squats, "woman", 0, beside, 0.7)
    mirrored = Figure(image.pictures[:, :, ::-1], image.shown[:, :, ::-1], beside, 0.7)
    return {
        "alone": ([she(here)], 0),
        "idle one on the left": ([he(beside), she(here)], 1),
        "idle one on the right": ([she(beside), he(here)], 0),
        "idle one, 1.2 times as large": ([she(here), he(beside, 1.2)], 0),
        "a walker in front": ([she(here), he(through)], 0),
        "a walker behind": ([he(through), she(here)], 1),
        "her image in a mirror": ([mirrored, she(here)], 1),
    }


def wall_pictures(figures: list[Figure]) -> Callable[[], list[ByteArray]]:
    """Return a function that draws all frames."""

    def draw() -> list[ByteArray]:
        room = empty_room(CAMERA, mat=False)
        pictures = []
        for frame in range(FRAMES):
            wall = np.concatenate([room[:, ::-1], room, room[:, ::-1]], axis=1)
            for figure in figures:
                figure.paste(wall, frame)
            pictures.append(np.ascontiguousarray(wall))
        return pictures

    return draw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["heavy", "full"], default="heavy")
    options = parser.parse_args()
    config = VideoConfig(person=PersonConfig(detector_model=options.model))
    named = expected_exercise(load_rules()["squat"], 0, FRAMES)
    time_s = np.arange(FRAMES) / RATE_HZ
    print("| scene | exercise | frames on her | on somebody else | people seen | changes |")
    print("|---|---|---|---|---|---|")
    for scene, (figures, she) in scenes().items():
        pictures = wall_pictures(figures)()
        for exercises in ([named], list[ExpectedExercise]()):
            found = detect(pictures, config, time_s, exercises)
            middle = found.image_px[:, [*SHOULDERS, *HIPS], 0].mean(axis=1)
            off = np.abs(middle - figures[she].left_px - WIDTH / 2)
            hers, others = (off < 45).sum(), (off >= 45).sum()
            print(
                f"| {scene} | {'named' if exercises else 'not named'} | {hers} of {FRAMES} "
                f"| {others} | {found.people} | {len(found.changes)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
