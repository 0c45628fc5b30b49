"""Measures, numbers and targets as pages and plots write them."""

from __future__ import annotations

import math

_SIDES = {"_r": "right", "_l": "left"}
_SIGNS = {"deg": "°", "ratio": "", "s": " s"}


def measure_words(measure: str) -> str:
    """Name a measure for readers: ``knee_flexion_r`` becomes ``right knee flexion``."""
    for ending, side in _SIDES.items():
        if measure.endswith(ending):
            return f"{side} {measure.removesuffix(ending).replace('_', ' ')}"
    return measure.replace("_", " ")


def unit_sign(unit: str) -> str:
    """Return what follows a number of a unit; a ValueError for an unknown unit."""
    if unit not in _SIGNS:
        raise ValueError(f"unit {unit!r} is none of {', '.join(_SIGNS)}")
    return _SIGNS[unit]


def number_words(value: float | None, unit: str, *, signed: bool = False) -> str:
    """Write a number with its unit and the true minus sign.

    ``deg`` has one decimal, ``ratio`` and ``s`` have two; None and numbers that are not finite are
    written as a dash. `signed` writes a plus sign before a number above zero.
    """
    if value is None or not math.isfinite(value):
        return "–"
    digits = 1 if unit == "deg" else 2
    rounded = round(value, digits) + 0.0
    text = f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")
    return text + unit_sign(unit)


def target_words(low: float | None, high: float | None, tolerance: float, unit: str) -> str:
    """Write a target such as ``90° to 120° ± 10°``; a dash when it has no bound."""
    sign = unit_sign(unit)
    if low is not None and high is not None:
        text = f"{_short(low)}{sign} to {_short(high)}{sign}"
    elif low is not None:
        text = f"at least {_short(low)}{sign}"
    elif high is not None:
        text = f"at most {_short(high)}{sign}"
    else:
        return "–"
    return f"{text} ± {_short(tolerance)}{sign}" if tolerance else text


def _short(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def counted(number: int, noun: str) -> str:
    """Write a count with its noun, in the plural unless it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def moment_words(seconds: float | None) -> str:
    """Write a time in a video as minutes and seconds, ``1:23.4``; a dash when it is not known."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    tenths = round(abs(seconds) * 10)
    sign = "−" if seconds < 0 and tenths else ""
    return f"{sign}{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
