"""Find arms that carry the body: the hand stands still while the shoulder travels.

T frames, K = 14 joints of the stick body
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter1d, minimum_filter1d

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.monocular.body_chain import SIDES
from qevd_bio.capture.monocular.config import SupportConfig
from qevd_bio.capture.monocular.stick_body import JOINT


def carrying_arms(
    rays: FloatArray,
    visibility: FloatArray,
    seconds: FloatArray,
    sections: IntArray,
    leg: float,
    config: SupportConfig,
) -> BoolArray:
    """Find the arms (T, 2; left, right) that rest on something still while the body moves.

    Parameters
    ----------
    rays : ndarray (T, K, 2)
        Image landmarks as slopes, x right and y down.
    visibility : ndarray (T, K)
        A hidden hand is assumed to do the same as the other.
    seconds : ndarray (T,)
        How long each frame stands for.
    sections : ndarray (T,) of int
        Uninterrupted stretches.
    leg : float
        Length of a leg as a slope: in metres by the distance of the person.

    Notes
    -----
    Travel is the larger of both ranges of the picture's coordinates within `window_s`. A hand
    above its shoulder hangs on something; that is left to the ordinary fit.
    """
    out = np.zeros((len(rays), len(SIDES)), dtype=bool)
    for section in np.unique(sections):
        inside = np.flatnonzero(sections == section)
        width = 2 * int(config.window_s / 2.0 / float(np.median(seconds[inside]))) + 1
        for column, side in enumerate(SIDES):
            shoulder, hand = (
                rays[inside, JOINT[f"{name}_{side}"]] for name in ("shoulder", "wrist")
            )
            way, hand_way = (_travel(track, width) for track in (shoulder, hand))
            below = hand[:, 1] > shoulder[:, 1]
            moved = way > config.least_travel_legs * leg
            out[inside, column] = below & moved & (hand_way < config.most_hand_share * way)
    hidden = visibility[:, [JOINT[f"wrist_{side}"] for side in SIDES]] < config.least_visibility
    return np.asarray(np.where(hidden, out | out[:, ::-1], out))


def elbows_alike(carrying: BoolArray, visibility: FloatArray, config: SupportConfig) -> FloatArray:
    """Weigh the assumption that the elbows of two carrying arms bend alike: 1/sigma, 1/rad (T,).

    The body between two hands on the floor leaves the arms little choice, and the landmarks only
    guess the arm behind it. The weight grows as the less visible arm becomes hidden: two arms in
    view are measured as they are, however different, and an arm that does not carry, too.
    """
    joints = [JOINT[f"{name}_{side}"] for side in SIDES for name in ("elbow", "wrist")]
    unseen = 1.0 - visibility[:, joints].min(axis=1)
    return np.asarray(np.where(carrying.all(axis=1), unseen, 0.0) / np.deg2rad(config.alike_deg))


def _travel(track: FloatArray, width: int) -> FloatArray:
    """Range of a track (T, 2) in a window about each frame (T,)."""
    most = maximum_filter1d(track, width, axis=0, mode="nearest")
    least = minimum_filter1d(track, width, axis=0, mode="nearest")
    return np.asarray((most - least).max(axis=-1))
