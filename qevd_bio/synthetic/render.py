"""Draw a shaded body into a picture with a z-buffer, in numpy alone.

H, W picture height and width in pixels, V vertices, F triangles, N fragments

World: y up, metres, the ground is y = 0. Camera: x right, y down, z away; pinhole, no distortion.
Pixel (column 0, row 0) covers [0, 1) x [0, 1): its centre is at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import ByteArray, Float32Array, FloatArray, IntArray

NEAR_M = 0.05
SHADOW_SHARE = 0.62


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera in the world.

    Attributes
    ----------
    position_m : ndarray (3,)
        Centre of projection, metres.
    rotation : ndarray (3, 3)
        Turns world directions into the camera frame (x right, y down, z away).
    focal_px : float
        Focal length in pixels.
    width, height : int
        Picture size in pixels; the principal point is the picture's centre.
    """

    position_m: FloatArray
    rotation: FloatArray
    focal_px: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Light:
    """One distant lamp and the light from all sides.

    Attributes
    ----------
    direction : ndarray (3,)
        From the lit thing towards the lamp, world frame.
    ambient, diffuse : float
        Shares of the colour without the lamp, and added where it falls straight on.
    """

    direction: FloatArray
    ambient: float
    diffuse: float


def project(points_m: FloatArray, camera: Camera) -> tuple[FloatArray, FloatArray]:
    """Project world points into the picture.

    Parameters
    ----------
    points_m : ndarray (..., 3)
        World positions in metres.

    Returns
    -------
    image_px : ndarray (..., 2)
        Column and row in pixels; NaN for points nearer than 5 cm or behind the camera.
    depth_m : ndarray (...,)
        Distance along the optical axis in metres.
    """
    relative = (points_m - camera.position_m) @ camera.rotation.T
    depth = relative[..., 2]
    before = np.where(depth > NEAR_M, depth, np.nan)
    centre = np.array([camera.width / 2, camera.height / 2])
    return relative[..., :2] / before[..., None] * camera.focal_px + centre, depth


