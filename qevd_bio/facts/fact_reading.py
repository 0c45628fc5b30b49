"""A sentence read clause by clause: which quantity is meant, and what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from qevd_bio.facts.fact_grammar import Direction, FactGrammar
from qevd_bio.facts.stated_numbers import StatedNumber, stated_numbers
from qevd_bio.feedback.asked_changes import AskedChange, named_changes
from qevd_bio.feedback.cues import cues_of
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.numbers import Mention, mentions_of

_CLAUSE_END = re.compile(
    r"[.;:!?](?=\s|$)|,(?=\s)|\b(?:and|but|so|then|while)\b(?=\s)|\s(?=\((?!(?:right|left)\)))"
)
_PARTS: tuple[tuple[str, str], ...] = (
    (r"knees?", "knee_flexion"),
    (r"hips?(?![ -]?width)|thighs?", "hip_flexion"),
    (r"elbows?", "elbow_flexion"),
    (r"ankles?", "ankle_dorsiflexion"),
    (r"(?:upper )?arms?|shoulders?", "shoulder_elevation"),
    (r"(?:forward )?lean(?:ing)?|torso|trunk|chest", "trunk_forward_lean"),
    (r"lower back|lumbar|spine|back", "lumbar_flexion"),
    (r"head|neck|chin", "head_flexion"),
    (r"stance|feet", "stance_width"),
    (r"(?:each|every|the|your) rep(?:etition)?s? (?:is|was|takes?|took|lasts?|lasted)", "tempo"),
)
"""Parts of the body that stand for a quantity where a number is given with them."""
_PART = re.compile(
    r"\b(?:(?P<side>right|left) )?(?:"
    + "|".join(f"(?P<{measure}>{words})" for words, measure in _PARTS)
    + r")\b",
    re.IGNORECASE,
)
_UNSTEADY = re.compile(
    r"\b(?:variance|vary|varies|varied|varying|move|moves|moving|sway\w*|shift\w*|wobbl\w*|drift\w*"
    r"|unsteady|unstable|still|stable|steady)\b",
    re.IGNORECASE,
)
_NEXT_QUANTITY = re.compile(
    r"(?:°| s| x)?(?: (?:more|less|of|in|for|further|extra|the|your))*\s*$"
)
_SIDE_ALONE = re.compile(r"(?<!to the )\b(right|left)\b", re.IGNORECASE)
_NOT_ASKING = ("motivational", "counting", "transition")
UNIT_OF = {"stance_width": "ratio", "tempo": "s"}
_BARE_VALUE = re.compile(r"(?: (?:is|was|of|at|about|measured|only|now|right|left))*\s*$")


@dataclass(slots=True)
class Draft:
    """A fact that is being read.

    `episode` counts the findings of one quantity in a text; `is_implied`: its target is a range
    that no word calls one.
    """

    measures: tuple[str, ...]
    is_static: bool
    side: str | None
    is_named: bool
    episode: int = 0
    other_is_smaller: bool | None = None
    value: float | None = None
    target: tuple[float | None, float | None] = (None, None)
    direction: Direction | None = None
    asked_of: str | None = None
    amount: float | None = None
    phase: str = ""
    unit: str = ""
    is_implied: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clause is about, as far as its words tell."""

    measures: tuple[str, ...]
    is_static: bool
    side: str | None
    is_named: bool = False
    direction: Direction | None = None
    place: int = 0
    end: int = 0


