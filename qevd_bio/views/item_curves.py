"""The curves of an utterance: both sides of what its findings check, with their bands.

T frames
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.motion_parts import full_name, sideless, unobserved
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.constraints import THROUGHOUT, Finding
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import DOFS, joint_dofs
from qevd_bio.skeleton.measures import CATALOGUE, measure_values
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.views.curves import CheckedValue, Curve, CycleTimes, Target
from qevd_bio.views.finding_lines import RIGHT_MINUS_LEFT, shown_finding
from qevd_bio.views.formatting import measure_words
from qevd_bio.views.item_source import Row
from qevd_bio.views.motion_windows import MotionWindow

MOST_CURVES = 8
SIDES = {"r": "right", "l": "left"}
_OTHER = {"right": "left", "left": "right"}
_DRAWN = ("dynamic", "symmetry", "static")
_SHOULDER_CARRIERS = frozenset(
    DOFS[index].name for joint in ("lumbar_body", "thorax") for index in joint_dofs(joint)
)
_FROM_SHOULDERS = ("trunk_forward_lean", "trunk_side_lean", "body_line")
AT_REST_NOTE = "with a straight spine: the release leaves out angles that were not measured"


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one curve is about: a measure without side, how and when it is checked."""

    measure: str
    check: str
    phase: str

    @property
    def is_difference(self) -> bool:
        return self.check == "symmetry"


def item_curves(
    row: Row, window: MotionWindow, cycles: Sequence[Cycle], rule: Rule | None
) -> tuple[Curve, ...]:
    """Compute what can be drawn for an utterance, what its sentence speaks of first.

    Parameters
    ----------
    row : mapping
        Its annotation row.
    window : MotionWindow
        The motion around it.
    cycles : sequence of Cycle
        Of its segment; those outside of the window are left out.
    rule : Rule or None
        Of the exercise; its representative measure is drawn in any case.

    Returns
    -------
    tuple of Curve
        At most `MOST_CURVES`, one for each measure, kind of check and phase. A symmetry is drawn
        as the right side minus the left one. Without findings and rule,
        or without the lengths of all segments, there is none.
    """
    if not window.has_body:
        return ()
    subjects = _subjects(row, rule)
    names = {name for one in subjects for name in _names(one.measure)}
    values = _values(sorted(names), window)
    times = tuple(
        CycleTimes(one.start_s, one.key_s, one.end_s) for one in cycles if _is_inside(one, window)
    )
    return tuple(
        _curve(subject, findings, row, window, values, times)
        for subject, findings in list(subjects.items())[:MOST_CURVES]
    )


def _subjects(row: Row, rule: Rule | None) -> dict[_Subject, list[Finding]]:
    """Group the findings that can be drawn; of each group the one to show comes first."""
    found: dict[_Subject, list[Finding]] = {}
    ordered = sorted(row["findings"], key=_rank)
    for finding in map(finding_from_row, ordered):
        if finding.check in _DRAWN and _names(sideless(finding.measure)):
            subject = _Subject(sideless(finding.measure), finding.check, finding.phase)
            found.setdefault(subject, []).append(finding)
    if rule is not None:
        measure = sideless(rule.representative.measure)
        if _names(measure) and not any(
            one.measure == measure and not one.is_difference for one in found
        ):
            found[_Subject(measure, "", "")] = []
    return found


def _rank(finding: Row) -> tuple[bool, ...]:
    wanted = finding["spoken"], finding["violated"], finding["matches_cue"]
    return (*(not one for one in wanted), finding["status"] != "measured")


def _names(measure: str) -> list[str]:
    """Name the measures of both sides in the catalogue, the right one first."""
    sided = [full_name(measure, side) for side in SIDES]
    return [name for name in (measure, *sided) if name in CATALOGUE]


def _values(names: Sequence[str], window: MotionWindow) -> dict[str, FloatArray]:
    motion = window.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    values = measure_values(names, motion.q, skeleton, motion.gravity)
    return {
        name: np.where(motion.valid & (not unobserved(name, motion)), line, np.nan)
        for name, line in values.items()
    }


