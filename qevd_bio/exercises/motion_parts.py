"""Spans of a motion, names of measures with sides, and what a backend does not observe.

T frames
"""

from __future__ import annotations

from dataclasses import replace

from qevd_bio.exercises.rule import SIDES
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.constraints import Constraint
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.measures import CATALOGUE

_PER_FRAME = ("q", "time_s", "confidence", "valid", "betas", "root_m", "frame_sigma_rad")


def part_of(motion: Motion, start: int, stop: int) -> Motion:
    """Cut a span of frames out and make its angles continuous."""
    per_frame = {name: getattr(motion, name) for name in _PER_FRAME}
    part = {name: v[start:stop] for name, v in per_frame.items() if v is not None}
    return replace(motion, **part | {"q": unwrap_angles(part["q"], part["valid"])})


def full_name(measure: str, side: str | None) -> str:
    """Name a measure as the catalogue does, with its side."""
    return measure if side is None else f"{measure}_{side}"


def sideless(measure: str) -> str:
    """Strip the side from a measure: ``knee_flexion_r`` is ``knee_flexion``."""
    return measure[:-2] if measure.endswith(("_r", "_l")) else measure


def measures_of(constraint: Constraint) -> list[str]:
    """Name the measures of the catalogue that a constraint may read, one a side."""
    if constraint.check == "tempo":
        return []
    sides = {"none": (None,), "r": ("r",), "l": ("l",)}.get(constraint.side, SIDES)
    return [full_name(constraint.measure, side) for side in sides]


def unobserved(measure: str, motion: Motion) -> list[str]:
    """List the DoFs a measure needs and the backend does not observe."""
    return [dof for dof in CATALOGUE[measure].needs if not motion.observed[DOF_INDEX[dof]]]


def moved(cycle: Cycle, frames: int) -> Cycle:
    """Count a cycle's frames from somewhere else."""
    return replace(
        cycle, start=cycle.start + frames, key=cycle.key + frames, end=cycle.end + frames
    )
