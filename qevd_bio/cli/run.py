"""Commands that do the work: plan, run, submit, retry."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.errors import DONE, SOME_FAILED, guarded, report
from qevd_bio.cli.help_groups import Command
from qevd_bio.cli.options import (
    OPTION_ERROR,
    PROGRAM,
    STAGE_NAMES,
    Asked,
    Json,
    Videos,
    Work,
    follow_up,
    takes_settings,
    without_options,
)
from qevd_bio.cli.output import counts_table, emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.pipeline.pipeline import Pipeline


@takes_settings
@guarded
def plan(
    asked: Asked,
    why: Annotated[bool, typer.Option("--why", help="List each unit that would run, and why.")] = (
        False
    ),
    as_json: Json = False,
) -> int:
    """Show what `run` with the same options would do, and why, without doing it."""
    from qevd_bio.pipeline.config import config_of
    from qevd_bio.pipeline.pipeline import action_counts, open_pipeline
    from qevd_bio.pipeline.running import run_options_of

    options = run_options_of(asked.settings)
    pipeline = open_pipeline(config_of(asked.settings), asked.settings.work)
    planned = pipeline.plan(options.videos, options.shard)
    counts = action_counts(planned)
    lines = [counts_table(counts)]
    todo = [unit for unit in planned if unit.action != "done"]
    if why and todo:
        rows = [(u.video_id, u.stage, u.action, "; ".join(u.why)) for u in todo]
        lines.append(table(("video", "stage", "action", "why"), rows))
    units = [
        {"video_id": u.video_id, "stage": u.stage, "action": u.action, "why": u.why}
        for u in planned
    ]
    result = {"counts": counts, "units": units, **_about_source(pipeline)}
    emit(result, "\n\n".join(lines), as_json=as_json)
    return DONE


@takes_settings
@guarded
def run(asked: Asked, as_json: Json = False) -> int:
    """Bring every video up to date: angles, cycles, findings, sentences."""
    from qevd_bio.cli.progress import RunDisplay
    from qevd_bio.pipeline.config import config_of
    from qevd_bio.pipeline.pipeline import open_pipeline
    from qevd_bio.pipeline.running import run_options_of

    work, options = asked.settings.work, run_options_of(asked.settings)
    pipeline = open_pipeline(config_of(asked.settings), work)
    about_source = _about_source(pipeline)
    chosen = pipeline.chosen(options.videos, options.shard)
    with RunDisplay(len(chosen) * len(pipeline.stages)) as display:
        summary = pipeline.run(
            options, argv=asked.command, on_event=display.on_event, report=report
        )
    failures = [{"video_id": f.video_id, "stage": f.stage, "reason": f.reason}
                for f in summary.failures]  # fmt: skip
    lines = [", ".join(f"{number} {word}" for word, number in summary.counts.items())]
    if failures:
        lines.append(f"causes: {follow_up('failed', work)}")
        lines.append(table(("failed video", "stage", "reason"), [[*f.values()] for f in failures]))
    concerns = pipeline.concerns(chosen) if chosen else {}
    if concerns:
        lines.append(table(("video to look at", "because"), list(concerns.items())))
    without_rule = pipeline.exercises_without_rule(chosen) if chosen else {}
    if without_rule:
        rows = list(without_rule.items())
        lines.append(table(("exercise without a rule", "segments"), rows))
    taken = pipeline.taken_names(chosen) if chosen else {}
    if taken:
        lines.append(table(("name in the records", "taken for"), list(taken.items())))
    lines.append(f"artifacts: {work}   next: {follow_up('publish', work)}")
    result = {"counts": dict(summary.counts), "failures": failures, **about_source,
              "concerns": concerns, "exercises_without_rule": without_rule,
              "names_taken": taken, "work": str(work)}  # fmt: skip
    emit(result, "\n".join(lines), as_json=as_json)
    return SOME_FAILED if failures or about_source["rejected"] else DONE


def _about_source(pipeline: Pipeline) -> dict[str, Any]:
    """Report what is wrong with the source records, and return it."""
    found = {
        "rejected": pipeline.rejected(),
        "source_issues": pipeline.source_issues(),
        "unknown_videos": pipeline.unknown_videos(),
    }
    for line in found["rejected"]:
        report(f"rejected: {line}")
    for line in found["source_issues"]:
        report(f"source issue: {line}")
    for video in found["unknown_videos"]:
        report(f"videos.csv: no source record has the video id {video}")
    if not pipeline.sessions.by_id:
        report("the source holds no record that can be used")
    return found


@guarded
def submit(
    parts: Annotated[int, typer.Option("--parts", help="Tasks; each runs one part.")],
    time_h: Annotated[
        float, typer.Option("--time-h", help="Hours a task has before it is queued again.")
    ],
    cpus: Annotated[int, typer.Option("--cpus", help="Of each task.")] = 1,
    gpus: Annotated[int, typer.Option("--gpus", help="Of each task.")] = 0,
    memory_gb: Annotated[
        float | None, typer.Option("--mem-gb", help="Of each task. Default: the site's.")
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", help="Where to run.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Account to charge.")] = None,
    at_once: Annotated[
        int | None, typer.Option("--at-once", help="Most tasks at a time. Default: all.")
    ] = None,
    print_sbatch: Annotated[
        bool,
        typer.Option("--print-sbatch", help="Print a script for `sbatch` instead of submitting."),
    ] = False,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- RUN_OPTIONS", help="Options of `run` that no file gives."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Run the parts of a data set as tasks of a Slurm array: submit OPTIONS -- RUN_OPTIONS."""
    from qevd_bio.engine.execute.slurm import SlurmArray, sbatch_script, submit_array

    options = options or []
    work = _work_of(options)
    array = SlurmArray(
        parts, round(60 * time_h), cpus, gpus, memory_gb, partition, account, at_once
    )
    command = [sys.executable, "-m", "qevd_bio", "run", *options]
    logs = work / "slurm"
    done, then = follow_up("status", work), follow_up("publish", work)
    if print_sbatch:
        script = sbatch_script(array, command, logs=logs, folder=Path.cwd())
        emit({"script": script, "then": then}, script, as_json=as_json)
        report(f"create its log folder first: mkdir -p {shlex.quote(str(logs))}")
        return DONE
    jobs = [str(job.job_id) for job in submit_array(array, command, logs=logs)]
    first = jobs[0].partition("_")[0]
    after = shlex.join(["sbatch", f"--dependency=afterany:{first}", f"--wrap={then}"])
    lines = [
        f"{len(jobs)} tasks submitted: {jobs[0]} to {jobs[-1]}, logs in {logs}",
        f"progress: {done}",
        f"publish after the last task: {after}",
    ]
    result = {"jobs": jobs, "logs": str(logs), "status": done, "then": after}
    emit(result, "\n".join(lines), as_json=as_json)
    return DONE