@dataclass
class Reading:
    """One text, as `plain_text` writes it, on its way to drafts."""

    text: str
    grammar: FactGrammar
    _drafts: list[Draft] = field(default_factory=list)
    _carried: Subject | None = None
    _part: Subject | None = None
    _clause_start: int = 0

    def drafts(self) -> list[Draft]:
        """Read the text, once."""
        mentions = [list(group) for _, group in groupby(mentions_of(self.text), _place)]
        changes = named_changes(self.text)
        asked = dict(zip((one for group in mentions for one in group), changes, strict=True))
        named = [*(_named(group, asked) for group in mentions), *self._dofs()]
        named.sort(key=lambda one: one.place)
        numbers = list(stated_numbers(self.text))
        for start, end in self._clauses():
            own = [one for one in named if start <= one.place < end]
            inside = [one for one in numbers if start <= one.start < end]
            self._read_clause(start, end, own, inside)
        return _joined(self._drafts)

    def _dofs(self) -> Iterator[Subject]:
        """Find the degrees of freedom of a pose state."""
        for match in self.grammar.dof_pattern.finditer(self.text):
            side = match["side"][0].casefold() if match["side"] else None
            dof = self.grammar.dofs[match["term"].casefold()]
            yield Subject((dof,), False, side, is_named=True, place=match.start(), end=match.end())

    def _clauses(self) -> Iterator[tuple[int, int]]:
        """Divide the text where it stops; an instruction of a rule stays whole."""
        start = 0
        while start < len(self.text):
            known = self.grammar.instruction_at(self.text, start)
            stop = _CLAUSE_END.search(self.text, known[1] if known else start)
            end = stop.end() if stop else len(self.text)
            yield start, end
            start = end

    def _read_clause(
        self, start: int, end: int, named: list[Subject], numbers: list[StatedNumber]
    ) -> None:
        clause, self._clause_start = self.text[start:end], start
        subjects = named or self._spoken(clause, start)
        if not subjects and (part := _part(clause, start)):
            if any(one.unit for one in numbers):
                subjects = [part]
            else:
                self._part = part
        if self.text[:start].endswith("and") and any(one.role == "amount" for one in numbers):
            subjects = [self._asked_alike(one) for one in subjects]
        for subject in subjects:
            self._take(subject)
        of_side = None if subjects else _SIDE_ALONE.search(clause)
        for number in numbers:
            if (meant := self._subject_of(number, subjects)) is not None:
                self._take_number(number, _on_side(meant, number, of_side, start))
        if subjects:
            self._carried = subjects[-1]
        phases = self.grammar.phases_in(clause)
        if phases and self._carried:
            for draft in self._of(self._carried):
                draft.phase = draft.phase or phases[0]

    def _spoken(self, clause: str, start: int) -> list[Subject]:
        """Read a clause without a term: an instruction of a rule, or words of trainers."""
        if known := self.grammar.instruction_at(clause, 0):
            instruction = known[0]
            side = re.search(r"\b(right|left)\b", clause, re.IGNORECASE)
            of_side = side[1][0].casefold() if side else None
            return [
                Subject(
                    instruction.measures,
                    instruction.is_static,
                    of_side,
                    direction=instruction.direction,
                    place=start,
                )
            ]
        clause = self.grammar.without_phases(clause)
        if kind_of(clause, is_transition=False).name in _NOT_ASKING:
            return []
        cues = cues_of(clause, groups=self.grammar.groups, phases=self.grammar.rule_phases)
        return [
            Subject(
                measures=cue.measures,
                is_static=cue.direction == "still",
                side=cue.side if cue.side in ("r", "l") else None,
                direction=cue.direction if cue.direction in ("more", "less") else None,
                place=start,
            )
            for cue in cues
            if cue.measures and cue.direction != "even"
        ]

    def _subject_of(self, number: StatedNumber, subjects: list[Subject]) -> Subject | None:
        before = [one for one in subjects if one.place <= number.start]
        after = [one for one in subjects if one.place > number.start]
        if after and _NEXT_QUANTITY.fullmatch(self.text[number.end : after[0].place]):
            return after[0]
        if before:
            return before[-1]
        return after[0] if after else self._carried or self._part

    def _asked_alike(self, subject: Subject) -> Subject:
        """Let a verb hold beyond an "and": "reduce hip flexion by 5° and knee flexion by 7°"."""
        if not subject.is_named or subject.is_static or subject.direction or not self._carried:
            return subject
        return replace(subject, direction=self._carried.direction)

    def _of(self, subject: Subject) -> list[Draft]:
        """Find the drafts that a subject means; of the newest finding of its quantity."""
        for measure in subject.measures:
            alike = [
                draft
                for draft in self._drafts
                if measure in draft.measures
                and (
                    draft.is_static == subject.is_static
                    or not (draft.is_named and subject.is_named)
                )
            ]
            if not alike:
                continue
            newest = max(draft.episode for draft in alike)
            alike = [one for one in alike if one.episode == newest]
            own = [one for one in alike if one.side == subject.side]
            loose = [one for one in alike if one.side is None or subject.side is None]
            return own or loose
        return []

    def _take(self, subject: Subject) -> None:
        for draft in self._of(subject) or [self._begin(subject)]:
            if subject.is_named and not draft.is_named:
                draft.measures, draft.is_static = subject.measures, subject.is_static
                draft.is_named = True
            draft.side = draft.side or subject.side
            if subject.direction and (subject.is_named or draft.direction is None):
                draft.direction, draft.asked_of = subject.direction, subject.side

    def _begin(self, subject: Subject, episode: int = 0) -> Draft:
        draft = Draft(subject.measures, subject.is_static, subject.side, subject.is_named, episode)
        self._drafts.append(draft)
        return draft

    def _take_number(self, number: StatedNumber, subject: Subject) -> None:
        subject = replace(subject, side=number.side or subject.side)
        if number.unit and number.unit not in map(_usual_unit, subject.measures):
            return  # a time is no angle
        drafts = self._of(subject)
        if number.role == "target" and subject.place < self._clause_start:
            drafts = self._with_other_side(drafts)
        unit = number.unit or self._unit_of_bare(number, subject, drafts)
        if not unit:
            return
        if not drafts:
            drafts = [self._begin(subject, self._newest(subject))]
            drafts[0].direction, drafts[0].asked_of = subject.direction, subject.side
        if number.role not in ("target", "amount") and any(
            one.value is not None for one in drafts
        ):
            drafts = [self._begin(subject, self._newest(subject) + 1)]
        for draft in drafts:
            draft.side = draft.side or (subject.side if "other" in number.role else number.side)
            _set_number(draft, number, unit)

    def _with_other_side(self, drafts: list[Draft]) -> list[Draft]:
        """Let a target in a clause of its own hold for both sides: "right 85°, left 83° (...)"."""
        others = [
            other
            for other in self._drafts
            for one in drafts
            if (other.measures, other.is_static, other.episode)
            == (one.measures, one.is_static, one.episode)
            and other.side not in (None, one.side)
            and one.side is not None
            and other.target == (None, None)
        ]
        return [*drafts, *others]

    def _newest(self, subject: Subject) -> int:
        alike = [one.episode for one in self._drafts if set(one.measures) & set(subject.measures)]
        return max(alike, default=0)

    def _unit_of_bare(
        self, number: StatedNumber, subject: Subject, drafts: Sequence[Draft]
    ) -> str:
        """Say in which unit a number is meant that has none; empty where it may be a count."""
        if number.role != "value":
            stated = next((one.unit for one in drafts if one.unit), "")
            usual = _usual_unit(subject.measures[0])
            return stated or (usual if subject.is_named else "")
        between = self.text[subject.end : number.start]
        is_after = subject.end <= number.start
        if subject.is_named and is_after and _BARE_VALUE.fullmatch(between):
            return _usual_unit(subject.measures[0])
        return ""


