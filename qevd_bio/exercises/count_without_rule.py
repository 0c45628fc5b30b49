"""Counts repetitions without a rule: where there is none, and to check what a rule counts."""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.without_rule import Unruled, cycles_without_rule
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

SIDED = ("knee_flexion", "hip_flexion", "hip_abduction", "elbow_flexion", "shoulder_elevation")
"""Measures of limbs that have no gimbal lock."""

MOST_APART, SHARE_APART = 2, 0.2
"""Cycles, and share of them, by which two counts may differ without a concern."""

AGAINST_GRAVITY = ("trunk_forward_lean", "trunk_side_lean")


def count_without_rule(
    motion: Motion, frame_start: int, frame_end: int, skeleton: Skeleton
) -> Unruled:
    """Find the repetitions in some frames from what the limbs and the trunk do.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    frame_start, frame_end : int
        First frame and the one after the last.
    skeleton : Skeleton
        Body for the measures.

    Returns
    -------
    Unruled
        Frames count from the first of the video's frames given; none without an observed limb.
    """
    part = part_of(motion, frame_start, frame_end)
    sides = [name for name in SIDED if all(_is_observed(f"{name}_{side}", part) for side in "rl")]
    middle = [name for name in AGAINST_GRAVITY if _is_observed(name, part)]
    names = [f"{name}_{side}" for side in "rl" for name in sides] + middle
    if not names or not part.valid.any():
        return Unruled("repetitive", ())
    values = measure_values(names, part.q, skeleton, part.gravity)

    def stacked(own: list[str]) -> FloatArray:
        if not own:
            return np.empty((len(part.time_s), 0))
        return np.deg2rad(np.column_stack([values[name] for name in own]))

    right, left = (stacked([f"{name}_{side}" for name in sides]) for side in "rl")
    return cycles_without_rule(right, left, stacked(middle), part.time_s, part.valid)


def disagreement(rule: Rule, counted: int, alone: Unruled) -> str:
    """Say that a rule counts otherwise than its movement alone shows; empty: much the same.

    Of an alternating rule both halves and pairs of halves are the same count.
    """
    counts = {counted, counted / 2} if rule.kind == "alternating" else {counted}
    found = len(alone.cycles)
    apart = min(abs(found - one) for one in counts)
    if rule.kind == "hold" or apart <= max(MOST_APART, SHARE_APART * max(found, *counts)):
        return ""
    return f"{rule.title}: {counted} counted by its rule, {found} by the movement alone"


def _is_observed(measure: str, motion: Motion) -> bool:
    return all(motion.observed[DOF_INDEX[dof]] for dof in CATALOGUE[measure].needs)
