"""A person performs an exercise: a reference cycle again and again, never twice the same.

T frames, D = 46 DoF, P phase points, R repetitions of the reference
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import UsageError
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, N_DOFS, mirror_q
from qevd_bio.synthetic.form_errors import excursion, form_error_named, with_offsets

HOLD_BELOW_RAD = np.deg2rad(5.0)
AMPLITUDE_SIGMA = 0.02
DURATION_SIGMA = 0.05
WARP_LIMIT = 0.15
WANDER_DEG = 0.5
ERROR_SETS_IN = (0.12, 0.22)  # share of a hold

# References keep hands and feet at rest; on the floor they bend.
_ON_TOES = {"mtp_angle_r": -35.0, "mtp_angle_l": -35.0}
_ON_PALMS = {"wrist_flexion_r": -70.0, "wrist_flexion_l": -70.0}
_STRAIGHT_ARM_RAD = math.radians(45.0)


@dataclass(frozen=True, slots=True)
class Swing:
    """One departure from the first pose and return, as shares of the reference cycle.

    Attributes
    ----------
    start, key, end : float
        Phases, 0 <= start < key < end <= 1.
    side : str or None
        Leg that goes in front, "r" or "l", where a cycle has one swing for each side.
    """

    start: float
    key: float
    end: float
    side: str | None


def is_hold(reference: FloatArray) -> bool:
    """Return whether a reference stays in one pose (no DoF sum departs by 5 degrees)."""
    return bool(excursion(reference).max() < HOLD_BELOW_RAD)


def swings(reference: FloatArray) -> tuple[Swing, ...]:
    """Find the repetitions that one reference cycle holds.

    Parameters
    ----------
    reference : ndarray (P, 46)
        rad, first and last point the same phase.

    Returns
    -------
    tuple of Swing
        One for most exercises and for a hold (key in the middle), two for right and left.

    Notes
    -----
    A swing is a run of poses farther from the first pose than half of the farthest; its key is
    the middle of the farthest poses; neighbours part where the pose is nearest to the first.
    """
    far = excursion(reference)
    phase = np.linspace(0.0, 1.0, len(reference))
    if is_hold(reference):
        return (Swing(0.0, 0.5, 1.0, None),)
    out = (far > 0.5 * far.max()).astype(int)
    begins = np.flatnonzero(np.diff(out, prepend=0) == 1)
    ends = np.flatnonzero(np.diff(out, append=0) == -1)
    keys = []
    for begin, end in zip(begins, ends, strict=True):
        run = far[begin : end + 1]
        keys.append(begin + round(float(np.flatnonzero(run >= 0.995 * run.max()).mean())))
    parts = [a + int(far[a:b].argmin()) for a, b in zip(ends[:-1], begins[1:], strict=True)]
    borders = [0, *parts, len(reference) - 1]
    hips = reference[:, DOF_INDEX["hip_flexion_r"]] - reference[:, DOF_INDEX["hip_flexion_l"]]
    return tuple(
        Swing(
            start=float(phase[borders[i]]),
            key=float(phase[key]),
            end=float(phase[borders[i + 1]]),
            side=("r" if hips[key] > 0 else "l") if len(keys) > 1 else None,
        )
        for i, key in enumerate(keys)
    )


@dataclass(frozen=True, slots=True)
class Repetition:
    """When one repetition begins, turns and ends; `side` as in `Swing`."""

    start_s: float
    key_s: float
    end_s: float
    side: str | None
    is_faulty: bool


@dataclass(frozen=True, slots=True)
class Performance:
    """How one exercise is carried out over time.

    Attributes
    ----------
    reference, faulty : ndarray (P, 46)
        Correct and faulty cycle, rad.
    borders_s : ndarray (R + 1,)
        When each cycle begins, and the last ends, in seconds from the start of
        the exercise.
    is_faulty : tuple of bool
        One a repetition.
    amplitude : ndarray (R,)
        Share of the cycle's way each repetition goes.
    warp : ndarray (R,)
        Unevenness of the tempo within each repetition, -1..1.
    wander_hz, wander_phase : ndarray (46,)
        Slow sway of each DoF.
    """

    reference: FloatArray
    faulty: FloatArray
    borders_s: FloatArray
    is_faulty: tuple[bool, ...]
    amplitude: FloatArray
    warp: FloatArray
    wander_hz: FloatArray
    wander_phase: FloatArray

    def q(self, time_s: FloatArray) -> FloatArray:
        """Return the pose at any time.

        Parameters
        ----------
        time_s : ndarray (T,)
            Seconds from the start of the exercise; before the first repetition and after the
            last the person waits in the first pose (a hold stays as it ended).

        Returns
        -------
        ndarray (T, 46)
            rad, in the world: an upright pelvis has q0..2 = 0.
        """
        nth = np.clip(
            np.searchsorted(self.borders_s, time_s, side="right") - 1, 0, len(self.warp) - 1
        )
        length = np.diff(self.borders_s)[nth]
        share = np.clip((time_s - self.borders_s[nth]) / length, 0.0, 1.0)
        phase = _warped(share, self.warp[nth])
        right, wrong = _at(self.reference, phase), _at(self.faulty, phase)
        first = self.reference[0]
        pose = first + self.amplitude[nth, None] * (right - first)
        error = np.array(self.is_faulty)[nth].astype(np.float64)
        if is_hold(self.reference):
            error *= _eased((share - ERROR_SETS_IN[0]) / (ERROR_SETS_IN[1] - ERROR_SETS_IN[0]))
        pose += error[:, None] * self.amplitude[nth, None] * (wrong - right)
        sway = np.sin(2 * np.pi * (time_s[:, None] * self.wander_hz + self.wander_phase))
        pose += np.deg2rad(WANDER_DEG) * sway
        low, high = np.array([[dof.low_rad, dof.high_rad] for dof in DOFS]).T
        return np.asarray(np.clip(pose, low, high))

    def repetitions(self, begin_s: float) -> tuple[Repetition, ...]:
        """List the repetitions when the exercise begins at a time: both sides of a lunge count."""
        return tuple(
            Repetition(
                start_s=begin_s + self.when(nth, swing.start),
                key_s=begin_s + self.when(nth, swing.key),
                end_s=begin_s + self.when(nth, swing.end),
                side=swing.side,
                is_faulty=faulty,
            )
            for nth, faulty in enumerate(self.is_faulty)
            for swing in swings(self.reference)
        )

    def when(self, repetition: int, phase: float) -> float:
        """Return the second at which a repetition reaches a phase of the reference."""
        grid = np.linspace(0.0, 1.0, 2001)
        share = float(np.interp(phase, _warped(grid, self.warp[repetition]), grid))
        begin, end = self.borders_s[repetition : repetition + 2]
        return float(begin + share * (end - begin))


def _warped(share: FloatArray, warp: FloatArray) -> FloatArray:
    """Phase from the share of the repetition's time: monotone for |warp| < 1, ends fixed."""
    return np.asarray(share + warp * np.sin(2 * np.pi * share) / (2 * np.pi))


