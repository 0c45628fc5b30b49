"""The curves of an item as JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.views.curves import Curve, CycleTimes, Target

_DECIMALS = {"deg": 1, "ratio": 3, "s": 3}


def curve_view(curve: Curve) -> dict[str, Any]:
    """Write a curve as JSON values.

    Returns
    -------
    dict
        ``measure, label, unit, note``; ``side``: the trace that `target`, ``tolerance`` and
        ``guard`` are about; ``sides``: values by trace (``right``, ``left``, ``right minus left``,
        or an empty name), one a frame of the item, null where there is none; ``bands``: target,
        tolerance and guard by trace; ``checked``: ``{side, frame, value}`` of the findings;
        ``cycles``: [start, key, end], each a frame of the item. All bands in the unit of the
        measure; null where a target is open on that side.
    """
    decimals = _DECIMALS[curve.unit]
    lines = {curve.trace: curve.values, **curve.others}
    sides = {name: lines[name] for name in ("right", "left") if name in lines} or lines
    return {
        "measure": curve.measure,
        "label": curve.label,
        "unit": curve.unit,
        "note": curve.note,
        "side": curve.trace,
        "sides": {name: with_gaps(line, decimals) for name, line in sides.items()},
        **_band(curve.target),
        "bands": {name: _band(target) for name, target in curve.targets.items()},
        "checked": [
            {"side": one.trace, "frame": one.index, "value": one.value} for one in curve.checked
        ],
        "cycles": [_frames(cycle, curve.time_s) for cycle in curve.cycles],
    }


def with_gaps(values: FloatArray, decimals: int) -> list[float | None]:
    """Round values; None where they are not finite."""
    known, rounded = np.isfinite(values), (np.round(values, decimals) + 0.0).tolist()
    if known.all():
        return list(rounded)
    return [one if is_known else None for one, is_known in zip(rounded, known, strict=True)]


def _band(target: Target | None) -> dict[str, Any]:
    if target is None:
        return {"target": None, "tolerance": 0.0, "guard": 0.0}
    return {
        "target": [target.low, target.high],
        "tolerance": target.tolerance,
        "guard": target.guard,
    }


def _frames(cycle: CycleTimes, times_s: FloatArray) -> list[int]:
    places = np.searchsorted(times_s, np.array(cycle) - 1e-9)
    return [min(int(place), len(times_s) - 1) for place in places]
