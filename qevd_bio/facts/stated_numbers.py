"""The numbers with a unit that a sentence states, and what each stands for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from qevd_bio.feedback.numbers import NUMBER, side_of_number

Role = Literal["value", "target", "amount", "less_than_other", "more_than_other", "apart"]

MOST_LETTERS = 2_000
"""Longer texts are read up to here; the longest sentence of the writer has about 300."""

_MOST_DIGITS = 7

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_ONES += ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"]
_ONES += ["eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_DEGREES = r"(?:degrees?|degs?\b\.?|[º˚])"
_ANGLE = rf"[-\u2212\u2013]?\d+(?:[.,]\d+)?[\s-]*(?:°|{_DEGREES})"
_BELOW_100 = (
    rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_ONES[1:10])}))?\b|(?:{'|'.join(_ONES)})\b)"
)
_NUMBER_WORD = re.compile(
    rf"\b(?:(?:minus|negative) )?(?:(?:(?:an?|one|two|three) )?hundred(?:(?: and)? {_BELOW_100})?"
    rf"|{_BELOW_100})(?: point(?: (?:{'|'.join(_ONES[:10])})\b)+)?"
    r"(?=[- ](?:(?:more|extra|additional|further) )?degrees?\b)",
    re.IGNORECASE,
)
_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        (r"\b(?:minus|negative) (?=\d)", "-"),
        (r"(?<=\d),(?=\d{1,2}\s*(?:°|degrees?\b))", "."),
        (r"[-=]+>(?= ?-?\d)|→", "→"),
        (r"(?:<=|=<)", "≤"),
        (r">=", "≥"),
        (r"\(?\s*(?:within\s*)?(?:±|\+/-)\s*\d+(?:\.\d+)?\s*(?:°|degrees?)?\s*\)?", " "),
        (rf"(?<=\d)[\s-]*{_DEGREES}", "°"),
        (rf"(?<=\d) (?:more|extra|additional|further) {_DEGREES}", "° more"),
        (rf"(?<=\d) (?:fewer|less) {_DEGREES}", "° less"),
        (r"(?<=\d) +°", "°"),
        (r"(?<=\d)\s*(?:seconds?|secs?)\b", " s"),
        (r"(?<=\d)\s*(?:[x×]|times)(?=\s+(?:the )?hip[- ]width)", " x"),
        (r"(?<=[°\d]) on (?:the|your) (right|left)\b(?: side)?", r" (\1)"),
        (rf"\b(?-i:R):? ?(?={_ANGLE})", "right "),
        (rf"\b(?-i:L):? ?(?={_ANGLE})", "left "),
        (r"\b(right|left): (?=-?\d)", r"\1 "),
        (r"[\u2212\u2013](?=\d)", "-"),
        (r"[\u2018\u2019]", "'"),
        (r"\s+", " "),
    )
)
_OTHER_UNIT = re.compile(r"\s?(?:%|percent\b|cm\b|mm\b)")
_UNITS = (("deg", re.compile(r"°")), ("s", re.compile(r" s\b")), ("ratio", re.compile(r" x\b")))
_REST_OF_RANGE = re.compile(r"°?(-| to | and )(-?\d+(?:\.\d+)?)")
_ABOUT = (
    r"(?: (?:about|around|roughly|approximately|nearly|almost|only|just|another|an?|extra"
    r"|additional|further|the|of|is|was|be|at|to))*"
)
_BOUND = r"(?P<bound><|>|≤|≥|under|below|less than|at most|over|above|at least|more than)?"
_WANTED = (
    r"target|goal|aim(?:ing)?(?: for| at)?|should (?:be|reach|stay|come)|needs? to be"
    r"|must (?:be|stay)|instead of|rather than|towards?|out of|ideal(?:ly)?"
    r"|(?:keep|stay|hold|take|spend)(?: (?:it|them|this))?|(?P<within>within|no more than)"
)
_TARGET_BEFORE = re.compile(
    rf"(?:\b(?:{_WANTED}){_ABOUT}:?|(?P<to>\b(?:(?<!s )reach|hit|to))(?: (?:about|around))*)"
    rf"(?: {_BOUND})?\W?\s*$",
    re.IGNORECASE,
)
_SIGN = re.compile(r"(?P<bound>[<>≤≥]) ?$")
_HELD = re.compile(
    r"\b(?:keep|stay|hold|limit|must|should|needs?)\b[^.;,\d]{0,40} "
    r"(?P<bound>under|below|less than|at most|over|above|at least|more than) $"
    r"|\b(?P<within>(?:not|never|cannot|\w+n't) exceed) $",
    re.IGNORECASE,
)
_COMPARED_WITH = re.compile(r"(?:→|\b(?:vs\.?|versus|against)) ?$", re.IGNORECASE)
_TARGET_AFTER = re.compile(
    r"(?:°| s| x)?(?: (?:is|was|as|are|the|your|a|an))* "
    r"(?:targets?|goal|limit|expected|wanted|required|needed|desired|ideal)\b",
    re.IGNORECASE,
)
_DONE = re.compile(
    r"\b(?:(?:drop|bend|goe|come|move|lift|raise|fall|rise|stop|peak|flexe)s"
    r"|dropped|bent|went|got|came|reached|moved|lifted|raised|fell|increased|reduced"
    r"|dropping|bending|going|getting|coming|moving|only)\b[^.;]{0,25}$",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(
    rf"\b(?:by|another|extra|additional|further|add){_ABOUT}\s*$", re.IGNORECASE
)
_OTHER_SIDE_OF = re.compile(r"[^.;,\d]{0,20} \((?:right|left)\),? and ", re.IGNORECASE)
_LIMIT_BEFORE = re.compile(rf"\bfault (?:from|beyond|above|below){_ABOUT}\s*$", re.IGNORECASE)
_VARIES_BY = re.compile(
    r"\b(?:mov|var|sway|shift|wobbl|drift|swing|chang)\w*\s+by(?: (?:about|around|roughly))*\s*$",
    re.IGNORECASE,
)
_SHORTFALL = r"short\b|too (?:low|little|small|shallow)|below|under\b|shy\b"
_EXCESS = r"too (?:high|much|far|big|large|deep)|above|over\b|beyond|past\b"
_COMPARED = re.compile(
    r"(?:°| s| x)?(?P<needed> needed,)? (?P<than>less|more) than (?:right|left|other)\b",
    re.IGNORECASE,
)
_APART = re.compile(r"(?:°| s| x)? apart\b", re.IGNORECASE)
_AMOUNT_AFTER = re.compile(
    rf"(?:°| s| x)?(?: of \w+(?: \w+)?)? (?:(?P<less>{_EXCESS}|less\b)"
    rf"|(?P<more>{_SHORTFALL}|more\b|further\b)|deeper|higher|lower|wider|narrower|closer)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class StatedNumber:
    """One number, or one range.

    Attributes
    ----------
    start, end : int
        Place in the text of `plain_text`.
    low, high : float
        The number twice, or the ends of a range.
    unit : str
        ``deg``, ``s``, ``ratio``, or empty where none is written.
    role : str
        ``value`` that was measured; ``target``; ``amount`` of the change; or a difference of the
        two sides.
    bound : str
        Of a target: ``<``, ``>`` or empty.
    side : {"r", "l"} or None
        The side written with the number.
    direction : {"more", "less"} or None
        What is lacking by the words after an amount.
    is_implied : bool
        Whether only its form, a range, makes it a target.
    """

    start: int
    end: int
    low: float
    high: float
    unit: str
    role: Role
    bound: str = ""
    side: str | None = None
    direction: Literal["more", "less"] | None = None
    is_implied: bool = False


def plain_text(text: str) -> str:
    """Write units, number words and white space one way: "five degrees" becomes "5°"."""
    plain = unicodedata.normalize("NFC", text[:MOST_LETTERS])
    plain = _NUMBER_WORD.sub(_digits, plain)
    for pattern, replacement in _SPELLINGS:
        plain = pattern.sub(replacement, plain)
    return plain.strip()


def _digits(match: re.Match[str]) -> str:
    """Write "minus one hundred and five point two" in digits."""
    whole, _, rest = match.group().casefold().partition(" point ")
    value = 0
    for word in re.findall("[a-z]+", whole):
        if word == "hundred":
            value = 100 * (value or 1)
        elif word in _TENS:
            value += 20 + 10 * _TENS.index(word)
        elif word in _ONES:
            value += _ONES.index(word)
    sign = "-" if whole.startswith(("minus", "negative")) else ""
    decimals = "".join(str(_ONES.index(word)) for word in rest.split())
    return f"{sign}{value}.{decimals}" if decimals else f"{sign}{value}"


def stated_numbers(text: str) -> Iterator[StatedNumber]:
    """Find the numbers of a text that `plain_text` made; those without meaning are left out.

    A number counts where a unit follows, or where the words before it make it a target or an
    amount; whether one without a unit is meant is for the reader of the sentence to say. From
    where on something is a fault was neither measured nor is it wanted.
    """
    end, last = 0, None
    for match in NUMBER.finditer(text):
        if match.start() < end or len(match.group()) > _MOST_DIGITS:
            continue
        rest = _rest_of_range(text, match)
        first = last if _OTHER_SIDE_OF.fullmatch(text, end, match.start()) else None
        end = rest.end() if rest else match.end()
        if _OTHER_UNIT.match(text, end) or _LIMIT_BEFORE.search(text[: match.start()]):
            continue
        last = _stated(text, match, rest, end)
        if first and last.role == "value":
            last = replace(last, role=first.role, bound=first.bound, direction=first.direction)
        yield last


def _rest_of_range(text: str, first: re.Match[str]) -> re.Match[str] | None:
    """Find the second number of a range; "from 85° to 90°" is none, "5° and 7°" neither."""
    rest = _REST_OF_RANGE.match(text, first.end())
    if rest is None or len(rest[2]) > _MOST_DIGITS:
        return None
    before = text[: first.start()].casefold()
    if _unit_at(text, rest.end()) == "" and not _TARGET_BEFORE.search(before[-80:]):
        return None
    if before.endswith("from ") or (rest[1] == " and ") != before.endswith("between "):
        return None
    return rest


def _unit_at(text: str, place: int) -> str:
    return next((name for name, pattern in _UNITS if pattern.match(text, place)), "")


def _stated(text: str, match: re.Match[str], rest: re.Match[str] | None, end: int) -> StatedNumber:
    first = _number(match.group())
    low, high = sorted((first, _number(rest[2]) if rest else first))
    before, unit = text[: match.start()], _unit_at(text, end)
    side = side_of_number(match, text)
    side = side[0].casefold() if side else None
    if compared := _COMPARED.match(text, end):
        is_less = compared["than"].casefold() == "less"
        role: Role = "less_than_other" if is_less else "more_than_other"
        wish: Literal["more"] | None = "more" if compared["needed"] else None
        return StatedNumber(match.start(), end, abs(low), abs(high), unit, role, direction=wish)
    if target := _target(before):
        return StatedNumber(match.start(), end, low, high, unit, "target", target.strip(), side)
    if _APART.match(text, end):
        return StatedNumber(match.start(), end, abs(low), abs(high), unit, "apart")
    varies = _VARIES_BY.search(before) is not None
    after = None if varies else _AMOUNT_AFTER.match(text, end)
    if after or (not varies and _AMOUNT_BEFORE.search(before)):
        named = after.groupdict() if after else {}
        direction: Literal["more", "less"] | None = (
            "more" if named.get("more") else "less" if named.get("less") else None
        )
        amount = (abs(low), abs(high))
        return StatedNumber(
            match.start(), end, *amount, unit, "amount", side=side, direction=direction
        )
    if rest or _TARGET_AFTER.match(text, end):
        return StatedNumber(
            match.start(), end, low, high, unit, "target", side=side, is_implied=rest is not None
        )
    return StatedNumber(match.start(), end, low, high, unit, "value", side=side)


def _number(written: str) -> float:
    return float(written.replace("\u2212", "-").replace("\u2013", "-"))


def _target(before: str) -> str:
    """Read the words before a target: its bound, a space where it has none; empty: no target."""
    if sign := _SIGN.search(before):
        return "<" if sign["bound"] in "<≤" else ">"
    if _COMPARED_WITH.search(before):
        return " "
    match = _HELD.search(before[-80:])
    if match is None:
        match = _TARGET_BEFORE.search(before[-80:])
        if match is None or (match["to"] and _DONE.search(before[: -len(match.group())] or "")):
            return ""
    bound = (match["bound"] or "").casefold()
    if match["within"] or bound in ("<", "≤", "under", "below", "less than", "at most"):
        return "<"
    return ">" if bound else " "
