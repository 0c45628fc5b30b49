"""A curve as inline SVG that follows the page's colours."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

import numpy as np

from qevd_bio.views.curves import (
    Curve,
    drawn_range,
    runs,
    seen,
    thinned,
    unseen_spans_s,
    value_at,
)
from qevd_bio.views.formatting import counted, unit_sign

WIDTH, HEIGHT = 400.0, 200.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, 392.0, 20.0, 168.0
_TICKS = 5

CURVE_STYLE = """\
svg.curve{width:100%;max-width:34rem;height:auto;display:block;font:12px system-ui,sans-serif}
.curve text{fill:var(--muted)}
.curve .frame{fill:none;stroke:var(--line)}
.curve .tolerance{fill:var(--band);opacity:.14;stroke:none}
.curve .target{fill:var(--band);opacity:.24;stroke:none}
.curve .bound{stroke:var(--band);fill:none}
.curve .limit{stroke:var(--band);fill:none;stroke-dasharray:2 3}
.curve .unseen{fill:var(--muted);opacity:.22}
.curve .spoken-cycle{fill:var(--accent);opacity:.12}
.curve .cycle{stroke:var(--muted);opacity:.55}
.curve .trace{fill:none;stroke:var(--accent);stroke-width:2;stroke-linejoin:round}
.curve .key{fill:var(--page);stroke:var(--accent);stroke-width:1.5}
.curve .spoken-key{fill:var(--accent);stroke:var(--ink);stroke-width:1.5}
.curve .said{stroke:var(--said);stroke-width:1.5;stroke-dasharray:5 3}
.curve .said-label{fill:var(--said);font-weight:600}
"""


@dataclass(frozen=True, slots=True)
class _Scale:
    start_s: float
    end_s: float
    low: float
    high: float

    def x(self, time_s: float) -> float:
        share = (time_s - self.start_s) / ((self.end_s - self.start_s) or 1.0)
        return _LEFT + min(max(share, 0.0), 1.0) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return _BOTTOM - min(max(share, 0.0), 1.0) * (_BOTTOM - _TOP)


def curve_svg(
    curve: Curve, *, said_s: float | None, spoken: tuple[float, float, float] | None
) -> str:
    """Draw a curve.

    Parameters
    ----------
    curve : Curve
        T frames; time is drawn in seconds from its first frame.
    said_s : float or None
        When the sentence is said, on the curve's clock.
    spoken : (start_s, key_s, end_s) or None
        The cycle the sentence speaks of.

    Returns
    -------
    str
        One ``svg`` element without scripts, links or inline styles; `CURVE_STYLE` belongs to
        it.
    """
    low, high = drawn_range(curve)
    scale = _Scale(float(curve.time_s[0]), float(curve.time_s[-1]), low, high)
    parts = [
        *_target(curve, scale),
        *(_box("unseen", scale.x(a), scale.x(b)) for a, b in unseen_spans_s(curve)),
        *([_box("spoken-cycle", scale.x(spoken[0]), scale.x(spoken[2]))] if spoken else []),
        *_cycle_lines(curve, scale),
        f'<rect class="frame" x="{_LEFT}" y="{_TOP}" width="{_RIGHT - _LEFT}"'
        f' height="{_BOTTOM - _TOP}"/>',
        *_axes(curve, scale),
        *_traces(curve, scale),
        *_key_frames(curve, scale, None if spoken is None else spoken[1]),
        *_said(curve, scale, said_s),
    ]
    if not seen(curve).any():
        parts.append(_text((_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2, "no value measured"))
    name = escape(f"{curve.label} over the segment, {counted(len(curve.cycles), 'cycle')} marked")
    return (
        f'<svg class="curve" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )


def _target(curve: Curve, scale: _Scale) -> list[str]:
    low, high = curve.target_low, curve.target_high
    if low is None and high is None:
        return []
    bottom, top = scale.low, scale.high
    outer = (
        bottom if low is None else low - curve.tolerance,
        top if high is None else high + curve.tolerance,
    )
    inner = (bottom if low is None else low, top if high is None else high)
    parts = [_band("tolerance", scale, *outer), _band("target", scale, *inner)]
    for bound, limit in ((low, outer[0]), (high, outer[1])):
        if bound is not None:
            parts.append(_level("bound", scale.y(bound)))
            parts.append(_level("limit", scale.y(limit)))
    return parts


def _cycle_lines(curve: Curve, scale: _Scale) -> list[str]:
    times = sorted({time for start, _, end in curve.cycles for time in (start, end)})
    return [_line("cycle", scale.x(time), _BOTTOM - 9, _BOTTOM + 4) for time in times]


def _axes(curve: Curve, scale: _Scale) -> list[str]:
    parts = [_text((_LEFT + _RIGHT) / 2, HEIGHT - 4, "s from the start of the segment")]
    for value in ticks(scale.low, scale.high):
        label = f"{value:g}{unit_sign(curve.unit).strip()}".replace("-", "−")
        parts.append(_text(_LEFT - 5, scale.y(value) + 4, label, anchor="end"))
    for value in ticks(0.0, scale.end_s - scale.start_s):
        parts.append(_text(scale.x(scale.start_s + value), _BOTTOM + 16, f"{value:g}"))
    return parts


def _traces(curve: Curve, scale: _Scale) -> list[str]:
    parts = []
    columns = int(_RIGHT - _LEFT) // 2
    for start, end in runs(seen(curve)):
        time_s, values = thinned(curve.time_s[start:end], curve.values[start:end], columns)
        points = [
            f"{scale.x(float(t)):.1f},{scale.y(float(v)):.1f}"
            for t, v in zip(time_s, values, strict=True)
        ]
        if len(points) == 1:
            points *= 2
        parts.append(f'<polyline class="trace" points="{" ".join(points)}"/>')
    return parts


def _key_frames(curve: Curve, scale: _Scale, spoken_s: float | None) -> list[str]:
    marks = [("key", key_s, 3) for _, key_s, _ in curve.cycles if key_s != spoken_s]
    if spoken_s is not None:
        marks.append(("spoken-key", spoken_s, 5))
    placed = [(name, time, radius, value_at(curve, time)) for name, time, radius in marks]
    return [
        f'<circle class="{name}" cx="{scale.x(time):.1f}" cy="{scale.y(value):.1f}" r="{radius}"/>'
        for name, time, radius, value in placed
        if value is not None
    ]


def _said(curve: Curve, scale: _Scale, said_s: float | None) -> list[str]:
    if said_s is None or not curve.time_s[0] <= said_s <= curve.time_s[-1]:
        return []
    x = scale.x(said_s)
    inside = min(max(x, _LEFT + 12), _RIGHT - 12)
    return [
        _line("said", x, _TOP, _BOTTOM),
        f'<text class="said-label" x="{inside:.1f}" y="{_TOP - 6}" text-anchor="middle">said'
        "</text>",
    ]


def ticks(low: float, high: float) -> list[float]:
    """Choose round numbers for an axis.

    Parameters
    ----------
    low, high : float
        Ends of the axis, low below high.

    Returns
    -------
    list of float
        At most six multiples of 1, 2 or 5 times a power of ten, from low to high.
    """
    if not high > low:
        return [low]
    raw = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(np.round(number * step, 12)) for number in range(first, last + 1)]


def _band(name: str, scale: _Scale, low: float, high: float) -> str:
    y, height = scale.y(high), scale.y(low) - scale.y(high)
    return (
        f'<rect class="{name}" x="{_LEFT}" y="{y:.1f}" width="{_RIGHT - _LEFT}"'
        f' height="{height:.1f}"/>'
    )


def _box(name: str, x: float, end: float) -> str:
    return (
        f'<rect class="{name}" x="{x:.1f}" y="{_TOP}" width="{end - x:.1f}"'
        f' height="{_BOTTOM - _TOP}"/>'
    )


def _line(name: str, x: float, top: float, bottom: float) -> str:
    return f'<line class="{name}" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}"/>'


def _level(name: str, y: float) -> str:
    return f'<line class="{name}" x1="{_LEFT}" y1="{y:.1f}" x2="{_RIGHT}" y2="{y:.1f}"/>'


def _text(x: float, y: float, text: str, *, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