def _curve(
    subject: _Subject,
    findings: Sequence[Finding],
    row: Row,
    window: MotionWindow,
    values: Mapping[str, FloatArray],
    times: tuple[CycleTimes, ...],
) -> Curve:
    traces = _traces(subject, values)
    shown = _trace_name(subject, findings[0]) if findings else ""
    shown = shown if shown in traces else next(iter(traces))
    targets = _targets(subject, findings)
    return Curve(
        video_id=row["video_id"],
        segment_index=-1 if row["segment_index"] is None else row["segment_index"],
        exercise=row["exercise_text"] or row["exercise"] or "",
        measure=subject.measure,
        label=_label(subject, shown),
        unit=CATALOGUE[_names(subject.measure)[0]].unit,
        time_s=window.motion.time_s,
        values=traces[shown],
        cycles=times,
        target=targets.get(shown),
        trace=shown,
        others={name: line for name, line in traces.items() if name != shown},
        targets=targets,
        checked=tuple(_checked(one, subject, traces, window, row) for one in findings
                      if one.measured is not None and one.status == "measured"
                      and one.check != "static"),
        note=_note(subject, window),
    )  # fmt: skip


def _traces(subject: _Subject, values: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    sides = {
        words: values[f"{subject.measure}_{side}"]
        for side, words in SIDES.items()
        if f"{subject.measure}_{side}" in values
    }
    if not sides:
        return {"": values[subject.measure]}
    return {RIGHT_MINUS_LEFT: sides["right"] - sides["left"]} if subject.is_difference else sides


def _trace_name(subject: _Subject, finding: Finding) -> str:
    return RIGHT_MINUS_LEFT if subject.is_difference else SIDES.get(finding.side or "", "")


def _targets(subject: _Subject, findings: Sequence[Finding]) -> dict[str, Target]:
    """Give the target of each trace; a movement over the cycle has none that can be drawn."""
    targets: dict[str, Target] = {}
    for finding in findings:
        target = shown_finding(finding).target
        if target is not None and finding.check != "static":
            targets.setdefault(_trace_name(subject, finding), target)
    return targets


def _checked(
    finding: Finding,
    subject: _Subject,
    traces: Mapping[str, FloatArray],
    window: MotionWindow,
    row: Row,
) -> CheckedValue:
    trace = _trace_name(subject, finding)
    value = float(shown_finding(finding).measured or 0.0)
    times_s = window.motion.time_s
    if not times_s[0] <= finding.key_s <= times_s[-1]:
        return CheckedValue(trace, None, value)
    index = window.nearest(finding.key_s)
    cycle = row["cycle"]
    if finding.phase == THROUGHOUT and cycle is not None and trace in traces:
        # the outermost value of the cycle, whose frame is not recorded
        inside = (times_s >= cycle["start_s"]) & (times_s <= cycle["end_s"])
        away = np.where(inside, np.abs(traces[trace] - value), np.inf)
        away = np.where(np.isfinite(away), away, np.inf)
        index = int(np.argmin(away)) if np.isfinite(away).any() else index
    return CheckedValue(trace, index, value)


def _label(subject: _Subject, shown: str) -> str:
    name = measure_words(subject.measure)
    if subject.is_difference:
        name = f"{name}, {RIGHT_MINUS_LEFT}"
    elif shown:
        name = f"{shown} {name}"
    phase = "movement over the cycle" if subject.check == "static" else subject.phase
    return f"{name}, {phase.replace('_', ' ')}" if phase else name


def _note(subject: _Subject, window: MotionWindow) -> str:
    rests = subject.measure in _FROM_SHOULDERS or subject.measure.startswith("shoulder")
    return AT_REST_NOTE if rests and _SHOULDER_CARRIERS & set(window.assumed) else ""


def _is_inside(cycle: Cycle, window: MotionWindow) -> bool:
    first, last = window.motion.time_s[0], window.motion.time_s[-1]
    return bool(cycle.end_s >= first and cycle.start_s <= last)
