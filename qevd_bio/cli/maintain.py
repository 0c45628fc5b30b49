"""Commands that look after a work folder: status, failed, gc, adopt, archive."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.errors import DONE, ISSUES_FOUND, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import PROGRAM, STAGE_NAMES, Json, Videos, Work, follow_up
from qevd_bio.cli.output import counts_table, emit, table

if TYPE_CHECKING:
    from qevd_bio.engine.maintain.failures import FailureGroup

Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")]

archive_app = command_group("Export a work folder to one file, import such files.")


@guarded
def status(work: Work, as_json: Json = False) -> int:
    """Show how far the work is: counts by stage, runs, rate, time left."""
    from qevd_bio.engine.maintain.status import run_statuses, stage_counts, time_left_s
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    planned = reopen_pipeline(work).plan()
    counts, runs = stage_counts(planned), run_statuses(work)
    left_s = time_left_s(planned, runs)
    lines = [counts_table(counts)]
    shown = [run for run in runs if run.state == "running"] or runs[:3]
    rows = [
        (
            run.run_id,
            run.state,
            run.host,
            ", ".join(f"{number} {word}" for word, number in run.counts.items()) or "nothing yet",
            f"{run.units_per_hour:.0f}" if run.units_per_hour else "-",
        )
        for run in shown
    ]
    lines.append(table(("run", "state", "host", "units", "units/h"), rows))
    if left_s is not None:
        lines.append(f"time left: about {timedelta(seconds=round(left_s))}")
    result = {"counts": counts, "runs": runs, "time_left_s": left_s}
    emit(result, "\n\n".join(lines), as_json=as_json)
    return DONE


@guarded
def failed(work: Work, as_json: Json = False) -> int:
    """List what failed, grouped by cause, with where the logs are."""
    from qevd_bio.engine.maintain.failures import failure_groups
    from qevd_bio.engine.runs import RUNS_FOLDER
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    groups = failure_groups(pipeline.plan(), pipeline.store)
    result = [
        {
            "stage": group.units[0].stage,
            "cause": group.cause,
            "videos": [unit.video_id for unit in group.units],
            "given_up": sum(unit.action == "given up" for unit in group.units),
            "records": group.records,
            "logs": [work / RUNS_FOLDER / run for run in group.runs],
        }
        for group in groups
    ]
    text = "\n\n".join(_group_text(group, work) for group in groups)
    emit(result, text or "nothing failed", as_json=as_json)
    return DONE


@guarded
def gc(
    work: Work,
    yes: Yes = False,
    last_config: Annotated[
        bool,
        typer.Option("--last-config", help="Keep only the units of the last run's configuration."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Show, or with --yes delete, what no configuration run here and no release needs."""
    from qevd_bio.engine.maintain.garbage import (
        check_no_run_goes_on,
        noted_releases,
        remove,
        waste,
    )
    from qevd_bio.pipeline.other_configs import plans_of_other_configs
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    others = [] if last_config else plans_of_other_configs(pipeline, report)
    found = waste(pipeline.stages, pipeline.plan(), pipeline.store, others=others)
    total, releases = sum(one.size for one in found), noted_releases(work)
    units = sum(one.why == "superseded" for one in found)
    if units and not releases:
        report(
            f"no release is on record in {work}: a release made from it may need some of these "
            f"{units} superseded units, and they would be lost. `{PROGRAM} publish` with the "
            "--out and --version of such a release notes it"
        )
    if yes:
        check_no_run_goes_on(work)
        remove(found)
    rows = [(f"{one.size:,}", one.why, str(one.path.relative_to(work))) for one in found]
    words = "deleted" if yes else "can be deleted; nothing was. Delete with --yes"
    text = f"{len(found)} things, {total:,} bytes {words}"
    if rows:
        text = f"{table(('bytes', 'why', 'path'), rows)}\n\n{text}"
    result = {"deleted": yes, "bytes": total, "found": found, "releases": releases}
    emit(result, text, as_json=as_json)
    return DONE


