"""A curve laid out as shapes with named styles, for a page and for a picture alike."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.views.curves import (
    Curve,
    CycleTimes,
    gaps_s,
    other_guards,
    runs,
    thinned,
    value_at,
    value_range,
)
from qevd_bio.views.formatting import counted, number_words, target_words, unit_sign

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 16.0, 20.0, 32.0
AXIS_PX = (_LEFT, _RIGHT)
"""Space left and right of the time axis, for what moves along it."""
_HEADING = 34.0
_TICKS, _TICK_PX = 5, 65
_LETTER_PX = 12.0

COLOURS: Mapping[str, tuple[str, str]] = {
    "page": ("#ffffff", "#0d1117"),
    "ink": ("#1b1f24", "#e6edf3"),
    "muted": ("#57606a", "#9aa4af"),
    "line": ("#d0d7de", "#3a424c"),
    "card": ("#f6f8fa", "#161b22"),
    "accent": ("#0550ae", "#79c0ff"),
    "band": ("#1a7f37", "#56d364"),
    "said": ("#a63d00", "#ffa657"),
    "cut": ("#ffe3e0", "#4c1b20"),
    "cut-ink": ("#82071e", "#ffd0cb"),
    "new": ("#d7f5dd", "#12391d"),
    "new-ink": ("#0a4d1d", "#b6f2c3"),
}
"""Colours by name: light and dark."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a shape looks; `fill` and `stroke` are keys of `COLOURS`."""

    fill: str | None = None
    stroke: str | None = None
    width: float = 1.0
    dash: tuple[int, int] | None = None
    opacity: float = 1.0


STYLES: Mapping[str, Style] = {
    "label": Style(fill="muted"),
    "heading": Style(fill="ink"),
    "frame": Style(stroke="line"),
    "guard": Style(fill="band", opacity=0.07),
    "tolerance": Style(fill="band", opacity=0.14),
    "target": Style(fill="band", opacity=0.24),
    "bound": Style(stroke="band"),
    "limit": Style(stroke="band", dash=(2, 3)),
    "edge": Style(stroke="band", dash=(1, 5)),
    "other-edge": Style(stroke="muted", dash=(1, 5)),
    "gap": Style(fill="muted", opacity=0.22),
    "spoken-cycle": Style(fill="accent", opacity=0.12),
    "cycle": Style(stroke="muted", opacity=0.55),
    "trace": Style(stroke="accent", width=2.0),
    "other": Style(stroke="muted", width=1.5, dash=(6, 3)),
    "key": Style(fill="page", stroke="accent", width=1.5),
    "spoken-key": Style(fill="accent", stroke="ink", width=1.5),
    "other-key": Style(fill="page", stroke="muted", width=1.5),
    "said": Style(stroke="said", width=1.5, dash=(5, 3)),
    "said-label": Style(fill="said"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing to draw.

    Attributes
    ----------
    kind : str
        A box has two opposite corners, a line two or more points, a dot and a text one.
    style : str
        Key of `STYLES`.
    points : tuple of (x, y)
        Pixels, x right and y down.
    radius : float
        Of a dot.
    text, anchor : str
        Text and its end at the point: start, middle or end of the line on which it stands.
    """

    kind: Literal["box", "line", "dot", "text"]
    style: str
    points: tuple[tuple[float, float], ...]
    radius: float = 0.0
    text: str = ""
    anchor: Literal["start", "middle", "end"] = "middle"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Shapes in the order in which they are drawn, on a ground of this size in pixels."""

    width: float
    height: float
    name: str
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class _Axes:
    """The area of the curve on a drawing, in pixels, and what its ends stand for."""

    left: float
    right: float
    top: float
    bottom: float
    start_s: float
    end_s: float
    low: float
    high: float

    def x(self, time_s: float) -> float:
        share = (time_s - self.start_s) / ((self.end_s - self.start_s) or 1.0)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, value: float | None, edge: float = 0.0) -> float:
        """Place a value; None lies at an edge."""
        if value is None:
            return edge
        share = (value - self.low) / (self.high - self.low)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)

    def box(self, style: str, start_s: float, end_s: float) -> Shape:
        corners = (self.x(start_s), self.top), (self.x(end_s), self.bottom)
        return Shape("box", style, corners)