def _eased(share: FloatArray) -> FloatArray:
    clipped = np.clip(share, 0.0, 1.0)
    return np.asarray(clipped * clipped * (3.0 - 2.0 * clipped))


def _at(reference: FloatArray, phase: FloatArray) -> FloatArray:
    """Interpolate a cycle linearly at phases 0..1 (T, 46)."""
    place = phase * (len(reference) - 1)
    before = np.minimum(place.astype(np.int64), len(reference) - 2)
    share = (place - before)[:, None]
    return np.asarray((1 - share) * reference[before] + share * reference[before + 1])


def perform(
    reference: FloatArray,
    faulty: FloatArray,
    is_faulty: tuple[bool, ...],
    repetition_s: float,
    rng: np.random.Generator,
) -> Performance:
    """Draw the natural variation of an exercise.

    Parameters
    ----------
    reference : ndarray (P, 46)
        One correct cycle in rad, first and last point the same phase.
    faulty : ndarray (P, 46)
        The same cycle with the form error.
    is_faulty : tuple of bool
        One a repetition of the cycle.
    repetition_s : float
        Mean duration of one cycle in seconds.
    rng : numpy Generator
        Source of the natural variation: duration 5 %, amplitude 2 % (one standard deviation),
        tempo within a repetition, a slow sway of half a degree.

    Returns
    -------
    Performance
        Gives the pose at any time.

    Raises
    ------
    UsageError
        The reference is no cycle of 46 angles, or its ends differ by more than 2 degrees.
    """
    if reference.ndim != 2 or reference.shape[1] != N_DOFS or reference.shape != faulty.shape:
        raise UsageError(
            f"shape {reference.shape} and {faulty.shape} instead of two times (P, {N_DOFS})",
            where="synthetic reference",
            next_step="Give one cycle of SKEL angles in rad",
        )
    if np.abs(reference[-1] - reference[0]).max() > np.deg2rad(2.0):
        raise UsageError(
            "the last point is not the phase of the first",
            where="synthetic reference",
            next_step="Give a closed cycle with the first pose repeated at its end",
        )
    count = len(is_faulty)
    durations = repetition_s * (1.0 + np.clip(rng.normal(0, DURATION_SIGMA, count), -0.12, 0.12))
    return Performance(
        reference=reference,
        faulty=faulty,
        borders_s=np.concatenate([[0.0], np.cumsum(durations)]),
        is_faulty=is_faulty,
        amplitude=1.0 + np.clip(rng.normal(0, AMPLITUDE_SIGMA, count), -0.05, 0.05),
        warp=rng.uniform(-WARP_LIMIT, WARP_LIMIT, count),
        wander_hz=rng.uniform(0.10, 0.35, N_DOFS),
        wander_phase=rng.uniform(0.0, 1.0, N_DOFS),
    )


def perform_exercise(
    rule: Rule,
    form_error: str,
    is_faulty: tuple[bool, ...],
    repetition_s: float,
    rng: np.random.Generator,
) -> Performance:
    """Perform the exercise of a rule by its reference.

    Parameters
    ----------
    rule : Rule
        The exercise. A reference of one side is mirrored where right and left alternate; on the
        floor the person stands on toes and, with straight arms, on palms.
    form_error : str
        Key of `FORM_ERRORS`; empty for none.
    is_faulty, repetition_s, rng
        As in `perform`.

    Returns
    -------
    Performance

    Raises
    ------
    UsageError
        The exercise has no such form error.
    """
    reference = build_reference(rule)
    if rule.kind == "alternating" and len(swings(reference)) == 1:
        reference = np.concatenate([reference[:-1], mirror_q(reference)])
    faulty = reference
    if form_error:
        faulty = form_error_named(form_error, rule.id).apply(reference)
    carriage: dict[str, float] = {}
    if rule.posture == "prone":
        arms_bent = reference[0, DOF_INDEX["elbow_flexion_r"]] >= _STRAIGHT_ARM_RAD
        carriage = _ON_TOES if arms_bent else _ON_TOES | _ON_PALMS
    always = np.ones(len(reference))
    right, wrong = (with_offsets(cycle, carriage, always) for cycle in (reference, faulty))
    return perform(right, wrong, is_faulty, repetition_s, rng)
