"""Rendered clips for `train_feature_standin.py`: many people, views and backgrounds, few pixels.

T = 48 frames of 224 x 160 pixels at 16 Hz

Training and held-out clips differ in all three: the build and clothes of the person, the
direction of the camera, and the kind of background.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.features.extract import RATE_HZ
from qevd_bio.features.pictures import HEIGHT_PX, WIDTH_PX
from qevd_bio.files.atomic import atomic_path
from qevd_bio.synthetic.body_mesh import Body, load_body, pose_body
from qevd_bio.synthetic.performance import Performance, perform_exercise
from qevd_bio.synthetic.render import Camera, draw_mesh, draw_shadow
from qevd_bio.synthetic.scene import (
    LIGHT,
    OUTFITS,
    View,
    camera_for,
    empty_room,
    level_on_hands_and_feet,
    stand_on_ground,
)

EXERCISES = (
    "squat", "pushup", "jumping_jack", "walking_lunges", "high_knees", "good_mornings",
    "butt_kickers", "mountain_climbers", "standing_kicks", "floor_touches",
)  # fmt: skip
FRAMES = 48
TRAINED_BUILDS, HELD_OUT_BUILD = ("man", "woman"), "heavy"
HELD_OUT_AZIMUTH_DEG = {False: (35.0, 55.0), True: (80.0, 100.0)}
"""Directions of the camera kept for the held-out clips, to either side; on the floor (True)."""

_AZIMUTHS_DEG = {False: (0.0, 110.0), True: (60.0, 120.0)}
_REPETITIONS = 6


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """One clip: its number seeds everything that is drawn by chance."""

    number: int
    exercise: str
    is_held_out: bool
    seed: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Pictures (T, 224, 160, 3) of uint8 and the phase (T,) of the exercise's cycle, 0..1."""

    order: ClipOrder
    pictures: ByteArray
    phase: FloatArray


def clip_orders(per_exercise: int, held_out: int, exercises: int, seed: int) -> list[ClipOrder]:
    """List the clips: of each exercise so many to train by, and so many held out."""
    kinds = [False] * per_exercise + [True] * held_out
    wanted = [(name, kind) for kind in kinds for name in EXERCISES[:exercises]]
    return [ClipOrder(n, name, kind, seed) for n, (name, kind) in enumerate(wanted)]


def load_clip(order: ClipOrder, folder: Path) -> Clip:
    """Read a clip's pictures, or render and keep them; a run that was interrupted goes on."""
    performance, start_s = _performed(order)
    time_s = start_s + np.arange(FRAMES) / RATE_HZ
    file = folder / f"{order.number:04d}.npy"
    if not file.is_file():
        pictures = np.stack(list(_rendered(order, performance.q(time_s))))
        with atomic_path(file) as temporary, temporary.open("xb") as opened:
            np.save(opened, pictures, allow_pickle=False)
    held = np.load(file, mmap_mode="r", allow_pickle=False)
    return Clip(order, held, phase_at(performance, time_s))


@cache
def _rules() -> dict[str, Rule]:
    return load_rules()


def _performed(order: ClipOrder) -> tuple[Performance, float]:
    rng = np.random.default_rng((order.seed, order.number, 1))
    rule = _rules()[order.exercise]
    repetition_s = rng.uniform(1.6, 3.0)
    performance = perform_exercise(rule, "", (False,) * _REPETITIONS, repetition_s, rng)
    latest_s = float(performance.borders_s[-1]) - FRAMES / RATE_HZ
    return performance, rng.uniform(0.0, max(0.0, latest_s))


def phase_at(performance: Performance, time_s: FloatArray) -> FloatArray:
    """Return the phase of the cycle (T,), 0..1, at some times within the exercise."""
    grid = np.linspace(0.0, 1.0, 101)
    count = len(performance.is_faulty)
    at = np.array([[performance.when(n, phase) for phase in grid[:-1]] for n in range(count)])
    phases = np.arange(count)[:, None] + grid[:-1]
    ends = [*at.ravel(), performance.borders_s[-1]]
    return np.asarray(np.interp(time_s, ends, [*phases.ravel(), float(count)]) % 1.0)


