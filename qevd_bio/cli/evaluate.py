"""Commands for what generated text is worth: evaluate score, wordnet, facts, judge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.choices import JudgeMetric, JudgeMode, Sentences
from qevd_bio.cli.asking import Asking, asks_a_model
from qevd_bio.cli.errors import DONE, ISSUES_FOUND, guarded
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, table

if TYPE_CHECKING:
    from qevd_bio.evaluation.fact_report import FactReport, FactScores, Share
    from qevd_bio.evaluation.human_verdicts import HumanJudged
    from qevd_bio.evaluation.judge_report import JudgeReport, Kappa

evaluate_app = command_group("Measure what predicted sentences are worth.")

Predictions = Annotated[
    Path,
    typer.Argument(help="Predictions: .parquet, the challenge's .json, or .json of GT and Pred."),
]
Truth = Annotated[
    Path | None, typer.Option("--truth", help="Release with the true sentences.", metavar="DIR")
]
Split = Annotated[str, typer.Option("--split", help="Split of the release.")]
Out = Annotated[
    Path, typer.Option("--out", help="Folder for the report (JSON) and the table (Parquet).")
]
Seed = Annotated[int, typer.Option("--seed", help="Of everything that is drawn.")]
Tolerance = Annotated[
    float,
    typer.Option("--tolerance", min=0.0, help="Degrees by which a value may differ."),
]
WordNet = Annotated[
    Path | None,
    typer.Option(
        "--wordnet",
        metavar="DIR",
        help="Folder of WordNet; without it, one among the user's cached files.",
        envvar="QEVD_BIO_WORDNET",
    ),
]


@evaluate_app.command("score", cls=Command)
@guarded
def score_command(
    predictions: Annotated[
        list[Path],
        typer.Argument(help="Predictions: .parquet or the challenge's .json; one or more."),
    ],
    truth: Annotated[
        Path, typer.Option("--truth", help="Release with the true sentences.", metavar="DIR")
    ],
    split: Split = "test",
    sentences: Annotated[
        Sentences, typer.Option("--sentences", help="Score against these of the release.")
    ] = "new",
    bert: Annotated[
        Path | None,
        typer.Option("--bert", metavar="DIR", help="Model of BERTScore: roberta-large."),
    ] = None,
    bert_layer: Annotated[
        int, typer.Option("--bert-layer", help="Layer of that model that is compared.")
    ] = 17,
    wordnet: WordNet = None,
    no_meteor: Annotated[
        bool, typer.Option("--no-meteor", help="Leave METEOR out where WordNet cannot be had.")
    ] = False,
    seed: Seed = 0,
    out: Out = Path("evaluation"),
    as_json: Json = False,
) -> int:
    """Score predictions beside controls: T-F, METEOR, ROUGE-L, BERTScore, bio-facts."""
    from qevd_bio.evaluation.score_page import score_page, score_rows
    from qevd_bio.evaluation.score_report import write_scores
    from qevd_bio.evaluation.scoring import ScoreConfig, score_predictions

    config = ScoreConfig(
        split, sentences, bert, bert_layer, wordnet, no_meteor=no_meteor, seed=seed
    )
    report = score_predictions(truth, predictions, config)
    files = write_scores(out, report, score_page(report))
    head, *rows = score_rows(report)
    lines = [
        table(head, rows),
        "* a control reaches this figure: it means nothing",
        *(f"{name}: not computed, {cause}" for name, cause in report.not_computed.items()),
        *map(str, files),
    ]
    emit({**report.as_json(), "files": files}, "\n".join(lines), as_json=as_json)
    return DONE


@evaluate_app.command("wordnet", cls=Command)
@guarded
def wordnet_command(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Folder of WordNet 3.0 (data.noun, ...)."),
    ] = None,
    target: WordNet = None,
    as_json: Json = False,
) -> int:
    """Set up WordNet for METEOR from Debian's package wordnet-base, once."""
    from qevd_bio.evaluation.wordnet import set_up_wordnet

    folder = set_up_wordnet(target, source)
    emit({"folder": folder}, f"WordNet 3.0 is in {folder}", as_json=as_json)
    return DONE