@guarded
def adopt(
    stage: Annotated[
        str, typer.Option("--stage", help="Its outputs stay valid.", autocompletion=STAGE_NAMES)
    ],
    reason: Annotated[str, typer.Option("--reason", help="Reason; stored in every record.")],
    work: Work,
    video: Videos = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Show, or with --yes let, older outputs stand for inputs that changed since."""
    from qevd_bio.engine.maintain.adopt import adopt as adopt_unit
    from qevd_bio.engine.maintain.adopt import candidates
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    found = candidates(pipeline.stage(stage), pipeline.plan(tuple(video or ())), pipeline.store)
    fit = [one for one in found if not one.obstacle]
    if yes:
        for one in fit:
            adopt_unit(one, pipeline.store, reason=reason)
    result = {
        "adopted": yes,
        "units": [
            {
                "video_id": one.unit.video_id,
                "identity": one.unit.identity,
                "from": one.old.identity if one.old else None,
                "changed": one.unit.why,
                "obstacle": one.obstacle,
            }
            for one in found
        ],
    }
    rows = [
        (
            one.unit.video_id,
            "no" if one.obstacle else "yes",
            one.obstacle or "; ".join(one.unit.why),
        )
        for one in found
    ]
    words = "adopted" if yes else "can be adopted; nothing was. Adopt with --yes"
    text = f"{len(fit)} of {len(found)} open units of {stage} {words}"
    if rows:
        text = f"{table(('video', 'fit', 'because'), rows)}\n\n{text}"
    emit(result, text, as_json=as_json)
    return DONE


@archive_app.command("export", cls=Command)
@guarded
def export_archive(
    file: Annotated[Path, typer.Argument(help="The tar file to write, outside of the folder.")],
    work: Work,
    as_json: Json = False,
) -> int:
    """Write the finished units and the runs of a work folder to one file."""
    from qevd_bio.engine.maintain.archive import export_archive as export_folder

    exported = export_folder(work, file)
    for problem in exported.problems:
        report(f"damaged, left out: {problem}")
    result = {"archive": file, "units": exported.units, "failures": exported.failures,
              "damaged": exported.problems}  # fmt: skip
    text = f"{exported.units} units and {exported.failures} failures exported to {file}"
    emit(result, text, as_json=as_json)
    return ISSUES_FOUND if exported.problems else DONE


@archive_app.command("import", cls=Command)
@guarded
def import_archives(
    files: Annotated[list[Path], typer.Argument(help="Exported files, in any order.")],
    work: Work,
    as_json: Json = False,
) -> int:
    """Bring exported units into a work folder; what it has finished stays."""
    from qevd_bio.engine.maintain.archive import import_archive

    lines, result = [], []
    for file in files:
        imported = import_archive(file, work)
        for problem in imported.problems:
            report(f"damaged in {file}, left out: {problem}")
        lines.append(
            f"{file}: {imported.units} units and {imported.failures} failures, "
            f"{imported.added} new"
        )
        result.append({"archive": file, "units": imported.units,
                       "failures": imported.failures, "added": imported.added,
                       "damaged": imported.problems})  # fmt: skip
    lines.append(
        f"next: `{PROGRAM} run` with the options of the exported folders: it completes what is "
        "missing, if anything"
    )
    emit(result, "\n".join(lines), as_json=as_json)
    return ISSUES_FOUND if any(one["damaged"] for one in result) else DONE


def _group_text(group: FailureGroup, work: Path) -> str:
    from qevd_bio.engine.runs import RUNS_FOLDER

    videos = [unit.video_id for unit in group.units]
    given_up = sum(unit.action == "given up" for unit in group.units)
    more = f" and {len(videos) - 8} more" if len(videos) > 8 else ""
    lines = [
        f"{len(videos)} x {group.units[0].stage}: {group.cause}",
        f"    videos: {' '.join(videos[:8])}{more}",
        f"    record: {group.records[0]}",
        *(f"    log: {work / RUNS_FOLDER / run}" for run in group.runs),
    ]
    if given_up:
        again = follow_up("retry", work)
        lines.insert(2, f"    given up: {given_up}; to let them run again: {again}")
    return "\n".join(lines)
