"""Commands for reviewing: serve, export, import, apply, stats, learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.errors import DONE, ISSUES_FOUND, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.serve import serve
from qevd_bio.verdicts.applied import RejectedPolicy

if TYPE_CHECKING:
    from qevd_bio.review.apply import ApplyPlan
    from qevd_bio.review.statistics import ReviewStatistics, Share

review_app = command_group("Judge sentences, and take the verdicts into a release.")
review_app.command("serve", cls=Command)(serve)

Folder = Annotated[
    Path, typer.Argument(metavar="WORK_OR_RELEASE", help="Work folder, or a release.")
]
WorkFolder = Annotated[Path, typer.Argument(metavar="WORK", help="Work folder.")]
Store = Annotated[
    Path | None, typer.Option("--store", help="File of the verdicts; needed for a release.")
]
_MOST_LISTED = 20


@review_app.command("export", cls=Command)
@guarded
def export_command(
    folder: Folder,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            help="FILE.parquet or FILE.jsonl: the verdicts. FILE.json: sentences as tasks for "
            "Label Studio, with its labelling interface beside it as FILE.xml.",
        ),
    ],
    filters: Annotated[
        str,
        typer.Option(
            "--filter", help="Tasks of these sentences, as in the page's address: exercise=squat."
        ),
    ] = "",
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Write the verdicts as Parquet or JSON lines, or the sentences as tasks."""
    from qevd_bio.review.exporting import export_events, export_tasks

    if out.suffix == ".json":
        count, what = export_tasks(folder, out, filters), "tasks"
    else:
        count, what = export_events(folder, store, out), "events"
    emit({"file": out, what: count}, f"{count} {what}: {out}", as_json=as_json)
    return DONE


