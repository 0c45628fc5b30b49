"""Put a body into a room in front of a camera.

T frames, D = 46 DoF, J = 24 joints, V vertices, H, W picture size in pixels

World: x to the left of a person with pelvis angles of 0, y up, z forward, metres; the ground is
y = 0. A motion *in the world* has the pelvis upright at q0..2 = 0; in the camera frame (x right, y
down, z away), in which backends measure, only q0..2 differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.errors import UsageError
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_DOFS
from qevd_bio.synthetic.body_mesh import Body, pose_body
from qevd_bio.synthetic.render import Camera, Light, draw_mesh, draw_shadow

_CHUNK_FRAMES = 32
_FEET = tuple(JOINT_INDEX[f"{n}_{s}"] for n in ("calcn", "toes") for s in "rl")
_HANDS = tuple(JOINT_INDEX[f"{n}_{s}"] for n in ("ulna", "radius", "hand") for s in "rl")
_LEVELLING_ROUNDS = 4
_HEAD_ROOM_M = 0.18  # the head lies beyond the hands, so the body's middle is nearer the feet


@dataclass(frozen=True, slots=True)
class View:
    """Where the camera stands.

    Attributes
    ----------
    name : str
        For records and messages.
    azimuth_deg : float
        0 looks at the person's front, 90 at the left side, -90 at the right side.
    distance_m, height_m : float
        Of the camera from the person's place on the ground.
    pitch_deg : float
        Downward tilt; 0 keeps the picture's down and gravity's down the same.
    field_deg : float
        Angle of view across the longer side of the picture.
    """

    name: str
    azimuth_deg: float
    distance_m: float
    height_m: float
    pitch_deg: float
    field_deg: float


VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("front", 0.0, 3.4, 1.0, 0.0, 44.0),
        View("oblique45", 45.0, 3.4, 1.0, 0.0, 44.0),
        View("side", 90.0, 3.4, 1.0, 0.0, 44.0),
        View("floor_side", 90.0, 3.0, 0.75, 0.0, 56.0),
    )
}


_SHOES, _EYES, _LIPS = (235, 235, 235), (40, 36, 36), (168, 84, 78)
OUTFITS: FloatArray = np.array(
    [
        [(224, 172, 140), (58, 40, 30), (200, 45, 50), (38, 50, 95), _SHOES, _EYES, _LIPS],
        [(150, 104, 78), (28, 22, 20), (60, 150, 170), (45, 45, 48), _SHOES, _EYES, _LIPS],
        [(236, 190, 160), (120, 84, 48), (70, 120, 60), (52, 40, 70), _SHOES, _EYES, _LIPS],
    ],
    dtype=np.float64,
)
"""Colours of the body's `PARTS`, RGB 0..255 (3, 7, 3)."""
LIGHT = Light(direction=np.array([0.45, 1.0, 0.75]), ambient=0.30, diffuse=0.78)


def camera_for(view: View, width: int, height: int) -> Camera:
    """Set up the camera of a view for pictures of a size in pixels.

    It looks at the vertical axis over the world's origin. Rows of its rotation are right, down
    and away in the world.
    """
    azimuth, pitch = math.radians(view.azimuth_deg), math.radians(view.pitch_deg)
    away = np.array([-math.sin(azimuth), 0.0, -math.cos(azimuth)])
    right = np.cross(away, [0.0, 1.0, 0.0])
    tilted = math.cos(pitch) * away + math.sin(pitch) * np.array([0.0, -1.0, 0.0])
    focal = max(width, height) / 2.0 / math.tan(math.radians(view.field_deg) / 2.0)
    return Camera(
        position_m=-view.distance_m * away + np.array([0.0, view.height_m, 0.0]),
        rotation=np.stack([right, np.cross(tilted, right), tilted]),
        focal_px=focal,
        width=width,
        height=height,
    )


