"""Turn what the person network gives for each anchor into the people of a picture.

A = 2254 anchors, N people
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import expit

from qevd_bio.arrays import Float32Array, FloatArray, IntArray
from qevd_bio.capture.detector.networks import PERSON_SIDE
from qevd_bio.capture.detector.sampling import Region

_STRIDES = (8, 16, 32, 32, 32)
_ANCHORS_PER_CELL_AND_LAYER = 2
_MOST_OVERLAP = 0.3
_REGION_SCALE = 1.25


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """People in a picture, the surest first.

    Attributes
    ----------
    score : ndarray (N,)
        Probability of a person.
    box_px : ndarray (N, 4)
        Left, top, right, bottom of the face.
    key_px : ndarray (N, 4, 2)
        Mid-hips, a point on the circle around the whole body, mid-shoulders, and a point on the
        circle around the upper body.
    """

    score: FloatArray
    box_px: FloatArray
    key_px: FloatArray


@cache
def anchors() -> FloatArray:
    """Return the middles of the anchors (A, 2), x and y from 0 to 1.

    Two for each cell of each layer; layers of one stride share their cells. All anchors have the
    size of the picture.
    """
    middles = []
    for stride in sorted(set(_STRIDES)):
        cells = -(-PERSON_SIDE // stride)
        middle = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        repeats = _ANCHORS_PER_CELL_AND_LAYER * _STRIDES.count(stride)
        middles.append(np.repeat(grid, repeats, axis=0))
    return np.concatenate(middles)


def people_found(
    raw: Float32Array, logits: Float32Array, picture: Region, *, least_score: float
) -> PeopleFound:
    """Decode the network's output (A, 12) and (A,) of one picture.

    The region is that of the picture which the network has looked at.
    """
    score = expit(np.asarray(logits, dtype=np.float64))
    sure = np.flatnonzero(score >= least_score)
    sure = sure[np.argsort(-score[sure], kind="stable")]
    values = np.asarray(raw[sure], dtype=np.float64).reshape(-1, 6, 2) / PERSON_SIDE
    middle, size = values[:, 0] + anchors()[sure], values[:, 1]
    key = values[:, 2:] + anchors()[sure][:, None]
    boxes = np.concatenate([middle - size / 2, middle + size / 2], axis=1)
    has_area = (size > 0).all(axis=1)
    merged = _merged(score[sure][has_area], boxes[has_area], key[has_area])
    return PeopleFound(
        merged.score,
        picture.to_picture(merged.box_px.reshape(-1, 2, 2)).reshape(-1, 4),
        picture.to_picture(merged.key_px),
    )


def _merged(score: FloatArray, box: FloatArray, key: FloatArray) -> PeopleFound:
    """Average boxes that overlap, weighted by score: weighted non-maximum suppression.

    Scores are in falling order; a merged box keeps the highest one.
    """
    left = np.arange(len(score))
    scores, boxes, keys = [], [], []
    while len(left):
        same = overlap(box[left[0]], box[left]) > _MOST_OVERLAP
        group: IntArray = left[same] if same.any() else left[:1]
        scores.append(score[left[0]])
        boxes.append(np.average(box[group], axis=0, weights=score[group]))
        keys.append(np.average(key[group], axis=0, weights=score[group]))
        left = left[~same] if same.any() else left[1:]
    return PeopleFound(
        np.array(scores), np.array(boxes).reshape(-1, 4), np.array(keys).reshape(-1, 4, 2)
    )


def overlap(box: FloatArray, others: FloatArray) -> FloatArray:
    """Return the intersection over the union of a box (4,) and others (N, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1) + np.prod(box[2:] - box[:2])
    return np.asarray(shared / (areas - shared))


def body_region(middle_px: FloatArray, edge_px: FloatArray) -> Region:
    """Return the square that the landmark network looks at, the person in it upright.

    Parameters
    ----------
    middle_px, edge_px : ndarray (2,)
        Mid-hips, and the point of the circle around the body that lies above the head when the
        body is straight.
    """
    x, y = edge_px - middle_px
    turn = np.pi / 2 - np.arctan2(-y, x)
    side = 2 * _REGION_SCALE * float(np.hypot(x, y))
    return Region(float(middle_px[0]), float(middle_px[1]), side, float(turn))
