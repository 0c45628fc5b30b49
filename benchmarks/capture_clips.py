"""Rendered clips with exactly known motion, and what the detector sees in them, kept in a cache.

T frames, D = 46 DoF, J = 24 joints, P = 12 points of the limbs, F triangles
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.person.follow_person import Landmarks
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.choices import DetectorModel
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES, mirror_q
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.synthetic.body_mesh import Body, load_body, pose_body
from qevd_bio.synthetic.form_errors import with_offsets
from qevd_bio.synthetic.performance import Performance, perform, swings
from qevd_bio.synthetic.render import Camera, project
from qevd_bio.synthetic.scene import (
    OUTFITS,
    View,
    camera_for,
    in_camera_frame,
    level_on_hands_and_feet,
    render_motion,
    stand_on_ground,
)

WIDTH_PX, HEIGHT_PX = 480, 640
_LEG, _ARM = ("femur", "tibia", "talus", "calcn", "toes"), ("humerus", "ulna", "radius", "hand")
_BONES = (
    ("humerus", "ulna", _ARM), ("ulna", "ulna", _ARM), ("ulna", "hand", _ARM),
    ("femur", "tibia", _LEG), ("tibia", "tibia", _LEG), ("tibia", "talus", _LEG),
)  # fmt: skip
POINTS = tuple(
    (f"{first}_{side}", f"{second}_{side}", frozenset(f"{name}_{side}" for name in limb))
    for side in "rl"
    for first, second, limb in _BONES
)
"""Points of a limb: the middle between two joints, and the limb with visible skin there."""
NEEDS = {"elbow_flexion": (0, 1, 2), "shoulder_elevation": (0, 1),
         "knee_flexion": (3, 4, 5), "hip_flexion": (3, 4)}  # fmt: skip
"""Points of one side that show a measure."""
_OUT = {f"{name}_{side}": degrees for name, degrees in (
    ("mtp_angle", -35.0), ("wrist_flexion", -70.0)) for side in "rl"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip to be made: person, exercise and view."""

    group: str
    exercise: str
    build: str
    view: View
    repetition_s: float
    repetitions: int
    rate_hz: float
    outfit: int

    @property
    def prone(self) -> bool:
        """Whether it is done on the floor."""
        return self.exercise in ("pushup", "mountain_climbers", "plank_taps")

    @property
    def name(self) -> str:
        """Name the cached file."""
        return f"{self.group}-{self.exercise}-{self.view.name}-{self.build}"


_REPETITION_S = {"squat": 2.2, "walking_lunges": 4.4, "pushup": 2.2, "jumping_jack": 1.3,
                 "high_knees": 1.6, "squat_kicks": 3.0, "deltoid_stretch": 4.0}  # fmt: skip
_REPETITIONS = {"walking_lunges": 1, "jumping_jack": 3, "deltoid_stretch": 1}
BUILDS = ("man", "woman", "heavy")


def _clips(group: str, exercises: tuple[str, ...], standing: tuple[View, ...],
           floor: tuple[View, ...], rate_hz: float) -> list[Clip]:  # fmt: skip
    return [
        Clip(group, exercise, build, view, _REPETITION_S[exercise],
             _REPETITIONS.get(exercise, 2), rate_hz, (nth + len(exercise)) % len(OUTFITS))
        for exercise in exercises
        for view in (floor if exercise == "pushup" else standing)
        for nth, build in enumerate(BUILDS)
    ]  # fmt: skip


CLIPS: dict[str, list[Clip]] = {
    "grid": _clips(
        "grid",
        ("squat", "walking_lunges", "pushup", "jumping_jack"),
        (
            View("front", 0.0, 3.4, 1.0, 0.0, 44.0),
            View("oblique45", 45.0, 3.4, 1.0, 0.0, 44.0),
            View("side", 90.0, 3.4, 1.0, 0.0, 44.0),
        ),
        (
            View("front", 0.0, 3.0, 0.75, 0.0, 56.0),
            View("oblique45", 45.0, 3.0, 0.75, 0.0, 56.0),
            View("side", 90.0, 3.0, 0.75, 0.0, 56.0),
        ),
        18.0,
    ),
    "other": _clips(
        "other",
        ("squat", "high_knees", "squat_kicks", "pushup", "jumping_jack"),
        (
            View("right20", -20.0, 4.2, 1.3, 6.0, 36.0),
            View("right65", -65.0, 2.9, 0.8, 0.0, 56.0),
        ),
        (View("right70", -70.0, 3.2, 0.9, 8.0, 56.0),),
        15.0,
    ),
}
"""`grid` is the ruler; `other` has views, cameras and exercises that nothing was chosen on."""


