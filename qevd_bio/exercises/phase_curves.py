"""The measures of repetitions on a common axis of phase.

C cycles, P = 101 phase points, K measures
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import unobserved
from qevd_bio.exercises.references import WORLD_GRAVITY, build_reference, leading_side
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.against_gold import KEY_AT
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.phase import cycle_phases, resample_cycle
from qevd_bio.motion.record import Motion
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.motion.smoothing import gaussian_smooth
from qevd_bio.skeleton.bodies import generic_skeleton, scaled_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q
from qevd_bio.skeleton.measures import CATALOGUE, measure_sigmas, measure_values

POINTS = 101

LEAST_KNOWN = 0.5
"""Share of the frames of a repetition in which a measure is known, for its curve to count."""

ANGLES = tuple(name for name, one in CATALOGUE.items() if one.unit == "deg")
"""What is compared: angles, whose size does not depend on the body's."""


def phase_curves(motion: Motion, cycles: Sequence[Cycle]) -> FloatArray:
    """Compute the angles of repetitions at evenly spaced phases.

    Parameters
    ----------
    motion : Motion
        Of the whole video.
    cycles : sequence of Cycle
        In its frames.

    Returns
    -------
    ndarray (C, P, K)
        `ANGLES` in degrees, smoothed; NaN where one is not observed, or is hidden or unsure in
        most frames.
    """
    values = measure_values(
        ANGLES, motion.q, scaled_skeleton(motion.segment_lengths_m), motion.gravity
    )
    noise, is_sure = motion.noise_rad(), motion.valid & (motion.confidence >= LEAST_CONFIDENCE)
    columns = []
    for name in ANGLES:
        needs = [DOF_INDEX[dof] for dof in CATALOGUE[name].needs]
        seen = is_sure & np.isfinite(noise[:, needs]).all(axis=1)
        if unobserved(name, motion):
            seen = np.zeros_like(seen)
        columns.append(np.where(seen, values[name], np.nan))
    curves = np.stack(columns, axis=1)
    smooth = gaussian_smooth(curves, motion.time_s, motion.valid)
    smooth = np.where(np.isfinite(curves), smooth, np.nan)
    found = np.empty((len(cycles), POINTS, len(ANGLES)))
    for place, cycle in enumerate(cycles):
        frames = slice(cycle.start, cycle.end + 1)
        phase = cycle_phases(motion.time_s[frames], cycle, KEY_AT)
        order = np.argsort(phase, kind="stable")
        own = smooth[frames][order]
        found[place] = resample_cycle(own, phase[order], POINTS)
        found[place][:, np.isfinite(own).mean(axis=0) < LEAST_KNOWN] = np.nan
    return found


def angle_noise_deg(motion: Motion, cycles: Sequence[Cycle]) -> FloatArray:
    """Return the median noise (K,) of `ANGLES` at the extremes; infinite where unobserved."""
    wanted = [(name, cycle.key) for cycle in cycles for name in ANGLES]
    sigmas = measure_sigmas(
        wanted,
        motion.q,
        motion.noise_rad(),
        scaled_skeleton(motion.segment_lengths_m),
        motion.gravity,
    )
    return np.asarray(np.median(sigmas.reshape(len(cycles), len(ANGLES)), axis=0))


def reference_curves(rule: Rule, side: str | None) -> FloatArray:
    """Compute the angles (1, P, K) of a rule's reference, led by a side."""
    reference = build_reference(rule)
    leads = leading_side(rule, reference)
    q = mirror_q(reference) if None not in (side, leads) and side != leads else reference
    values = measure_values(ANGLES, q, generic_skeleton(), WORLD_GRAVITY)
    curves = np.stack([values[name] for name in ANGLES], axis=1)
    at = np.linspace(0.0, 1.0, len(curves))
    key_at = rule.key_phase.at
    if 0.0 < key_at < 1.0:
        at = np.interp(at, [0.0, key_at, 1.0], [0.0, KEY_AT, 1.0])
    return resample_cycle(curves, at, POINTS)[None]