@evaluate_app.command("facts", cls=Command)
@guarded
def facts_command(
    predictions: Predictions,
    truth: Truth = None,
    split: Split = "test",
    tolerance: Tolerance = 5.0,
    seed: Seed = 0,
    out: Out = Path("evaluation"),
    as_json: Json = False,
) -> int:
    """Compare the biomechanical facts of predicted and true sentences; asks no model."""
    from qevd_bio.evaluation import fact_agreement
    from qevd_bio.evaluation.fact_report import SCHEMA, fact_report, fact_rows
    from qevd_bio.evaluation.predictions import read_pairs
    from qevd_bio.evaluation.results import write_results

    allowed = fact_agreement.Tolerance(deg=tolerance)
    rows = fact_rows(read_pairs(predictions, truth, split), allowed)
    report = fact_report(rows, allowed, seed=seed)
    files = write_results(out, "bio-facts", report.as_json(), rows, SCHEMA)
    text = f"{_facts_text(report)}\n\n{files[0]}\n{files[1]}"
    emit({**report.as_json(), "files": files}, text, as_json=as_json)
    return DONE


@evaluate_app.command("judge", cls=Command)
@guarded
@asks_a_model
def judge_command(
    asking: Asking,
    predictions: Predictions,
    metric: Annotated[
        JudgeMetric,
        typer.Option("--metric", help="FitCoach's question, or that of BioCoach's supplement."),
    ] = "llm-bio-acc",
    mode: Annotated[
        JudgeMode,
        typer.Option(
            "--mode",
            help="paper: sampled once, as published. strict: temperature 0, seeded, repeated.",
        ),
    ] = "strict",
    repeats: Annotated[
        int, typer.Option("--repeats", min=3, help="Of every question in the strict mode.")
    ] = 3,
    truth: Truth = None,
    split: Split = "test",
    verdicts: Annotated[
        Path | None,
        typer.Option(
            "--verdicts",
            metavar="WORK_OR_RELEASE",
            help="Compare the judge with people: sentences judged on the review page.",
        ),
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="File of the verdicts; needed for a release.")
    ] = None,
    other: Annotated[
        Path | None,
        typer.Option("--other", help="Compare with another judge: the .parquet it was saved in."),
    ] = None,
    seed: Seed = 0,
    out: Out = Path("evaluation"),
    as_json: Json = False,
) -> int:
    """Let a language model score predictions, after controls; bio-facts stand beside it."""
    from qevd_bio.evaluation.fact_agreement import Tolerance as FactTolerance
    from qevd_bio.evaluation.fact_report import fact_report, fact_rows
    from qevd_bio.evaluation.judge_controls import controls_of
    from qevd_bio.evaluation.judge_report import judge_report, read_judgements
    from qevd_bio.evaluation.judging import SCHEMA, JudgeConfig, judged_rows
    from qevd_bio.evaluation.predictions import read_pairs
    from qevd_bio.evaluation.results import write_results

    config = JudgeConfig(metric, mode, repeats, seed)
    pairs = read_pairs(predictions, truth, split)
    others = read_judgements(other) if other else None
    humans = _judged_by_people(verdicts, store) if verdicts else []
    with asking.client(out / "answers.jsonl") as client:
        rows = judged_rows(client, config, pairs, controls_of(pairs, seed), humans)
    report = judge_report(rows, config, others)
    tolerance = FactTolerance()
    facts = fact_report(fact_rows(pairs, tolerance), tolerance, seed=seed)
    whole = {**report.as_json(), "bio_facts": facts.as_json()["overall"]}
    files = write_results(out, f"{metric}-{mode}", whole, rows, SCHEMA)
    text = f"{_judge_text(report, facts)}\n\n{files[0]}\n{files[1]}"
    emit({**whole, "files": files}, text, as_json=as_json)
    return DONE if report.passed else ISSUES_FOUND