def curve_drawing(
    curve: Curve,
    *,
    said_s: Sequence[float] = (),
    spoken: CycleTimes | None = None,
    heading: Sequence[str] = (),
    size: tuple[float, float] = (400.0, 200.0),
    whole: str = "segment",
) -> Drawing:
    """Lay a curve out; the time axis counts seconds from its first frame.

    `said_s` are utterances to mark, on the curve's clock; those outside of it are left out.
    `spoken` is the cycle the utterance is about, `heading` at most two lines above the curve,
    `size` width and height in pixels, `whole` what the curve is of.
    """
    width, height = size
    top = _TOP + (_HEADING if heading else 0.0)
    ends_s = float(curve.time_s[0]), float(curve.time_s[-1])
    axes = _Axes(_LEFT, width - _RIGHT, top, height - _BOTTOM, *ends_s, *value_range(curve))
    shapes = [
        *(_text("heading", 4.0, 14.0 + 16.0 * i, line, "start") for i, line in enumerate(heading)),
        *_target(curve, axes),
        *(axes.box("gap", start, end) for start, end in gaps_s(curve)),
        *([axes.box("spoken-cycle", spoken.start_s, spoken.end_s)] if spoken else []),
        *_cycle_ends(curve, axes),
        axes.box("frame", *ends_s),
        *_scales(curve, axes, whole),
        *_traces(curve, axes),
        *_key_frames(curve, axes, spoken),
        *_said(said_s, axes),
    ]
    if not np.isfinite(curve.values).any():
        middle = (axes.left + axes.right) / 2.0, (axes.top + axes.bottom) / 2.0
        shapes.append(_text("label", *middle, "no value measured"))
    name = f"{curve.label} over the {whole}, {counted(len(curve.cycles), 'cycle')} marked"
    return Drawing(width, height, name, tuple(shapes))


def curve_caption(
    curve: Curve, *, said_s: Sequence[float] = (), spoken: CycleTimes | None = None
) -> str:
    """Explain a drawing of a curve in one sentence; arguments as in `curve_drawing`."""
    parts = [f"{curve.label[:1].upper()}{curve.label[1:]}"]
    if curve.others:
        parts.append(f"solid: {curve.trace}, dashed: {', '.join(curve.others)}")
    if len(said_s) == 1:
        seconds = number_words(said_s[0] - float(curve.time_s[0]), "s")
        parts.append(f"said {seconds} into the segment")
    parts += _band_words(curve)
    if curve.cycles:
        parts.append("rings: key frames; strokes at the bottom: ends of cycles")
    if spoken is not None:
        parts.append("shaded: the cycle of this sentence")
    if spoken is not None or curve.checked:
        parts.append("large dot: what was measured")
    if gaps_s(curve):
        parts.append("grey: no value")
    if curve.note:
        parts.append(curve.note)
    return "; ".join(parts) + "."


def _band_words(curve: Curve) -> Iterator[str]:
    target = curve.target
    if target is None:
        return
    yield f"band: target {target_words(target.low, target.high, target.tolerance, curve.unit)}"
    if target.guard:
        yield f"palest: measurement noise ({number_words(target.guard, curve.unit)})"
    if others := ", ".join(other_guards(curve)):
        yield f"grey dots: where that ends for the {others} side"


def stacked(drawings: Sequence[Drawing]) -> Drawing:
    """Put drawings of one width below each other."""
    shapes: list[Shape] = []
    height = 0.0
    for drawing in drawings:
        for shape in drawing.shapes:
            points = tuple((x, y + height) for x, y in shape.points)
            shapes.append(replace(shape, points=points))
        height += drawing.height
    name = "; ".join(drawing.name for drawing in drawings)
    return Drawing(drawings[0].width, height, name, tuple(shapes))


def ticks(low: float, high: float, steps: int = _TICKS) -> list[float]:
    """Choose round numbers for an axis, in at most `steps` steps.

    They are multiples of 1, 2 or 5 times a power of ten.
    """
    if not high > low:
        return [low]
    raw = (high - low) / steps
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(np.round(number * step, 12)) for number in range(first, last + 1)]


