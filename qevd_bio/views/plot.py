"""The curves of a video as a PNG picture, one panel each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_bytes_atomic
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.views.analysed_video import finished_video
from qevd_bio.views.curve_drawing import (
    COLOURS,
    STYLES,
    Drawing,
    Shape,
    curve_caption,
    curve_drawing,
    stacked,
)
from qevd_bio.views.curves import Curve
from qevd_bio.views.formatting import counted
from qevd_bio.views.video_curves import video_curves

_PANEL_PX = (960.0, 240.0)
# matplotlib's points are 1/72 inch; at 72 dots an inch a point is a pixel of the drawing.
_DOTS_PER_INCH, _SCALE = 72, 1.5
_TEXT_PX = 11.0


def write_plot(pipeline: Pipeline, video: str, path: Path) -> int:
    """Draw the curves of a video of a work folder as PNG and return their number.

    `UsageError`, `DataError` or `EnvironmentProblem` where the video is unknown, not finished or
    without a curve, or matplotlib is not installed.
    """
    outside_of_source(path, pipeline.config.data_root)
    by_segment = video_curves(finished_video(pipeline, video))
    curves = [curve for of_segment in by_segment.values() for curve in of_segment]
    plot_curves(curves, path)
    return len(curves)


def plot_curves(curves: Sequence[Curve], path: Path) -> None:
    """Draw curves below each other as PNG.

    Parameters
    ----------
    curves : sequence of Curve
        One panel each, in this order.
    path : Path
        The file to write or replace, ending in ``.png``.

    Raises
    ------
    EnvironmentProblem
        matplotlib is not installed.
    DataError
        There is no curve.

    Notes
    -----
    Equal curves give equal bytes under one version of matplotlib: neither its name nor a time
    is written, and the user's own matplotlib settings are not used.
    """
    if not curves:
        raise DataError(
            "has no exercise segment to draw",
            where=path.stem,
            next_step="Run the stages first; unsupported exercises have no curve",
        )
    write_bytes_atomic(path, _png(stacked([_panel(curve) for curve in curves])))


def _panel(curve: Curve) -> Drawing:
    about = f"video {curve.video_id}, segment {curve.segment_index}: {curve.exercise}"
    title = f"{about} · {counted(len(curve.cycles), 'cycle')}"
    said_s = curve.utterances_s
    heading = (title, curve_caption(curve, said_s=said_s))
    return curve_drawing(curve, said_s=said_s, heading=heading, size=_PANEL_PX)


def _png(drawing: Drawing) -> bytes:
    try:
        from matplotlib import style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise EnvironmentProblem(
            f"matplotlib is needed for pictures ({error})",
            where="plot",
            next_step='pip install "qevd-bio[plot]"',
        ) from error
    picture = io.BytesIO()
    with style.context("default"):
        size_in = drawing.width / _DOTS_PER_INCH, drawing.height / _DOTS_PER_INCH
        figure = Figure(figsize=size_in, dpi=_DOTS_PER_INCH * _SCALE)
        FigureCanvasAgg(figure)
        ground = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        ground.set_axis_off()
        ground.set(xlim=(0.0, drawing.width), ylim=(drawing.height, 0.0))
        for shape in drawing.shapes:
            _draw(ground, shape)
        figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw(ground: Any, shape: Shape) -> None:  # noqa: ANN401  matplotlib has no types
    style = STYLES[shape.style]
    fill, stroke = (COLOURS[name][0] if name else "none" for name in (style.fill, style.stroke))
    x, y = zip(*shape.points, strict=True)
    width = style.width if style.stroke else 0.0
    look = {"alpha": style.opacity, "linewidth": width, "zorder": 1.0}
    if shape.kind == "box":
        corners = (x[0], x[1], x[1], x[0]), (y[0], y[0], y[1], y[1])
        ground.fill(*corners, facecolor=fill, edgecolor=stroke, **look)
    elif shape.kind == "line":
        dash = (0.0, style.dash) if style.dash else "solid"
        ground.plot(x, y, color=stroke, linestyle=dash, solid_joinstyle="round", **look)
    elif shape.kind == "dot":
        area = (2.0 * shape.radius) ** 2
        ground.scatter(x, y, s=area, facecolor=fill, edgecolor=stroke, **look)
    else:
        side = {"start": "left", "middle": "center", "end": "right"}[shape.anchor]
        ground.text(x[0], y[0], shape.text, color=fill, ha=side, size=_TEXT_PX, parse_math=False)
