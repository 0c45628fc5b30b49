"""Forces between feet and floor at points of the soles, and of who sits between pelvis and seat.

T frames, P points, N coordinates

Ground frame: y up, floor at a height of its own. Each point pushes, never pulls, and within a
friction pyramid inside the friction cone; so the centre of pressure of a foot lies between its
points. x and z of a force are along the floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray

FRICTION = 0.8
"""Coefficient of a shoe on a dry floor (unverified)."""

NEAR_M = 0.045
SLOW_M_S = 0.6
"""A point touches while it is at most this far above the floor and this fast (unverified)."""

FOOT_BODIES = ("calcn", "toes")

# Place of each point in shares of the foot (heel to base of the toes), right foot: body, forward,
# up, right. Widths as of the markers of heel, fifth metatarsal and toe of a scaled model;
# the others are unverified.
_SOLE: tuple[tuple[int, float, float, float], ...] = (
    (0, -0.12, -0.17, -0.15),
    (0, -0.12, -0.17, 0.15),
    (0, 1.00, -0.17, -0.22),
    (0, 0.85, -0.17, 0.30),
    (1, 0.32, -0.20, -0.12),
    (1, 0.22, -0.20, 0.22),
)


SEAT_BONES: tuple[tuple[float, float, float], ...] = ((-0.67, -0.73, 0.34), (-0.67, -0.73, -0.34))
"""Where the pelvis sits, in lengths of the foot: below the origins of the hamstrings of the model
family, with 2 cm of flesh (unverified)."""

FLESH_M = 0.02
"""How much thicker flesh is before it carries: the 4 cm or so under the seat bones of who lies are
about halved under who sits (unverified). So a seat pushes only while it is less than this below
the points of the pelvis."""

SUNK_M = 0.02
"""Points further below the top of a seat than the flesh above them would have bone in it."""

MOST_WEIGHTS = 20.0
"""No point carries more body weights: a bound for the solver."""

_SEATED = 2


@dataclass(frozen=True, slots=True)
class Soles:
    """Points under the feet, and under the pelvis of who sits.

    Attributes
    ----------
    bodies : tuple of str
        Bodies that carry them.
    body : ndarray of int (P,)
        Which of the bodies a point is fixed to.
    place_m : ndarray (P, 3)
        Where, in the frame of its body.
    foot : ndarray of int (P,)
        0 for the right foot, 1 for the left, 2 for the seat.
    """

    bodies: tuple[str, ...]
    body: IntArray
    place_m: FloatArray
    foot: IntArray


def soles(foot_m: FloatArray) -> Soles:
    """Lay points under both feet, whose lengths from heel to toes (2,) are in metres."""
    bodies = tuple(f"{name}_{side}" for side in "rl" for name in FOOT_BODIES)
    body, place, foot = [], [], []
    for number, length in enumerate(foot_m):
        for part, forward, up, right in _SOLE:
            body.append(number * len(FOOT_BODIES) + part)
            place.append((forward * length, up * length, right * length * (1 - 2 * number)))
            foot.append(number)
    return Soles(bodies, np.array(body), np.array(place), np.array(foot))


def on_seat(points: Soles, foot_m: FloatArray) -> Soles:
    """Add the points under the pelvis of a body whose feet have lengths (2,) in metres."""
    bones = seat_bones_m(foot_m)
    more = np.full(len(bones), len(points.bodies))
    return Soles(
        (*points.bodies, "pelvis"),
        np.concatenate([points.body, more]),
        np.concatenate([points.place_m, bones]),
        np.concatenate([points.foot, np.full(len(bones), _SEATED)]),
    )


def seat_bones_m(foot_m: FloatArray) -> FloatArray:
    """Return both seat bones (2, 3) in the frame of the pelvis, metres."""
    return np.asarray(np.array(SEAT_BONES) * foot_m.mean())


def point_places(
    points: Soles, origins_m: FloatArray, turns: FloatArray, jacobians: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Find where the points are and how they move.

    Parameters
    ----------
    points : Soles
        P points on B bodies.
    origins_m, turns, jacobians : ndarray (T, B, 3), (T, B, 3, 3), (T, B, 6, N)
        Frames of the bodies; angular before linear velocity of the origin by coordinate.

    Returns
    -------
    places_m : ndarray (T, P, 3)
        In the ground frame.
    moves : ndarray (T, P, 3, N)
        Velocity by speed of a coordinate.
    """
    arm = np.einsum("tpij,pj->tpi", turns[:, points.body], points.place_m)
    own = jacobians[:, points.body]
    turned = np.cross(own[:, :, :3], arm[..., None], axisa=2, axisb=2, axisc=2)
    return origins_m[:, points.body] + arm, own[:, :, 3:] + turned


