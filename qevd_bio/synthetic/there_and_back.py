"""Movements on both feet that go down and come back, in coordinates of a musculoskeletal model.

T frames, N coordinates, K nodes of a course
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.errors import UsageError
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.carriage import Carriage, carried, unsteady
from qevd_bio.synthetic.standing import Footing, places_of, stance_of
from qevd_bio.synthetic.standing_course import Course, followed, nodes, standing

RATE_HZ = 60.0
REST_S = 0.35
"""Standing before and after, in seconds."""

SHAKE_KNEES_DEG, SHAKE_CENTRE_M = 2.0, 0.006


@dataclass(frozen=True, slots=True)
class Moved:
    """A made motion: coordinates q (T, N) in rad and metres at time_s (T,); height of its seat."""

    q: FloatArray
    time_s: FloatArray
    seat_m: float | None = None


@dataclass(frozen=True, slots=True)
class Tempo:
    """Seconds down, at the turning point, and up."""

    down_s: float
    pause_s: float
    up_s: float


@dataclass(frozen=True, slots=True)
class Style:
    """How a movement is done; pairs are at the top and at the bottom.

    Attributes
    ----------
    knees_deg : tuple of float
        Mean flexion of the knees.
    over_foot : tuple of float
        Where the centre of mass is from heel (0) to the base of the toes (1).
    shift_m : tuple of float
        Centre of mass to the right.
    tempo : Tempo
        Seconds.
    footing : Footing
        The feet.
    carriage : Carriage
        Trunk and arms.
    """

    knees_deg: tuple[float, float]
    over_foot: tuple[float, float]
    shift_m: tuple[float, float]
    tempo: Tempo
    footing: Footing
    carriage: Carriage


def performed(
    body: Placing, foot_m: FloatArray, style: Style, rate_hz: float = RATE_HZ
) -> Moved | None:
    """Make one movement.

    Parameters
    ----------
    body : Placing
        The model.
    foot_m : ndarray (2,)
        Lengths of its feet, metres.
    style : Style
        How it is done.
    rate_hz : float
        Frames a second.

    Returns
    -------
    Moved or None
        None where the body cannot stand in a pose on the way.

    Raises
    ------
    UsageError
        The style holds what is no number.
    """
    check_numbers(style)
    stance = stance_of(body, foot_m, style.footing)
    until_s = 2.0 * REST_S + style.tempo.down_s + style.tempo.pause_s + style.tempo.up_s
    at_s = nodes(until_s)
    share, is_back = there_and_back(style.tempo, at_s)
    carriage = style.carriage
    shaken = carriage.shake * unsteady(np.random.default_rng((carriage.seed, 1)), at_s, 3)
    knees = np.deg2rad(_between(style.knees_deg, share) + SHAKE_KNEES_DEG * shaken[:, 0])
    heels = stance.origins_m.mean(axis=0)
    foot = float(foot_m.mean()) * np.cos(np.deg2rad(np.mean(style.footing.toes_out_deg)))
    centre = np.stack(
        [
            heels[0] + _between(style.over_foot, share) * foot,
            heels[2] + _between(style.shift_m, share),
        ],
        axis=1,
    )
    posture = carried(body.coordinates, carriage, share, is_back, at_s)
    aims = standing(np.maximum(knees, np.deg2rad(1.0)), centre + SHAKE_CENTRE_M * shaken[:, 1:])
    course = Course(at_s, posture, stance, aims)
    guess = bent(body, foot_m, float(knees[0]))
    time_s = np.arange(round(until_s * rate_hz) + 1) / rate_hz
    q = followed(body, course, guess, time_s)
    return Moved(q, time_s) if len(q) else None


def check_numbers(style: object) -> None:
    """Refuse a style, a dataclass of numbers and of such classes, that is not finite.

    Raises
    ------
    UsageError
        Names the first attribute that is not.
    """
    for one in fields(style):  # type: ignore[arg-type]
        value = getattr(style, one.name)
        if is_dataclass(value):
            check_numbers(value)
            continue
        numbers = list(value.values()) if isinstance(value, Mapping) else value
        if not np.isfinite(np.asarray(numbers, dtype=np.float64)).all():
            raise UsageError(
                "holds what is no number",
                where=f"{type(style).__name__}.{one.name}",
                next_step="Give finite numbers",
            )


def bent(body: Placing, foot_m: FloatArray, knees_rad: float) -> FloatArray:
    """Guess a pose: both legs bent alike, so that no knee is found bent backwards."""
    guess = np.zeros(len(body.coordinates))
    guess[body.coordinates.index("pelvis_ty")] = 5.3 * float(foot_m.mean())
    for name, share in (("hip_flexion", 0.5), ("knee_angle", 1.0), ("ankle_angle", 0.5)):
        guess[places_of(body, (f"{name}_r", f"{name}_l"))] = share * knees_rad
    return guess


def _between(ends: tuple[float, float], share: FloatArray) -> FloatArray:
    return np.asarray(ends[0] + (ends[1] - ends[0]) * share)


def there_and_back(tempo: Tempo, time_s: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return how far down (0 to 1) at each time, and whether it is the way up.

    Minimum-jerk both ways, with a rest before, between and after.
    """
    bottom = REST_S + tempo.down_s + tempo.pause_s

    def eased(x: FloatArray) -> FloatArray:
        x = np.clip(x, 0.0, 1.0)
        return np.asarray(x**3 * (10.0 - 15.0 * x + 6.0 * x**2))

    up = eased((time_s - bottom) / tempo.up_s)
    return eased((time_s - REST_S) / tempo.down_s) - up, time_s > bottom
