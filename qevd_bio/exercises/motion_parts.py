"""Spans of a motion, names of measures with sides, and what a backend does not observe.

T frames
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.exercises.rule import SIDES
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.constraints import Constraint
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, nearest_turn
from qevd_bio.skeleton.measures import CATALOGUE

_LEG = ("femur", "tibia", "talus", "calcn", "toes")
_PER_FRAME = ("q", "time_s", "confidence", "valid", "betas", "root_m", "frame_sigma_rad")


def part_of(motion: Motion, start: int, stop: int) -> Motion:
    """Cut a span of frames out and make its angles continuous."""
    per_frame = {name: getattr(motion, name) for name in _PER_FRAME}
    part = {name: v[start:stop] for name, v in per_frame.items() if v is not None}
    q = unwrap_angles(part["q"], part["valid"])
    return replace(motion, **part | {"q": _in_range(q, part["valid"])})


def _in_range(q: FloatArray, valid: BoolArray) -> FloatArray:
    """Shift continuous curves (T, 46) by whole turns to where their medians lie in their range.

    Half a turn of a noisy knee is bent, not bent backwards.
    """
    is_off = (nearest_turn(q) != q).any(axis=0) & np.isfinite(q[valid]).any(axis=0)
    if not is_off.any():
        return q
    middle = np.zeros(q.shape[1])
    middle[is_off] = np.nanmedian(q[valid][:, is_off], axis=0)
    return q + (nearest_turn(middle) - middle)


def full_name(measure: str, side: str | None) -> str:
    """Name a measure as the catalogue does, with its side."""
    return measure if side is None else f"{measure}_{side}"


def sideless(measure: str) -> str:
    """Strip the side from a measure: ``knee_flexion_r`` is ``knee_flexion``."""
    return measure[:-2] if measure.endswith(("_r", "_l")) else measure


def is_midline(measure: str) -> bool:
    """Whether a measure of the catalogue belongs to no side."""
    return sideless(measure) == measure


def with_seen_leg(motion: Motion) -> Motion:
    """Put the leg in view in the place of a hidden one, frame by frame.

    For the middle of a body whose legs move together: from the side, where a line from shoulders
    to ankles is seen best, one leg hides the other. A limb is hidden where its sigma is infinite.
    """
    noise = motion.noise_rad().copy()
    q = motion.q.copy()
    for dof in (dof for joint in _LEG for dof in DOFS if dof.joint.startswith(joint)):
        other = dof.mirror_index
        is_hidden = ~np.isfinite(noise[:, dof.index]) & np.isfinite(noise[:, other])
        q[is_hidden, dof.index] = dof.mirror_sign * motion.q[is_hidden, other]
        noise[is_hidden, dof.index] = noise[is_hidden, other]
    return replace(motion, q=q, frame_sigma_rad=noise)


def measures_of(constraint: Constraint) -> list[str]:
    """Name the measures of the catalogue that a constraint may read, one a side."""
    if constraint.check == "tempo":
        return []
    sides = {"none": (None,), "r": ("r",), "l": ("l",)}.get(constraint.side, SIDES)
    return [full_name(constraint.measure, side) for side in sides]


def unobserved(measure: str, motion: Motion) -> list[str]:
    """List the DoFs a measure needs and the backend does not observe."""
    return [dof for dof in CATALOGUE[measure].needs if not motion.observed[DOF_INDEX[dof]]]


def is_in_view(measure: str, motion: Motion) -> bool:
    """Whether the DoFs of a measure are measured in at least half of the valid frames.

    A limb that is hidden has an infinite sigma, and shows no repetitions.
    """
    needs = [DOF_INDEX[dof] for dof in CATALOGUE[measure].needs]
    known = np.asarray(np.isfinite(motion.noise_rad()[motion.valid][:, needs]).all(axis=1))
    return 2 * int(known.sum()) >= len(known)


def seen_since(part: Motion, free: int, start: int) -> int:
    """Move the first frame of a rest behind its last unseen or unsure one, up to its end."""
    rest = slice(free, start + 1)
    unsure = np.flatnonzero(~part.valid[rest] | (part.confidence[rest] < LEAST_CONFIDENCE))
    return min(start, free + int(unsure[-1]) + 1) if len(unsure) else free


def moved(cycle: Cycle, frames: int) -> Cycle:
    """Count a cycle's frames from somewhere else."""
    return replace(
        cycle, start=cycle.start + frames, key=cycle.key + frames, end=cycle.end + frames
    )
