"""Squats that a body can do, in coordinates of a musculoskeletal model.

T frames, N coordinates, K nodes of a path

A squat runs along a path of standing poses down and along another one up. The paths are solved
at nodes (`standing`); a minimum-jerk course in time runs through them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.standing import Stance, Wanted, places_of, stand, upright_stance

NODES = 13
RATE_HZ = 60.0
REST_S = 0.35
"""Standing before and after, in seconds."""

ARMS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "hanging": {"arm_flex": (0, 10), "elbow_flex": (10, 15)},
    "forward": {"arm_flex": (80, 85), "elbow_flex": (5, 5)},
    "raised while going down": {"arm_flex": (5, 85), "elbow_flex": (5, 5)},
    "crossed": {"arm_flex": (55, 55), "arm_add": (10, 10), "arm_rot": (60, 60),
                "elbow_flex": (120, 120)},
    "overhead": {"arm_flex": (165, 165), "elbow_flex": (5, 5)},
}  # fmt: skip
"""Arm coordinates at the top and at the bottom, degrees, both sides."""

Range = tuple[float, float]

RANGES: Mapping[str, Range] = {
    "depth_deg": (45.0, 120.0),
    "top_deg": (3.0, 14.0),
    "down_s": (0.7, 2.0),
    "pause_s": (0.0, 0.6),
    "up_s": (0.6, 1.8),
    "width_m": (0.18, 0.50),
    "toes_out_deg": (-3.0, 28.0),
    "ahead_m": (-0.04, 0.04),
    "tilt_deg": (10.0, 48.0),
    "lumbar_deg": (-15.0, 15.0),
    "over_foot": (0.3, 0.7),
    "shift_m": (-0.10, 0.10),
    "list_deg": (-5.0, 5.0),
    "turn_deg": (-5.0, 5.0),
}
"""From what a style is drawn; a half of all styles is symmetric, see `random_style`."""

_SIDED = ("ahead_m", "shift_m", "list_deg", "turn_deg")


@dataclass(frozen=True, slots=True)
class SquatStyle:
    """How a squat is done.

    Attributes
    ----------
    depth_deg, top_deg : float
        Mean flexion of the knees at the bottom and while standing.
    down_s, pause_s, up_s : float
        Tempo.
    width_m, toes_out_deg, ahead_m : float
        Between the heels; feet turned outwards; right foot before the left.
    tilt_deg, lumbar_deg : float
        Forward tilt of the pelvis, and flexion of the back, at the bottom.
    over_foot : float
        Where the centre of mass is from heel (0) to the base of the toes (1).
    shift_m, list_deg, turn_deg : float
        Centre of mass to the right, pelvis listed and turned, at the bottom.
    arms : str
        One of `ARMS`.
    wander : ndarray (2, 5)
        Unlike ways down and up: departures, -1 to 1, of tilt, back, list, turn and shift.
    """

    depth_deg: float
    top_deg: float
    down_s: float
    pause_s: float
    up_s: float
    width_m: float
    toes_out_deg: float
    ahead_m: float
    tilt_deg: float
    lumbar_deg: float
    over_foot: float
    shift_m: float
    list_deg: float
    turn_deg: float
    arms: str
    wander: FloatArray


def random_style(rng: np.random.Generator, size: float) -> SquatStyle:
    """Draw a style; lengths are those of a body of this size (1 as the model)."""
    drawn = {name: float(rng.uniform(low, high)) for name, (low, high) in RANGES.items()}
    symmetric = rng.random() < 0.5
    for name in _SIDED:
        drawn[name] *= 0.1 if symmetric else 1.0
    for name in drawn:
        if name.endswith("_m"):
            drawn[name] *= size
    # the deeper, the more the pelvis tilts
    drawn["tilt_deg"] *= (drawn["depth_deg"] / 100.0) ** 0.5
    arms = str(rng.choice(list(ARMS)))
    return SquatStyle(**drawn, arms=arms, wander=rng.uniform(-1.0, 1.0, (2, 5)))


def squat(
    body: Placing, foot_m: FloatArray, style: SquatStyle, rate_hz: float = RATE_HZ
) -> tuple[FloatArray, FloatArray] | None:
    """Make one squat.

    Parameters
    ----------
    body : Placing
        The model.
    foot_m : ndarray (2,)
        Lengths of its feet, metres.
    style : SquatStyle
        How it is done.
    rate_hz : float
        Frames a second.

    Returns
    -------
    q : ndarray (T, N)
        Coordinates, rad and metres.
    time_s : ndarray (T,)
        From 0.

    None where the body cannot stand in a pose on the way.
    """
    stance = upright_stance(
        body, foot_m, style.width_m, np.deg2rad(style.toes_out_deg), style.ahead_m
    )
    share = 0.5 * (1.0 - np.cos(np.pi * np.linspace(0.0, 1.0, NODES)))
    ways = []
    guess = np.zeros(len(body.coordinates))
    guess[body.coordinates.index("pelvis_ty")] = 5.3 * float(foot_m.mean())
    for wander in style.wander:
        way = _way(body, foot_m, style, stance, share, wander, guess)
        if way is None:
            return None
        ways.append(CubicSpline(share, way, axis=0))
        guess = way[0]
    down, time_s, is_up = _course(style, rate_hz)
    q = np.where(is_up[:, None], ways[1](down), ways[0](down))
    return q, time_s


def _way(
    body: Placing,
    foot_m: FloatArray,
    style: SquatStyle,
    stance: Stance,
    share: FloatArray,
    wander: FloatArray,
    guess: FloatArray,
) -> FloatArray | None:
    """Solve the poses (K, N) of one way between top and bottom; None where one is impossible."""
    names = ("pelvis_tilt", "lumbar_extension", "pelvis_list", "pelvis_rotation")
    trunk = places_of(body, names)
    heel, right = stance.origins_m[:, 0].mean(), stance.origins_m[:, 2].mean()
    poses, pose = [], guess.copy()
    for at in share:
        # both ways meet at top and bottom
        aside = wander * 4.0 * at * (1.0 - at)
        leans = np.deg2rad([
            -style.tilt_deg * at - 4.0 * aside[0], -style.lumbar_deg * at - 4.0 * aside[1],
            style.list_deg * at + 2.0 * aside[2], style.turn_deg * at + 2.0 * aside[3],
        ])  # fmt: skip
        pose[trunk] = leans
        for name, (top, bottom) in ARMS[style.arms].items():
            for side in "rl":
                value = np.deg2rad(top + (bottom - top) * at)
                pose[body.coordinates.index(f"{name}_{side}")] = value
        knees = np.deg2rad(style.top_deg + (style.depth_deg - style.top_deg) * at)
        ahead = heel + style.over_foot * float(foot_m.mean()) * np.cos(
            np.deg2rad(style.toes_out_deg)
        )
        aim = np.array([ahead, right + style.shift_m * at + 0.01 * aside[4]])
        found = stand(body, pose, stance, Wanted(float(knees), aim))
        if found is None:
            return None
        poses.append(found)
        pose = found.copy()
    return np.stack(poses)


def _course(style: SquatStyle, rate_hz: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how far down (0 to 1) at each time, the times, and whether it is the way up."""
    ends = np.cumsum([0.0, REST_S, style.down_s, style.pause_s, style.up_s, REST_S])
    time_s = np.arange(round(ends[-1] * rate_hz) + 1) / rate_hz

    def eased(x: FloatArray) -> FloatArray:
        x = np.clip(x, 0.0, 1.0)
        return np.asarray(x**3 * (10.0 - 15.0 * x + 6.0 * x**2))

    up = eased((time_s - ends[3]) / style.up_s)
    return eased((time_s - ends[1]) / style.down_s) - up, time_s, time_s > ends[3]