def _target(curve: Curve, axes: _Axes) -> Iterator[Shape]:
    if curve.target is None:
        return
    bands = curve.target.bands()
    for name, (low, high) in bands.items():
        corners = (axes.left, axes.y(high, axes.top)), (axes.right, axes.y(low, axes.bottom))
        yield Shape("box", name, corners)
    lines = [
        ("bound", bands["target"]),
        ("limit", bands["tolerance"]),
        ("edge", bands["guard"]),
        *(("other-edge", bounds) for bounds in other_guards(curve).values()),
    ]
    for style, bounds in lines:
        for value in bounds:
            if value is not None:
                y = axes.y(value)
                yield Shape("line", style, ((axes.left, y), (axes.right, y)))


def _cycle_ends(curve: Curve, axes: _Axes) -> Iterator[Shape]:
    for time in sorted({time for one in curve.cycles for time in (one.start_s, one.end_s)}):
        x = axes.x(time)
        yield Shape("line", "cycle", ((x, axes.bottom - 9.0), (x, axes.bottom + 4.0)))


def _scales(curve: Curve, axes: _Axes, whole: str) -> Iterator[Shape]:
    middle = (axes.left + axes.right) / 2.0
    yield _text("label", middle, axes.bottom + 28.0, f"s from the start of the {whole}")
    for value in ticks(axes.low, axes.high):
        label = f"{value:g}{unit_sign(curve.unit).strip()}".replace("-", "−")
        yield _text("label", axes.left - 5.0, axes.y(value) + 4.0, label, "end")
    steps = int((axes.right - axes.left) / _TICK_PX)
    for value in ticks(0.0, axes.end_s - axes.start_s, steps):
        yield _text("label", axes.x(axes.start_s + value), axes.bottom + 16.0, f"{value:g}")


def _traces(curve: Curve, axes: _Axes) -> Iterator[Shape]:
    """Draw the lines of both sides, the shown one last, each with a letter at its end."""
    ends: list[tuple[float, str]] = []
    for name, line in (*curve.others.items(), (curve.trace, curve.values)):
        style = "trace" if name == curve.trace else "other"
        shapes = list(_trace(style, curve.time_s, line, axes))
        yield from shapes
        if shapes and name:
            ends.append((shapes[-1].points[-1][1], name[0].upper()))
    lowest = axes.top - _LETTER_PX
    for y, letter in sorted(ends):
        lowest = max(y, lowest + _LETTER_PX)
        yield _text("label", axes.right + 8.0, lowest + 4.0, letter)


def _trace(style: str, times_s: FloatArray, line: FloatArray, axes: _Axes) -> Iterator[Shape]:
    columns = int(axes.right - axes.left) // 3
    for start, end in runs(np.isfinite(line)):
        time_s, values = thinned(times_s[start:end], line[start:end], columns)
        points = [(axes.x(t), axes.y(v)) for t, v in zip(time_s, values, strict=True)]
        yield Shape("line", style, tuple(points * 2 if len(points) == 1 else points))


def _key_frames(curve: Curve, axes: _Axes, spoken: CycleTimes | None) -> Iterator[Shape]:
    spoken_s = None if spoken is None else spoken.key_s
    marks = [("key", one.key_s, 3.0) for one in curve.cycles if one.key_s != spoken_s]
    for one in curve.checked:
        if one.index is not None:
            at = axes.x(float(curve.time_s[one.index])), axes.y(one.value)
            is_own = one.trace == curve.trace
            yield Shape("dot", "spoken-key" if is_own else "other-key", (at,), 5.0)
    if spoken_s is not None and not any(one.index is not None for one in curve.checked):
        marks.append(("spoken-key", spoken_s, 5.0))
    for style, time_s, radius in marks:
        value = value_at(curve, time_s)
        if value is not None:
            yield Shape("dot", style, ((axes.x(time_s), axes.y(value)),), radius)


def _said(said_s: Sequence[float], axes: _Axes) -> Iterator[Shape]:
    for time_s in said_s:
        if axes.start_s <= time_s <= axes.end_s:
            x = axes.x(time_s)
            yield Shape("line", "said", ((x, axes.top), (x, axes.bottom)))
            inside = min(max(x, axes.left + 12.0), axes.right - 12.0)
            yield _text("said-label", inside, axes.top - 6.0, "said")


def _text(
    style: str, x: float, y: float, text: str, anchor: Literal["middle", "start", "end"] = "middle"
) -> Shape:
    return Shape("text", style, ((x, y),), text=text, anchor=anchor)