def _usual_unit(measure: str) -> str:
    return UNIT_OF.get(measure, "deg")


def _set_number(draft: Draft, number: StatedNumber, unit: str) -> None:
    draft.unit = draft.unit or unit
    if number.role == "target":
        if draft.target == (None, None) or (draft.is_implied and not number.is_implied):
            draft.is_implied = number.is_implied
            low = None if number.bound == "<" else number.low
            draft.target = (low, None if number.bound == ">" else number.high)
    elif number.role == "amount":
        if draft.amount is None:
            draft.amount = number.high
        if number.direction and draft.direction is None:
            draft.direction = number.direction
    else:
        draft.value = number.high
        if number.role != "value":
            draft.other_is_smaller = number.role == "more_than_other"
            if number.direction:
                draft.direction, draft.asked_of = number.direction, draft.side


def _on_side(
    subject: Subject, number: StatedNumber, side: re.Match[str] | None, clause_start: int
) -> Subject:
    """Take the side that a clause without a subject names: "..., your left at 83°".

    A side behind a comparison is the other one: "..., 5° less than left".
    """
    is_compared = number.role in ("less_than_other", "more_than_other", "apart")
    if side is None or (is_compared and clause_start + side.start() > number.start):
        return subject
    return replace(subject, side=side[1][0].casefold())


def _part(clause: str, start: int) -> Subject | None:
    """Read a part of the body as the quantity that a number given with it is of."""
    match = _PART.search(clause)
    if match is None:
        return None
    return Subject(
        measures=(str(match.lastgroup),),
        is_static=_UNSTEADY.search(clause) is not None,
        side=match["side"][0].casefold() if match["side"] else None,
        place=start + match.start(),
    )


def _place(mention: Mention) -> int:
    return mention.start


def _named(group: Sequence[Mention], asked: dict[Mention, AskedChange]) -> Subject:
    first = group[0]
    return Subject(
        measures=tuple(dict.fromkeys(one.family for one in group)),
        is_static=first.is_static,
        side=first.side,
        is_named=True,
        direction=None if first.is_static else asked[first].direction,
        place=first.start,
        end=first.end,
    )


def _joined(drafts: list[Draft]) -> list[Draft]:
    """Let what is said of a quantity without a side hold for the sides that are named."""
    kept = []
    for draft in drafts:
        sided = [
            one
            for one in drafts
            if one.side is not None
            and set(one.measures) & set(draft.measures)
            and (one.is_static, one.episode) == (draft.is_static, draft.episode)
        ]
        if draft.side is not None or not sided or draft.value is not None:
            kept.append(draft)
            continue
        for one in sided:
            one.phase = one.phase or draft.phase
            one.unit = one.unit or draft.unit
            if one.amount is None:
                one.amount = draft.amount
            if one.target == (None, None):
                one.target = draft.target
            if one.direction is None:
                one.direction, one.asked_of = draft.direction, draft.asked_of
    return kept
