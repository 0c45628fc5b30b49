"""The command `why`: from a row back to the run, the machine and the source files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.guard import DONE, guarded
from qevd_bio.cli.output import emit, printable
from qevd_bio.cli.setup import Json
from qevd_bio.cli.work import Work

if TYPE_CHECKING:
    from qevd_bio.engine.maintain.provenance import Link

_SHORT = 16


@guarded
def why(
    row: Annotated[
        str,
        typer.Argument(help="VIDEO:FEEDBACK_INDEX, or FILE.parquet:ROW of a release, from 0."),
    ],
    work: Work = Path("work"),
    as_json: Json = False,
) -> int:
    """Say what a row was made from: units, inputs, runs, code and machine."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.release.tracing import trace

    found = trace(reopen_pipeline(work), row)
    result = {
        "row": {name: _plain(value) for name, value in found.row.items()},
        "chain": [
            {
                **asdict(link.record),
                "unit_file": str(link.unit_file),
                "run": link.run,
                "run_problem": link.run_problem,
            }
            for link in found.links
        ],
    }
    shown = ("video_id", "feedback_original", "feedback", "status", "reason")
    lines = [f"{name}: {printable(str(found.row[name]))}" for name in shown if name in found.row]
    emit(result, "\n\n".join(["\n".join(lines), *map(_text, found.links)]), as_json=as_json)
    return DONE


def _text(link: Link) -> str:
    record = link.record
    lines = [
        f"{record.stage} (version {record.version})  {link.unit_file.parent}",
        f"  bytes   sha256 {record.outputs[0].sha256[:_SHORT]}, "
        f"made {record.timings.finished_utc} on {record.host} in {record.timings.seconds:.1f} s",
        f"  run     {_run_text(link)}",
    ]
    if record.adopted:
        lines.append(
            f"  adopted from {record.adopted.identity[:_SHORT]} at {record.adopted.adopted_utc}: "
            f"{record.adopted.reason}"
        )
    lines += [f"  from    {name} {digest[:_SHORT]}" for name, digest in record.depends.items()]
    return "\n".join(lines)


def _run_text(link: Link) -> str:
    run: Mapping[str, Any] | None = link.run
    run_id = link.record.run_id
    if run is None:
        return f"{run_id}: its record {link.run_problem}" if run_id else "not recorded"
    git = run["git"]
    commit = f"commit {git['commit'][:12]}{' with changes' * git['dirty']}" if git else "no commit"
    version = run["versions"]["qevd-bio"]
    return f"{run_id}: qevd-bio {version}, {commit}, {run['machine']['platform']}"


def _plain(value: Any) -> Any:  # noqa: ANN401  any value of a table
    if isinstance(value, float) and value != value:
        return None
    return value
