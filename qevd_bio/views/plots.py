"""Curves of a video as a picture, one panel an exercise segment."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_bytes_atomic
from qevd_bio.views.curves import Curve, drawn_range, seen, unseen_spans_s, value_at
from qevd_bio.views.formatting import counted, target_words, unit_sign

_WIDTH_IN, _PANEL_IN, _DPI = 11.0, 2.6, 110
_TRACE, _BAND, _SAID, _UNSEEN, _CYCLE = "#0550ae", "#1a7f37", "#a63d00", "#57606a", "#8c959f"

_LEGEND = (
    "green: target, lighter: tolerance · ○ key frame · dotted: end of a cycle · "
    "▼ utterance · grey: nobody seen"
)


def plot_video(curves: Sequence[Curve], path: Path) -> None:
    """Draw the curves of a video as PNG.

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
    is written, and the reader's own matplotlib settings are not used.
    """
    if not curves:
        raise DataError(
            "has no exercise segment to draw",
            where=path.stem,
            next_step="Run the stages first; unsupported exercises have no curve",
        )
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
    with style.context("default"):
        figure = Figure(
            figsize=(_WIDTH_IN, _PANEL_IN * len(curves)), dpi=_DPI, layout="constrained"
        )
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(curves), 1, squeeze=False)[:, 0]
        for panel, curve in zip(panels, curves, strict=True):
            _draw(panel, curve)
        panels[-1].set_xlabel(f"seconds from the start of the segment\n{_LEGEND}")
        picture = io.BytesIO()
        figure.savefig(picture, format="png", metadata={"Software": None})
    write_bytes_atomic(path, picture.getvalue())


def _draw(panel: Any, curve: Curve) -> None:  # noqa: ANN401  matplotlib has no types
    start = float(curve.time_s[0])
    low, high = drawn_range(curve)
    end = float(curve.time_s[-1]) - start
    panel.set_xlim(0.0, end or 1.0)
    panel.set_ylim(low, high)
    _draw_target(panel, curve, low, high)
    for first, last in unseen_spans_s(curve):
        panel.axvspan(first - start, last - start, color=_UNSEEN, alpha=0.25, linewidth=0)
    for time in sorted({time for one in curve.cycles for time in (one[0], one[2])}):
        panel.axvline(time - start, color=_CYCLE, linewidth=0.8, linestyle=":")
    values = np.where(seen(curve), curve.values, np.nan)
    panel.plot(curve.time_s - start, values, color=_TRACE, linewidth=1.6)
    keys = [(key - start, value_at(curve, key)) for _, key, _ in curve.cycles]
    placed = [(time, value) for time, value in keys if value is not None]
    if placed:
        panel.plot(*zip(*placed, strict=True), "o", color=_TRACE, markerfacecolor="white")
    across = panel.get_xaxis_transform()
    for time in curve.utterances_s:
        if 0.0 <= time - start <= end:
            panel.plot([time - start], [1.0], "v", color=_SAID, transform=across, clip_on=False)
    sign = unit_sign(curve.unit).strip()
    panel.set_ylabel(f"{curve.label}\n[{sign or curve.unit}]", parse_math=False)
    panel.set_title(_title(curve), loc="left", fontsize=10, parse_math=False)


def _draw_target(panel: Any, curve: Curve, low: float, high: float) -> None:  # noqa: ANN401
    if curve.target_low is None and curve.target_high is None:
        return
    bottom = low if curve.target_low is None else curve.target_low
    top = high if curve.target_high is None else curve.target_high
    panel.axhspan(bottom, top, color=_BAND, alpha=0.22, linewidth=0)
    panel.axhspan(
        bottom - curve.tolerance, top + curve.tolerance, color=_BAND, alpha=0.12, linewidth=0
    )


def _title(curve: Curve) -> str:
    target = target_words(curve.target_low, curve.target_high, curve.tolerance, curve.unit)
    about = f"video {curve.video_id}, segment {curve.segment_index}: {curve.exercise}"
    return f"{about} · {counted(len(curve.cycles), 'cycle')}" + (
        "" if target == "–" else f" · target {target}"
    )
