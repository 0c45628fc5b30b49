"""From coordinates over time to activations, ground forces and what is left over.

T frames, N coordinates, M muscles, P points of the soles, R rows (pelvis and legs)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.errors import UsageError
from qevd_bio.muscles.contact import (
    FOOT_BODIES,
    FRICTION,
    SUNK_M,
    carried_most,
    floor_height_m,
    foot_forces,
    on_seat,
    point_places,
    pressure_centres,
    soles,
    sunk_m,
)
from qevd_bio.muscles.frames import Dynamics
from qevd_bio.muscles.hill import Muscles, force_table
from qevd_bio.muscles.paths import Paths, path_lengths
from qevd_bio.muscles.redundancy import KNOTS, LEAST_ACTIVATION, Frame, share_out
from qevd_bio.muscles.smooth import CUTOFF_HZ, smooth_coordinates

_PELVIS = "pelvis_"
_GRAVITY_M_S2 = 9.80665
RESERVE_NM, RESIDUAL = 1.0, 0.5
"""Reserves of joints and residuals of the pelvis (N, Nm) that cost as much as a full muscle."""

BELIEVED_RESERVE_NM, BELIEVED_RESIDUAL = 10.0, 5.0
"""Above these (95th percentile over frames; Nm, N) activations are not to be believed."""


class Body(Protocol):
    """What moves: an OpenSim model, or anything else that answers the same."""

    coordinates: tuple[str, ...]
    mass_kg: float

    def dynamics(
        self, q: FloatArray, dq: FloatArray, ddq: FloatArray, bodies: tuple[str, ...]
    ) -> Dynamics:
        """Compute inverse dynamics without contact, and where bodies are."""
        ...


@dataclass(frozen=True, slots=True)
class Actuators:
    """The muscles of a body: their properties, their fitted paths, and the feet they stand on.

    `foot_m` (2,) are the lengths of right and left foot from heel to toes, in metres.
    """

    muscles: Muscles
    paths: Paths
    foot_m: FloatArray


@dataclass(frozen=True, slots=True)
class Plates:
    """Measured forces of the floor on right and left foot.

    force_n, place_m (T, 2, 3) in the ground frame; turning_nm (T, 2, 3) about that place.
    """

    force_n: FloatArray
    place_m: FloatArray
    turning_nm: FloatArray


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a simulation.

    Attributes
    ----------
    passive_scale : float
        Multiplies passive fibre forces: 1 as the model has them, 0 none.
    cutoff_hz : float
        Low-pass of the coordinates.
    friction : float
        Coefficient of friction.
    floor_m : float or None
        Height of the floor; None: the median of the lowest points.
    every : int
        Every how many frames of the smooth motion are solved.
    seat_m : float or None
        Height of a seat that carries the pelvis while it is there; None: there is none.

    Raises
    ------
    UsageError
        The seat has no height.
    """

    passive_scale: float
    cutoff_hz: float = CUTOFF_HZ
    friction: float = FRICTION
    floor_m: float | None = None
    every: int = 1
    seat_m: float | None = None

    def __post_init__(self) -> None:
        if self.seat_m is not None and not 0.0 < self.seat_m < np.inf:
            raise UsageError(
                f"{self.seat_m:g} m is no height of a seat",
                where="seat_m",
                next_step="Give its height above the floor in metres, or none",
            )


@dataclass(frozen=True, slots=True)
class Simulation:
    """What moved a body.

    Attributes
    ----------
    q, dq, ddq : ndarray (T, N)
        The smooth motion that was simulated, at the frames that were solved.
    activations : ndarray (T, M)
        Between 0.01 and 1.
    forces_n : ndarray (T, M)
        Forces of the muscles.
    reserves : ndarray (T, N)
        Nm or N that muscles and ground do not make. Where no muscle acts (trunk and arms) this
        is the joint's whole moment, which is not counted by `reserve_nm`.
    joint_rows, pelvis_rows : ndarray (N,) of bool
        Coordinates that muscles cross; those of the pelvis.
    ground_n, centres_m : ndarray (T, 2, 3)
        Force on right and left foot, and its centre of pressure.
    balance_m : ndarray (T, 3)
        Centre of mass.
    outside_rad : ndarray (T,)
        How far a pose lies beyond the ranges in which the paths were fitted.
    sunk_m : float
        How far the pelvis gets below the top of the seat; 0 where there is none.
    """

    q: FloatArray
    dq: FloatArray
    ddq: FloatArray
    activations: FloatArray
    forces_n: FloatArray
    reserves: FloatArray
    joint_rows: BoolArray
    pelvis_rows: BoolArray
    ground_n: FloatArray
    centres_m: FloatArray
    balance_m: FloatArray
    outside_rad: FloatArray
    sunk_m: float

    def left_over(self) -> FloatArray:
        """Return what nothing makes (T, 3): the largest of a frame, regardless of sign.

        Reserve of a joint with muscles in Nm; force in N and moment in Nm on the pelvis.
        """
        pelvis = self.reserves[:, self.pelvis_rows]
        parts = (self.reserves[:, self.joint_rows], pelvis[:, 3:], pelvis[:, :3])
        return np.stack([np.abs(one).max(axis=1, initial=0.0) for one in parts], axis=1)

    def reserve_nm(self) -> float:
        """Return the largest reserve of a joint with muscles: 95th percentile over frames."""
        return _high(self.left_over()[:, 0])

    def residual_n(self) -> float:
        """Return the largest residual force on the pelvis: 95th percentile over frames."""
        return _high(self.left_over()[:, 1])

    def residual_nm(self) -> float:
        """Return the largest residual moment on the pelvis: 95th percentile over frames."""
        return _high(self.left_over()[:, 2])

    def doubts(self) -> tuple[str, ...]:
        """Say in words why the activations cannot be believed; empty where they can."""
        limits = (
            (self.reserve_nm(), BELIEVED_RESERVE_NM, "Nm of a joint are made by no muscle"),
            (self.residual_n(), BELIEVED_RESIDUAL, "N on the pelvis are made by nothing"),
            (self.residual_nm(), BELIEVED_RESIDUAL, "Nm on the pelvis are made by nothing"),
        )
        found = [f"{value:.1f} {words} (at most {most:g})"
                 for value, most, words in limits if not value <= most]  # fmt: skip
        beyond = np.rad2deg(self.outside_rad.max(initial=0.0))
        if beyond > 1.0:
            found.append(f"{beyond:.0f} degrees beyond the ranges of the model's joints")
        if self.sunk_m > SUNK_M:
            found.append(f"the pelvis is {100.0 * self.sunk_m:.0f} cm below the top of the seat")
        return tuple(found)


