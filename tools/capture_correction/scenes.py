"""Random people, clothes, rooms, cameras and picture faults to render motions with.

T frames, V vertices, F triangles, H, W picture size in pixels
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

from qevd_bio.arrays import ByteArray, FloatArray, IntArray
from qevd_bio.skeleton.dofs import JOINT_INDEX, JOINT_NAMES
from qevd_bio.synthetic.body_mesh import PARTS, Body
from qevd_bio.synthetic.render import Camera, Light, draw_mesh, draw_shadow, vertex_normals
from qevd_bio.synthetic.scene import View, camera_for, empty_room

SIZES = ((288, 384), (216, 384), (270, 360), (384, 288), (448, 252))
HELD_OUT_AZIMUTHS = ((-50.0, -35.0), (100.0, 120.0))
"""Views that no training clip has, in degrees."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything but the motion."""

    body: Body
    colours: FloatArray
    camera: Camera
    room: ByteArray
    light: Light
    overlay: ByteArray
    overlay_mask: FloatArray
    blur_px: float
    noise: float
    jpeg: int


def draw_camera(
    rng: np.random.Generator, low: FloatArray, high: FloatArray
) -> tuple[Camera, float]:
    """Aim a camera at a box (3,), (3,) in the world; return it and its azimuth."""
    width, height = SIZES[rng.integers(len(SIZES))]
    tall, wide = float(high[1] - low[1]), float(max(high[0] - low[0], high[2] - low[2]))
    azimuth = _azimuth(rng)
    field = rng.uniform(34.0, 72.0)
    half = math.tan(math.radians(field) / 2.0)
    share = rng.uniform(0.6, 1.06)
    vertical = half * min(1.0, height / width)
    across = half * min(1.0, width / height)
    distance = max(tall / (2 * vertical * share), 0.9 * wide / (2 * across * share)) + 0.35 * wide
    raised = float(np.clip(rng.normal(1.0, 0.45), 0.2, 2.3))
    middle = float(low[1] + high[1]) / 2.0
    level = rng.random() < 0.75
    pitch = 0.0 if level else math.degrees(math.atan2(raised - middle, distance))
    raised = float(np.clip(middle + rng.normal(0.0, 0.12 * tall), 0.2, 2.3)) if level else raised
    view = View("drawn", azimuth, distance, raised, pitch + rng.normal(0.0, 2.5), field)
    camera = camera_for(view, width, height)
    roll = math.radians(rng.normal(0.0, 1.5))
    turned = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0],
                       [0, 0, 1.0]])  # fmt: skip
    aside = camera.rotation[0] * rng.normal(0.0, 0.07) * distance * across
    return replace(
        camera, rotation=turned @ camera.rotation, position_m=camera.position_m + aside
    ), azimuth


def _azimuth(rng: np.random.Generator) -> float:
    while True:
        azimuth = rng.choice([0.0, 45.0, -45.0, 90.0, -90.0, 180.0]) + rng.normal(0.0, 12.0) \
            if rng.random() < 0.5 else rng.uniform(-180.0, 180.0)  # fmt: skip
        azimuth = float((azimuth + 180.0) % 360.0 - 180.0)
        if abs(azimuth) > 110.0 and rng.random() < 0.75:
            continue  # few people film from behind
        if not any(low <= azimuth <= high for low, high in HELD_OUT_AZIMUTHS):
            return azimuth


def draw_scene(
    rng: np.random.Generator, body: Body, camera: Camera, *, person_box: tuple[float, ...]
) -> Scene:
    """Draw clothes, room, light and picture faults; the box is the person's, in pixels."""
    light = Light(
        direction=np.array([rng.normal(0, 0.7), 1.0, rng.normal(0, 0.7)]),
        ambient=rng.uniform(0.2, 0.5), diffuse=rng.uniform(0.4, 0.85))  # fmt: skip
    dressed, part = _dressed(body, rng)
    overlay, mask = _occluders(rng, camera, person_box)
    return Scene(
        body=dressed, colours=_colours(dressed, part, rng), camera=camera,
        room=_room(rng, camera), light=light, overlay=overlay, overlay_mask=mask,
        blur_px=float(rng.choice([0.0, 0.0, rng.uniform(0.3, 1.4)])),
        noise=float(rng.choice([0.0, rng.uniform(1.0, 9.0)])), jpeg=int(rng.integers(25, 92)),
    )  # fmt: skip


