"""Commands for a first look: demo and doctor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.guard import DONE, FAILED, guarded, say
from qevd_bio.cli.output import emit, table

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


@guarded
def demo(
    out: Annotated[
        Path, typer.Option("--out", help="Folder to make; it must be new or an earlier demo.")
    ] = Path("qevd-bio-demo"),
    as_json: Json = False,
) -> int:
    """Make three small rendered videos, run everything on them, show what came out."""
    from qevd_bio.demo.demo import run_demo

    report = run_demo(out, message=say, table=table)
    emit(report.as_json(), report.as_text(table), as_json=as_json)
    return DONE if not report.failures else FAILED


@guarded
def doctor(
    work: Annotated[Path, typer.Option("--work", help="Folder work would go to.")] = Path("work"),
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="Look at this source folder, too.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Check the environment line by line, with the command that mends it."""
    from qevd_bio.environment import examine

    checks = examine(work, data_root)
    rows = [(c.state, c.name, f"{c.detail}{f'  ->  {c.mend}' if c.mend else ''}") for c in checks]
    emit([asdict(check) for check in checks], table(("", "what", "found"), rows), as_json=as_json)
    return FAILED if any(check.state == "fail" for check in checks) else DONE
