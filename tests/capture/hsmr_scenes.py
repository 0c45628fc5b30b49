"""People of one colour each on a grey ground, somebody who finds them, and a small network."""

from __future__ import annotations

import numpy as np

from benchmarks.random_network import random_network
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.hsmr.network import HsmrNetwork
from qevd_bio.weights.hsmr_shapes import HsmrSize

SIZES = HsmrSize(
    width=32, depth=2, hidden=64, token_width=32, layers=1, inner=16, head_hidden=32
)  # fmt: skip
RED, BLUE, GREEN = (220, 30, 30), (30, 30, 220), (20, 200, 20)
GROUND = 128


def small_network() -> HsmrNetwork:
    return random_network(SIZES)


def picture(*people, height=160, width=200, ground=GROUND):
    """Paint boxes (left, top, right, bottom) with a colour, the nearer ones last.

    Stripes inside let the network see more than one colour.
    """
    image = np.full((height, width, 3), ground, dtype=np.uint8)
    for (left, top, right, bottom), colour in people:
        left, top, right, bottom = (round(v) for v in (left, top, right, bottom))
        image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = colour
        middle = (top + bottom) // 2
        image[max(0, middle) : max(0, middle + 6), max(0, left) : max(0, right)] //= 2
    return image


class ColourDetector:
    """Finds the box of each colour, and counts the pictures it was shown."""

    def __init__(self, *colours, score=0.9):
        self.colours, self.score = colours or (RED, BLUE, GREEN), score
        self.calls: list[int] = []
        self.closed = False

    def __call__(self, images):
        self.calls.append(len(images))
        return [self._found(image) for image in images]

    def close(self):
        self.closed = True

    def _found(self, image):
        boxes = []
        for colour in self.colours:
            there = np.abs(image.astype(int) - colour).max(axis=2) < 40
            rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
            if len(rows) > 8 and len(columns) > 8:
                boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
        return Detected(np.array(boxes, float).reshape(-1, 4), np.full(len(boxes), self.score))