def pictures(scene: Scene, vertices: FloatArray, rng: np.random.Generator) -> Iterator[ByteArray]:
    """Draw each posed mesh (T, V, 3) in the world."""
    shadow = rng.random() < 0.5
    for mesh in vertices:
        shaded = scene.room
        if shadow:
            shaded = draw_shadow(scene.room, mesh, scene.body.faces, scene.camera, scene.light)
        drawn = draw_mesh(
            shaded, mesh, scene.body.faces, scene.colours, scene.camera, scene.light
        ).astype(np.float32)
        mask = scene.overlay_mask[..., None]
        drawn = drawn * (1 - mask) + scene.overlay * mask
        if scene.blur_px:
            drawn = gaussian_filter(drawn, (scene.blur_px, scene.blur_px, 0))
        if scene.noise:
            drawn = drawn + rng.normal(0.0, scene.noise, drawn.shape).astype(np.float32)
        yield _compressed(np.clip(drawn, 0, 255).astype(np.uint8), scene.jpeg)


def _compressed(picture: ByteArray, quality: int) -> ByteArray:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=quality)
    return np.asarray(Image.open(held).convert("RGB"))


def _dressed(body: Body, rng: np.random.Generator) -> tuple[Body, IntArray]:
    """Cut sleeves and trousers anew (F,), and let cloth and hair stand off the skin."""
    owner = body.segments[np.arange(len(body.weights)), body.weights.argmax(axis=1)]
    names = np.array([JOINT_NAMES[o].removesuffix("_r").removesuffix("_l") for o in owner])
    main = names[body.faces[:, 0]]
    centre = body.vertices_m[body.faces].mean(axis=1)
    part = body.face_part.copy()
    sleeve = rng.choice([0.2, 0.55, 0.55, 1.3, 1.95])
    leg = rng.choice([0.35, 0.62, 0.62, 1.0, 1.55, 1.93, 1.93])
    skin, shirt, shorts = (PARTS.index(n) for n in ("skin", "shirt", "shorts"))
    for chain, limit, cloth in (
        ((("humerus", "ulna"), ("ulna", "hand")), sleeve, shirt),
        ((("femur", "tibia"), ("tibia", "talus")), leg, shorts),
    ):
        for nth, (start, end) in enumerate(chain):
            mine = np.isin(main, ("ulna", "radius") if start == "ulna" else (start,))
            along = _along(centre, body, start, end) + nth
            cut = mine & np.isin(part, (skin, cloth))
            part[cut] = np.where(along[cut] < limit, cloth, skin)
    normals = vertex_normals(body.vertices_m, body.faces)
    stands = np.zeros(len(body.vertices_m))
    for name, most in (("shirt", 0.022), ("shorts", 0.022), ("hair", 0.04)):
        stands[np.unique(body.faces[part == PARTS.index(name)])] = rng.uniform(0.0, most)
    wave = 0.5 + 0.5 * np.sin(body.vertices_m @ rng.normal(0.0, 25.0, 3) + rng.uniform(0, 6))
    moved = body.vertices_m + normals * (stands * (0.5 + 0.5 * wave))[:, None]
    return replace(body, vertices_m=moved), part


def _along(centre: FloatArray, body: Body, start: str, end: str) -> FloatArray:
    share = np.empty(len(centre))
    for side, mine in (("r", centre[:, 0] < 0), ("l", centre[:, 0] >= 0)):
        a, b = (body.modelled_joints_m[JOINT_INDEX[f"{n}_{side}"]] for n in (start, end))
        share[mine] = (centre[mine] - a) @ (b - a) / ((b - a) @ (b - a))
    return share


