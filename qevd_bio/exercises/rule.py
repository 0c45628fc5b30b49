"""What a rule says of an exercise, as frozen values.

D = 46 DoF, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qevd_bio.motion.constraints import Constraint


@dataclass(frozen=True, slots=True)
class Representative:
    """The measure whose curve shows the repetitions, how its sides join, which end is the key."""

    measure: str
    side: str
    extreme: str


@dataclass(frozen=True, slots=True)
class Phase:
    """A named moment of a cycle, at a share of its course; `key` marks the extreme."""

    name: str
    at: float
    key: bool


@dataclass(frozen=True, slots=True)
class Tempo:
    """Bounds of a cycle in seconds and their source."""

    shortest_s: float
    longest_s: float
    source: str


@dataclass(frozen=True, slots=True)
class ReferenceKey:
    """One pose of the reference: share of the cycle and DoF angles in degrees, sides resolved."""

    at: float
    deg: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rule:
    """Everything the package knows about one exercise.

    Attributes
    ----------
    id, version, title, aliases
        Identity and names.
    kind : str
        ``repetitive``, ``alternating`` or ``hold``.
    posture : str
        ``standing`` or ``prone``.
    representative, phases, tempo
        How cycles are found and their moments named.
    dynamic_joints, static_joints : tuple of str
        SKEL joints that should move or keep still; together all 24.
    constraints : tuple of Constraint
        What is checked.
    points, start_phase, reference_keys
        What the reference is built from.
    citations : mapping of str to str
        Full names of the sources.
    digest : str
        SHA-256 of the file.
    """

    id: str
    version: int
    title: str
    aliases: tuple[str, ...]
    kind: str
    posture: str
    representative: Representative
    phases: tuple[Phase, ...]
    tempo: Tempo
    dynamic_joints: tuple[str, ...]
    static_joints: tuple[str, ...]
    constraints: tuple[Constraint, ...]
    points: int
    start_phase: str
    reference_keys: tuple[ReferenceKey, ...]
    citations: Mapping[str, str]
    digest: str

    def phase(self, name: str) -> Phase:
        """Return the phase of that name."""
        return next(phase for phase in self.phases if phase.name == name)

    @property
    def key_phase(self) -> Phase:
        """The phase at which the representative measure is extreme."""
        return next(phase for phase in self.phases if phase.key)