def _judged_by_people(folder: Path, store: Path | None) -> list[HumanJudged]:
    from qevd_bio.evaluation.human_verdicts import human_judged
    from qevd_bio.review.opening import open_verdicts

    source, given = open_verdicts(folder, store)
    return human_judged(source.rows(), given.events())


def _facts_text(report: FactReport) -> str:
    rows = [("all", *_scores(report.overall))]
    rows += [(name, *_scores(one)) for name, one in report.by_exercise.items()]
    head = ("exercise", "pairs", "facts", "precision", "recall", "F1", "value error", "n")
    wrong = [
        (name, f"{one.count:.0f} of {one.total:.0f}", _percent(one))
        for name, one in report.overall.wrong.items()
    ]
    kinds = ", ".join(f"{count} {name}" for name, count in report.kinds.items())
    return "\n\n".join(
        (
            f"bio-facts: {kinds}",
            table(head, rows),
            table(("stated by both", "wrong", "share"), wrong),
        )
    )


def _scores(one: FactScores) -> tuple[object, ...]:
    return (
        one.pairs,
        f"{one.facts_predicted} for {one.facts_true}",
        *(_percent(share) for share in (one.precision, one.recall, one.f1)),
        _number(one.value_error_deg.value, "{:.1f}°"),
        f"{one.value_error_deg.total:.0f}",
    )


def _percent(share: Share) -> str:
    if share.value is None:
        return "-"
    between = share.interval
    interval = f" ({between[0]:.0%} to {between[1]:.0%})" if between else ""
    return f"{share.value:.0%}{interval}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _judge_text(report: JudgeReport, facts: FactReport) -> str:
    controls = [
        (
            one.name,
            f"{one.right} of {one.total}",
            _number(one.share, "{:.0%}"),
            "passed" if one.passed else "FAILED" if one.is_required else "failed, not required",
        )
        for one in report.controls
    ]
    figures = [
        ("pairs", f"{report.pairs}, of {report.sessions} sessions; {report.scored_pairs} scored"),
        ("unscored answers", f"{report.unscored} of {report.answers}"),
        *((f"  {reason}", str(count)) for reason, count in report.unscored_for.items()),
        ("mean", _mean_text(report)),
        ("standard deviation between repeats", _number(report.spread, "{:.2f}")),
        ("pairs whose repeats differ", _number(report.unequal, "{:.0%}")),
        ("kappa with people", _kappa_text(report.human)),
        ("kappa with the other judge", _kappa_text(report.other_judge)),
        ("bio-facts F1", _percent(facts.overall.f1)),
    ]
    title = f"{report.config.metric}, {report.config.mode} mode, {', '.join(report.models)}"
    return "\n\n".join(
        (
            title,
            table(("control", "right", "share", ""), controls),
            table(("figure", "value"), figures),
        )
    )


def _mean_text(report: JudgeReport) -> str:
    if report.mean is None:
        failed = ", ".join(
            one.name for one in report.controls if one.is_required and not one.passed
        )
        return f"withheld: the judge failed {failed}" if failed else "no pair was scored"
    text = f"{report.mean:.2f}"
    if report.interval:
        text += f" (95 %: {report.interval[0]:.2f} to {report.interval[1]:.2f})"
    if report.bounds and report.bounds[0] < report.bounds[1]:
        low, high = report.bounds
        text += f"; {low:.2f} to {high:.2f} if the unscored pairs were worth 1 or 5"
    return text


def _kappa_text(kappa: Kappa | None) -> str:
    if kappa is None:
        return "-"
    return f"{_number(kappa.kappa, '{:.2f}')} on {kappa.items}"
