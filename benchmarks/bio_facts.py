"""`bio-facts` against planted differences: on a release, and on sentences about made findings.

Run ``python -m benchmarks.bio_facts RELEASE``; the release of ``qevd-bio demo`` will do. Seconds.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path

from qevd_bio.evaluation.fact_agreement import compare_sentences
from qevd_bio.exercises.load import load_rules
from qevd_bio.facts.sentence_facts import Fact, facts_of
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import SENTENCES
from qevd_bio.released.loading import load_table, splits_of
from tests.evaluation.planted import CHANGES, Pair, planted_pairs

COUNT, SEED = 350, 21


def rewritten(release: Path) -> list[dict]:
    rows = (row for split in splits_of(release) for row in load_table(split, release).to_pylist())
    return [row for row in rows if row["status"] == "rewritten"]


def states_its_findings(row: dict, facts: Iterable[Fact]) -> bool:
    """Whether a sentence was read as the findings that the release says it speaks of.

    A fact without a side may be the mean of the right and left finding of one constraint.
    """
    spoken = [one for one in row["findings"] if one["spoken"]]
    for fact in facts:
        ways = [[one] for one in spoken if one["side"] == fact.side]
        if fact.side is None:
            ways += [list(pair) for pair in combinations(spoken, 2) if are_two_sides(*pair)]
        own = next((way for way in ways if is_stated(way, fact)), None)
        if own is None:
            return False
        spoken = [one for one in spoken if one not in own]
    return not spoken


def are_two_sides(one: dict, other: dict) -> bool:
    return {one["side"], other["side"]} == {"r", "l"} and all(
        one[name] == other[name] for name in ("constraint_id", "phase")
    )


def is_stated(findings: list[dict], fact: Fact) -> bool:
    """Whether a fact has the quantity and the mean value of findings, as far as it is rounded."""
    mean = sum(one["measured"] for one in findings) / len(findings)
    return (
        findings[0]["measure"].startswith(fact.quantity)
        and fact.value is not None
        and abs(abs(fact.value) - abs(mean)) <= 0.5 + 1e-9
    )


def planted_in(rows: list[dict]) -> Iterator[Pair]:
    rules = load_rules()
    for row in rows:
        spoken = [one for one in row["findings"] if one["spoken"]]
        if len(spoken) != 1:
            continue
        for kind, change in CHANGES.items():
            changed = change(row["feedback"], rules[row["exercise"]], spoken[0]["phase"])
            if changed is not None:
                yield Pair(row["exercise"], row["feedback"], changed[0], kind, changed[1])


def counted(pairs: Iterable[Pair]) -> tuple[Counter[str], Counter[str], int]:
    """Count by kind what was planted and found, and differences that nobody planted."""
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    invented = 0
    for pair in pairs:
        planted[pair.planted[0]] += 1
        seen = [
            (one.detail, one.relation, one.error)
            for one in compare_sentences(pair.true, pair.predicted, pair.exercise).differences
        ]
        is_found = (*pair.planted, pair.error) in seen
        found[pair.planted[0]] += is_found
        invented += len(seen) - is_found
        invented += len(compare_sentences(pair.true, pair.true, pair.exercise).differences)
    return planted, found, invented


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("release", type=Path)
    rows = rewritten(parser.parse_args().release)
    read = sum(states_its_findings(r, facts_of(r["feedback"], r["exercise"])) for r in rows)
    print(f"sentences v{load_prompt(SENTENCES)['version']}; release: {read} of {len(rows)} "
          "rewritten sentences read as the findings they speak of\n")  # fmt: skip
    sets = {"release": list(planted_in(rows)), "made": planted_pairs(COUNT, SEED)}
    print("| planted | " + " | ".join(f"{name}: found" for name in sets) + " |")
    print("|---|" + "---|" * len(sets))
    began = time.perf_counter()
    results = [counted(pairs) for pairs in sets.values()]
    seconds = time.perf_counter() - began
    for kind, _ in CHANGES:
        cells = (f"{found[kind]} of {planted[kind]}" for planted, found, _ in results)
        print(f"| {kind} | " + " | ".join(cells) + " |")
    print("| invented | " + " | ".join(str(one[2]) for one in results) + " |")
    compared = 2 * sum(map(len, sets.values()))
    print(f"\n{1000 * seconds / compared:.1f} ms a pair")


if __name__ == "__main__":
    main()
