"""One utterance and the findings of its cycle: the sentence to publish, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.cues import cues_of, of_sides
from qevd_bio.feedback.finding_choice import choose, matching
from qevd_bio.feedback.kinds import Kind
from qevd_bio.feedback.pose import PoseAngle
from qevd_bio.feedback.statements import statement_text
from qevd_bio.feedback.style import Style
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.repetitions.cycles import Cycle

Status = Literal["rewritten", "kept", "unsupported", "low_confidence", "unmeasurable", "no_cycle"]

REWRITABLE = ("corrective", "instructional")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The published form of one utterance.

    Attributes
    ----------
    feedback : str
        New sentence when the status is ``rewritten``, else the original to the character.
    status : str
        ``rewritten``; ``kept``: of a kind that is not rewritten; ``unsupported``: measured, and
        the numbers do not support the words; ``low_confidence``, ``unmeasurable``, ``no_cycle``.
    reason : str
        Why this status, with measured numbers where there are some.
    motion_context : str
        Empty where nothing was measured.
    chosen : tuple of Finding
        Findings in the new sentence.
    matches_cue : tuple of bool
        For each finding given: it checks what the trainer's words ask for, violated or not.
    """

    feedback: str
    status: Status
    reason: str
    motion_context: str
    chosen: tuple[Finding, ...]
    matches_cue: tuple[bool, ...]


def rewrite(
    text: str,
    kind: Kind,
    rule: Rule | None,
    cycle: Cycle | None,
    findings: Sequence[Finding],
    pose: Sequence[PoseAngle],
    style: Style,
) -> Rewritten:
    """Rewrite a corrective or instructional utterance where the evidence allows it.

    Parameters
    ----------
    text, kind : str, Kind
        The utterance, untouched.
    rule, cycle : Rule or None, Cycle or None
        Of the segment's exercise, and the one the utterance is about.
    findings : sequence of Finding
        All findings of that cycle, in the rule's order.
    pose : sequence of PoseAngle
        Angles of the salient joints at the time of the utterance.
    style : Style
        Its policy decides what is reported, see `qevd_bio.feedback.finding_choice`.

    Returns
    -------
    Rewritten
        Only with status ``rewritten`` does the feedback differ from `text`.
    """
    groups, phases = (rule.cue_groups, rule.phases) if rule else ((), ())
    cues = cues_of(text, groups=groups, phases=phases) if kind.name in REWRITABLE else ()
    cues = of_sides(cues, cycle.side if cycle else None)

    def row(
        status: Status, reason: str, feedback: str = text, chosen: tuple[Finding, ...] = ()
    ) -> Rewritten:
        return Rewritten(
            feedback=feedback,
            status=status,
            reason=reason,
            motion_context=motion_context(findings if cycle else None, pose, style),
            chosen=chosen,
            matches_cue=matching(findings, cues),
        )

    if kind.name not in REWRITABLE or not text.strip():
        return row("kept", f"{kind.name} utterances are not rewritten")
    if rule is None:
        return row("unmeasurable", "the exercise has no rule")
    if cycle is None:
        return row("no_cycle", "no complete cycle belongs to this utterance")
    choice = choose(findings, cues, style)
    if choice.refusal is not None:
        return row(choice.refusal, choice.reason)
    sentence = " ".join(statement_text(one, style) for one in choice.statements)
    chosen = tuple(finding for statement in choice.statements for finding in statement)
    return row("rewritten", choice.reason, sentence, chosen)
