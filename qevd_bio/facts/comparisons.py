"""Comparisons written one way, so that a reader of facts needs only one form of each.

"The right exceeds the left by 12°", "the left trails the right by 12°" and "compared with the
right, the left is 12° lower" say how far the sides are apart; "falls 12° short of 90°" and
"exceeds the limit of 45° by 8°" how far a target is missed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator

from qevd_bio.feedback.prompt_files import load_prompt

Rewrite = str | Callable[[re.Match[str]], str]

_AMOUNT = r"(?:about |around |roughly |approximately |nearly |almost |some |another |an? )*"
# From its first digit: to try every other one takes cubic time on a long row of digits.
_NUMBER = r"(?:-|(?<!\d))\d+(?:\.\d+)?(?:°| s\b| x\b(?: hip width)?)"
_BY = rf"by {_AMOUNT}(?P<n>{_NUMBER})"
_N = rf"(?P<n>{_NUMBER})"
_MORE = r"(?:more|greater|higher|deeper|further|farther|larger|bigger|wider|longer)"
_LESS = r"(?:less|lower|smaller|shallower|shorter|narrower)"
_IS = r"(?:is|are|was|were|be|stays?|remains?|goes|went|going|comes|came|gets|got)"
_PASSES = (
    r"(?:(?:exceed|surpass|oversho|outdo|outpace|beat)\w*"
    rf"|(?:{_IS} )?(?:above|over|beyond|past|ahead of))"
)
_MISSES = (
    r"(?:(?:fall|fell|com|cam)\w* (?:up )?short of|undersho\w*"
    rf"|(?:{_IS} )?(?:trail|lagg?)\w*(?: behind)?"
    rf"|(?:{_IS} )?(?:below|under|behind|short of|shy of))"
)
_GOAL_WORD = (
    r"(?P<goal>targets?|goal|aim|limit|maximum|minimum|max|min|ideal|threshold"
    r"|(?:upper|lower) (?:bound|limit))(?: range| value| angle)?"
)
_BOUNDS = {"max": "< ", "upp": "< ", "min": "> ", "low": "> "}
_GOAL = (
    r"(?!(?:its|your|their) (?:max|min))"
    rf"(?:(?:the|its|your|their|a|an) )*(?:{_GOAL_WORD}(?: (?:of|at) (?P<of>{_NUMBER}))?"
    rf"|(?P<this>{_NUMBER})(?: (?P<named>targets?|goal|limit|maximum|minimum|max|min|threshold))?)"
)
_PARTS = r"knees?|hips?|thighs?|elbows?|arms?|legs?|ankles?|shoulders?|sides?"
_ADDS = re.compile(
    r"\b(?:need|lack|increase|raise|lift|bend|flex|add|gain|another|more|further|deeper|higher)",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"\b(?:reduc|lower|lessen|decreas|straight|exten|drop|trim|cut|less|narrow|open|shav|limit"
    r"|down\b|lose\b|remov|relax|clos|back off|ease|unbend|sink|not\b|never\b|stop|avoid)|n't\b",
    re.IGNORECASE,
)
_DENIED = (
    r"\b(?:\w+n't|not|never|no|cannot|nor|neither|without|fail\w* to|avoid\w*)\b"
    r"(?:(?!\b(?:and|but|so|then|while)\b)[^.;:,!?\d])*"
)
_COMPARED = r"(?:when |as |if )?(?:compared|relative|in comparison|in relation) (?:with|to)"
_DIFFERENCE = r"(?:difference|gap|discrepancy|asymmetry|imbalance)"


def plain_comparisons(text: str) -> str:
    """Write each comparison of a text one way.

    Parameters
    ----------
    text : str
        As `qevd_bio.facts.stated_numbers.plain_text` writes it.

    Returns
    -------
    str
        With "12° less than left", "12° more than left" and "12° apart" for the sides, "12° below
        target 90°" and "8° above target 45°" for a target, "12° more" and "8° less" of a quantity
        for what is asked, the side before its quantity, and nothing else changed.

    Notes
    -----
    A comparison that is denied ("does not exceed the left by 12°", "no more than 5° behind the
    right") loses its number, and a maximum that was measured stays one: a misread fact is worse
    than one that is not read.
    """
    for pattern, replacement in _rewrites():
        text = pattern.sub(replacement, text)
    return text


@functools.cache
def _rewrites() -> tuple[tuple[re.Pattern[str], Rewrite], ...]:
    words = load_prompt("sentences.json")["quantities"].values()
    terms = sorted(
        {one[name] for one in words for name in ("term", "instructed", "moves")},
        key=lambda term: (-len(term), term),
    )
    quantity = rf"(?:{'|'.join(map(re.escape, terms))})"
    return tuple(
        (re.compile(pattern, re.IGNORECASE), replacement)
        for part in (_sides, _differences, _targets, _requests, _denials)
        for pattern, replacement in part(quantity)
    )


def _sides(quantity: str) -> Iterator[tuple[str, Rewrite]]:
    """Rewrite one side against the other; put sides and values where their quantity is."""
    of_side = rf"(?:on|of|in) (?:the|your) (?P<side>right|left)(?: (?:side|{_PARTS}))?"
    whose = rf"(?:your |the )?(?:(?:right|left) )?(?:{quantity}|{_PARTS})\b"
    yield rf"\b(?P<at>(?:at|with) {_AMOUNT}{_NUMBER}), (?={whose})", r"\g<at> "
    yield rf"\b(?P<q>{quantity}) {of_side}(?! {quantity})\b", r"\g<side> \g<q>"
    yield rf"\b{of_side},? (?P<the>your |the )?(?P<q>{quantity})\b", r"\g<the>\g<side> \g<q>"
    yield rf"\b(?:against|versus|vs\.?) (?={_NUMBER} \((?:right|left)\))", ", "
    noun = rf"(?: (?:side|one|{quantity}|{_PARTS}))*"
    of = r"(?:(?:that|the one) (?:of|on) |on |in )?(?:the |your )?"
    yield from _against_the_other(rf"{of}(?P<other>right|left|other){noun}(?!\w)")
    own, lags = rf"\b(?P<own>(?:right|left){noun})", r"(?:trail|lag)\w*(?: behind)?"
    less, more = (rf"\g<own> is \g<n> {word} than other" for word in ("less", "more"))
    yield rf"{own} (?:{_IS} )?(?:{lags}|behind) {_BY}", less
    yield rf"{own} (?:{_IS} )?{_N} behind\b", less
    yield rf"{own} (?:lead\w*|{_IS} ahead) {_BY}", more
    moves = r"(?:com|cam|fall|fell|go|went|end)\w*(?: up)?"
    yield rf"\b{moves} (?={_NUMBER} (?:less|more) than)", "is "
    apart = rf"(?P<apart>is {_NUMBER} (?:less|more) than (?:right|left|other))"
    in_what = rf"in (?:your |the )?(?P<q>{quantity})\b"
    yield rf"\b(?P<side>right|left) side {apart} {in_what}", r"\g<side> \g<q> \g<apart>"


def _against_the_other(other: str) -> Iterator[tuple[str, Rewrite]]:
    more, less = r"\g<n> more than \g<other>", r"\g<n> less than \g<other>"
    yield rf"\b(?:{_PASSES}|(?:{_IS} )?{_MORE} than) {other} {_BY}", f"is {more}"
    yield rf"\b(?:{_MISSES}|(?:{_IS} )?{_LESS} than) {other} {_BY}", f"is {less}"
    yield rf"{_N} (?:{_MORE} than|above|over|beyond|past|ahead of) {other}", more
    yield rf"{_N} (?:{_LESS} than|below|under|behind|short of|shy of) {other}", less
    yield rf"{_MORE} {_BY} than {other}", more
    yield rf"{_LESS} {_BY} than {other}", less
    yield rf"{_N} {_MORE} {_COMPARED} {other}", more
    yield rf"{_N} (?:{_LESS}|short|behind) {_COMPARED} {other}", less
    first = rf"\b{_COMPARED} {other},? (?P<rest>[^.;]*?){_N}"
    yield rf"{first} {_MORE}\b", rf"\g<rest>{more}"
    yield rf"{first} (?:{_LESS}|short|behind)\b", rf"\g<rest>{less}"
    match = r"to (?:match|reach|equal|catch up with|be level with)"
    yield rf"(?P<asked>[^.;]*?){_N} (?P<more>more )?{match} {other}", _lacking


def _lacking(match: re.Match[str]) -> str:
    """Write what a side lacks to match the other, where the verb surely asks for more."""
    is_more = match["more"] or _ADDS.search(match["asked"])
    if not is_more or _TAKES.search(match["asked"]):
        return match[0]
    return f"{match['asked']}{match['n']} needed, less than {match['other']}"


def _differences(quantity: str) -> Iterator[tuple[str, Rewrite]]:
    """Rewrite how far the sides are apart where no word says which one has more."""
    one = r"(?:your |the )?(?:right|left)"
    sides = rf"(?:{one} and {one}|(?:the |your |both |two )*(?:sides|legs|arms|knees|hips|elbows))"
    between = rf"between {sides}(?: (?P<after>{quantity}|{_PARTS}))?"
    inside = rf"(?: (?:in|of) (?:your |the )?(?P<inside>{quantity}))?"

    def apart(match: re.Match[str]) -> str:
        named = match.groupdict()
        of = named.get("inside") or named.get("after") or named.get("further") or ""
        return f"{of} {match['n']} apart".strip()

    further = rf"(?: (?:in|of) (?:your |the )?(?P<further>{quantity}))?"
    yield rf"{_N} {_DIFFERENCE}{inside} {between}{further}", apart
    yield rf"\b{_DIFFERENCE}{inside} {between}{further} (?:is|was|of) {_AMOUNT}{_N}", apart
    yield rf"\bdiffer\w* {_BY} {between}", r"\g<n> apart"
    side_to_side = r"(?:side[- ]to[- ]side|left[- ]to[- ]right|left[- ]right|right[- ]left)"
    yield rf"{_N} {side_to_side} {_DIFFERENCE}{inside}", apart


def _targets(quantity: str) -> Iterator[tuple[str, Rewrite]]:
    """Rewrite how far a target is missed."""
    than = rf"(?:{_MORE}|slower) than"
    less_than = rf"(?:{_LESS}|faster|quicker) than"
    not_held = r"(?<!to )(?<!not )(?<!never )"
    yield rf"\b{not_held}(?:{_PASSES}|{than}) {_GOAL} {_BY}", _missed("above")
    yield rf"\b{not_held}(?:{_MISSES}|{less_than}) {_GOAL} {_BY}", _missed("below")
    yield rf"(?P<value>{_NUMBER}),?(?: which)? exceeds {_GOAL}(?! by)", _bounded("<")
    value = rf"(?P<value>{_NUMBER}),?(?: which)?"
    yield rf"{value} (?:falls short of|undershoots) {_GOAL}(?! by)", _bounded(">")
    wanted = r"(?:is )?(?:allowed|permitted|recommended|wanted|asked)"
    yield rf"{_N} more than {wanted}", r"\g<n> above the target"
    yield rf"{_N} less than {wanted}", r"\g<n> below the target"
    yield rf"{_N} away from {_GOAL}", _away
    short = r"below|under|behind|short of|shy of"
    yield rf"{_N} (?:{than}|above|over|beyond|past) {_GOAL}", _missed("above")
    yield rf"{_N} (?:{less_than}|{short}) {_GOAL}", _missed("below")
    yield from _bounds()


def _bounds() -> Iterator[tuple[str, Rewrite]]:
    """Rewrite a maximum or minimum that is asked for; one that was reached is a value."""
    wish = r"keep|stay|hold|limit|must|should|needs? to|aim|allow|have to|has to"
    reached = r"than|reached|peaked|hit|was|were|got|went|only|its|my"
    asked = rf"\b(?P<asked>(?:{wish})\b(?:(?!\b(?:{reached})\b)[^.;:,\d]){{1,40}}?)"
    passed = r"(?:below|under|within|above|over|beyond|past) the "
    given = rf"(?P<asked>\b(?:(?:allowed|permitted|target) \(?|{passed}))"
    of = rf"(?: of| is|:)? (?={_NUMBER})"
    for words, sign in ((r"maximum|max", "<"), (r"minimum|min", ">")):
        yield rf"{asked}(?<!the )(?<!your )(?:{words}){of}", rf"\g<asked>target {sign} "
        yield rf"{given}(?:{words}){of}", rf"\g<asked>target {sign} "
    yield rf"\bupper (?:limit|bound){of}", "target < "
    yield rf"\blower (?:limit|bound){of}", "target > "


def _away(match: re.Match[str]) -> str:
    """Write by how much a target is missed where no word says on which side of it."""
    return f"by {match['n'].removesuffix(' hip width')} {_goal(match)}"


def _missed(where: str) -> Callable[[re.Match[str]], str]:
    def missed(match: re.Match[str]) -> str:
        return f"{match['n'].removesuffix(' hip width')} {where} {_goal(match)}"

    return missed


def _bounded(sign: str) -> Callable[[re.Match[str]], str]:
    def bounded(match: re.Match[str]) -> str:
        return f"{match['value']}, {_goal(match, f'{sign} ')}"

    return bounded


def _goal(match: re.Match[str], bound: str = "") -> str:
    number = match["of"] or match["this"]
    word = (match["goal"] or match["named"] or "").casefold()
    return f"target {_BOUNDS.get(word[:3], bound)}{number}" if number else "the target"


def _requests(quantity: str) -> Iterator[tuple[str, Rewrite]]:
    """Rewrite what is asked: an amount to add or take off, a bound not to pass."""
    own = rf"(?:your |the )?(?:right |left )?{quantity}"
    yield rf"\b(?:add|gain) {_AMOUNT}{_N} (?:of|to|in) (?={own})", r"get \g<n> more "
    yield rf"\b(?:take|cut|shave) {_AMOUNT}{_N} (?:off|from) (?:your |the )?", r"\g<n> less "
    yield rf"\b(?:trim|cut|lower|lessen) (?={own} by )", "reduce "
    yield rf"\b(?:raise|boost|extend) (?={own} by )", "increase "
    sure = r"\b(?P<sure>(?:make sure|ensure)\b[^.;\d]*?) (?:does not|doesn't)"
    yield rf"{sure} (?:exceed|{_PASSES}) ", r"\g<sure> must be below "
    yield rf"{sure} (?:{_MISSES}|(?:fall|drop|go) below) ", r"\g<sure> must be above "
    let = r"\b(?:do not|don't|never) let (?P<what>(?:your |the )?(?:\w+ ){1,5}?)"
    yield rf"{let}(?:fall|drop|go|dip) (?:below|under) (?=\d)", r"keep \g<what>above "
    yield r"\bavoid exceeding (?=\d)", "stay below "
    yield rf"{let}(?:exceed|go (?:over|above|past)) (?=\d)", r"keep \g<what>below "
    yield r"\bfrom exceeding (?=\d)", "below "
    yield r"\b(?P<must>should|must|needs? to|has to) exceed (?=\d)", r"\g<must> be above "
    never = r"\b(?P<must>must|should|do|can) (?:not|never)"
    yield rf"{never} (?:{_MISSES}|drop below) (?=\d)", r"\g<must> be above "


def _denials(quantity: str) -> Iterator[tuple[str, Rewrite]]:
    """Take the numbers out of comparisons that are denied, or that give a bound."""
    sides = r"(?:needed, )?(?:less|more) than (?:right|left|other)|apart"
    missed = r"above|below|over|under|beyond|past|behind|short|shy|too \w+|less|more|ahead"
    bound = r"(?<!target: )\b(?:less than|at most|up to|within|under|below) "
    yield rf"{_DENIED}{_NUMBER} (?:{sides}|(?:{missed})\b(?: of\b)?)", ""
    yield rf"{bound}{_NUMBER} (?:{sides})", ""
    yield rf"\b(?:\w+n't|not|never) {_AMOUNT}{_NUMBER}", ""
    yield rf"(?P<rest>{_DENIED}(?:{_NUMBER}(?: hip width)?)?) {_BY}", r"\g<rest>"
