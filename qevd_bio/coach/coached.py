"""What the coach knows of one video: sets, repetitions, form errors, and what it cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qevd_bio.coach.analysis import Analysis, ChosenRule
from qevd_bio.exercises.recognise import SURE
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.finding_choice import independent_statements
from qevd_bio.feedback.form_errors import FormError, form_errors
from qevd_bio.feedback.statements import measured_statements, measured_text, violation_text
from qevd_bio.feedback.style import style_of
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.repetitions.bouts import set_numbers
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables.findings import finding_from_row
from qevd_bio.tables.parquet import read_notes, read_parquet
from qevd_bio.views.analysed_video import AnalysedVideo, analysed_video
from qevd_bio.views.finding_lines import finding_name
from qevd_bio.views.formatting import counted

MOST_IMPORTANT = 3

LEAST_SHOWN = 0.01
"""Probability of an exercise, to be worth naming beside the recognised one."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """One repetition, half of an alternating one, or hold.

    Attributes
    ----------
    number, set_number : int
        From 1, in the video and its set.
    cycle : Cycle
        Its frames and times.
    findings : tuple of Finding
        What was checked.
    sentences : tuple of str
        Its form errors, the most severe first.
    """

    number: int
    set_number: int
    cycle: Cycle
    findings: tuple[Finding, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoachedVideo:
    """A video with everything the coach says of it.

    Attributes
    ----------
    analysis : Analysis
        The video and its artifacts.
    analysed : AnalysedVideo
        Its motion and findings.
    rule : Rule
        Of its exercise.
    repetitions : tuple of Repetition
        In time order.
    reason : str
        Why there are none; else empty.
    errors : tuple of FormError
        Of the whole video, the most important first.
    concerns : tuple of str
        Why the capture should be looked at before anything is believed.
    remarks : tuple of str
        What else to know of the video: other people, a turned picture, an early end.
    not_judged : mapping of str to str
        What could not be judged in any repetition, and why.
    """

    analysis: Analysis
    analysed: AnalysedVideo
    rule: Rule
    repetitions: tuple[Repetition, ...]
    reason: str
    errors: tuple[FormError, ...]
    concerns: tuple[str, ...]
    remarks: tuple[str, ...]
    not_judged: Mapping[str, str]

    @property
    def important(self) -> tuple[FormError, ...]:
        """The form errors to tell first."""
        return self.errors[:MOST_IMPORTANT]

    def count_words(self) -> str:
        """Write ``2 sets, 11 repetitions``, with the sides of an alternating movement."""
        noun = "hold" if self.rule.kind == "hold" else "repetition"
        text = counted(len(self.repetitions), noun)
        sides = [sum(one.cycle.side == side for one in self.repetitions) for side in "rl"]
        if self.rule.kind == "alternating" and self.repetitions:
            text += f" ({sides[0]} right, {sides[1]} left)"
        sets = len({one.set_number for one in self.repetitions})
        return f"{counted(sets, 'set')}, {text}" if sets > 1 else text


def coached(analysis: Analysis) -> CoachedVideo:
    """Read what the stages found in a video, and choose what to say."""
    artifacts, rule = analysis.artifacts, analysis.chosen.rule
    cycles = read_parquet(artifacts["cycles"], cycle_table.SCHEMA)
    rows = read_parquet(artifacts["findings"], finding_table.SCHEMA).to_pylist()
    analysed = analysed_video(analysis.session, artifacts)
    found = analysed.segments[0].cycles
    by_cycle: list[tuple[Finding, ...]] = [
        tuple(finding_from_row(row) for row in rows if row["cycle_index"] == index)
        for index in range(len(found))
    ]
    style = style_of(rule)
    told = [independent_statements(findings) for findings in by_cycle]
    return CoachedVideo(
        analysis=analysis,
        analysed=analysed,
        rule=rule,
        repetitions=tuple(
            Repetition(
                number=index + 1,
                set_number=set_number,
                cycle=cycle,
                findings=by_cycle[index],
                sentences=tuple(violation_text(one, style) for one in told[index]),
            )
            for index, (cycle, set_number) in enumerate(
                zip(found, set_numbers(found), strict=True)
            )
        ),
        reason=read_notes(cycles).get("no_cycle_reasons", {}).get("0", ""),
        errors=form_errors(by_cycle, style),
        concerns=analysis.concerns,
        remarks=(*_choice(analysis.chosen), *_remarks(analysis.capture)),
        not_judged=_not_judged(by_cycle),
    )


def measured_texts(repetition: Repetition, rule: Rule) -> list[str]:
    """List what was measured in a repetition with its targets, violated or not."""
    style = style_of(rule)
    return [measured_text(one, style) for one in measured_statements(repetition.findings)]


def _choice(chosen: ChosenRule) -> Iterator[str]:
    """Say what a name was taken for, or how surely an exercise was recognised."""
    if chosen.taken_for:
        yield chosen.taken_for
    if chosen.recognised is None:
        return
    others = [f"{name} {p:.2f}" for name, p in chosen.recognised.runners_up if p >= LEAST_SHOWN]
    next_are = f"; next are {', '.join(others)}" if others else ""
    yield f"recognised with a probability of {chosen.recognised.probability:.2f}{next_are}"
    if chosen.recognised.probability < SURE:
        yield "that is not sure: name the exercise with --exercise if it is another"


def _remarks(notes: Mapping[str, JsonValue]) -> Iterator[str]:
    """Put the notes of a capture into words, where there is something to know."""
    people = notes.get("people_seen")
    if isinstance(people, int) and people > 1:
        yield f"{people} people are in view; the one who does the exercise is followed"
    if notes.get("person_changes"):
        yield f"another person is followed from {notes['person_changes']} on"
    if notes.get("turn_deg"):
        yield f"the picture was turned clockwise by {notes['turn_deg']} degrees"
    if notes.get("video_complete") is False:
        yield f"the file is damaged: {notes.get('video_fault')}; the rest was not seen"


def _not_judged(by_cycle: Sequence[Sequence[Finding]]) -> dict[str, str]:
    """Name what was measured in no repetition, with the reason of the first."""
    reasons: dict[str, str] = {}
    judged: set[str] = set()
    for finding in (one for findings in by_cycle for one in findings):
        name = finding_name(finding)
        if finding.status == "measured":
            judged.add(name)
        else:
            reasons.setdefault(name, finding.reason or finding.status.replace("_", " "))
    return {name: reason for name, reason in reasons.items() if name not in judged}
