"""One utterance and the findings of its cycle: the sentence to publish, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from qevd_bio.errors import UsageError
from qevd_bio.feedback.choice import Policy, choose, matching
from qevd_bio.feedback.contexts import motion_context, told_text
from qevd_bio.feedback.cues import cues_of
from qevd_bio.feedback.kinds import Kind
from qevd_bio.feedback.pose import PoseAngle
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.repetitions.cycles import Cycle

if TYPE_CHECKING:
    from qevd_bio.exercises.rule import Rule

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
        the words are not borne out; ``low_confidence``, ``unmeasurable``, ``no_cycle``.
    reason : str
        Why this status, with measured numbers where there are some.
    motion_context, morphology_context : str
        Empty where nothing was measured.
    chosen : tuple of Finding
        Findings the new sentence tells.
    matches_cue : tuple of bool
        For each finding given: it checks what the trainer's words speak of, violated or not.
    """

    feedback: str
    status: Status
    reason: str
    motion_context: str
    morphology_context: str
    chosen: tuple[Finding, ...]
    matches_cue: tuple[bool, ...]


def rewrite(
    text: str,
    kind: Kind,
    exercise: Rule | None,
    cycle: Cycle | None,
    findings: Sequence[Finding],
    policy: Policy,
    *,
    pose: Sequence[PoseAngle] = (),
    morphology_context: str = "",
    seed: str | None = None,
) -> Rewritten:
    """Rewrite a corrective or instructional utterance where the evidence allows it.

    Parameters
    ----------
    text : str
        The utterance, untouched.
    kind : Kind
        Of the utterance.
    exercise : Rule or None
        Rule of the segment's exercise; None when it has none.
    cycle : Cycle or None
        Cycle the utterance speaks of.
    findings : sequence of Finding
        All findings of that cycle, in the rule's order.
    policy : {"evidence", "paper"}
        See `qevd_bio.feedback.choice`.
    pose : sequence of PoseAngle, optional
        Angles of the salient joints at the time of the utterance.
    morphology_context : str, optional
        Passed through to the row.
    seed : str, optional
        Chooses a wording variant; without it, and by policy ``paper``, the plain forms are used.

    Returns
    -------
    Rewritten
        Only with status ``rewritten`` does the feedback differ from `text`.

    Raises
    ------
    UsageError
        The policy is unknown.
    """
    if policy not in get_args(Policy):
        raise UsageError(
            f"unknown policy '{policy}'",
            where="rewriting",
            next_step=f"Use one of {', '.join(get_args(Policy))}",
        )
    rule_id = exercise.id if exercise else None
    cues = cues_of(text, exercise=rule_id) if kind.name in REWRITABLE else ()
    leading = cycle.side if cycle else None

    def row(
        status: Status, reason: str, feedback: str = text, chosen: tuple[Finding, ...] = ()
    ) -> Rewritten:
        return Rewritten(
            feedback=feedback,
            status=status,
            reason=reason,
            motion_context=motion_context(findings if cycle else None, pose, wording=policy),
            morphology_context=morphology_context,
            chosen=chosen,
            matches_cue=matching(findings, cues, leading=leading),
        )

    if kind.name not in REWRITABLE or not text.strip():
        return row("kept", f"{kind.name} utterances are not rewritten")
    if exercise is None:
        return row("unmeasurable", "the exercise has no rule")
    if cycle is None:
        return row("no_cycle", "no complete cycle belongs to this utterance")
    choice = choose(findings, cues, leading=leading, policy=policy)
    if choice.refusal is not None:
        return row(choice.refusal, choice.reason)
    seed = seed if policy == "evidence" else None
    sentence = " ".join(told_text(s, wording=policy, seed=seed) for s in choice.statements)
    chosen = tuple(finding for statement in choice.statements for finding in statement)
    return row("rewritten", choice.reason, sentence, chosen)