@dataclass(frozen=True, slots=True)
class Filmed:
    """A clip before the camera: body, colours (7, 3), camera, and q (T, 46) in the world."""

    clip: Clip
    body: Body
    outfit: FloatArray
    camera: Camera
    time_s: FloatArray
    q: FloatArray


@dataclass(frozen=True, slots=True)
class Seen:
    """A clip with its truth.

    Attributes
    ----------
    skeleton : Skeleton
        The true body.
    landmarks : Landmarks
        What the detector found.
    time_s : ndarray (T,)
        Seconds.
    q : ndarray (T, 46)
        True angles, rad, pelvis in the camera frame.
    joints_m : ndarray (T, 24, 3)
        True joints in the camera frame.
    image_px : ndarray (T, 24, 2)
        Their pictures.
    visible : ndarray (T, P) of bool
        Whether each of `POINTS` shows the skin of its own limb.
    landmark_s : float
        Processor seconds the detector took.
    camera_focal_px : float
        Focal length of the rendering camera.
    """

    clip: Clip
    skeleton: Skeleton
    landmarks: Landmarks
    time_s: FloatArray
    q: FloatArray
    joints_m: FloatArray
    image_px: FloatArray
    visible: BoolArray
    landmark_s: float
    camera_focal_px: float


def _performance(clip: Clip) -> Performance:
    reference = build_reference(load_rules()[clip.exercise])
    if clip.exercise in ("walking_lunges", "high_knees") and len(swings(reference)) == 1:
        reference = np.concatenate([reference[:-1], mirror_q(reference)])
    if clip.prone:
        reference = with_offsets(reference, _OUT, np.ones(len(reference)))
    seed = [len(clip.exercise), round(clip.view.azimuth_deg) + 180, BUILDS.index(clip.build)]
    right = (False,) * clip.repetitions
    rng = np.random.default_rng(seed)
    return perform(reference, reference, right, clip.repetition_s, rng)


def _visible(vertices: FloatArray, joints: FloatArray, body: Body, camera: Camera) -> BoolArray:
    """Find which of `POINTS` of one posed mesh show the skin of their limb (P,)."""
    owner = body.segments[np.arange(len(body.weights)), body.weights.argmax(axis=1)]
    face_owner = owner[body.faces[:, 0]]
    pixels, depth = project(vertices, camera)
    a, b, c = (pixels[body.faces[:, k]] for k in range(3))
    near = depth[body.faces].min(axis=1)
    out = np.zeros(len(POINTS), dtype=bool)
    for k, (first, second, limb) in enumerate(POINTS):
        middle = (joints[JOINT_INDEX[first]] + joints[JOINT_INDEX[second]]) / 2.0
        spot = project(middle, camera)[0]
        turns = [_turn(p, q, spot) for p, q in ((a, b), (b, c), (c, a))]
        inside = np.flatnonzero((np.stack(turns) <= 0).all(axis=0))
        if len(inside) > 0:
            seen = JOINT_NAMES[face_owner[inside[near[inside].argmin()]]]
            out[k] = seen in limb
    return out


def _turn(p: FloatArray, q: FloatArray, spot: FloatArray) -> FloatArray:
    """On which side of each edge a pixel lies (F,)."""
    across = (q[:, 0] - p[:, 0]) * (spot[1] - p[:, 1])
    return np.asarray(across - (q[:, 1] - p[:, 1]) * (spot[0] - p[:, 0]))


