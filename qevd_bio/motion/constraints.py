"""One constraint of a rule checked on one cycle: measured against target.

A deviation is a violation only when it exceeds the tolerance by more than the guard band, a
number of standard deviations of the measurement. Without a measurement there is no violation.
"""

from __future__ import annotations

from dataclasses import dataclass

from qevd_bio.motion.measured_value import MeasuredValue

GUARD_SIGMAS = 2.0
THROUGHOUT = "throughout"
"""Phase of a dynamic check that reads the outermost value of the cycle."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """The target of one measure in a rule.

    Attributes
    ----------
    id, measure : str
        Name within the rule; measure without its side.
    side : str
        ``both``, ``lead`` or ``trail`` (of an alternating movement), ``none``.
    check : str
        ``dynamic`` (value at a phase), ``static`` (standard deviation over the cycle),
        ``symmetry`` (side against side at a phase) or ``tempo`` (seconds of the cycle).
    phase : str
        Name of the rule's phase; `THROUGHOUT` for the outermost value of the cycle; empty for
        static and tempo.
    target_low, target_high, tolerance : float
        Interval and tolerance in `unit`. A symmetry has 0 at one end: at the upper end when the
        side with the smaller value falls short, else at the lower end.
    unit : str
        ``deg``, ``ratio`` or ``s``.
    priority : str
        ``critical``, ``high``, ``medium`` or ``low``.
    joint : str
        Anatomical term for sentences.
    too_low, too_high : str
        Instruction when the value is below or above the target; empty where it cannot be.
    source : str
        Citation, or ``unverified``.
    """

    id: str
    measure: str
    side: str
    check: str
    phase: str
    target_low: float
    target_high: float
    tolerance: float
    unit: str
    priority: str
    joint: str
    too_low: str
    too_high: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One constraint checked on one cycle and side.

    Attributes
    ----------
    constraint_id, measure, joint, side, check, phase
        What was checked; `measure` is the catalogue's name without its side.
    key_frame, key_s : int, float
        Where it was checked: the phase's frame, or the cycle's key frame.
    measured, target_low, target_high : float or None
        In `unit`; a static check's value is a standard deviation with the noise taken off, a
        symmetry's is that of the side that falls short minus that of the other.
    tolerance : float
        In `unit`.
    deviation : float or None
        Measured minus the nearer bound; 0 inside the target.
    sigma : float or None
        One standard deviation of the measurement of this quantity.
    guard : float
        Sigmas that a deviation must exceed the tolerance by.
    violated, severity
        Severity is the deviation beyond tolerance in units of tolerance (see `severity_unit`);
        0 when not violated.
    priority : str
        Of the constraint.
    status, reason : str
        ``measured``, ``unmeasurable`` or ``low_confidence``, and the reason; for a measured lean
        also the note that only the camera's vertical is known.
    instruction : str
        The rule's instruction for this direction; empty when not violated.
    """

    constraint_id: str
    measure: str
    joint: str
    side: str | None
    check: str
    phase: str
    key_frame: int
    key_s: float
    measured: float | None
    target_low: float | None
    target_high: float | None
    unit: str
    tolerance: float
    deviation: float | None
    sigma: float | None
    guard: float
    violated: bool
    severity: float
    priority: str
    status: str
    reason: str
    instruction: str


def severity_unit(constraint: Constraint) -> float:
    """Return the size of a deviation of severity 1: the tolerance.

    The width of the target where nothing is tolerated; 1 in its unit where the target is a point.
    """
    return constraint.tolerance or (constraint.target_high - constraint.target_low) or 1.0


def judge(
    constraint: Constraint,
    measured: MeasuredValue,
    *,
    side: str | None,
    frame: int,
    frame_s: float,
) -> Finding:
    """Compare a measured value with its target.

    Parameters
    ----------
    constraint : Constraint
        Target, tolerance and instructions.
    measured : MeasuredValue
        The number, its noise and status.
    side, frame, frame_s : str or None, int, float
        Where it was measured: side ``r`` or ``l``, frame and its time.

    Returns
    -------
    Finding
        Violated exactly when the status is ``measured`` and the absolute deviation exceeds
        tolerance + `GUARD_SIGMAS` * sigma.
    """
    deviation, violated, severity, instruction = None, False, 0.0, ""
    if measured.value is not None and measured.sigma is not None:
        nearest = min(max(measured.value, constraint.target_low), constraint.target_high)
        deviation = measured.value - nearest
        beyond = abs(deviation) - constraint.tolerance
        violated = measured.status == "measured" and beyond > GUARD_SIGMAS * measured.sigma
        if violated:
            severity = beyond / severity_unit(constraint)
            instruction = constraint.too_low if deviation < 0 else constraint.too_high
    return Finding(
        constraint_id=constraint.id,
        measure=constraint.measure,
        joint=constraint.joint,
        side=side,
        check=constraint.check,
        phase=constraint.phase,
        key_frame=frame,
        key_s=frame_s,
        measured=measured.value,
        target_low=constraint.target_low,
        target_high=constraint.target_high,
        unit=constraint.unit,
        tolerance=constraint.tolerance,
        deviation=deviation,
        sigma=measured.sigma,
        guard=GUARD_SIGMAS,
        violated=violated,
        severity=severity,
        priority=constraint.priority,
        status=measured.status,
        reason=measured.reason,
        instruction=instruction,
    )
