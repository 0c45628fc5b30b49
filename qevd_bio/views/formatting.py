"""Measures, numbers and targets in the words of pages and plots."""

from __future__ import annotations

import math

_SIDES = {"_r": "right", "_l": "left"}
_SIGNS = {"deg": "°", "ratio": "", "s": " s"}


def measure_words(measure: str) -> str:
    """Name a measure for readers.

    Parameters
    ----------
    measure : str
        Catalogue name, with its side if it has one.

    Returns
    -------
    str
        ``knee_flexion_r`` becomes ``right knee flexion``.
    """
    for ending, side in _SIDES.items():
        if measure.endswith(ending):
            return f"{side} {measure.removesuffix(ending).replace('_', ' ')}"
    return measure.replace("_", " ")


def unit_sign(unit: str) -> str:
    """Return what follows a number of that unit.

    Raises
    ------
    ValueError
        The unit is none of deg, ratio and s.
    """
    if unit not in _SIGNS:
        raise ValueError(f"unit {unit!r} is none of {', '.join(_SIGNS)}")
    return _SIGNS[unit]


def number_words(value: float | None, unit: str, *, signed: bool = False) -> str:
    """Write a number with its unit.

    Parameters
    ----------
    value : float or None
        None and numbers that are not finite are written as a dash.
    unit : str
        ``deg``, ``ratio`` or ``s``.
    signed : bool
        Whether a plus sign is written before a number above zero.

    Returns
    -------
    str
        One decimal for degrees, two otherwise; the true minus sign.
    """
    if value is None or not math.isfinite(value):
        return "–"
    digits = 1 if unit == "deg" else 2
    rounded = round(value, digits) + 0.0
    text = f"{rounded:{'+' if signed and rounded else ''}.{digits}f}".replace("-", "−")
    return text + unit_sign(unit)


def target_words(low: float | None, high: float | None, tolerance: float, unit: str) -> str:
    """Write a target with its tolerance.

    Parameters
    ----------
    low, high : float or None
        Bounds; None when open on that side.
    tolerance : float
        Allowed beyond the bounds.
    unit : str
        ``deg``, ``ratio`` or ``s``.

    Returns
    -------
    str
        ``90° to 120° ± 10°``; a dash when there is no bound at all.
    """
    if low is None and high is None:
        return "–"
    if low is not None and high is not None:
        text = f"{_short(low)}{unit_sign(unit)} to {_short(high)}{unit_sign(unit)}"
    elif low is not None:
        text = f"at least {_short(low)}{unit_sign(unit)}"
    else:
        text = f"at most {_short(high or 0.0)}{unit_sign(unit)}"
    return f"{text} ± {_short(tolerance)}{unit_sign(unit)}" if tolerance else text


def _short(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


def counted(number: int, noun: str) -> str:
    """Write a count with its noun, in the plural unless it is one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