def _work_of(options: list[str]) -> Path:
    """Check options of `run` before they wait in a queue, and return the work folder."""
    reader = typer.Typer(add_completion=False)
    reader.command(cls=Command)(run)
    try:
        given = typer.main.get_command(reader).make_context(f"{PROGRAM} run", list(options)).params
    except OPTION_ERROR as error:
        raise UsageError(
            str(error).rstrip("."),
            where="options of run",
            next_step=f"See `{PROGRAM} run --help`; give them after `--`",
        ) from error
    if given["shard"] is not None:
        raise UsageError(
            "each task has its own --shard", where="options of run", next_step="Leave it out"
        )
    return Path(given["work"])


@guarded
def retry(
    work: Work,
    video: Videos = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            "--stage", help="Only this stage; can be given again.", autocompletion=STAGE_NAMES
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Let failed units start over, also those `run` has given up."""
    from qevd_bio.engine.maintain.failures import reopen_failed
    from qevd_bio.pipeline.pipeline import last_command, reopen_pipeline

    pipeline = reopen_pipeline(work)
    for name in stage or []:
        pipeline.stage(name)
    videos = pipeline.chosen(tuple(video or ()))
    reopened = reopen_failed(pipeline.plan(), pipeline.store, stages=stage or [], videos=videos)
    units = [{"video_id": unit.video_id, "stage": unit.stage} for unit in reopened]
    usual = ["run", "--data-root", str(pipeline.config.data_root), "--work", str(work)]
    last = without_options(last_command(work) or usual, "--video", "--shard")
    again = shlex.join([PROGRAM, *last])
    text = f"{len(units)} units will be tried again by: {again}"
    emit({"units": units, "next": again}, text, as_json=as_json)
    return DONE
