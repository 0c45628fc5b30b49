"""How many true corrective sentences become quantified and right.

    python -m benchmarks.rewritten_share [--half HALF] [--cache DIR --clips N]

Sessions of one known form error (`benchmarks.faulty_sessions`), in which the trainer says one of
QEVD's own sentences, fragments or labels that name this error (``named_faults.tsv``; which error a
sentence names was judged by hand, without the lexicon). The sentences are split into two halves
by a digest; nothing is chosen on the half that is held out. With a cache, clips are rendered and
measured by the built-in capture.

A rewritten sentence is right when everything it states is a form error that the words name and the
exact motion has: measure, direction, side, size within 5 degrees (0.5 hip widths, 0.3 s). Anything
else that is stated is wrong, and of wrong size where only the size is further away. A sentence
that is kept is refused.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faulty_sessions import Fault, Session, captured_session, exact_session, faults_of
from benchmarks.noise import table
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.cycle_until import LastCycle, cycle_until
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.keep_or_rewrite import rewrite
from qevd_bio.feedback.kinds import kind_of
from qevd_bio.feedback.style import style_of
from qevd_bio.motion.constraints import THROUGHOUT, Constraint, Finding

NAMED_FAULTS = Path(__file__).parent / "named_faults.tsv"
HALVES = ("development", "held out")
ANY = "any"
RIGHT, WRONG = "right", ("wrong", "wrong size")
SIZE = {"deg": 5.0, "ratio": 0.5, "s": 0.3}
SIZES_DEG = (15.0, 25.0)
MOST_FRAMES = 360
"""Longest clip that is rendered, before every second frame is left out."""


@dataclass(frozen=True, slots=True)
class Named:
    """A sentence that names form errors of an exercise.

    Each ``measure:wish`` at the key phase or over the whole repetition, ``constraint:wish``, or
    ``any``.
    """

    text: str
    half: str
    exercise: str
    faults: frozenset[str]

    def names(self, constraint: Constraint, wish: str, rule: Rule) -> bool:
        """Return whether the words name an error."""
        measure = "tempo" if constraint.check == "tempo" else constraint.measure
        asked = {ANY, f"{constraint.id}:{wish}"}
        if constraint.phase in ("", THROUGHOUT, rule.key_phase.name):
            asked.add(f"{measure}:{wish}")
        return bool(self.faults & asked)


def named_faults() -> list[Named]:
    """Read which sentence names which form errors."""
    with NAMED_FAULTS.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Named(row["text"], row["half"], row["exercise"], frozenset(row["faults"].split("/")))
            for row in rows
        ]


def wish_of(finding: Finding) -> str:
    """Return what would correct a finding."""
    if finding.check in ("static", "symmetry"):
        return {"static": "still", "symmetry": "even"}[finding.check]
    return "more" if (finding.deviation or 0.0) < 0 else "less"


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of one sentence: `RIGHT`, one of `WRONG`, or the status when it was kept."""

    named: Named
    fault: Fault
    outcome: str
    text: str


class Truth:
    """What the exact motion of a session shows."""

    def __init__(self, session: Session) -> None:
        motion, rule = session.exact, session.fault.rule
        skeleton = session.exact_skeleton
        found = segment_cycles(motion, rule, 0, len(motion.time_s), skeleton)
        cycles = [one.cycle for one in found.cycles]
        self._cycles = list(
            zip(cycles, segment_findings(motion, rule, cycles, skeleton), strict=True)
        )

    def error_of(self, said: Finding) -> float:
        """Return how far off a stated size is, in units of `SIZE`.

        Infinite where the nearest cycle has no form error of this side and direction.
        """
        if not self._cycles:
            return math.inf
        cycle = min(self._cycles, key=lambda one: abs(one[0].key_s - said.key_s))
        return min(
            (
                abs(one.measured - (said.measured or 0.0)) / SIZE[one.unit]
                for one in cycle[1]
                if one.constraint_id == said.constraint_id
                and one.side == said.side
                and one.measured is not None
                and one.deviation is not None
                and abs(one.deviation) > one.tolerance / 2.0
                and wish_of(one) == wish_of(said)
            ),
            default=math.inf,
        )


