"""The plot of a training as SVG: each quantity over the updates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.templates import render
from qevd_bio.views.curve_drawing import ticks

_WIDTH, _HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 628, 28, 276
_COLUMNS = 400
_SMOOTHED_OVER = 20  # points of the drawn curve
_PALE, _STRONG = "#b6cdea", "#0550ae"


def write_loss_plot(
    path: Path, updates: Sequence[int], values: Sequence[float], title: str
) -> None:
    """Draw a quantity over the updates: each value pale, their running mean on top.

    Parameters
    ----------
    path : Path
        The SVG file to write or replace.
    updates : sequence of int
        Ascending, at least one.
    values : sequence of float
        One for each update; those that are not finite are left out.
    title : str
        Above the plot.
    """
    x, y = np.asarray(updates, dtype=np.float64), np.asarray(values, dtype=np.float64)
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not len(y):
        return
    x, y = _thinned(x), _thinned(y)
    low, high = _range(y)
    first, last = float(x[0]), float(max(x[-1], x[0] + 1))

    def place(xs: FloatArray, ys: FloatArray) -> list[tuple[float, float]]:
        across = _LEFT + (xs - first) / (last - first) * (_RIGHT - _LEFT)
        up = _BOTTOM - (ys - low) / (high - low) * (_BOTTOM - _TOP)
        return list(zip(across.tolist(), up.tolist(), strict=True))

    lines = [
        {"colour": _PALE, "stroke_px": 1, "points": place(x, y)},
        {"colour": _STRONG, "stroke_px": 2, "points": place(x, _running_mean(y))},
    ]
    y_ticks = [(place(x[:1], np.array([v]))[0][1], f"{v:g}") for v in ticks(low, high)]
    x_ticks = [(place(np.array([v]), y[:1])[0][0], f"{v:g}") for v in ticks(first, last)]
    page = render(
        __package__, "curve.svg", title=title, lines=lines, x_ticks=x_ticks, y_ticks=y_ticks,
        width=_WIDTH, height=_HEIGHT, left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM,
    )  # fmt: skip
    write_text_atomic(path, page)


def _thinned(values: FloatArray) -> FloatArray:
    """Average neighbours until a curve has no more points than the plot shows."""
    parts = np.array_split(values, min(len(values), _COLUMNS))
    return np.array([part.mean() for part in parts])


def _running_mean(values: FloatArray) -> FloatArray:
    """Average each value with those before it."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    end = np.arange(1, len(values) + 1)
    start = np.maximum(end - _SMOOTHED_OVER, 0)
    return np.asarray((sums[end] - sums[start]) / (end - start))


def _range(values: FloatArray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or max(abs(high), 1.0) * 0.05
    return low - margin, high + margin
