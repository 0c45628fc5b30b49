"""Commands that look after a work folder: status, failed, retry, verify, gc, adopt."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.guard import DONE, FAULTS_FOUND, guarded, say
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json
from qevd_bio.cli.trust import verified_release
from qevd_bio.cli.work import Videos, Work
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qevd_bio.engine.maintain.failures import FailureGroup
    from qevd_bio.engine.stage import Stage

Stages = Annotated[
    list[str] | None, typer.Option("--stage", help="Only this stage; may be given again.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; without this it is only shown.")]


@guarded
def status(work: Work = Path("work"), as_json: Json = False) -> int:
    """Say how far the work is: counts by stage, runs, rate, time left."""
    from qevd_bio.engine.maintain.status import run_statuses, stage_counts, time_left_s
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    planned = reopen_pipeline(work).plan()
    counts, runs = stage_counts(planned), run_statuses(work)
    left_s = time_left_s(planned, runs)
    lines = [
        table(
            ("stage", *next(iter(counts.values()), {})),
            [(stage, *numbers.values()) for stage, numbers in counts.items()],
        )
    ]
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
    result = {"counts": counts, "runs": [asdict(run) for run in runs], "time_left_s": left_s}
    emit(result, "\n\n".join(lines), as_json=as_json)
    return DONE


@guarded
def failed(work: Work = Path("work"), as_json: Json = False) -> int:
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
            "records": [str(path) for path in group.records],
            "logs": [str(work / RUNS_FOLDER / run) for run in group.runs],
        }
        for group in groups
    ]
    text = "\n\n".join(_group_text(group, work / RUNS_FOLDER) for group in groups)
    emit(result, text or "nothing failed", as_json=as_json)
    return DONE


@guarded
def retry(
    work: Work = Path("work"), video: Videos = None, stage: Stages = None, as_json: Json = False
) -> int:
    """Let failed units start over, also those `run` has given up."""
    from qevd_bio.engine.maintain.failures import reopen_failed
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    _check_stages(pipeline.stages, stage or [])
    videos = pipeline.chosen(tuple(video or ()))
    reopened = reopen_failed(pipeline.plan(), pipeline.store, stages=stage or [], videos=videos)
    units = [{"video_id": unit.video_id, "stage": unit.stage} for unit in reopened]
    text = f"{len(units)} units will be tried anew. Next: qevd-bio run"
    emit(units, text, as_json=as_json)
    return DONE


@guarded
def verify(
    release: Annotated[
        Path | None, typer.Argument(help="Folder of a release; without it the work folder.")
    ] = None,
    work: Work = Path("work"),
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="Compare a release with its source, too.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Prove a release; or read every byte of a work folder and set aside what is damaged."""
    if release is not None:
        return verified_release(release, data_root, as_json=as_json)
    if data_root is not None:
        raise UsageError(
            "belongs to a release",
            where="--data-root",
            next_step="Name the release, such as `qevd-bio verify release/1.0.0 --data-root QEVD`",
        )
    from qevd_bio.engine.maintain.failures import Damage
    from qevd_bio.engine.maintain.failures import verify as verify_units
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    sound, damaged = 0, []
    for found in verify_units(pipeline.stages, pipeline.store):
        if isinstance(found, Damage):
            damaged.append(found)
            say(f"damaged: {found.stage}/{found.video_id}: {found.problem}")
        else:
            sound += 1
    for one in damaged:
        pipeline.store.set_aside(one.folder)
    result = {
        "sound": sound,
        "damaged": [{**asdict(one), "folder": str(one.folder)} for one in damaged],
    }
    rows = [(one.video_id, one.stage, one.problem) for one in damaged]
    listed = table(("damaged video", "stage", "problem"), rows) if rows else ""
    lines = [f"{sound} units sound, {len(damaged)} damaged", listed]
    if damaged:
        lines.append("Set aside; the next `qevd-bio run` makes anew what is needed")
    emit(result, "\n".join(filter(None, lines)), as_json=as_json)
    return FAULTS_FOUND if damaged else DONE


@guarded
def gc(
    work: Work = Path("work"),
    yes: Yes = False,
    last_config: Annotated[
        bool,
        typer.Option(
            "--last-config", help="Keep nothing for configurations other than the last run's."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Show, or with --yes delete, what no configuration run here and no release needs."""
    from qevd_bio.engine.maintain.collect import check_no_run_goes_on, remove, waste
    from qevd_bio.pipeline.other_configs import plans_of_other_configs
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    others = [] if last_config else plans_of_other_configs(pipeline, say)
    found = waste(pipeline.stages, pipeline.plan(), pipeline.store, others=others)
    total = sum(one.size for one in found)
    if yes:
        check_no_run_goes_on(work)
        remove(found)
    rows = [(f"{one.size:,}", one.why, str(one.path.relative_to(work))) for one in found]
    words = "deleted" if yes else "can be deleted; nothing was. Delete with --yes"
    text = f"{len(found)} things, {total:,} bytes {words}"
    if rows:
        text = f"{table(('bytes', 'why', 'path'), rows)}\n\n{text}"
    result = {
        "deleted": yes,
        "bytes": total,
        "found": [{**asdict(one), "path": str(one.path)} for one in found],
    }
    emit(result, text, as_json=as_json)
    return DONE


@guarded
def adopt(
    stage: Annotated[str, typer.Option("--stage", help="Whose outputs stay valid.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in every record.")],
    work: Work = Path("work"),
    video: Videos = None,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """Show, or with --yes let, older outputs stand for inputs that changed since."""
    from qevd_bio.engine.maintain.adopt import adopt as adopt_unit
    from qevd_bio.engine.maintain.adopt import candidates
    from qevd_bio.pipeline.pipeline import reopen_pipeline

    pipeline = reopen_pipeline(work)
    _check_stages(pipeline.stages, [stage])
    chosen = next(one for one in pipeline.stages if one.name == stage)
    found = candidates(chosen, pipeline.plan(tuple(video or ())), pipeline.store)
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
                "changed": list(one.unit.why),
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


def _check_stages(stages: Sequence[Stage], named: Sequence[str]) -> None:
    known = [stage.name for stage in stages]
    for name in named:
        if name not in known:
            raise UsageError(
                "no such stage", where=f"stage {name}", next_step=f"Use one of {', '.join(known)}"
            )


def _group_text(group: FailureGroup, runs: Path) -> str:
    videos = [unit.video_id for unit in group.units]
    given_up = sum(unit.action == "given up" for unit in group.units)
    more = f" and {len(videos) - 8} more" if len(videos) > 8 else ""
    lines = [
        f"{len(videos)} x {group.units[0].stage}: {group.cause}",
        f"    videos: {' '.join(videos[:8])}{more}",
        f"    record: {group.records[0]}",
        *(f"    log: {runs / run}" for run in group.runs),
    ]
    if given_up:
        lines.insert(2, f"    given up: {given_up}; `qevd-bio retry` lets them run again")
    return "\n".join(lines)
