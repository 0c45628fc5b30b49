"""Backgrounds and frames as small pictures that survive scaling, coding, turning and mirroring.

T frames, S = 64 pixels a side, G = 16 cells a side, B = 2 G (G - 1) = 480 bits, Z = 3 crops

A bit is the sign of the difference of two neighbouring cells. Weak differences and cells that
something moves in are left out of the comparison rather than counted as agreement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray, FloatArray

Box = tuple[float, float, float, float]
"""Top, bottom, left and right of a part of a picture, in pixels."""

Picture = TypeVar("Picture", FloatArray, BoolArray, NDArray[np.uint8])

SIDE = 64
CELLS = 16
VIEWS = 8
"""Quarter turns, plain and mirrored."""

WEAK = 2.0
"""Grey levels of 255 below which the sign of a difference may flip by coding alone."""

MOVING = 20.0
"""Mean deviation from the background, in grey levels, of a cell that something moves in."""

BAR_LEVEL, BAR_RANGE = 24.0, 6.0
CUT_DISTANCE = 0.25
SHORTEST_SHOT = 5

CROPS = (0.0, 0.04, 0.08)
"""Shares of the picture cut off at each edge, so that one may be a cropped copy of the other."""

_CROPPED = range(1, len(CROPS))


@dataclass(frozen=True)
class Background:
    """What stays where it is in a shot.

    Attributes
    ----------
    first, last : int
        Thumbnails of the shot: first, and last + 1.
    cells : ndarray (Z, G, G)
        Median grey of each cell over the shot, black bars cut off; for each of `CROPS`.
    still : ndarray (Z, G, G) of bool
        False where something moves.
    frames : ndarray (T, G, G)
        The shot's uncropped frames in cells, background taken off.
    """

    first: int
    last: int
    cells: FloatArray
    still: BoolArray
    frames: FloatArray

    @cached_property
    def bits(self) -> tuple[BoolArray, BoolArray]:
        """Signs (Z, 8, B), and whether each counts (Z, 8, B), for the eight views."""
        found = [
            [_bits(cells, still, view) for view in range(VIEWS)]
            for cells, still in zip(self.cells, self.still, strict=True)
        ]
        signs = np.array([[one[0] for one in of_crop] for of_crop in found])
        return signs, np.array([[one[1] for one in of_crop] for of_crop in found])


@dataclass(frozen=True, slots=True)
class Match:
    """How two backgrounds agree in the view in which they agree best.

    Attributes
    ----------
    distance : float
        Share of the common bits that differ, 0 to 1; 0.5 by chance; 1 where there are none.
    common : int
        Bits that count in both.
    view : int
        Of the second: quarter turns to the left, plus 4 when it is mirrored first.
    """

    distance: float
    common: int
    view: int


def backgrounds(thumbnails: FloatArray) -> list[Background]:
    """Cut a video into shots and find the background of each.

    Parameters
    ----------
    thumbnails : ndarray (T, S, S)
        Grey frames, 0 to 255, evenly spread in time.

    Returns
    -------
    list of Background
        In order of time; shots of fewer than `SHORTEST_SHOT` thumbnails are left out.

    Raises
    ------
    ValueError
        The thumbnails have another shape.
    """
    if thumbnails.ndim != 3 or thumbnails.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"thumbnails of shape {thumbnails.shape} are not (T, {SIDE}, {SIDE})")
    frames = thumbnails.astype(np.float64)
    cuts = [0, *_cuts(frames), len(frames)]
    return [
        _background(frames[first:last], first)
        for first, last in pairwise(cuts)
        if last - first >= SHORTEST_SHOT
    ]


def best_match(one: Background, other: Background) -> Match:
    """Compare two backgrounds in all eight views, either of them cropped.

    Notes
    -----
    The crop is taken about the middle; one that is off the middle is not found.
    """
    crops = ((0, 0), *((z, 0) for z in _CROPPED), *((0, z) for z in _CROPPED))
    matches = (_in_best_view(one, other, *pair)[0] for pair in crops)
    return max(matches, key=chance_sigmas)


def chance_sigmas(match: Match) -> float:
    """Return how many standard deviations a distance lies below that of two unlike places.

    There are nearly two bits a cell, and neighbours share cells: half of the bits count as
    independent coins.
    """
    return (0.5 - match.distance) / 0.5 * math.sqrt(match.common / 2.0)


def differing_cells(one: Background, other: Background) -> tuple[BoolArray, BoolArray]:
    """Find the cells (G, G) in which all bits agree, and those with a bit that differs.

    Notes
    -----
    In the view in which the uncropped backgrounds agree best; each bit is drawn in the cell to
    the left of or above its difference.
    """
    _, common, wrong = _in_best_view(one, other, 0, 0)
    compared, differing = np.zeros((2, CELLS, CELLS), dtype=bool)
    half = CELLS * (CELLS - 1)
    for bits, cells in ((common, compared), (wrong, differing)):
        cells[:, :-1] |= bits[:half].reshape(CELLS, CELLS - 1)
        cells[:-1] |= bits[half:].reshape(CELLS - 1, CELLS)
    return compared & ~differing, differing


def _in_best_view(
    one: Background, other: Background, crop: int, other_crop: int
) -> tuple[Match, BoolArray, BoolArray]:
    """Compare two crops in the view in which they agree best: common bits (B,) and wrong ones."""
    (own_signs, own_counts), (signs, counts) = one.bits, other.bits
    common = counts[other_crop] & own_counts[crop, 0]
    wrong = (signs[other_crop] != own_signs[crop, 0]) & common
    number = common.sum(axis=1)
    distance = np.where(number > 0, wrong.sum(axis=1) / np.maximum(number, 1), 1.0)
    view = int(np.argmax((0.5 - distance) * np.sqrt(number)))
    match = Match(float(distance[view]), int(number[view]), view)
    return match, common[view], wrong[view]


def turned(picture: Picture, view: int) -> Picture:
    """Mirror and turn the first two axes of a picture into the view of `Match.view`."""
    mirrored = picture[:, ::-1] if view >= 4 else picture
    return np.rot90(mirrored, view % 4)


def shared_footage(one: Background, other: Background, view: int, least: int) -> tuple[float, int]:
    """Measure how alike two shots move, at the shift in time at which they move most alike.

    Parameters
    ----------
    one, other : Background
        Shots with one and the same background.
    view : int
        Of the second, from `best_match`.
    least : int
        Fewest thumbnails that must overlap.

    Returns
    -------
    correlation : float
        Of what moves, frame by frame, over the overlap: 1 the same footage, near 0 another
        take; 0 where the shots are too short.
    shift : int
        Thumbnails that the second begins later than the first.
    """
    a = one.frames.reshape(len(one.frames), -1)
    b = np.stack([turned(frame, view) for frame in other.frames]).reshape(len(other.frames), -1)
    best, at = 0.0, 0
    for shift in range(least - len(b), len(a) - least + 1):
        first, last = max(shift, 0), min(shift + len(b), len(a))
        left, right = a[first:last], b[first - shift : last - shift]
        norm = np.sqrt(np.sum(left * left) * np.sum(right * right))
        alike = float(np.sum(left * right) / norm) if norm > 0.0 else 0.0
        if alike > best:
            best, at = alike, shift
    return best, at


def _cuts(frames: FloatArray) -> list[int]:
    """Find the frames at which most signs change at once."""
    found = []
    cells = [_cells(frame) for frame in frames]
    still = np.ones((CELLS, CELLS), dtype=bool)
    pairs = [_bits(one, still, 0) for one in cells]
    for place, ((a, count_a), (b, count_b)) in enumerate(pairwise(pairs)):
        common = count_a & count_b
        jumps = np.abs(cells[place + 1] - cells[place]).mean() > 2.0 * WEAK
        if jumps and np.sum((a != b) & common) > CUT_DISTANCE * max(common.sum(), 1):
            found.append(place + 1)
    return found


def _background(frames: FloatArray, first: int) -> Background:
    median = np.median(frames, axis=0)
    box = _without_bars(median)
    middles, still = [], []
    for crop in CROPS:
        inner = _cropped(box, crop)
        cells = np.stack([_cells(frame, inner) for frame in frames])
        middles.append(_cells(median, inner))
        still.append(np.abs(cells - middles[-1]).mean(axis=0) <= MOVING)
        if crop == 0.0:
            moving = cells - middles[-1]
    return Background(first, first + len(frames), np.stack(middles), np.stack(still), moving)


def _cropped(box: Box, crop: float) -> Box:
    top, bottom, left, right = box
    high, wide = crop * (bottom - top), crop * (right - left)
    return top + high, bottom - high, left + wide, right - wide


def _without_bars(picture: FloatArray) -> Box:
    """Find the box inside of black bars: top, bottom, left, right."""
    edges = []
    for axis in (1, 0):
        dark = (picture.mean(axis=axis) < BAR_LEVEL) & (np.ptp(picture, axis=axis) < BAR_RANGE)
        lit = np.flatnonzero(~dark)
        whole = len(lit) < CELLS
        edges += [0, SIDE] if whole else [int(lit[0]), int(lit[-1]) + 1]
    return edges[0], edges[1], edges[2], edges[3]


def _cells(picture: FloatArray, box: Box = (0, SIDE, 0, SIDE)) -> FloatArray:
    """Average a box of a picture over G x G cells; their edges may cut through pixels."""
    top, bottom, left, right = box
    return _shares(top, bottom) @ picture @ _shares(left, right).T


def _shares(first: float, last: float) -> FloatArray:
    """Weight of each pixel (G, S) in the mean of each cell between two pixels."""
    edges = np.linspace(first, last, CELLS + 1)
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: FloatArray = np.clip(covered, 0.0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def _bits(cells: FloatArray, still: BoolArray, view: int) -> tuple[BoolArray, BoolArray]:
    grey, calm = turned(cells, view), turned(still, view)
    across, down = np.diff(grey, axis=1), np.diff(grey, axis=0)
    signs = np.concatenate([(across > 0.0).ravel(), (down > 0.0).ravel()])
    strong = np.concatenate([(np.abs(across) > WEAK).ravel(), (np.abs(down) > WEAK).ravel()])
    both = np.concatenate([(calm[:, 1:] & calm[:, :-1]).ravel(), (calm[1:] & calm[:-1]).ravel()])
    return signs, strong & both
