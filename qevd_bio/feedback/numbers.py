"""A check that no number of a sentence is invented, or stands in a wrong place.

It shares the vocabulary of ``prompts/sentences.json`` with the code that writes sentences and no
code, so that it can disagree with it.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.motion.constraints import Finding
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS

NUMBER = re.compile(r"(?<![\d.])(?:(?<!°)[-\u2212\u2013])?\d+(?:\.\d+)?")
_NUMBER_WORD = re.compile(
    r"[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2079\u2150-\u215e]"
    r"|\b(?:zero|one|once|couple|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen"
    r"|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)\w*|hundred|half|third|quarter|twice|double|dozen)\b",
    re.IGNORECASE,
)
_UNITS = {"deg": r"°", "s": r" s\b", "ratio": r" x\b"}
_REST_OF_RANGE = re.compile(r"(?:-| to )-?\d+(?:\.\d+)?")
_BEFORE_TARGET = re.compile(r"target: (< |> |at most |-?\d+(?:\.\d+)?(?:-| to ))?$")
_COMPARED = re.compile(r"(?:°| s| x) (less|more) than (right|left)\b")
_BEFORE_FAULT = re.compile(r": a fault from $")
_BEFORE_AMOUNT = re.compile(
    r"(?<!\bvaries )\bby (?:\S+(?: x hip width| s)? \((?:right|left)\) and )?$"
)
_POSE_ITEM = re.compile(r"(?:(right|left) )?([a-z -]+) (-?\d+)°")
_VERB = re.compile(r".*\b(increase|reduce|decrease)\b[^.;]*$", re.IGNORECASE | re.DOTALL)
_SIDE_BEFORE = re.compile(r"\b(right|left) $", re.IGNORECASE)
_SIDE_AFTER = re.compile(r"[^,.;()]{0,20} \((?:right|left)\)|[^\s,.;()]* (?:right|left)\b")
_PART = "arm|elbow|foot|hand|heel|hip|knee|leg|shin|shoulder|side|thigh|ankle|wrist"
# "to the left" is a direction; "to the left knee" names a side.
_SIDE = re.compile(rf"\b(?:(?<!to the )|(?=\w+ (?:{_PART})))(right|left)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Mention:
    """A quantity that a text names: where, which, on which side."""

    start: int
    end: int
    family: str
    is_static: bool
    side: str | None


def unbacked_numbers(text: str, findings: Sequence[Finding]) -> list[str]:
    """Find the numbers of a text that no finding holds in that place.

    Parameters
    ----------
    text : str
        A rewritten sentence, a reason or the violations of a motion context.
    findings : sequence of Finding
        The ones in the text.

    Returns
    -------
    list of str
        In order, as written. A number is backed by a finding of the quantity named last before
        it, of the side named with it and in its unit: by its measured value, rounded; after
        "target:" by a bound, exactly; after "by" by the difference of the written value and the
        bound it misses, in the direction of the verb; after "a fault from" by where tolerance and
        guard band end. A number without a side may be the mean of both, where they differ by no
        more than their noise explains. Number words are backed only by the rule's own
        instruction. The numbers of a symmetry count without their signs and stand with "less" or
        "more than" the other side.
    """
    mentions = list(mentions_of(text))
    known = [*findings, *(mean for _, _, mean in _means(findings))]
    unbacked = [
        (match.start(), match.group())
        for match in NUMBER.finditer(text)
        if not any(_backs(f, match, text) for f in _named(known, mentions, match, text))
    ]
    instructed = {
        match.group().casefold()
        for finding in findings
        for match in _NUMBER_WORD.finditer(finding.instruction)
    }
    unbacked += [
        (match.start(), match.group())
        for match in _NUMBER_WORD.finditer(text)
        if match.group().casefold() not in instructed
    ]
    return [written for _, written in sorted(unbacked)]


def backing(text: str, findings: Sequence[Finding]) -> tuple[bool, ...]:
    """Return for each finding whether it backs a number, or a number word, of a text."""
    mentions = list(mentions_of(text))
    numbers = list(NUMBER.finditer(text))
    words = {match.group().casefold() for match in _NUMBER_WORD.finditer(text)}
    means = _means(findings)

    def is_stated(one: Finding) -> bool:
        return any(_named([one], mentions, m, text) and _backs(one, m, text) for m in numbers)

    return tuple(
        is_stated(one)
        or any(is_stated(mean) for right, left, mean in means if one is right or one is left)
        or any(m.group().casefold() in words for m in _NUMBER_WORD.finditer(one.instruction))
        for one in findings
    )


def _means(findings: Sequence[Finding]) -> list[tuple[Finding, Finding, Finding]]:
    """Find the right and left findings of one constraint that noise does not tell apart.

    Each with a finding of their mean, which has no side.
    """
    sides: dict[tuple[object, ...], dict[str, Finding]] = {}
    for one in findings:
        if one.side and one.measured is not None and one.check != "symmetry":
            key = (one.constraint_id, one.check, one.phase, one.target_low, one.target_high)
            sides.setdefault(key, {}).setdefault(one.side, one)
    found = []
    for pair in sides.values():
        if len(pair) < 2:
            continue
        right, left = pair["r"], pair["l"]
        of_right, of_left = right.measured or 0.0, left.measured or 0.0
        noise = math.hypot(right.sigma or 0.0, left.sigma or 0.0)
        if abs(of_right - of_left) <= right.guard * noise:
            mean = replace(
                right,
                side=None,
                measured=(of_right + of_left) / 2.0,
                sigma=max(right.sigma or 0.0, left.sigma or 0.0),
            )
            found.append((right, left, mean))
    return found


@functools.cache
def _vocabulary() -> tuple[re.Pattern[str], dict[str, list[tuple[str, bool]]]]:
    prompt = load_prompt("sentences.json")
    phrases: dict[str, list[tuple[str, bool]]] = {}
    for family, words in prompt["quantities"].items():
        for name in ("term", "instructed", "still"):
            phrases.setdefault(words[name], []).append((family, name == "still"))
        phrases.setdefault(f"{words['moves']} varies", []).append((family, True))
    for special in prompt["styles"].values():
        for family, words in special.items():
            for name in ("term", "instructed"):
                phrases.setdefault(words[name], []).append((family, False))
    longest_first = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    either = "|".join(re.escape(phrase) for phrase in longest_first)
    return re.compile(rf"(?:\b(right|left) )?\b({either})\b", re.IGNORECASE), phrases


def mentions_of(text: str) -> Iterator[Mention]:
    """Yield the quantities that a text names by their terms in ``prompts/sentences.json``."""
    pattern, phrases = _vocabulary()
    for match in pattern.finditer(text):
        for family, is_static in phrases[match.group(2).casefold()]:
            yield Mention(*match.span(), family, is_static, _side(match.group(1)))


def _side(word: str | None) -> str | None:
    return word[0].casefold() if word else None


def _named(
    findings: Sequence[Finding], mentions: Sequence[Mention], number: re.Match[str], text: str
) -> list[Finding]:
    """List the findings of the quantity and side that are named with a number."""
    ends = [mention.end for mention in mentions if mention.end <= number.start()]
    if not ends:
        return []
    own = _side(side_of_number(number, text))
    return [
        finding
        for mention in mentions
        if mention.end == max(ends)
        for finding in findings
        if _family(finding) == mention.family
        and (finding.check == "static") == mention.is_static
        and (own or mention.side) in (None, finding.side)
    ]


def side_of_number(number: re.Match[str], text: str) -> str | None:
    """Find the side named with a number; of an amount else the last one of its sentence."""
    before = text[: number.start()]
    directly = _SIDE_BEFORE.search(before)
    after = _SIDE_AFTER.match(text[number.end() :])
    if directly or after:
        return (
            directly.group(1) if directly else _SIDE.findall(after.group())[0] if after else None
        )
    sides = _SIDE.findall(before.rpartition(". ")[2]) if _BEFORE_AMOUNT.search(before) else []
    return str(sides[-1]) if sides else None


def _family(finding: Finding) -> str:
    return "tempo" if finding.check == "tempo" else re.sub(r"_[rl]$", "", finding.measure)


def _backs(finding: Finding, number: re.Match[str], text: str) -> bool:
    after, before = text[number.end() :], text[: number.start()]
    measured = finding.measured
    target = _BEFORE_TARGET.search(before)
    rest = _REST_OF_RANGE.match(after) if target else None
    unit = after[rest.end() :] if rest else after
    if measured is None or not re.match(_UNITS[finding.unit], unit):
        return False
    written = number.group().replace("\u2212", "-").replace("\u2013", "-")
    decimals = len(written.partition(".")[2])
    value = float(written)
    if target:
        return _is_bound(finding, value, target.group(1) or "", begins_range=rest is not None)
    if _BEFORE_FAULT.search(before):
        return _is_reach(finding, measured, value, decimals)
    if _BEFORE_AMOUNT.search(before):
        return _is_amount(finding, measured, value, decimals, _VERB.match(before))
    compared = _COMPARED.match(after)
    if (finding.check == "symmetry") != (compared is not None):
        return False
    if compared:
        if (compared.group(1) == "less") != (measured <= 0) or compared.group(2)[
            0
        ] == finding.side:
            return False
        measured = abs(measured)
    return abs(value - measured) <= 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9


def _is_bound(finding: Finding, value: float, said: str, *, begins_range: bool) -> bool:
    low, high = finding.target_low, finding.target_high
    if finding.check == "symmetry" or said == "at most ":
        apart = max(-(low or 0.0), high or 0.0)
        return finding.check == "symmetry" and said == "at most " and value == apart
    is_upper = said == "< " or (said not in ("", "> ") and not begins_range)
    return value == (high if is_upper else low)


def _is_amount(
    finding: Finding, measured: float, value: float, decimals: int, verb: re.Match[str] | None
) -> bool:
    low, high = finding.target_low, finding.target_high
    if low is not None and measured < low:
        bound, needed = low, "increase"
    elif high is not None and measured > high:
        bound, needed = high, "reduce"
    else:
        return False
    asked = verb.group(1).casefold().replace("decrease", "reduce") if verb else needed
    return asked == needed and abs(value - abs(_half_up(measured, decimals) - bound)) < 1e-9


def _is_reach(finding: Finding, measured: float, value: float, decimals: int) -> bool:
    """Return whether a value is where a deviation exceeds tolerance and guard band."""
    low, high = finding.target_low, finding.target_high
    beyond = finding.tolerance + finding.guard * (finding.sigma or 0.0)
    if low is not None and measured < low:
        reach = low - beyond
    elif high is not None and measured > high:
        reach = high + beyond
    else:
        return False
    return abs(value - reach) <= 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9


def _half_up(value: float, decimals: int) -> float:
    """Round half away from zero, as decimal writing does."""
    scaled = float(f"{abs(value):.12g}") * 10.0**decimals
    return math.copysign(math.floor(scaled + 0.5 + 1e-12) / 10.0**decimals, value)


def unbacked_pose(text: str, pose: Sequence[tuple[str, float]]) -> list[str]:
    """Find the items of a pose state that differ from the angle (deg) in their place.

    All of them where the count differs: "right knee flexion 85°", "left knee flexion 84°".
    """
    items = text.removeprefix("Pose state: ").removesuffix(".").split(", ") if text else []
    if len(items) != len(pose):
        return items or [text]
    return [
        item
        for item, (name, angle_deg) in zip(items, pose, strict=True)
        if not _is_angle(item, name, angle_deg)
    ]


def _is_angle(item: str, name: str, angle_deg: float) -> bool:
    match = _POSE_ITEM.fullmatch(item)
    side = name[-1] if name.endswith(("_r", "_l")) else None
    if match is None or _side(match.group(1)) != side:
        return False
    stem, prompt = re.sub(r"_[rl]$", "", name), load_prompt("sentences.json")
    if name in DOF_INDEX:
        words = prompt["degrees_of_freedom"][stem]
        sign = words["sign"] * (DOFS[DOF_INDEX[name]].mirror_sign if side == "l" else 1)
    else:
        words, sign = prompt["quantities"][stem], 1
    if match.group(2) != words["term"]:
        return False
    return bool(abs(float(match.group(3)) - sign * angle_deg) <= 0.5 + 1e-9)
