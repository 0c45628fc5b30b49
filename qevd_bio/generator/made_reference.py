"""A generated motion as a reference of its rule, and folders of such references.

T frames, N coordinates, D = 46 DoF, P phase points
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.cycle_search import find_cycles
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.exercises.references import (
    INDEX_NAME,
    ROUNDED_TO,
    WORLD_GRAVITY,
    build_reference,
    index_text,
    missed_targets,
    reference_file,
    reference_flaws,
)
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import write_bytes_atomic, write_text_atomic
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.phase import cycle_phases, resample_cycle
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOFS, N_DOFS
from qevd_bio.skeleton.opensim_map import from_opensim

RATE_HZ = 60.0
_SPARE_RAD = np.deg2rad(3.0)
_ARMS = [
    dof.index
    for dof in DOFS
    if dof.joint.startswith(("scapula", "humerus", "ulna", "radius", "hand"))
]
_LIMITS = np.array([[dof.low_rad, dof.high_rad] for dof in DOFS])


def reference_of(
    rule: Rule, coordinates: Sequence[str], q: FloatArray, time_s: FloatArray
) -> FloatArray | str:
    """Turn a motion of a musculoskeletal model into a reference of a rule.

    Parameters
    ----------
    rule : Rule
        It finds the repetition, as it finds those of people, and places its phases.
    coordinates : sequence of str
        Names of the N coordinates.
    q, time_s : ndarray (T, N), (T,)
        rad and metres; seconds.

    Returns
    -------
    ndarray (P, 46) or str
        Angles in rad, first and last row equal; or why the motion is no reference.

    Notes
    -----
    What start and end of the motion differ by is taken away evenly over the cycle. Of the arms
    see `in_ranges`.
    """
    even_s = np.arange(round(float(time_s[-1] - time_s[0]) * RATE_HZ) + 1) / RATE_HZ
    placed = np.minimum(time_s[0] + even_s, time_s[-1])
    even = CubicSpline(time_s, q, axis=0)(placed)
    angles, _ = from_opensim(dict(zip(coordinates, even.T, strict=True)), None)
    motion = _motion(angles, even_s)
    own = build_reference(rule)
    part = part_of(motion, 0, len(even_s))
    found, cause = find_cycles(part, rule, own, generic_skeleton())
    if len(found) != 1 or found[0].cut is not None:
        return f"its rule finds {len(found) or 'no'} whole repetitions in it {cause}".rstrip()
    (cycle,) = found
    frames = slice(cycle.start, cycle.end + 1)
    phase = cycle_phases(even_s[frames], cycle, rule.key_phase.at)
    curves = resample_cycle(angles[frames], phase, rule.points)
    share = np.linspace(0.0, 1.0, rule.points)[:, None]
    closed = np.round(curves - share * (curves[-1] - curves[0]), ROUNDED_TO)
    closed = in_ranges(closed, own)
    closed[-1] = closed[0]
    return "; ".join(reference_flaws(rule, closed)) or closed


def in_ranges(q: FloatArray, own: FloatArray) -> FloatArray:
    """Bring a pose curve (P, 46) in rad into the ranges of SKEL.

    What is beyond a range by less than `_SPARE_RAD` is cut off. Arms that are farther beyond (an
    arm overhead needs the shoulder blade, which a musculoskeletal model lacks) are taken from the
    rule's own reference (P, 46).
    """
    cut = np.clip(q, _LIMITS[:, 0], _LIMITS[:, 1])
    found = np.where(np.abs(cut - q) < _SPARE_RAD, cut, q)
    if (found != cut)[:, _ARMS].any():
        found[:, _ARMS] = own[:, _ARMS]
    return found


def _motion(q: FloatArray, time_s: FloatArray) -> Motion:
    """Describe a motion (T, 46) that is known without noise, in the frame of references."""
    seen = np.ones(len(q), dtype=np.bool_)
    return Motion(
        q=q,
        time_s=time_s,
        confidence=np.ones(len(q)),
        valid=seen,
        observed=np.ones(N_DOFS, dtype=np.bool_),
        sigma_rad=np.zeros(N_DOFS),
        gravity=WORLD_GRAVITY,
        gravity_source="known",
        backend="generated",
        betas=None,
        segment_lengths_m={},
    )


def middle_of(references: Sequence[FloatArray]) -> int:
    """Find the reference (P, 46) that is nearest to all others."""
    all_of_them = np.stack(references)
    apart = [np.sqrt(((all_of_them - one) ** 2).mean(axis=(1, 2))).sum() for one in all_of_them]
    return int(np.argmin(apart))


def write_reference(
    folder: Path, rule: Rule, reference: FloatArray, provenance: Mapping[str, JsonValue]
) -> None:
    """Write a folder of one reference, as `--references` takes it, with where it comes from.

    The targets of the rule that it misses are named, too.
    """
    content, entry = reference_file(rule, reference)
    misses = [f"{one.key}: {one.cause}" for one in missed_targets(rule, reference)]
    whole = {**entry, "misses": misses, "generated": provenance}
    write_bytes_atomic(folder / f"{rule.id}.npy", content)
    write_text_atomic(folder / INDEX_NAME, index_text({rule.id: whole}))
