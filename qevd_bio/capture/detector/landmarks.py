"""Turn what the landmark network gives into landmarks of the picture and of the body.

M = 33 landmarks of the body, L = 35 with the two that show where it lies
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from qevd_bio.arrays import Float32Array, FloatArray
from qevd_bio.capture.detector.networks import LANDMARK_SIDE
from qevd_bio.capture.detector.sampling import Region, turned

M, L = 33, 35

_REACH = 4
_LEAST_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class PoseLandmarks:
    """Landmarks of one person in one picture.

    Attributes
    ----------
    image_px : ndarray (33, 2)
        Pixels, x right and y down.
    world_m : ndarray (33, 3)
        Metres from mid-hips, camera axes.
    visibility, presence : ndarray (33,)
        Probability of being in the picture and not hidden; of being in the picture.
    edge_px : ndarray (2, 2)
        Mid-hips, and the point above the head on the circle around the body.
    region : Region
        The square looked at.
    score : float
        Probability that it shows a person.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    presence: FloatArray
    edge_px: FloatArray
    region: Region
    score: float


def pose_landmarks(outputs: tuple[Float32Array, ...], region: Region) -> PoseLandmarks:
    """Decode the network's outputs, as `Networks.landmarks` gives them, for a region."""
    raw, score, heat, world = outputs
    values = np.asarray(raw[:L], dtype=np.float64)
    flat = refined(values[:, :2] / LANDMARK_SIDE, heat)
    picture_px = region.to_picture(flat)
    body = np.asarray(world[:M], dtype=np.float64)
    body[:, :2] = turned(body[:, :2], region.turn_rad)
    return PoseLandmarks(
        image_px=picture_px[:M],
        world_m=body,
        visibility=expit(values[:M, 3]),
        presence=expit(values[:M, 4]),
        edge_px=picture_px[M:],
        region=region,
        score=float(score),
    )


def refined(points: FloatArray, heat: Float32Array) -> FloatArray:
    """Move landmarks to the centre of the heat around them.

    Parameters
    ----------
    points : ndarray (L, 2)
        x and y from 0 to 1.
    heat : ndarray (H, W, L or more)
        Logits of each landmark being in each cell.

    Returns
    -------
    ndarray (L, 2)
        The mean cell, weighted by probability, of 9 x 9 cells around each landmark; landmarks
        outside of the heat map, and those that no cell shows with a probability of 0.5, stay.
    """
    rows, columns = heat.shape[:2]
    column, row = np.trunc(points * [columns, rows]).astype(np.int64).T
    window = np.arange(-_REACH, _REACH + 1)
    x, y = column[:, None, None] + window, row[:, None, None] + window[:, None]
    inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
    logits = heat[
        np.clip(y, 0, rows - 1), np.clip(x, 0, columns - 1), np.arange(len(points))[:, None, None]
    ]
    weight = expit(logits.astype(np.float64)) * inside
    total = weight.sum(axis=(1, 2))
    within = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    moves = within & (weight.max(axis=(1, 2)) >= _LEAST_CONFIDENCE)
    centre = np.stack([(weight * x).sum(axis=(1, 2)), (weight * y).sum(axis=(1, 2))], axis=-1)
    mean = centre / np.maximum(total, np.finfo(float).tiny)[:, None] / [columns, rows]
    return np.where(moves[:, None], mean, points)