def _high(values: FloatArray) -> float:
    return float(np.percentile(values, 95.0))


def simulate(
    body: Body,
    actuators: Actuators,
    q: FloatArray,
    time_s: FloatArray,
    options: Options,
    plates: Plates | None = None,
) -> Simulation:
    """Find muscle activations and ground forces of a motion.

    Parameters
    ----------
    body : Body
        What moves.
    actuators : Actuators
        Its muscles.
    q : ndarray (T, N)
        Coordinates in rad and metres, unwrapped.
    time_s : ndarray (T,)
        Strictly increasing seconds.
    options : Options
        Settings.
    plates : Plates or None
        Measured ground forces; None: they are unknowns of the same programme.

    Raises
    ------
    ValueError
        The motion is too short for the filter, or not of the body's coordinates.
    ArithmeticError
        The programme of a frame has no solution.
    """
    if q.shape != (len(time_s), len(body.coordinates)):
        raise ValueError(f"q has shape {q.shape}, needs {(len(time_s), len(body.coordinates))}")
    kept = slice(None, None, options.every)
    q, dq, ddq = (one[kept] for one in smooth_coordinates(q, time_s, options.cutoff_hz))
    points = soles(actuators.foot_m)
    if options.seat_m is not None:
        points = on_seat(points, actuators.foot_m)
    of_feet = points.foot < len(actuators.foot_m)
    moved = body.dynamics(q, dq, ddq, points.bodies)
    places, moves = point_places(points, moved.origins_m, moved.turns, moved.jacobians)
    length, arm, outside = path_lengths(actuators.paths, q)
    speed = -np.einsum("tmn,tn->tm", arm, dq)
    table = force_table(actuators.muscles, KNOTS, length, speed, options.passive_scale)
    pelvis = np.array([name.startswith(_PELVIS) for name in body.coordinates])
    joints = np.abs(arm).max(axis=(0, 1)) > 0.0
    required = moved.forces.copy()
    seat = options.seat_m or 0.0
    sunk = sunk_m(points, places, seat)
    if plates is None:
        soles_only = places[:, of_feet]
        floor = floor_height_m(soles_only) if options.floor_m is None else options.floor_m
        below = np.where(of_feet, floor, seat)
        speeds = np.einsum("tpin,tn->tpi", moves, dq)
        most = carried_most(points, places, speeds, below)
        places[..., 1] = below
    else:
        plates = Plates(plates.force_n[kept], plates.place_m[kept], plates.turning_nm[kept])
        required -= _pushed_by(plates, moved)
        most = np.zeros(places.shape[:2])
    activations, forces, reserves, ground = _frames(
        required, arm, table, moves, most, (joints, pelvis), body.mass_kg, options.friction
    )
    if plates is None:
        on_feet, centres = foot_forces(points, ground), pressure_centres(points, places, ground)
    else:
        on_feet, centres = plates.force_n, plates.place_m
    return Simulation(q, dq, ddq, activations, forces, reserves, joints, pelvis, on_feet, centres,
                      moved.centre_m, outside, sunk)  # fmt: skip


def _frames(
    required: FloatArray,
    arm: FloatArray,
    table: FloatArray,
    moves: FloatArray,
    most: FloatArray,
    rows: tuple[BoolArray, BoolArray],
    mass_kg: float,
    friction: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Solve all frames in turn, each from the one before."""
    joints, pelvis = rows
    some = joints | pelvis
    sizes = np.where(pelvis, RESIDUAL, RESERVE_NM)[some]
    T, M = table.shape[:2]
    activations, reserves = np.empty((T, M)), required.copy()
    forces, ground = np.empty((T, M)), np.empty((T, moves.shape[1], 3))
    start = np.full(M, LEAST_ACTIVATION)
    for t in range(T):
        frame = Frame(required[t, some], arm[t][:, some].T, table[t],
                      moves[t][:, :, some], most[t])  # fmt: skip
        found = share_out(frame, sizes, mass_kg * _GRAVITY_M_S2, start, friction)
        activations[t] = start = found.activations
        forces[t], reserves[t, some], ground[t] = found.forces_n, found.reserves, found.ground_n
    return activations, forces, reserves, ground


def _pushed_by(plates: Plates, moved: Dynamics) -> FloatArray:
    """Compute the generalised forces (T, N) of measured forces on the heels' bodies."""
    pushed = np.zeros_like(moved.forces)
    for foot in (0, 1):
        heel = foot * len(FOOT_BODIES)
        arm = plates.place_m[:, foot] - moved.origins_m[:, heel]
        turning = np.cross(arm, plates.force_n[:, foot]) + plates.turning_nm[:, foot]
        both = np.concatenate([turning, plates.force_n[:, foot]], axis=1)
        pushed += np.einsum("tin,ti->tn", moved.jacobians[:, heel], both)
    return pushed
