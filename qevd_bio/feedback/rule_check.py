"""Proof before a run that a rule has all it needs: sense, a reference, words for its checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from qevd_bio.errors import RuleError
from qevd_bio.exercises.load import ReadRule, files_in, read_rules, rule_files, sound_rules
from qevd_bio.exercises.references import reference_issues
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.rule_issue import RuleIssue
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.feedback.cues import CUE_LEXICON, cue_groups
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.pose import PoseAngle, angle_names, angle_text
from qevd_bio.feedback.statements import evidence_text, violation_text
from qevd_bio.feedback.style import Policy, style_of
from qevd_bio.motion.constraints import Constraint, Finding, judge
from qevd_bio.motion.measured_value import MeasuredValue

_BEYOND = {"deg": 10.0, "ratio": 0.5, "s": 0.5}
"""How far beyond its tolerance the value of a trial sentence lies, in the constraint's unit."""


def usable_rules(user_folder: Path | None = None) -> dict[str, Rule]:
    """Load the shipped rules and the user's for a run.

    Parameters
    ----------
    user_folder : Path, optional
        See `qevd_bio.exercises.load.load_rules`.

    Returns
    -------
    dict of str to Rule
        By id, in alphabetical order.

    Raises
    ------
    RuleError
        Reports everything that is wrong in the rules, and what the user's lack: a reference that
        meets the targets, words, cue groups. Tests prove the shipped rules.
    """
    read = read_rules(rule_files(user_folder).values())
    own = set(files_in(user_folder).values()) if user_folder else ()
    return sound_rules(_proven(one) if path in own else one for path, one in read.items())


def checked_files(files: Sequence[Path]) -> dict[Path, ReadRule]:
    """Read and prove rule files beside the shipped rules that they do not replace."""
    own = {path.stem for path in files}
    shipped = [path for name, path in rule_files().items() if name not in own]
    read = read_rules([*shipped, *files])
    return {path: _proven(read[path]) for path in files}


def _proven(read: ReadRule) -> ReadRule:
    """Add what a run would lack to the issues of a rule."""
    if read.rule is None:
        return read
    checked = [c for c in read.rule.constraints if not read.has_issue(f"constraints.{c.id}")]
    rule = replace(read.rule, constraints=tuple(checked))
    found: list[RuleIssue] = []
    if not read.has_issue("reference.keys") and not read.broken & {"reference", "phases"}:
        found += reference_issues(rule)
    if not read.broken & {"cue_groups"}:
        found += _group_issues(rule)
    if not read.has_issue("joints"):
        found += _joint_word_issues(rule)
    for constraint in rule.constraints:
        found += dict.fromkeys(_sentence_issues(constraint, rule))
    return replace(read, issues=(*read.issues, *found))


def _group_issues(rule: Rule) -> list[RuleIssue]:
    return [
        RuleIssue(
            rule.file,
            "cue_groups",
            f"no words of prompts/{CUE_LEXICON} have a meaning of their own for '{group}'",
            f"Use some of {', '.join(sorted(cue_groups()))}, or none",
        )
        for group in rule.cue_groups
        if group not in cue_groups()
    ]


def _joint_word_issues(rule: Rule) -> list[RuleIssue]:
    """Find salient joints with angles that the pose state of a context cannot name."""
    issues = []
    for name in (name for joint in salience_of_rule(rule).joints for name in angle_names(joint)):
        try:
            angle_text(PoseAngle(name, 0.0))
        except RuleError as error:
            issues.append(RuleIssue(rule.file, "joints", error.message, error.next_step))
    return issues


def _sentence_issues(constraint: Constraint, rule: Rule) -> Iterator[RuleIssue]:
    """Try the sentences of a constraint: measured, too low and too high, by every policy."""
    key = f"constraints.{constraint.id}"
    for finding, end in _trial_findings(constraint):
        try:
            texts = [evidence_text([finding], style_of(rule))]
            if finding.violated:
                texts += [
                    violation_text((finding,), style_of(rule, policy))
                    for policy in get_args(Policy)
                ]
        except RuleError as error:
            yield RuleIssue(rule.file, f"{key}.{end}", error.message, error.next_step)
            if end == "measure":
                return
            continue
        for text in texts:
            if numbers := unbacked_numbers(text, [finding]):
                yield RuleIssue(
                    rule.file,
                    f"{key}.{end}",
                    f"no measurement backs {', '.join(numbers)} in the sentence '{text}', so that "
                    "no release could hold it",
                    "Write the instruction and the words of the phase without numbers",
                )


def _trial_findings(constraint: Constraint) -> Iterator[tuple[Finding, str]]:
    """Give a finding inside the target and one beyond each end, with the key they depend on."""
    beyond = constraint.tolerance + _BEYOND[constraint.unit]
    trials = [(constraint.target_low, "measure")]
    if constraint.too_low:
        trials.append((constraint.target_low - beyond, "too_low"))
    if constraint.too_high:
        trials.append((constraint.target_high + beyond, "too_high"))
    for value, end in trials:
        finding = judge(
            constraint,
            MeasuredValue(value, 0.0, "measured", ""),
            side=None if constraint.side == "none" else "r",
            frame=0,
            frame_s=0.0,
        )
        yield finding, end
