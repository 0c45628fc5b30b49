"""Checks whether the measurements of a body can be a person's."""

from __future__ import annotations

from collections.abc import Mapping

HEIGHT_RANGE_M = (1.2, 2.3)
MASS_RANGE_KG = (25.0, 250.0)
"""Unverified, as is the range of heights: wide enough for adults and tall children."""

HEIGHT_DIFFERENCE_M = 0.10
"""Twice the mean error of heights from one picture (SHAPY on HBW: 51 mm)."""

_ALL = frozenset({"height_m", "mass_kg", "chest_m", "waist_m", "hip_m"})

DOUBTS: Mapping[str, frozenset[str]] = {
    "height_range": _ALL,
    "height_contradicted": _ALL,
    "mass_range": _ALL - {"height_m"},
    "girth_order": frozenset({"chest_m", "waist_m", "hip_m"}),
    "open_surface": frozenset({"mass_kg"}),
}
"""The measurements that each flag makes doubtful; a wrong scale affects all of them."""


def flags_of(
    measured: Mapping[str, float], *, given_height_m: float | None = None, is_closed: bool = True
) -> tuple[str, ...]:
    """Flag what is implausible about the measurements of one body.

    Parameters
    ----------
    measured : mapping of str to float
        height_m, mass_kg, chest_m, waist_m and hip_m.
    given_height_m : float, optional
        The person's height, if it is known.
    is_closed : bool
        Whether the surface that the mass comes from is closed.

    Returns
    -------
    tuple of str
        Keys of `DOUBTS`: ``height_range`` outside 1.2 to 2.3 m; ``height_contradicted`` more
        than 10 cm from the known height; ``mass_range`` outside 25 to 250 kg; ``girth_order``
        the waist is wider than both chest and hip; ``open_surface``.
    """
    height, waist = measured["height_m"], measured["waist_m"]
    contradicts = given_height_m is not None and abs(height - given_height_m) > HEIGHT_DIFFERENCE_M
    found = {
        "height_range": not HEIGHT_RANGE_M[0] <= height <= HEIGHT_RANGE_M[1],
        "height_contradicted": contradicts,
        "mass_range": not MASS_RANGE_KG[0] <= measured["mass_kg"] <= MASS_RANGE_KG[1],
        "girth_order": waist > measured["chest_m"] and waist > measured["hip_m"],
        "open_surface": not is_closed,
    }
    return tuple(name for name in DOUBTS if found[name])