def _rendered(order: ClipOrder, q: FloatArray) -> Iterator[ByteArray]:
    rng = np.random.default_rng((order.seed, order.number, 2))
    prone = _rules()[order.exercise].posture == "prone"
    build = HELD_OUT_BUILD if order.is_held_out else str(rng.choice(TRAINED_BUILDS))
    body, colours = load_body(build), _outfit(rng, held_out=order.is_held_out)
    camera = camera_for(_view(rng, prone=prone, held_out=order.is_held_out), WIDTH_PX, HEIGHT_PX)
    q = level_on_hands_and_feet(q, body) if prone else q
    behind = _background(rng, camera, prone=prone, held_out=order.is_held_out)
    yield from _drawn(q, body, colours[body.face_part], camera, behind, prone=prone)


def _drawn(
    q: FloatArray,
    body: Body,
    colours: FloatArray,
    camera: Camera,
    behind: ByteArray,
    *,
    prone: bool,
) -> Iterator[ByteArray]:
    vertices, joints = pose_body(body, q)
    vertices += stand_on_ground(vertices, joints, prone)[:, None]
    for mesh in vertices:
        shaded = draw_shadow(behind, mesh, body.faces, camera, LIGHT)
        yield draw_mesh(shaded, mesh, body.faces, colours, camera, LIGHT)


def _outfit(rng: np.random.Generator, *, held_out: bool) -> FloatArray:
    """Skin and hair of one of the people; training shuffles and tints their clothes."""
    outfit = OUTFITS[2 if held_out else rng.integers(2)].copy()
    if not held_out:
        outfit[2:5] = rng.uniform(20, 235, (3, 3))
    return outfit


def _view(rng: np.random.Generator, *, prone: bool, held_out: bool) -> View:
    low, high = HELD_OUT_AZIMUTH_DEG[prone]
    azimuth = rng.uniform(low, high)
    if not held_out:
        first, last = _AZIMUTHS_DEG[prone]
        azimuth = rng.uniform(first, last - (high - low))
        azimuth += (high - low) if azimuth >= low else 0.0
    return View(
        name="made",
        azimuth_deg=float(rng.choice([-1, 1]) * azimuth),
        distance_m=rng.uniform(3.1, 4.2),
        height_m=rng.uniform(0.6, 0.9) if prone else rng.uniform(0.8, 1.2),
        pitch_deg=rng.uniform(0.0, 6.0),
        field_deg=58.0 if prone else 46.0,
    )


def _background(
    rng: np.random.Generator, camera: Camera, *, prone: bool, held_out: bool
) -> ByteArray:
    """Draw what lies behind: a tinted room with furniture, or, held out, slanted stripes."""
    room = empty_room(camera, mat=prone and rng.random() < 0.5).astype(np.float64)
    height, width = room.shape[:2]
    if held_out:
        row, column = np.mgrid[:height, :width]
        slant, wide = rng.uniform(0, math.pi), rng.uniform(14, 40)
        wave = np.sin((row * math.cos(slant) + column * math.sin(slant)) * 2 * math.pi / wide)
        low, high = rng.uniform(30, 225, (2, 3))
        stripes = np.where(wave[..., None] > 0, low, high)
        room[: int(0.66 * height)] = stripes[: int(0.66 * height)]
        return np.asarray(np.clip(room, 0, 255), dtype=np.uint8)
    room = room * rng.uniform(0.35, 1.15, 3)
    for _ in range(rng.integers(0, 7)):
        top, left = rng.integers(0, height), rng.integers(0, width)
        down, across = rng.integers(8, 90, 2)
        room[top : top + down, left : left + across] = rng.uniform(10, 245, 3)
    return np.asarray(np.clip(room, 0, 255), dtype=np.uint8)