def pelvis_rotation(q: FloatArray) -> FloatArray:
    """Turn q0..2 into the rotation of the pelvis.

    Parameters
    ----------
    q : ndarray (T, D)
        rad; only the first three columns are read.

    Returns
    -------
    ndarray (T, 3, 3)
        Ry(rotation) Rz(list) Rx(-tilt), acting on columns.
    """
    (ct, cl, cr), (st, sl, sr) = np.cos(q[:, :3]).T, np.sin(q[:, :3]).T
    rows = [
        [cr * cl, -cr * sl * ct - sr * st, -cr * sl * st + sr * ct],
        [sl, cl * ct, cl * st],
        [-sr * cl, sr * sl * ct - cr * st, sr * sl * st + cr * ct],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def pelvis_angles(rotation: FloatArray) -> FloatArray:
    """Read tilt, list and rotation from a pelvis rotation.

    Parameters
    ----------
    rotation : ndarray (T, 3, 3)
        Rotations.

    Returns
    -------
    ndarray (T, 3)
        rad; tilt and rotation in (-pi, pi], list in [-pi/2, pi/2]. The inverse of
        `pelvis_rotation` except at list = +-90 degrees, where tilt and rotation are one.
    """
    # numpy's arctan2 of strided arrays depends in the last bit on where they lie in memory
    element = np.ascontiguousarray(np.moveaxis(rotation, 0, 2))
    tilt = np.arctan2(element[1, 2], element[1, 1])
    side = np.arcsin(np.clip(element[1, 0], -1.0, 1.0))
    turn = np.arctan2(-element[2, 0], element[0, 0])
    return np.stack([tilt, side, turn], axis=1)


def in_camera_frame(q_world: FloatArray, camera: Camera) -> FloatArray:
    """Turn a motion into the camera frame.

    Parameters
    ----------
    q_world : ndarray (T, 46)
        rad; an upright pelvis has q0..2 = 0.

    Returns
    -------
    ndarray (T, 46)
        rad; only q0..2 differ. From the front an upright pelvis has tilt +-pi; the tilt is
        unwrapped over time.
    """
    if q_world.ndim != 2 or q_world.shape[1] != N_DOFS:
        raise ValueError(f"q_world has shape {q_world.shape}, needs (T, {N_DOFS})")
    q = q_world.copy()
    q[:, :3] = pelvis_angles(camera.rotation @ pelvis_rotation(q_world))
    q[:, [0, 2]] = np.unwrap(q[:, [0, 2]], axis=0)
    return q


def level_on_hands_and_feet(q_world: FloatArray, body: Body) -> FloatArray:
    """Pitch a body on the floor so that hands (or forearms) and feet both touch it.

    Parameters
    ----------
    q_world : ndarray (T, 46)
        rad; face down, pelvis tilt near -90 degrees.
    body : Body
        Its build decides the pitch.

    Returns
    -------
    ndarray (T, 46)
        rad; only pelvis_tilt changes.

    Raises
    ------
    UsageError
        Hands and feet are not at two ends of a lying body.
    """
    owner = body.segments[np.arange(len(body.weights)), body.weights.argmax(axis=1)]
    ends = np.isin(owner, _FEET + _HANDS)
    soles = np.isin(owner[ends], _FEET)
    limbs = replace(
        body,
        vertices_m=body.vertices_m[ends],
        segments=body.segments[ends],
        weights=body.weights[ends],
    )
    q = q_world.copy()
    for start in range(0, len(q), _CHUNK_FRAMES):
        part = slice(start, start + _CHUNK_FRAMES)
        for _ in range(_LEVELLING_ROUNDS):
            vertices, _ = pose_body(limbs, q[part])
            foot, hand = _lowest(vertices[:, soles]), _lowest(vertices[:, ~soles])
            rise, reach = hand[:, 1] - foot[:, 1], hand[:, 2] - foot[:, 2]
            if np.any(reach < 0.3):
                raise UsageError(
                    "the hands are not in front of the feet",
                    where="synthetic floor exercise",
                    next_step="Give a motion with pelvis_tilt near -90 degrees",
                )
            # a positive tilt lifts the head end of a prone body
            q[part, 0] -= np.arctan2(rise, reach)
    return q


def _lowest(vertices: FloatArray) -> FloatArray:
    """Lowest vertex of every frame (T, 3)."""
    rows = vertices[:, :, 1].argmin(axis=1)
    return np.asarray(vertices[np.arange(len(vertices)), rows])


def stand_on_ground(
    vertices_m: FloatArray, joints_m: FloatArray, prone: bool, *, supine: bool = False
) -> FloatArray:
    """Shift a posed body so that its lowest point touches the ground over the world's origin.

    Parameters
    ----------
    vertices_m : ndarray (T, V, 3)
        Posed mesh with the pelvis at the origin, world directions, metres.
    joints_m : ndarray (T, 24, 3)
        Its joints.
    prone : bool
        Keep the middle of hands and feet in place instead of the middle of the feet.
    supine : bool
        Keep the pelvis in place.

    Returns
    -------
    ndarray (T, 3)
        Metres to add.
    """
    held = [JOINT_INDEX[f"toes_{s}"] for s in "rl"]
    if supine:
        held = [JOINT_INDEX["pelvis"]]
    elif prone:
        held += [JOINT_INDEX[f"ulna_{s}"] for s in "rl"]
    else:
        held += [JOINT_INDEX[f"talus_{s}"] for s in "rl"]
    shift = -joints_m[:, held].mean(axis=1)
    shift[:, 1] = -vertices_m[:, :, 1].min(axis=1)
    if prone:
        shift[:, 2] -= _HEAD_ROOM_M
    return np.asarray(shift)


def empty_room(camera: Camera, *, mat: bool) -> ByteArray:
    """Draw the room: a wooden floor, a wall, and a mat for floor exercises.

    Returns
    -------
    ndarray (H, W, 3) of uint8
        RGB. The wall stands 1.6 m behind the person, seen from the camera. The mat is 2.1 m by
        0.76 m, along the world's z axis.
    """
    column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    pixels = np.stack(
        [column - camera.width / 2, row - camera.height / 2, np.full(row.shape, camera.focal_px)],
        axis=-1,
    )
    rays = pixels @ camera.rotation
    level_away = camera.rotation[2] * np.array([1.0, 0.0, 1.0])
    level_away /= np.linalg.norm(level_away)
    across = np.cross(level_away, [0.0, 1.0, 0.0])
    with np.errstate(divide="ignore"):
        to_floor = np.where(rays[..., 1] < 0, -camera.position_m[1] / rays[..., 1], np.inf)
    to_wall = (1.6 - camera.position_m @ level_away) / (rays @ level_away)
    wall_first = to_wall < to_floor
    point = camera.position_m + np.minimum(to_floor, to_wall)[..., None] * rays
    picture = np.where(
        wall_first[..., None], _wall(point @ across, point[..., 1]), _floor(point, mat)
    )
    return np.asarray(np.clip(picture, 0, 255), dtype=np.uint8)


def _wall(across: FloatArray, up: FloatArray) -> FloatArray:
    """Light wall with a skirting board and broad stripes (H, W, 3)."""
    base = np.array([206.0, 208.0, 200.0]) - 5.0 * (np.floor(across / 0.6) % 2)[..., None]
    shaded = base * (0.90 + 0.05 * np.clip(up, 0, 2)[..., None])
    return np.where(up[..., None] < 0.10, np.array([238.0, 236.0, 230.0]), shaded)


def _floor(point: FloatArray, mat: bool) -> FloatArray:
    """Planks along x, 20 cm wide, each of its own brown; a grey-green mat on top (H, W, 3)."""
    plank = np.floor(point[..., 2] / 0.20)
    tone = 0.92 + 0.10 * ((plank * 7.0) % 5.0) / 5.0
    joint = (point[..., 2] / 0.20 - plank) < 0.04
    colour = np.array([168.0, 132.0, 96.0]) * (tone * np.where(joint, 0.8, 1.0))[..., None]
    if mat:
        on_mat = (np.abs(point[..., 0]) < 0.38) & (np.abs(point[..., 2]) < 1.05)
        colour = np.where(on_mat[..., None], np.array([92.0, 120.0, 112.0]), colour)
    return np.asarray(colour)


def render_motion(
    q_world: FloatArray,
    body: Body,
    outfit: FloatArray,
    camera: Camera,
    *,
    prone: bool,
    supine: bool = False,
) -> Iterator[ByteArray]:
    """Draw every frame of a motion.

    Parameters
    ----------
    q_world : ndarray (T, 46)
        rad; an upright pelvis has q0..2 = 0, a prone one tilt near -90 degrees.
    body, camera : Body, Camera
        Of the scene.
    outfit : ndarray (7, 3)
        One of `OUTFITS`.
    prone : bool
        A floor exercise: hold hands and feet in place and lay a mat.
    supine : bool
        One on the back: hold the pelvis in place and lay a mat.

    Yields
    ------
    ndarray (H, W, 3) of uint8
        RGB.
    """
    room = empty_room(camera, mat=prone or supine)
    colours = outfit[body.face_part]
    for start in range(0, len(q_world), _CHUNK_FRAMES):
        vertices, joints = pose_body(body, q_world[start : start + _CHUNK_FRAMES])
        vertices += stand_on_ground(vertices, joints, prone, supine=supine)[:, None]
        for mesh in vertices:
            shaded = draw_shadow(room, mesh, body.faces, camera, LIGHT)
            yield draw_mesh(shaded, mesh, body.faces, colours, camera, LIGHT)
