"""Proof before a run that a rule has all it needs: sense, a reference, words for its checks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from qevd_bio.choices import Policy
from qevd_bio.errors import RuleError
from qevd_bio.exercises.given_references import with_references
from qevd_bio.exercises.load import ReadRule, files_in, read_rules, rule_files, sound_rules
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.exercises.references import reference_issues
from qevd_bio.exercises.rule import Rule
from qevd_bio.exercises.rule_issue import RuleIssue
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.feedback.cues import CUE_LEXICON, cue_groups
from qevd_bio.feedback.numbers import unbacked_numbers
from qevd_bio.feedback.pose import PoseAngle, angle_names, angle_text
from qevd_bio.feedback.quantities import measure_family, quantity_words
from qevd_bio.feedback.statements import measured_text, violation_text
from qevd_bio.feedback.style import Style, style_of
from qevd_bio.motion.constraints import Constraint, Finding, judge
from qevd_bio.motion.measured_value import MeasuredValue
from qevd_bio.skeleton.measure_anchors import ANCHORS
from qevd_bio.skeleton.measures import CATALOGUE

_BEYOND = {"deg": 10.0, "ratio": 0.5, "s": 0.5}
"""How far beyond its tolerance the value of a trial sentence lies, in the constraint's unit."""


def usable_rules(
    user_folder: Path | None = None, references: Path | None = None
) -> dict[str, Rule]:
    """Load the shipped rules and the user's for a run.

    Parameters
    ----------
    user_folder : Path, optional
        See `qevd_bio.exercises.load.load_rules`.
    references : Path, optional
        Folder of references that take the place of the rules' own.

    Returns
    -------
    dict of str to Rule
        By id, in alphabetical order.

    Raises
    ------
    RuleError
        Reports everything that is wrong in the rules, and what the user's lack: a reference that
        meets the targets, words, cue groups. Tests check the shipped rules.
    DataError
        A reference cannot be used, see `qevd_bio.exercises.given_references`.
    """
    read = read_rules(rule_files(user_folder).values())
    own = set(files_in(user_folder).values()) if user_folder else ()
    rules = sound_rules(_proven(one) if path in own else one for path, one in read.items())
    return with_references(rules, references)


def checked_files(files: Sequence[Path], user_folder: Path | None = None) -> dict[Path, ReadRule]:
    """Read and check rule files together with the other rules that they do not replace."""
    own = {path.stem for path in files}
    others = [path for name, path in rule_files(user_folder).items() if name not in own]
    read = read_rules([*others, *files])
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
    if not read.has_issue("representative"):
        found += _anchor_issues("representative", rule.representative.measure, rule)
    for constraint in rule.constraints:
        found += _anchor_issues(f"constraints.{constraint.id}", constraint.measure, rule)
        found += dict.fromkeys(_sentence_issues(constraint, rule))
    return replace(read, issues=(*read.issues, *found))


def _group_issues(rule: Rule) -> list[RuleIssue]:
    return [
        RuleIssue(
            rule.file,
            "cue_groups",
            f"no words of prompts/{CUE_LEXICON} have a special meaning for '{group}'",
            f"Use some of {', '.join(sorted(cue_groups()))}, or none",
        )
        for group in rule.cue_groups
        if group not in cue_groups()
    ]


def _anchor_issues(key: str, measure: str, rule: Rule) -> list[RuleIssue]:
    return [
        RuleIssue(
            rule.file,
            f"{key}.measure",
            f"no joint is known at which a picture shows {name}",
            "Add it to ANCHORS of qevd_bio/skeleton/measure_anchors.py",
        )
        for name in CATALOGUE
        if sideless(name) == measure and name not in ANCHORS
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
    """Try the sentences of a constraint: with a value on target, too low and too high."""
    where = f"constraints.{constraint.id}"
    on_target = _trial(constraint, constraint.target_low)
    try:
        quantity_words(measure_family(on_target), where=where)
    except RuleError as error:
        yield RuleIssue(rule.file, f"{where}.measure", error.message, error.next_step)
        return
    yield from _text_issues(f"{where}.target", f"{where}.phase", on_target, style_of(rule), rule)
    beyond = constraint.tolerance + _BEYOND[constraint.unit]
    ends = {
        "too_low": (constraint.too_low, constraint.target_low - beyond),
        "too_high": (constraint.too_high, constraint.target_high + beyond),
    }
    for end, (instruction, value) in ends.items():
        for policy in get_args(Policy) if instruction else ():
            key, finding = f"{where}.{end}", _trial(constraint, value)
            yield from _text_issues(key, key, finding, style_of(rule, policy), rule)


def _trial(constraint: Constraint, value: float) -> Finding:
    measured = MeasuredValue(value, 0.0, "measured", "")
    side = None if constraint.side == "none" else "r"
    return judge(constraint, measured, side=side, frame=0, frame_s=0.0)


def _text_issues(
    key: str, words_key: str, finding: Finding, style: Style, rule: Rule
) -> Iterator[RuleIssue]:
    try:
        write = violation_text if finding.violated else measured_text
        text = write((finding,), style)
    except RuleError as error:
        yield RuleIssue(rule.file, key, error.message, error.next_step)
        return
    if numbers := unbacked_numbers(text, [finding]):
        next_step = "Write instructions and the words of phases without numbers"
        if side := re.search(r"\b(?:left|right)\b", finding.instruction, re.IGNORECASE):
            next_step += f" and without '{side[0]}', which is read as the measured side"
        yield RuleIssue(
            rule.file,
            words_key,
            f"no measurement backs {', '.join(numbers)} in the sentence '{text}', so no release "
            "may hold it",
            next_step,
        )