def _colour(rng: np.random.Generator) -> FloatArray:
    grey = rng.uniform(15, 245)
    return np.clip(grey + rng.normal(0, 60, 3) * rng.choice([0.1, 1.0]), 5, 250)


def _colours(body: Body, part: IntArray, rng: np.random.Generator) -> FloatArray:
    """Colour every triangle (F, 3): plain, striped or speckled cloth."""
    tone = rng.uniform(0.0, 1.0)
    skin = tone * np.array([244.0, 208, 180]) + (1 - tone) * np.array([70.0, 46, 34])
    of = {"skin": skin, "eyes": (40, 36, 36), "lips": skin * np.array([0.8, 0.55, 0.55])}
    palette = np.array([of.get(name, _colour(rng)) for name in PARTS], dtype=float)
    colours = palette[part]
    centre = body.vertices_m[body.faces].mean(axis=1)
    for name in ("shirt", "shorts", "hair", "shoes"):
        mine = part == PARTS.index(name)
        style = rng.integers(4)
        if style == 1:
            stripe = np.sin(centre[mine] @ rng.normal(0, 60.0, 3) + rng.uniform(0, 6)) > 0
            colours[mine] = np.where(stripe[:, None], _colour(rng), colours[mine])
        elif style == 2:
            colours[mine] *= rng.uniform(0.6, 1.3, (int(mine.sum()), 1))
    if rng.random() < 0.25:
        shirt, shorts = PARTS.index("shirt"), PARTS.index("shorts")
        colours[part == shorts] = palette[shirt]
    return np.clip(colours * rng.uniform(0.97, 1.03, (len(colours), 1)), 0, 255)


def _room(rng: np.random.Generator, camera: Camera) -> ByteArray:
    """Draw a random place: a tinted room or a blurred jumble, with things in it."""
    size = (camera.height, camera.width)
    cells = int(rng.integers(2, 14))
    coarse = rng.uniform(10, 245, (cells, cells, 3)) * rng.choice([0.5, 1.0])
    jumble = np.stack([zoom(coarse[..., k], (size[0] / cells, size[1] / cells), order=1)
                       for k in range(3)], axis=-1)[: size[0], : size[1]]  # fmt: skip
    plain = empty_room(camera, mat=bool(rng.random() < 0.4)).astype(float)
    plain = plain * rng.uniform(0.4, 1.15, 3) + rng.normal(0, 20, 3)
    share = rng.choice([0.0, 0.25, 0.6, 1.0])
    room = plain * (1 - share) + jumble * share
    for _ in range(rng.integers(0, 9)):
        top, left = rng.integers(0, size[0]), rng.integers(0, size[1])
        tall, wide = rng.integers(4, size[0] // 2), rng.integers(4, size[1] // 3)
        spot = room[top : top + tall, left : left + wide]
        spot[:] = spot * 0.2 + 0.8 * _colour(rng)
    room += gaussian_filter(rng.normal(0, 1, (*size, 1)), (1, 1, 0)) * rng.uniform(0, 25)
    return np.clip(room, 0, 255).astype(np.uint8)


def _occluders(
    rng: np.random.Generator, camera: Camera, box: tuple[float, ...]
) -> tuple[ByteArray, FloatArray]:
    """Put something in front of the person, seldom (H, W, 3) and its mask (H, W)."""
    size = (camera.height, camera.width)
    picture, mask = np.zeros((*size, 3), dtype=np.uint8), np.zeros(size, dtype=np.float32)
    if rng.random() < 0.08:
        left, top, right, bottom = box
        tall, wide = bottom - top, right - left
        h = tall * rng.uniform(0.05, 0.35)
        w = max(wide, 0.3 * tall) * rng.uniform(0.1, 0.6)
        y, x = rng.uniform(top, bottom), rng.uniform(left, right)
        rows = slice(int(np.clip(y - h / 2, 0, size[0])), int(np.clip(y + h / 2, 0, size[0])))
        columns = slice(int(np.clip(x - w / 2, 0, size[1])), int(np.clip(x + w / 2, 0, size[1])))
        picture[rows, columns] = _colour(rng)
        mask[rows, columns] = 1.0
    return picture, mask