def floor_height_m(places_m: FloatArray) -> float:
    """Estimate the height of the floor: the median over frames of the lowest point's height."""
    return float(np.median(places_m[..., 1].min(axis=1)))


def touching(places_m: FloatArray, speeds_m_s: FloatArray, floor_m: FloatArray) -> BoolArray:
    """Tell which points (T, P) may carry: near what is below each (P,) and slow."""
    near = places_m[..., 1] - floor_m < NEAR_M
    return np.asarray(near & (np.linalg.norm(speeds_m_s, axis=2) < SLOW_M_S))


def carried_most(
    points: Soles, places_m: FloatArray, speeds_m_s: FloatArray, below_m: FloatArray
) -> FloatArray:
    """Bound what each point carries (T, P), in body weights; 0 where it does not touch.

    What the pelvis rests on is flesh: its bound falls from a body weight, where the flesh is
    as thin as under who sits, to 0 where it is not compressed; below `SUNK_M` there is no seat.
    """
    most = np.where(touching(places_m, speeds_m_s, below_m), MOST_WEIGHTS, 0.0)
    seat = points.foot == _SEATED
    above = (places_m[..., 1] - below_m)[:, seat]
    pressed = np.where(above < -SUNK_M, 0.0, np.maximum(1.0 - above / FLESH_M, 0.0))
    most[:, seat] = np.minimum(most[:, seat], pressed)
    return most


def sunk_m(points: Soles, places_m: FloatArray, seat_m: float) -> float:
    """Return how far the lowest point of the pelvis (T, P, 3) gets below a seat; at least 0."""
    return float(np.max(seat_m - places_m[:, points.foot == _SEATED, 1], initial=0.0))


def friction_rows(count: int, friction: float = FRICTION) -> FloatArray:
    """Return rows (4P, 3P) that are at most 0 for forces (x, y, z) inside the friction pyramid."""
    share = friction / np.sqrt(2.0)
    one = np.array([[1.0, -share, 0.0], [-1.0, -share, 0.0],
                    [0.0, -share, 1.0], [0.0, -share, -1.0]])  # fmt: skip
    return np.kron(np.eye(count), one)


def foot_forces(points: Soles, forces_n: FloatArray) -> FloatArray:
    """Add the points' forces (T, P, 3) up to those of right and left foot (T, 2, 3)."""
    return np.stack([forces_n[:, points.foot == foot].sum(axis=1) for foot in (0, 1)], axis=1)


def pressure_centres(points: Soles, places_m: FloatArray, forces_n: FloatArray) -> FloatArray:
    """Find the centre of pressure of each foot (T, 2, 3), in metres; NaN where it carries < 20 N.

    `places_m` and `forces_n` are (T, P, 3). The height is the mean of the points that carry.
    """
    centres = np.full((len(forces_n), 2, 3), np.nan)
    for foot in (0, 1):
        own = points.foot == foot
        load = forces_n[:, own, 1]
        total = load.sum(axis=1)
        carries = total > 20.0
        weighted = (load[..., None] * places_m[:, own]).sum(axis=1)
        centres[carries, foot] = weighted[carries] / total[carries, None]
    return centres
