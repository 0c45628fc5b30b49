"""Commands for many machines: submit parts of a run to Slurm, pack and join their folders."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from qevd_bio.cli.guard import DONE, FAULTS_FOUND, guarded, say
from qevd_bio.cli.output import emit
from qevd_bio.cli.setup import Json
from qevd_bio.cli.work import Work, run
from qevd_bio.errors import UsageError

# Typer keeps a click of its own in newer versions; this is click's UsageError in all of them.
_OptionError: type[Exception] = typer.BadParameter.mro()[1]


@guarded
def submit(
    options: Annotated[
        list[str], typer.Argument(metavar="-- RUN_OPTIONS", help="The options of `run`.")
    ],
    parts: Annotated[int, typer.Option("--parts", help="Tasks; each takes one part.")],
    time_h: Annotated[
        float, typer.Option("--time-h", help="Hours a task has before it is queued again.")
    ],
    cpus: Annotated[int, typer.Option("--cpus", help="Of each task.")] = 1,
    gpus: Annotated[int, typer.Option("--gpus", help="Of each task.")] = 0,
    memory_gb: Annotated[
        float | None, typer.Option("--mem-gb", help="Of each task. Default: the site's.")
    ] = None,
    partition: Annotated[str | None, typer.Option("--partition", help="Where to run.")] = None,
    account: Annotated[str | None, typer.Option("--account", help="Who pays.")] = None,
    at_once: Annotated[
        int | None, typer.Option("--at-once", help="Most tasks at a time. Default: all.")
    ] = None,
    print_sbatch: Annotated[
        bool,
        typer.Option("--print-sbatch", help="Print a script for `sbatch` and submit nothing."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Run the parts of a data set as tasks of a Slurm array: submit OPTIONS -- RUN_OPTIONS."""
    from qevd_bio.engine.execute.slurm import SlurmArray, sbatch_script, submit_array

    work = _work_of(options)
    array = SlurmArray(
        parts, round(60 * time_h), cpus, gpus, memory_gb, partition, account, at_once
    )
    command = [sys.executable, "-m", "qevd_bio", "run", *options]
    logs = work / "slurm"
    done = f"qevd-bio status --work {shlex.quote(str(work))}"
    then = f"qevd-bio publish --work {shlex.quote(str(work))}"
    if print_sbatch:
        script = sbatch_script(array, command, logs=logs, folder=Path.cwd())
        emit({"script": script, "then": then}, script, as_json=as_json)
        say(f"make its log folder first: mkdir -p {shlex.quote(str(logs))}")
        return DONE
    jobs = [str(job.job_id) for job in submit_array(array, command, logs=logs)]
    first = jobs[0].partition("_")[0]
    after = shlex.join(["sbatch", f"--dependency=afterany:{first}", f"--wrap={then}"])
    lines = [
        f"{len(jobs)} tasks submitted: {jobs[0]} to {jobs[-1]}, logs in {logs}",
        f"how far they are: {done}",
        f"to publish when they end: {after}",
    ]
    result = {"jobs": jobs, "logs": str(logs), "status": done, "then": after}
    emit(result, "\n".join(lines), as_json=as_json)
    return DONE


@guarded
def pack(
    part: Annotated[Path, typer.Argument(help="The tar file to write, outside of the folder.")],
    work: Work = Path("work"),
    as_json: Json = False,
) -> int:
    """Write the finished units and the runs of a work folder to one file, for `join`."""
    from qevd_bio.engine.maintain.archive import export_archive

    packed = export_archive(work, part)
    for problem in packed.problems:
        say(f"damaged, left out: {problem}")
    result = {"part": str(part), "units": packed.units, "failures": packed.failures,
              "damaged": packed.problems}  # fmt: skip
    text = f"{packed.units} units and {packed.failures} failures packed in {part}"
    emit(result, text, as_json=as_json)
    return FAULTS_FOUND if packed.problems else DONE


@guarded
def join(
    parts: Annotated[list[Path], typer.Argument(help="What `pack` wrote, in any order.")],
    work: Work = Path("work"),
    as_json: Json = False,
) -> int:
    """Bring packed parts into a work folder; what it has finished stands."""
    from qevd_bio.engine.maintain.archive import import_archive

    lines, result = [], []
    for part in parts:
        joined = import_archive(part, work)
        for problem in joined.problems:
            say(f"damaged in {part}, left out: {problem}")
        lines.append(
            f"{part}: {joined.units} units and {joined.failures} failures, {joined.added} new"
        )
        result.append({"part": str(part), "units": joined.units, "failures": joined.failures,
                       "added": joined.added, "damaged": joined.problems})  # fmt: skip
    lines.append(
        "next: `qevd-bio run` with the options of the parts: it makes what is missing, or nothing"
    )
    emit(result, "\n".join(lines), as_json=as_json)
    return FAULTS_FOUND if any(one["damaged"] for one in result) else DONE


def _work_of(options: list[str]) -> Path:
    """Read options of `run` as it would, before they wait in a queue, and name its folder."""
    reader = typer.Typer(add_completion=False)
    reader.command()(run)
    try:
        given = typer.main.get_command(reader).make_context("qevd-bio run", list(options)).params
    except _OptionError as error:
        raise UsageError(
            str(error).rstrip("."),
            where="options of run",
            next_step="See `qevd-bio run --help`; they stand after `--`",
        ) from error
    if given["shard"] is not None:
        raise UsageError(
            "each task has its own --shard", where="options of run", next_step="Leave it out"
        )
    return cast("Path", given["work"])
