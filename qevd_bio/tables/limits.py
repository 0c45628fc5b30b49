"""Bounds of the numbers of any table, by the endings of their names and by their units."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase

from qevd_bio.tables.published_table import Limit, PublishedTable

_TURN = 2.0 * math.pi
_MANY = 1e9

ROOT_REACH_M = 50.0
"""A person farther from the camera cannot be measured."""

LIMITS: tuple[Limit, ...] = (
    Limit("*_sigma_rad", 0.0, 100.0 * _TURN),
    Limit("*sigma", 0.0, _MANY),
    Limit("*_sigma_*", 0.0, _MANY),
    Limit("*_share", 0.0, 1.0),
    Limit("*confidence", 0.0, 1.0),
    Limit("*confidence_median", 0.0, 1.0),
    Limit("*severity", 0.0, _MANY),
    Limit("*tolerance", 0.0, _MANY),
    Limit("*guard", 0.0, 100.0),
    Limit("root_*_m", -ROOT_REACH_M, ROOT_REACH_M),
    Limit("*_index", 0.0, 2.0**31),
    Limit("*_version", 0.0, 2.0**31),
)
"""Bounds by name, for numbers that no limit of their table names."""

UNIT_LIMITS: dict[str, tuple[float, float]] = {
    "rad": (-4.0 * _TURN, 4.0 * _TURN),
    "deg": (-1440.0, 1440.0),
    "s": (0.0, 1e11),
    "frames": (0.0, 1e9),
    "m": (0.0, 1000.0),
    "kg": (0.0, 1000.0),
    "m/s": (0.0, 1000.0),
    "m/s^2": (0.0, 1e6),
    "deg/s": (0.0, 1e6),
}
"""Bounds by unit, for numbers that no limit names. Hinges and Euler angles are unwrapped over a
segment, so a whole turn more is allowed; 100 radians are degrees by mistake."""


def limit_of(table: PublishedTable, column: str, unit: str) -> Limit | None:
    """Find the bounds of a numeric column, named by its dotted path; None: any finite number."""
    for limit in (*table.limits, *LIMITS):
        if fnmatchcase(column, limit.column):
            return limit
    return Limit(column, *UNIT_LIMITS[unit]) if unit in UNIT_LIMITS else None
