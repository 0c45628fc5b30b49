"""A judge on forty pairs whose worth is known: controls, unscored answers, scores by grade.

Run ``python -m benchmarks.judges URL MODEL FOLDER`` with an OpenAI-compatible server. FOLDER keeps
the answers: a second run asks only what has no answer. The table goes to stdout as Markdown.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

from qevd_bio.choices import JudgeMetric, JudgeMode
from qevd_bio.evaluation.fact_agreement import Tolerance
from qevd_bio.evaluation.fact_report import fact_report, fact_rows
from qevd_bio.evaluation.judge_controls import controls_of
from qevd_bio.evaluation.judge_report import JudgeReport, judge_report
from qevd_bio.evaluation.judging import SCHEMA, JudgeConfig, judged_rows
from qevd_bio.evaluation.pairs import Pair
from qevd_bio.evaluation.results import write_results
from qevd_bio.feedback.quantities import measure_family
from qevd_bio.llm.cache import AnswerFile
from qevd_bio.llm.client import Client
from qevd_bio.llm.endpoint import Endpoint
from tests.evaluation.planted import CHANGES, sentence, statements

GRADES = ("the same", "other words", "number off by 30°", "other direction", "other quantity")
PLAIN = ("evidence", None)
OF_GRADE, SEED, CONTROLS = 8, 19, 6
RUNS: tuple[tuple[JudgeMetric, JudgeMode], ...] = (
    ("llm-bio-acc", "strict"),
    ("llm-bio-acc", "paper"),
    ("llm-acc", "paper"),
)


@dataclass(frozen=True)
class Judged:
    """One run of a judge and its scores by grade; None where none was scored."""

    report: JudgeReport
    by_grade: dict[str, float | None]


def pairs() -> list[Pair]:
    """Write forty pairs about findings of the shipped rules, eight of each grade."""
    draw = random.Random(SEED)
    known = [
        one
        for one in statements()
        if len(one[1]) == 1 and one[1][0].unit == "deg" and 5 < (one[1][0].measured or 0) < 150
    ]
    draw.shuffle(known)
    found = []
    for grade in GRADES:
        of_grade = (pair for one in known if (pair := _pair(grade, one, known, draw)))
        for place, pair in enumerate(islice(of_grade, OF_GRADE)):
            found.append(replace(pair, key=f"{grade}:{place}", session=f"session {place}"))
        draw.shuffle(known)
    return found


def _pair(grade: str, one: Any, known: Sequence[Any], draw: random.Random) -> Pair | None:
    rule, statement = one
    true = sentence(rule, statement, PLAIN)
    phase = statement[0].phase
    if grade == "the same":
        predicted = true
    elif grade == "other words":
        worded = (sentence(rule, statement, ("evidence", seed)) for seed in "23456789")
        predicted = next((text for text in worded if text != true), true)
    elif grade == "other quantity":
        others = [o for o in known if measure_family(o[1][0]) != measure_family(statement[0])]
        predicted = sentence(*draw.choice(others), PLAIN)
    else:
        kind = ("value" if "number" in grade else "direction", "differs")
        changed = CHANGES[kind](true, rule, phase)
        predicted = changed[0] if changed else true
    if predicted == true and grade != "the same":
        return None
    return Pair("", "", rule.id, "matched", true, predicted)


def judged(client: Client, made: list[Pair], folder: Path) -> Iterator[Judged]:
    for metric, mode in RUNS:
        config = JudgeConfig(metric, mode, 3, SEED)
        rows = judged_rows(client, config, made, controls_of(made, SEED, CONTROLS))
        report = judge_report(rows, config)
        write_results(folder, f"{metric}-{mode}", report.as_json(), rows, SCHEMA)
        scores = {
            grade: [
                row["score"]
                for row in rows
                if row["about"] == "pair"
                and row["key"].startswith(grade)
                and row["score"] is not None
            ]
            for grade in GRADES
        }
        yield Judged(report, {g: mean(s) if s else None for g, s in scores.items()})


def table(runs: Sequence[Judged], made: list[Pair]) -> str:
    head = ["", *(f"{one.report.config.metric}, {one.report.config.mode}" for one in runs)]
    rows: list[list[str]] = []
    for place, name in enumerate(("identical", "other", "number")):
        controls = [one.report.controls[place] for one in runs]
        cells = [f"{c.right} of {c.total}{'' if c.passed else ', failed'}" for c in controls]
        rows.append([f"control {name}", *cells])
    rows.append(["unscored answers", *(_share(one.report) for one in runs)])
    figures = [one.report.mean for one in runs]
    rows.append(["mean", *("withheld" if one is None else f"{one:.2f}" for one in figures)])
    spreads = [one.report.spread for one in runs]
    rows.append(["deviation between repeats", *(_number(one) for one in spreads)])
    for grade in GRADES:
        rows.append([f"score, {grade}", *(_number(one.by_grade[grade]) for one in runs)])
    lines = [head, ["---"] * len(head), *rows]
    facts = ["| | precision | recall | F1 |", "|---|---|---|---|"]
    for grade in GRADES:
        of_grade = [one for one in made if one.key.startswith(grade)]
        scores = fact_report(fact_rows(of_grade, Tolerance()), Tolerance()).overall
        three = (scores.precision, scores.recall, scores.f1)
        facts.append(f"| {grade} | " + " | ".join(_number(one.value) for one in three) + " |")
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n" + "\n".join(facts)


def _share(report: JudgeReport) -> str:
    return f"{report.unscored} of {report.answers}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    endpoint = Endpoint(given.url, given.model, concurrency=8, timeout_s=600.0)
    made = pairs()
    assert len(made) == OF_GRADE * len(GRADES)
    with (
        AnswerFile(given.folder / "answers.jsonl") as answers,
        Client(endpoint, answers) as client,
    ):
        print(table(list(judged(client, made, given.folder)), made))


if __name__ == "__main__":
    main()
