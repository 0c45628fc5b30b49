"""Which muscles, joint torques and ground forces make a motion: a quadratic programme a frame.

M muscles, R rows (coordinates that muscles or ground act on), P points, K knots

Unknown are the activations a, the ground forces f of the points that touch, and what is left
over: reserves r. Balance in each row:  moments(a) + ground(f) + r = required.  Least is
sum a^2 + sum (r / size)^2 + small (f / weight)^2.  Muscle force is straightened around the
activations of the frame before and the programme is solved again where that was too far off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.muscles.contact import friction_rows
from qevd_bio.muscles.hill import tangent

LEAST_ACTIVATION = 0.01
KNOTS: FloatArray = np.array([0.01, 0.05, 0.12, 0.25, 0.45, 0.7, 1.0])
_GROUND_WEIGHT = 1e-3
_OFF_NM = 0.5
_ROUNDS = 4


def import_daqp() -> Any:  # noqa: ANN401  daqp has no types and is not always there
    """Import daqp.

    Raises
    ------
    EnvironmentProblem
        It is not installed.
    """
    try:
        import daqp
    except ImportError as error:
        raise EnvironmentProblem(
            f"muscle activations need daqp ({error})",
            where="muscles",
            next_step='Run: pip install "qevd-bio[muscles]"',
        ) from error
    return daqp


@dataclass(frozen=True, slots=True)
class Frame:
    """What one frame asks.

    Attributes
    ----------
    required : ndarray (R,)
        Generalised forces of inverse dynamics; measured ground forces are taken off already.
    arms_m : ndarray (R, M)
        Moment arms.
    table_n : ndarray (M, K)
        Muscle force at `KNOTS`.
    moves : ndarray (P, 3, R)
        Velocity of the points by speed of a coordinate.
    most : ndarray (P,)
        Body weights that each point carries at most; 0: it does not touch.
    """

    required: FloatArray
    arms_m: FloatArray
    table_n: FloatArray
    moves: FloatArray
    most: FloatArray


@dataclass(frozen=True, slots=True)
class Shares:
    """Who does how much in one frame.

    activations (M,), forces of the muscles (M,), reserves (R,), ground forces (P, 3); Nm, N.
    """

    activations: FloatArray
    forces_n: FloatArray
    reserves: FloatArray
    ground_n: FloatArray


def share_out(
    frame: Frame, sizes: FloatArray, weight_n: float, start: FloatArray, friction: float
) -> Shares:
    """Solve one frame.

    Parameters
    ----------
    frame : Frame
        What it asks.
    sizes : ndarray (R,)
        A reserve of this size, Nm or N, costs as much as one fully active muscle.
    weight_n : float
        Body weight.
    start : ndarray (M,)
        Activations to begin from, as of the frame before.
    friction : float
        Coefficient of friction.

    Returns
    -------
    Shares
        Reserves are exact for the muscles' curves, not for their tangents.

    Raises
    ------
    ArithmeticError
        The programme has no solution within the solver's tolerance.
    """
    found = start
    for _ in range(_ROUNDS):
        at = found
        force, slope = tangent(frame.table_n, KNOTS, at)
        found, ground = _programme(frame, force - slope * at, slope, sizes, weight_n, friction)
        exact, _ = tangent(frame.table_n, KNOTS, found)
        off = frame.arms_m @ (exact - force - slope * (found - at))
        if np.abs(off).max(initial=0.0) < _OFF_NM:
            break
    pushed = np.einsum("pir,pi->r", frame.moves, ground)
    return Shares(found, exact, frame.required - frame.arms_m @ exact - pushed, ground)


def _programme(
    frame: Frame,
    offset_n: FloatArray,
    slope_n: FloatArray,
    sizes: FloatArray,
    weight_n: float,
    friction: float,
) -> tuple[FloatArray, FloatArray]:
    """Solve for activations (M,) and ground forces (P, 3), with reserves put in."""
    M, touching = len(slope_n), np.flatnonzero(frame.most > 0.0)
    moves = frame.moves[touching].reshape(3 * len(touching), len(sizes))
    # forces in multiples of body weight keep the numbers alike
    does = np.hstack([frame.arms_m * slope_n, moves.T * weight_n]) / sizes[:, None]
    left = (frame.required - frame.arms_m @ offset_n) / sizes
    own = np.concatenate([np.ones(M), np.full(len(moves), _GROUND_WEIGHT)])
    H = does.T @ does + np.diag(own)
    rows = np.zeros((4 * len(touching), len(own)))
    rows[:, M:] = friction_rows(len(touching), friction)
    most = np.repeat(frame.most[touching], 3)
    upper = np.concatenate([np.ones(M), most, np.zeros(len(rows))])
    lower = np.concatenate([np.full(M, LEAST_ACTIVATION), -most,
                            np.full(len(rows), -1e30)])  # fmt: skip
    x, _, flag, _ = import_daqp().solve(
        H, -does.T @ left, rows, upper, lower, np.zeros(len(upper), dtype=np.int32)
    )
    if flag != 1:
        raise ArithmeticError(f"the quadratic programme of a frame failed (daqp exit flag {flag})")
    ground = np.zeros((len(frame.most), 3))
    ground[touching] = x[M:].reshape(-1, 3) * weight_n
    return np.clip(x[:M], LEAST_ACTIVATION, 1.0), ground