def filmed(clip: Clip, body: Body, outfit: FloatArray, performance: Performance) -> Filmed:
    """Put a performance before the camera of a clip."""
    frames = int((float(performance.borders_s[-1]) + 0.3) * clip.rate_hz)
    time_s = np.arange(frames) / clip.rate_hz
    q = performance.q(time_s - 0.15)
    if clip.prone:
        q = level_on_hands_and_feet(q, body)
    camera = camera_for(clip.view, WIDTH_PX, HEIGHT_PX)
    return Filmed(clip, body, outfit, camera, time_s, q)


def _look(film: Filmed, model: DetectorModel) -> Seen:
    """Render a clip and let the detector look at it."""
    clip, body, camera, q = film.clip, film.body, film.camera, film.q
    frames = len(q)
    vertices, joints = pose_body(body, q)
    shift = stand_on_ground(vertices, joints, clip.prone)[:, None]
    vertices, joints = vertices + shift, joints + shift
    flat, world, seen = [], [], []
    spent = 0.0
    with PoseLandmarker(PersonConfig(detector_model=model), follow=True) as look:
        for picture in render_motion(q, body, film.outfit, camera, prone=clip.prone):
            before = time.process_time()
            found = look(np.ascontiguousarray(picture))
            spent += time.process_time() - before
            image, metres, sure = found or (
                np.full((33, 2), np.nan), np.full((33, 3), np.nan), np.zeros(33)
            )  # fmt: skip
            flat.append(image)
            world.append(metres)
            seen.append(sure)
    image_px = np.array(flat)
    landmarks = Landmarks(
        image_px=image_px,
        world_m=np.array(world),
        visibility=np.clip(np.array(seen), 0.0, 1.0),
        found=np.isfinite(image_px[:, 0, 0]),
        somebody_else=np.zeros(frames, dtype=bool),
        shot=np.zeros(frames, dtype=np.int64),
        size_px=(WIDTH_PX, HEIGHT_PX),
    )
    visible = [_visible(v, j, body, camera) for v, j in zip(vertices, joints, strict=True)]
    return Seen(
        clip=clip,
        skeleton=body.skeleton,
        landmarks=landmarks,
        time_s=film.time_s,
        q=in_camera_frame(q, camera),
        joints_m=(joints - camera.position_m) @ camera.rotation.T,
        image_px=project(joints, camera)[0],
        visible=np.array(visible),
        landmark_s=spent,
        camera_focal_px=camera.focal_px,
    )


_STORED = ("time_s", "q", "joints_m", "image_px", "visible")
_FOUND = ("image_px", "world_m", "visibility", "found", "shot")


def seen_clip(clip: Clip, cache: Path, model: DetectorModel) -> Seen:
    """Read a clip from the cache, or render it, look at it, and keep it there."""
    body, outfit = load_body(clip.build), OUTFITS[clip.outfit]

    def film() -> Filmed:
        return filmed(clip, body, outfit, _performance(clip))

    return seen_film(film, clip, body, cache, model)


def seen_film(
    film: Callable[[], Filmed], clip: Clip, body: Body, cache: Path, model: DetectorModel
) -> Seen:
    """Read a clip of a body from the cache, or film it, look at it, and keep it there."""
    path = cache / f"{clip.name}-{model}.npz"
    if not path.is_file():
        made = _look(film(), model)
        cache.mkdir(parents=True, exist_ok=True)
        arrays = {name: getattr(made, name) for name in _STORED}
        arrays |= {f"found_{name}": getattr(made.landmarks, name) for name in _FOUND}
        with path.open("xb") as file:
            np.savez(file, **arrays, spent=made.landmark_s, focal=made.camera_focal_px)
        return made
    with np.load(path, allow_pickle=False) as stored:
        return Seen(
            clip=clip,
            skeleton=body.skeleton,
            landmarks=Landmarks(
                **{name: stored[f"found_{name}"] for name in _FOUND},
                somebody_else=np.zeros(len(stored["time_s"]), dtype=bool),
                size_px=(WIDTH_PX, HEIGHT_PX),
            ),
            **{name: stored[name] for name in _STORED},
            landmark_s=float(stored["spent"]),
            camera_focal_px=float(stored["focal"]),
        )