def vertex_normals(vertices: FloatArray, faces: IntArray) -> FloatArray:
    """Average the normals of the triangles around each vertex, weighted by area.

    Parameters
    ----------
    vertices, faces : ndarray (V, 3), ndarray (F, 3)
        Positions and vertex indices, counter-clockwise from outside.

    Returns
    -------
    ndarray (V, 3)
        Unit normals, outward; zero for a vertex without a triangle.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    face_normals = np.cross(b - a, c - a)
    corners = faces.ravel()
    spread = np.repeat(face_normals, 3, axis=0)
    sums = np.stack(
        [np.bincount(corners, spread[:, k], minlength=len(vertices)) for k in range(3)], axis=1
    )
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(lengths > 0, lengths, 1.0))


def lambert(normals: FloatArray, light: Light) -> FloatArray:
    """Compute the brightness of a matt surface.

    Parameters
    ----------
    normals : ndarray (V, 3)
        Unit normals.

    Returns
    -------
    ndarray (V,)
        Factor on the surface colour. The side away from the lamp keeps some form: the diffuse
        term falls from 1 to 0 over the whole sphere (half-Lambert), not only to the terminator.
    """
    towards = light.direction / np.linalg.norm(light.direction)
    wrapped = 0.5 + 0.5 * (normals @ towards)
    return np.asarray(light.ambient + light.diffuse * wrapped)


@dataclass(frozen=True, slots=True)
class Fragments:
    """Pixel centres that lie inside a triangle.

    Attributes
    ----------
    pixel : ndarray (N,)
        Row-major pixel number.
    face : ndarray (N,)
        Row of the triangle in the array given.
    l1, l2 : ndarray (N,)
        Barycentric weights of the second and third corner.
    """

    pixel: IntArray
    face: IntArray
    l1: Float32Array
    l2: Float32Array


def fragments(corners_px: FloatArray, width: int, height: int) -> Fragments:
    """Find every pixel centre covered by each triangle, in the order of triangles.

    Parameters
    ----------
    corners_px : ndarray (F, 3, 2)
        Corners in pixels; triangles with NaN corners or no area are left out. A centre exactly
        on a shared edge belongs to both triangles.
    width, height : int
        Picture size in pixels.
    """
    a, b, c = corners_px[:, 0], corners_px[:, 1], corners_px[:, 2]
    low = np.ceil(np.minimum(np.minimum(a, b), c) - 0.5)
    high = np.floor(np.maximum(np.maximum(a, b), c) - 0.5)
    low = np.maximum(low, 0)
    high = np.minimum(high, [width - 1, height - 1])
    ab, ac = b - a, c - a
    twice_area = _cross(ab, ac)
    inside = (high[:, 0] >= low[:, 0]) & (high[:, 1] >= low[:, 1])
    kept = np.flatnonzero(inside & np.isfinite(twice_area) & (twice_area != 0))
    first = low[kept].astype(np.int64)
    span = high[kept].astype(np.int64) - first + 1
    counts = span[:, 0] * span[:, 1]
    owner = np.repeat(np.arange(len(kept)), counts)
    begins = np.cumsum(counts) - counts
    nth = np.arange(counts.sum()) - begins[owner]
    row_in, column_in = np.divmod(nth, span[owner, 0])
    column, row = first[owner, 0] + column_in, first[owner, 1] + row_in
    a, ab, ac = a[kept], ab[kept], ac[kept]
    scale = 1.0 / twice_area[kept]
    # l1 = (p - a) x ac / (ab x ac), l2 = ab x (p - a) / (ab x ac): affine in the pixel
    plane1 = np.stack([ac[:, 1] * scale, -ac[:, 0] * scale], axis=1)
    plane2 = np.stack([-ab[:, 1] * scale, ab[:, 0] * scale], axis=1)
    offset_x = (column + 0.5 - a[owner, 0]).astype(np.float32)
    offset_y = (row + 0.5 - a[owner, 1]).astype(np.float32)
    single1, single2 = plane1.astype(np.float32), plane2.astype(np.float32)
    l1 = single1[owner, 0] * offset_x + single1[owner, 1] * offset_y
    l2 = single2[owner, 0] * offset_x + single2[owner, 1] * offset_y
    covered = np.flatnonzero((l1 >= 0) & (l2 >= 0) & (l1 + l2 <= 1))
    return Fragments(
        pixel=(row * width + column)[covered],
        face=kept[owner[covered]],
        l1=l1[covered],
        l2=l2[covered],
    )


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _towards_viewer(corners_px: FloatArray) -> IntArray:
    """Triangles drawn counter-clockwise; with rows growing downwards their area is negative."""
    first = corners_px[:, 0]
    return np.flatnonzero(_cross(corners_px[:, 1] - first, corners_px[:, 2] - first) < 0)


def draw_mesh(
    picture: ByteArray,
    vertices_m: FloatArray,
    faces: IntArray,
    face_colours: FloatArray,
    camera: Camera,
    light: Light,
) -> ByteArray:
    """Draw a closed mesh over a picture.

    Parameters
    ----------
    picture : ndarray (H, W, 3) of uint8
        RGB of what lies behind, of the camera's size; not changed.
    vertices_m : ndarray (V, 3)
        World positions in metres.
    faces : ndarray (F, 3)
        Vertex indices, counter-clockwise from outside; faces turned away are not drawn.
    face_colours : ndarray (F, 3)
        Surface colour of each triangle, 0..255.
    camera, light : Camera, Light
        Of the scene.

    Returns
    -------
    ndarray (H, W, 3) of uint8
        RGB.
    """
    if picture.shape != (camera.height, camera.width, 3):
        raise ValueError(f"picture {picture.shape} does not fit a {camera.width}x{camera.height}"
                         " camera")  # fmt: skip
    image_px, depth = project(vertices_m, camera)
    corners = image_px[faces]
    front = _towards_viewer(corners)
    found = fragments(corners[front], camera.width, camera.height)
    face = front[found.face]
    brightness = lambert(vertex_normals(vertices_m, faces), light)
    nearness = np.zeros(len(depth), dtype=np.float32)
    np.divide(1.0, depth, out=nearness, where=depth > NEAR_M, casting="unsafe")
    near = _interpolate(nearness[faces], face, found)
    buffer = np.zeros(camera.width * camera.height, dtype=np.float32)
    np.maximum.at(buffer, found.pixel, near)
    wins = np.flatnonzero(near == buffer[found.pixel])
    shade = _interpolate(brightness[faces].astype(np.float32), face, found)[wins]
    colours = face_colours.astype(np.float32)[face[wins]] * shade[:, None]
    drawn = picture.copy()
    drawn.reshape(-1, 3)[found.pixel[wins]] = np.clip(colours, 0, 255).astype(np.uint8)
    return drawn


def _interpolate(at_corners: Float32Array, face: IntArray, found: Fragments) -> Float32Array:
    """Blend a value given at the three corners (F, 3) linearly over the picture."""
    first = at_corners[:, 0]
    to_second, to_third = at_corners[:, 1] - first, at_corners[:, 2] - first
    return np.asarray(first[face] + found.l1 * to_second[face] + found.l2 * to_third[face])


def draw_shadow(
    picture: ByteArray, vertices_m: FloatArray, faces: IntArray, camera: Camera, light: Light
) -> ByteArray:
    """Darken the ground where the mesh keeps the lamp's light off.

    Parameters
    ----------
    picture : ndarray (H, W, 3) of uint8
        RGB of the empty room; not changed.
    vertices_m, faces : ndarray (V, 3), ndarray (F, 3)
        World positions in metres, above the ground, and vertex indices.
    camera, light : Camera, Light
        Of the scene; the lamp must stand above the horizon.

    Returns
    -------
    ndarray (H, W, 3) of uint8
        RGB. The shadow is drawn on the plane y = 0 only, also where a wall would stop it.
    """
    along = light.direction / light.direction[1]
    on_ground = vertices_m - vertices_m[:, 1:2] * along
    image_px, _ = project(on_ground, camera)
    corners = image_px[faces]
    # of a closed mesh the lit half throws the whole shadow
    found = fragments(corners[_towards_viewer(corners)], camera.width, camera.height)
    shaded = np.zeros(camera.width * camera.height, dtype=bool)
    shaded[found.pixel] = True
    drawn = picture.copy()
    flat = drawn.reshape(-1, 3)
    flat[shaded] = (flat[shaded] * SHADOW_SHARE).astype(np.uint8)
    return drawn
