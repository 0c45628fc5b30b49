"""Force of Hill-type muscles in quasi-static balance with their tendons.

T frames, M muscles, G points of a curve

A muscle's fibres lie at an angle to its tendon; their width stays constant. At a given
muscle-tendon length the fibres are as long as the balance of both forces allows. The tendon is
taken not to lengthen from one moment to the next: the fibres take up the whole speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray

_HALVINGS = 28
_STEEPEST = np.arccos(0.1)


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve a muscle on an even grid, between whose points it is straight.

    Attributes
    ----------
    low, step : float
        First point of the grid and the distance of two.
    values : ndarray (M, G)
        Straight on beyond both ends.
    """

    low: float
    step: float
    values: FloatArray

    def at(self, x: FloatArray) -> FloatArray:
        """Evaluate the curve of each muscle at x (..., M)."""
        place = (x - self.low) / self.step
        cell = np.clip(place.astype(np.int64), 0, self.values.shape[1] - 2)
        row = np.arange(self.values.shape[0])
        below = self.values[row, cell]
        return np.asarray(below + (self.values[row, cell + 1] - below) * (place - cell))


@dataclass(frozen=True, slots=True)
class Muscles:
    """What is known of M muscles.

    Attributes
    ----------
    names : tuple of str
        M names.
    strongest_n, fibre_m, tendon_m, pennation_rad, fastest_m_s, damping : ndarray (M,)
        Isometric force, optimal fibre length, tendon slack length, pennation at the optimal
        length, largest speed of the fibres, damping in multiples of force and speed.
    active, passive, tendon : Curve
        Force in multiples of the isometric one by length in multiples of the optimal fibre
        length, and of the slack length for the tendon.
    speed : Curve
        Multiplier by speed in multiples of the largest one, lengthening is positive.
    """

    names: tuple[str, ...]
    strongest_n: FloatArray
    fibre_m: FloatArray
    tendon_m: FloatArray
    pennation_rad: FloatArray
    fastest_m_s: FloatArray
    damping: FloatArray
    active: Curve
    passive: Curve
    tendon: Curve
    speed: Curve

    def __post_init__(self) -> None:
        for name in ("strongest_n", "fibre_m", "tendon_m", "fastest_m_s"):
            values = getattr(self, name)
            if values.shape != (len(self.names),) or not (values > 0).all():
                raise ValueError(f"{name} needs {len(self.names)} positive numbers")


def balanced_force(
    muscles: Muscles,
    activation: FloatArray,
    length_m: FloatArray,
    speed_m_s: FloatArray,
    passive_scale: float,
) -> FloatArray:
    """Compute the force in the tendon of each muscle.

    Parameters
    ----------
    muscles : Muscles
        M muscles.
    activation : ndarray (T, M) or (M,)
        Between 0 and 1.
    length_m, speed_m_s : ndarray (T, M)
        Muscle-tendon length and its speed, lengthening is positive.
    passive_scale : float
        Multiplies the passive force of the fibres: 1 as the model has it, 0 none.

    Returns
    -------
    ndarray (T, M)
        Newtons; 0 where the tendon is slack.

    Notes
    -----
    The length of the fibres is found by bisection between nearly perpendicular fibres and a
    slack tendon; tendon force falls there and force of the fibres, nearly always, rises with it.
    """
    width = muscles.fibre_m * np.sin(muscles.pennation_rad)
    shortest = np.maximum(width / np.sin(_STEEPEST), 0.05 * muscles.fibre_m)
    low = np.broadcast_to(shortest, length_m.shape).copy()
    along = np.maximum(length_m - 0.9 * muscles.tendon_m, np.sqrt(shortest**2 - width**2))
    high = np.sqrt(along**2 + width**2)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        pulls = _excess(muscles, activation, middle, length_m, speed_m_s, passive_scale) > 0.0
        low, high = np.where(pulls, middle, low), np.where(pulls, high, middle)
    fibre = 0.5 * (low + high)
    return _tendon_force(muscles, fibre, length_m)


def _tendon_force(muscles: Muscles, fibre_m: FloatArray, length_m: FloatArray) -> FloatArray:
    width = muscles.fibre_m * np.sin(muscles.pennation_rad)
    along = np.sqrt(np.maximum(fibre_m**2 - width**2, 0.0))
    stretched = muscles.tendon.at((length_m - along) / muscles.tendon_m)
    return np.asarray(muscles.strongest_n * np.maximum(stretched, 0.0))


def _excess(
    muscles: Muscles,
    activation: FloatArray,
    fibre_m: FloatArray,
    length_m: FloatArray,
    speed_m_s: FloatArray,
    passive_scale: float,
) -> FloatArray:
    """Compute by how much the tendon pulls more than the fibres (T, M), in newtons."""
    sine = np.minimum(muscles.fibre_m * np.sin(muscles.pennation_rad) / fibre_m, 1.0)
    cosine = np.sqrt(1.0 - sine**2)
    stretch = fibre_m / muscles.fibre_m
    speed = speed_m_s * cosine / muscles.fastest_m_s
    multiplier = np.maximum(muscles.speed.at(np.clip(speed, -1.0, 1.0)), 0.0)
    own = (
        activation * np.maximum(muscles.active.at(stretch), 0.0) * multiplier
        + passive_scale * np.maximum(muscles.passive.at(stretch), 0.0)
        + muscles.damping * speed
    )
    fibres = muscles.strongest_n * np.maximum(own, 0.0) * cosine
    return np.asarray(_tendon_force(muscles, fibre_m, length_m) - fibres)


def force_table(
    muscles: Muscles,
    knots: FloatArray,
    length_m: FloatArray,
    speed_m_s: FloatArray,
    passive_scale: float,
) -> FloatArray:
    """Compute the force (T, M, K) at K activations, between which it is nearly straight."""
    return np.stack(
        [
            balanced_force(
                muscles, np.full(len(muscles.names), knot), length_m, speed_m_s, passive_scale
            )
            for knot in knots
        ],
        axis=2,
    )


def tangent(
    table: FloatArray, knots: FloatArray, activation: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Take force and slope (M,) of a frame's table (M, K) at activations (M,).

    The slope is that of the straight piece on which the activation lies.
    """
    cell = np.clip(np.searchsorted(knots, activation, side="right") - 1, 0, len(knots) - 2)
    row = np.arange(len(table))
    slope = (table[row, cell + 1] - table[row, cell]) / (knots[cell + 1] - knots[cell])
    return table[row, cell] + slope * (activation - knots[cell]), slope
