"""Find the frames in which the landmarks of the two legs have changed places, and exchange them.

T frames, K = 14 joints of the stick body

From the side a detector now and then calls the left leg right for a few frames: both legs jump at
once, and jump back. In the frames between, each leg goes on where the other was.
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.monocular.cheapest_path import cheapest_path
from qevd_bio.capture.monocular.config import LegSwapConfig
from qevd_bio.capture.monocular.stick_body import JOINT

_LEFT = [JOINT[f"{name}_l"] for name in ("knee", "ankle", "toe")]
_RIGHT = [JOINT[f"{name}_r"] for name in ("knee", "ankle", "toe")]


def swapped_legs(
    image_px: FloatArray, world_m: FloatArray, sections: IntArray, config: LegSwapConfig
) -> BoolArray:
    """Find frames (T,) in which the legs have changed places, in the order of `BODY_JOINTS`.

    The cheapest path through two states a frame (as found, changed): robust jumps of knees,
    ankles and toes in the picture (T, K, 2) and in depth (T, K, 3), a fee for every frame that is
    changed, so that what is found stays unless continuity contradicts it clearly, and a fee for
    every change. Nothing is compared across two sections.
    """
    tall, metres = (
        np.median(np.ptp(places[..., :2], axis=1), axis=0).sum() for places in (image_px, world_m)
    )
    places = np.concatenate([image_px / tall, world_m[..., 2:] / (2.0 * metres)], axis=2)
    labelled = np.stack([_legs(places, changed=False), _legs(places, changed=True)])
    jump = labelled[None, :, 1:] - labelled[:, None, :-1]
    squared = np.sum(jump**2, axis=-1) / config.step_share**2
    fee = np.minimum(squared, config.most_jump).sum(axis=-1)
    fee += config.change_cost * (1.0 - np.eye(2))[..., None]
    fee[..., sections[1:] != sections[:-1]] = 0.0
    cost = np.array([[0.0], [config.swapped_cost]]) * np.ones(len(image_px))
    return np.asarray(cheapest_path(cost, fee) == 1)


def _legs(places: FloatArray, *, changed: bool) -> FloatArray:
    """Left leg, then right leg (T, 6, 3)."""
    order = _RIGHT + _LEFT if changed else _LEFT + _RIGHT
    return np.asarray(places[:, order])


def swap_legs(values: FloatArray, swapped: BoolArray) -> FloatArray:
    """Exchange the legs of the frames named, in an array (T, K, ...)."""
    out = values.copy()
    frames = np.flatnonzero(swapped)[:, None]
    out[frames, _LEFT + _RIGHT] = values[frames, _RIGHT + _LEFT]
    return out
