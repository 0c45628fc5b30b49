"""The size of a body: proportions as a camera shows them, metres when a height is given.

T frames
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from qevd_bio.errors import UsageError
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height

LEAST_HEIGHT_M, MOST_HEIGHT_M = 0.8, 2.5

_LENGTHWISE = ("thigh", "shank", "trunk")
_SHARE_OF_HEIGHT = sum(segment_lengths_for_height(1.0)[name] for name in _LENGTHWISE)


def stature_m(lengths_m: Mapping[str, float]) -> float:
    """Estimate the height (m) of a body with these segment lengths (m).

    Thigh, shank and trunk together have the share of the height that they have in an average
    adult (`skeleton.bodies.PROPORTIONS`); head and feet are not measured.
    """
    return sum(lengths_m[name] for name in _LENGTHWISE) / _SHARE_OF_HEIGHT


def segment_ratios(lengths_m: Mapping[str, float]) -> dict[str, float]:
    """Return each segment's share of thigh, shank and trunk together: what one camera can see."""
    whole = sum(lengths_m[name] for name in _LENGTHWISE)
    return {name: round(lengths_m[name] / whole, 6) for name in sorted(lengths_m)}


def checked_height_m(height_m: float) -> float:
    """Return a height between 0.8 and 2.5 metres; `UsageError` for another one."""
    if not LEAST_HEIGHT_M <= height_m <= MOST_HEIGHT_M:
        raise UsageError(
            f"{height_m:g} is not the height of a person in metres",
            where="--height-m",
            next_step=f"Give metres between {LEAST_HEIGHT_M} and {MOST_HEIGHT_M}, such as 1.78",
        )
    return height_m


def with_height(motion: Motion, height_m: float) -> Motion:
    """Scale a motion to a person of known height (m).

    Segment lengths and the body's place are in metres of this person afterwards; proportions,
    angles and the picture through the same camera stay. No mass is derived.
    """
    factor = checked_height_m(height_m) / stature_m(motion.segment_lengths_m)
    return replace(
        motion,
        segment_lengths_m={n: factor * v for n, v in motion.segment_lengths_m.items()},
        root_m=None if motion.root_m is None else factor * motion.root_m,
        height_m=height_m,
    )
