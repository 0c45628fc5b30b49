"""What a motion asks of a body's joints, and where its parts are.

T frames, N coordinates, B bodies
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from qevd_bio.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Dynamics:
    """What a motion asks of the joints, and where the named bodies are.

    Attributes
    ----------
    forces : ndarray (T, N)
        Generalised forces of inverse dynamics without any contact, Nm or N.
    origins_m, turns : ndarray (T, B, 3), (T, B, 3, 3)
        Origins of the bodies in the ground frame and their axes as columns.
    jacobians : ndarray (T, B, 6, N)
        Angular (first three rows) and linear velocity of the origin by speed of a coordinate.
    centre_m : ndarray (T, 3)
        Centre of mass.
    """

    forces: FloatArray
    origins_m: FloatArray
    turns: FloatArray
    jacobians: FloatArray
    centre_m: FloatArray


class Placing(Protocol):
    """A body that can be posed."""

    coordinates: tuple[str, ...]

    def places(self, q: FloatArray, bodies: tuple[str, ...]) -> Dynamics:
        """Find where bodies are in poses (T, N); the forces are zeros."""
        ...

    def centre_moves(self, q: FloatArray) -> FloatArray:
        """Compute the velocity of the centre of mass by speed of a coordinate (T, 3, N)."""
        ...
