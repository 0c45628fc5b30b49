"""Second opinions about the kinds of sentences: a table that people can complete, and who decides.

The lexicon stays the first judge. A second one, a language model or a vote of examples, decides
only where the lexicon is in doubt; where the two disagree otherwise, the sentence waits in the
table for a person, whose decision goes before all else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast, get_args

from qevd_bio.errors import DataError
from qevd_bio.feedback.kinds import Kind, KindName, kind_of
from qevd_bio.files.open_regular import read_text_regular

DOUBTFUL = 0.5
"""Up to this confidence of the lexicon the second opinion decides. Chosen on three batches of
sentences with the lexicon of the time when they were new (benchmarks/RESULTS-kinds.md)."""

PERSON = "person"
"""Begins the source of a kind that a person decided."""

OPINION_JUDGES = ("model", "neighbours", PERSON)
"""First words of the sources of kinds that the lexicon did not decide."""

KINDS: tuple[str, ...] = get_args(KindName)


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What the lexicon and somebody else take a sentence for.

    Attributes
    ----------
    sentence : str
        As it was said.
    lexicon : str
        The kind by the lexicon, when the opinion was asked for.
    lexicon_confidence : float
        Its confidence.
    opinion : str
        The kind by the second judge.
    confidence : float
        Its share of the votes; ``MODEL_CONFIDENCE`` of a model, which states none.
    opinion_by : str
        The second judge, with what it depends on.
    decided, decided_by : str
        The kind by a person and who that is; empty: nobody decided.
    """

    sentence: str
    lexicon: str
    lexicon_confidence: float
    opinion: str
    confidence: float
    opinion_by: str
    decided: str = ""
    decided_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the two disagree and nobody has decided."""
        return self.lexicon != self.opinion and not self.decided


COLUMNS = tuple(field.name for field in fields(SecondOpinion))


def decided_kind(text: str, *, is_transition: bool, opinions: Mapping[str, SecondOpinion]) -> Kind:
    """Decide the kind of an utterance with second opinions, by sentence.

    The flag of the data set goes first, then a person, then the lexicon; where its confidence is
    at most `DOUBTFUL`, the second opinion.
    """
    own = kind_of(text, is_transition=is_transition)
    opinion = opinions.get(text)
    if is_transition or opinion is None:
        return own
    if opinion.decided:
        return Kind(cast("KindName", opinion.decided), 1.0, f"{PERSON} {opinion.decided_by}")
    if opinion.opinion == own.name or own.confidence > DOUBTFUL:
        return own
    return Kind(cast("KindName", opinion.opinion), opinion.confidence, opinion.opinion_by)


def opinions_text(opinions: Iterable[SecondOpinion]) -> str:
    """Write opinions as CSV: those that wait for a person first, the least sure ones first."""
    ordered = sorted(
        opinions, key=lambda one: (not one.is_open, one.lexicon_confidence, one.sentence)
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for one in ordered:
        writer.writerow([getattr(one, name) for name in COLUMNS])
    return out.getvalue()


def read_opinions(path: Path) -> dict[str, SecondOpinion]:
    """Read a table of opinions, by sentence.

    Raises
    ------
    DataError
        The file cannot be read or is no such table; file and line are named.
    """
    try:
        text = read_text_regular(path, follow_links=True).removeprefix("\ufeff")
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _bad(path, "", f"cannot be read ({error})") from error
    if not rows or tuple(rows[0]) != COLUMNS:
        raise _bad(path, "line 1", f"the columns are not {','.join(COLUMNS)}")
    found: dict[str, SecondOpinion] = {}
    for number, row in enumerate(rows[1:], start=2):
        one = _opinion(path, f"row {number}", row)
        if one.sentence in found:
            raise _bad(path, f"row {number}", f"{one.sentence[:60]!r} comes a second time")
        found[one.sentence] = one
    return found


def _opinion(path: Path, where: str, row: Sequence[str]) -> SecondOpinion:
    if len(row) != len(COLUMNS):
        raise _bad(path, where, f"has {len(row)} columns, not {len(COLUMNS)}")
    values = dict(zip(COLUMNS, row, strict=True))
    for name in ("lexicon", "opinion", "decided"):
        if values[name] not in KINDS and (values[name] or name != "decided"):
            raise _bad(path, where, f"{name} is {values[name][:40]!r}, none of {', '.join(KINDS)}")
    for name in ("sentence", "opinion_by"):
        if not values[name]:
            raise _bad(path, where, f"{name} is empty")
    if bool(values["decided"]) != bool(values["decided_by"].strip()):
        raise _bad(path, where, "decided and decided_by come together")
    numbers = {
        name: _share(path, where, name, values[name])
        for name in ("lexicon_confidence", "confidence")
    }
    return SecondOpinion(**{**values, **numbers})  # type: ignore[arg-type]


def _share(path: Path, where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise _bad(path, where, f"{name} is {text[:40]!r}, no number") from error
    if not 0.0 <= value <= 1.0:
        raise _bad(path, where, f"{name} is {text[:40]}, not from 0 to 1")
    return value


def _bad(path: Path, where: str, cause: str) -> DataError:
    return DataError(
        cause,
        where=f"{path}, {where}" if where else str(path),
        next_step="Correct the file given as --kinds; `qevd-bio annotate kinds` writes one",
    )
