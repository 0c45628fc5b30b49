"""Lengths of an array that a file promises, against the bytes that the file has."""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST_DIMENSIONS = 32


def check_lengths(shape: tuple[int, ...], dtype: np.dtype[Any], n_bytes: int) -> None:
    """Refuse lengths that no bytes stand for, such as 20 million rows of no numbers.

    Raises
    ------
    ValueError
        A length is negative or larger than the file, there are too many of them, or an element
        has no bytes.
    """
    if dtype.itemsize == 0:
        raise ValueError("its elements have no bytes")
    if len(shape) > _MOST_DIMENSIONS or not all(0 <= length <= n_bytes for length in shape):
        raise ValueError(f"shape {shown(shape)} is not one of a file of {n_bytes} bytes")


def shown(shape: tuple[int, ...]) -> str:
    """Write a shape that may have any number of lengths with any number of digits."""
    lengths = [str(n) if abs(n) < 10**20 else "a huge number" for n in shape[:6]]
    return f"({', '.join([*lengths, *(['...'] if len(shape) > 6 else [])])})"