@review_app.command("import", cls=Command)
@guarded
def import_command(
    folder: Folder,
    file: Annotated[
        Path,
        typer.Argument(
            help="What `review export` wrote, .parquet or .jsonl; or a .json export of Label "
            "Studio."
        ),
    ],
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Take verdicts from a file into the store, all or none; known ones are taken once."""
    from functools import partial

    from qevd_bio.review.edit_check import edit_problems
    from qevd_bio.review.importing import import_into, read_file
    from qevd_bio.review.opening import open_verdicts
    from qevd_bio.review.queue_item import queue_items

    events = read_file(file)
    source, verdicts = open_verdicts(folder, store, make=True)
    found = import_into(verdicts, queue_items(source), events, partial(edit_problems, source))
    text = (
        f"{found.read} events read, {found.new} new; {found.stale} about sentences generated anew "
        f"since, {found.unknown} about none of this folder"
    )
    emit(found, text, as_json=as_json)
    return DONE


@review_app.command("apply", cls=Command)
@guarded
def apply_command(
    work: WorkFolder,
    rejected: Annotated[
        RejectedPolicy,
        typer.Option(
            "--rejected",
            help="What a rejected sentence becomes: the trainer's own sentence, or no row.",
        ),
    ] = "original",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change; write nothing.")
    ] = False,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Choose the verdicts that the next `publish` takes into account."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.review.apply import plan_for_work, write_plan
    from qevd_bio.review.opening import open_verdicts

    _, verdicts = open_verdicts(work, store)
    pipeline = reopen_pipeline(work)
    plan = plan_for_work(pipeline, verdicts.events(), rejected)
    lines = [_plan_text(plan)]
    if dry_run:
        lines.append("nothing was written (--dry-run)")
    else:
        lines.append(f"written: {write_plan(pipeline, plan)}")
    emit({**plan.as_json(), "dry_run": dry_run}, "\n".join(lines), as_json=as_json)
    return ISSUES_FOUND if plan.refused else DONE


def _plan_text(plan: ApplyPlan) -> str:
    def place(key: object) -> tuple[object, object]:
        return getattr(key, "video_id", ""), getattr(key, "feedback_index", "")

    parts = []
    changes = [
        (*place(one.key), one.verdict, one.annotator, one.before, one.after or "(row left out)")
        for one in plan.changes
    ]
    parts += _listed(("video", "no", "verdict", "by", "before", "after"), changes)
    parts += _listed(
        ("stale video", "no", "judged by"),
        [(*place(one.key), ", ".join(e.annotator for e in one.stale)) for one in plan.stale],
    )
    parts += _listed(
        ("disagreeing video", "no", "verdicts"),
        [
            (*place(one.key), ", ".join(f"{e.annotator}: {e.verdict}" for e in one.given))
            for one in plan.disagreeing
        ],
    )
    parts += _listed(
        ("refused video", "no", "verdict", "by", "because"),
        [(*place(one.key), one.verdict, one.annotator, one.cause) for one in plan.refused],
    )
    parts.append(
        f"{len(plan.applied)} verdicts apply and change {len(plan.changes)} sentences; "
        f"{len(plan.stale)} stale, {len(plan.disagreeing)} disagreeing, {len(plan.refused)} "
        f"refused, {plan.open} not judged; rejected ones: {plan.rejected}"
    )
    return "\n\n".join(parts)


def _listed(header: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Lay out the first rows, and say how many more there are; nothing where there is none."""
    if not rows:
        return []
    more = f"\n... and {len(rows) - _MOST_LISTED} more" if len(rows) > _MOST_LISTED else ""
    return [table(header, rows[:_MOST_LISTED]) + more]


@review_app.command("stats", cls=Command)
@guarded
def stats_command(folder: Folder, store: Store = None, as_json: Json = False) -> int:
    """Show verdicts, agreement of annotators, time spent, precision and recall."""
    from qevd_bio.review.opening import open_verdicts
    from qevd_bio.review.queue_item import queue_items
    from qevd_bio.review.queue_settings import read_settings
    from qevd_bio.review.statistics import review_statistics

    source, verdicts = open_verdicts(folder, store)
    found = review_statistics(queue_items(source), verdicts.events(), read_settings(verdicts))
    emit(found, _statistics_text(found), as_json=as_json)
    return DONE


def _statistics_text(found: ReviewStatistics) -> str:
    rows = [("sentences", found.items)]
    rows += [(f"state {name}", count) for name, count in found.states.items()]
    rows += [(f"verdict {name}", count) for name, count in found.verdicts.items()]
    rows += [(f"rejected for {name}", count) for name, count in found.reasons.items()]
    figures = [
        ("accepted of the judged rewritten ones", _share_text(found.accepted)),
        *((f"missed of the judged {n}", _share_text(one)) for n, one in found.missed.items()),
        ("recall, carried over to all sentences", _number(found.recall, ".2f")),
        ("Krippendorff's alpha, rewritten", _number(found.alpha_rewritten, ".2f")),
        ("Krippendorff's alpha, others", _number(found.alpha_kept, ".2f")),
        ("median time of a verdict", _number(found.median_s, ".1f", " s")),
    ]
    passed = found.passed
    if passed.threshold is not None:
        figures.append(
            (
                "passed unseen",
                f"{passed.passed} with a certainty of at least {passed.threshold:g}; "
                f"{passed.rate:.0%} of these are shown at random: {passed.sampled} more, "
                f"wrong {_share_text(passed.wrong)}",
            )
        )
    parts = [table(("", "number"), rows), table(("figure", "value"), figures)]
    parts += _listed(
        ("annotator", "verdicts", "skipped", "median"),
        [
            (one.annotator, one.verdicts, one.skipped, _number(one.median_s, ".1f", " s"))
            for one in found.annotators
        ],
    )
    parts += _listed(
        ("group", "name", "judged by several", "disagreeing", "alpha, rewritten", "others"),
        [
            (
                *(one.group, one.name, one.several, one.disagreeing),
                *(_number(a, ".2f") for a in (one.alpha_rewritten, one.alpha_kept)),
            )
            for one in found.groups
        ],
    )
    return "\n\n".join(parts)


def _share_text(share: Share) -> str:
    if share.share is None or share.interval is None:
        return "none judged"
    low, high = share.interval
    return f"{share.count} of {share.total} ({share.share:.0%}; 95 %: {low:.0%} to {high:.0%})"


def _number(value: float | None, form: str, unit: str = "") -> str:
    return "-" if value is None else f"{value:{form}}{unit}"


@review_app.command("learn", cls=Command)
@guarded
def learn_command(folder: Folder, store: Store = None, as_json: Json = False) -> int:
    """List the constraints that are rejected most, and tolerances that verdicts would support."""
    from qevd_bio.review.opening import open_verdicts
    from qevd_bio.review.proposals import LEAST_JUDGED, proposals

    source, verdicts = open_verdicts(folder, store)
    found = proposals(source.rows(), verdicts.events())
    rows = [
        (
            one.exercise,
            one.constraint,
            one.sentences,
            f"{one.rejected} {one.reason}".strip(),
            f"{one.tolerance:g} {one.unit}: {one.right} of {one.judged}",
            "-"
            if one.proposed is None
            else f"{one.proposed:g} {one.unit}: {one.right_then} of {one.judged}",
        )
        for one in found
    ]
    heads = ("exercise", "constraint", "judged", "rejected", "tolerance meets", "proposal meets")
    text = table(heads, rows) if rows else "no verdict counts yet"
    report(
        f"A proposal needs {LEAST_JUDGED} judgements of whether there is a fault. It is computed "
        "from the judged sentences, which are not a random sample; nothing is changed by it"
    )
    emit(found, text, as_json=as_json)
    return DONE
