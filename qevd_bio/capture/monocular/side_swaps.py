"""Find the frames in which the landmarks of the two legs have changed places, and put them back.

T frames, K = 14 joints of the stick body

From the side a detector now and then calls the left leg right for a few frames: both legs jump at
once, and jump back. Continuity tells: in the frames between, each leg goes on where the other was.
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.monocular.stick_body import JOINT

_LEFT = [JOINT[f"{name}_l"] for name in ("knee", "ankle", "toe")]
_RIGHT = [JOINT[f"{name}_r"] for name in ("knee", "ankle", "toe")]

_STEP_SHARE = 0.06
"""A leg's landmark goes this share of the person's height from one frame to the next."""
_LARGEST = 6.0
_SWAPPED_COST, _CHANGE_COST = 0.3, 3.0


def swapped_legs(image_px: FloatArray, world_m: FloatArray, sections: IntArray) -> BoolArray:
    """Find frames whose legs have changed places.

    Parameters
    ----------
    image_px : ndarray (T, K, 2)
        Image landmarks in the order of `BODY_JOINTS`.
    world_m : ndarray (T, K, 3)
        World landmarks.
    sections : ndarray (T,) of int
        Uninterrupted stretches; nothing is compared across two of them.

    Returns
    -------
    ndarray (T,) of bool
        Frames to be put right with `legs_put_back`.

    Notes
    -----
    The cheapest path through two states a frame (as found, changed): robust jumps of knees,
    ankles and toes in the picture and in depth, a fee for every frame that is changed, so that
    what is found stays unless continuity speaks clearly, and a fee for every change.
    """
    frames = len(image_px)
    tall, metres = (
        np.median(np.ptp(places[..., :2], axis=1), axis=0).sum() for places in (image_px, world_m)
    )
    places = np.concatenate([image_px / tall, world_m[..., 2:] / (2.0 * metres)], axis=2)
    labelled = np.stack([_legs(places, changed=False), _legs(places, changed=True)])
    cost = np.array([0.0, _SWAPPED_COST])
    came_from = np.zeros((frames, 2), dtype=np.int64)
    for t in range(1, frames):
        fee = np.array([0.0, _SWAPPED_COST])
        if sections[t] != sections[t - 1]:
            came_from[t] = cost.argmin()
            cost = cost.min() + fee
            continue
        jump = labelled[None, :, t] - labelled[:, None, t - 1]
        squared = np.sum(jump**2, axis=-1) / _STEP_SHARE**2
        total = cost[:, None] + np.minimum(squared, _LARGEST).sum(axis=-1)
        total += _CHANGE_COST * (1.0 - np.eye(2))
        came_from[t] = total.argmin(axis=0)
        cost = total.min(axis=0) + fee
    state = np.zeros(frames, dtype=np.int64)
    state[-1] = cost.argmin()
    for t in range(frames - 1, 0, -1):
        state[t - 1] = came_from[t, state[t]]
    return np.asarray(state == 1)


def _legs(places: FloatArray, *, changed: bool) -> FloatArray:
    """Left leg, then right leg (T, 6, 3)."""
    order = _RIGHT + _LEFT if changed else _LEFT + _RIGHT
    return np.asarray(places[:, order])


def legs_put_back(values: FloatArray, swapped: BoolArray) -> FloatArray:
    """Exchange the legs of the frames named, in an array (T, K, ...)."""
    out = values.copy()
    frames = np.flatnonzero(swapped)[:, None]
    out[frames, _LEFT + _RIGHT] = values[frames, _RIGHT + _LEFT]
    return out