def heard(session: Session, sentences: Iterable[Named]) -> list[Heard]:
    """Let a trainer say sentences at the end of a session."""
    fault, motion = session.fault, session.motion
    last = cycle_until(motion, fault.rule, 0, len(motion.time_s) - 1, session.skeleton)
    truth = Truth(session)
    return [Heard(one, fault, *_outcome(one, fault, last, truth)) for one in sentences]


def _outcome(named: Named, fault: Fault, last: LastCycle, truth: Truth) -> tuple[str, str]:
    kind = kind_of(named.text, is_transition=False)
    cycle = last.scored.cycle if last.scored else None
    row = rewrite(
        named.text, kind, fault.rule, cycle, last.findings, (), style_of(fault.rule)
    )  # fmt: skip
    if row.status != "rewritten":
        return row.status, f"{kind.name}: {row.reason}"
    constraints = {one.id: one for one in fault.rule.constraints}
    error = max(
        truth.error_of(one)
        if named.names(constraints[one.constraint_id], wish_of(one), fault.rule)
        else math.inf
        for one in row.chosen
    )
    if error <= 1.0:
        return RIGHT, row.feedback
    if error < math.inf:
        return WRONG[1], f"off by {error:.1f} of what is allowed: {row.feedback}"
    return WRONG[0], row.feedback


def all_heard(
    sentences: Sequence[Named], half: str, cache: Path | None, clips: int
) -> list[Heard]:
    """Play every form error that a sentence names, and say the sentences of one half.

    With a cache, as many as there is time for, the same ones for both halves.
    """
    rules, said = load_rules(), list[Heard]()
    faults = [
        fault
        for name in sorted({one.exercise for one in sentences})
        for size in (SIZES_DEG if cache is None else SIZES_DEG[1:])
        for fault in faults_of(rules[name], size)
        if _about(fault, sentences)
    ]
    if cache is not None:
        short = [one for one in faults if len(one.q) <= MOST_FRAMES]
        faults = sorted(short, key=lambda one: one.draw)[:clips]
    own = [one for one in sentences if one.half == half]
    for fault in faults:
        session = exact_session(fault) if cache is None else captured_session(fault, cache)
        said += heard(session, _about(fault, own))
    return said


def _about(fault: Fault, sentences: Sequence[Named]) -> list[Named]:
    return [
        one
        for one in sentences
        if one.exercise == fault.rule.id and one.names(fault.constraint, fault.wish, fault.rule)
    ]


def report(said: Sequence[Heard]) -> str:
    """Tabulate the shares, and what was not right."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for one in said:
        counts[one.named.half][one.outcome] += 1
        counts[one.fault.rule.id][one.outcome] += 1
    rows = []
    for name, of in counts.items():
        total = sum(of.values())
        refused = ", ".join(f"{n} {k}" for k, n in sorted(of.items()) if k not in (RIGHT, *WRONG))
        shares = (f"{100 * n / total:.1f} %" for n in (of[RIGHT], *(of[one] for one in WRONG)))
        rows.append((name, str(total), *shares, refused))
    rows.sort(key=lambda row: (row[0] not in HALVES, row[0]))
    missed = Counter(
        (one.outcome, one.fault.rule.id, one.fault.constraint.id, one.fault.wish, one.named.text,
         one.text)
        for one in said
        if one.outcome != RIGHT
    )  # fmt: skip
    return "\n\n".join((
        table(("sentences", "said", RIGHT, *WRONG, "refused"), rows),
        "### Not right",
        table(("outcome", "exercise", "form error", "wish", "words", "sentence or reason"),
              sorted(missed)),
    ))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=HALVES, default=HALVES[0])
    parser.add_argument("--cache", type=Path, help="folder of captured clips; none: exact motion")
    parser.add_argument("--clips", type=int, default=16)
    given = parser.parse_args()
    print(report(all_heard(named_faults(), given.half, given.cache, given.clips)))


if __name__ == "__main__":
    main()
