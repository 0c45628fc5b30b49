"""The command that trains and scores a coach once for each switch and seed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.errors import DONE, SOME_FAILED, guarded, report
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, table

if TYPE_CHECKING:
    from qevd_bio.engine.events import Event


@guarded
def ablate(
    config: Annotated[
        Path, typer.Argument(help="TOML that names coach, release and work folder.")
    ],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the ablation. One that exists is resumed.")
    ] = Path("ablation"),
    no_meteor: Annotated[
        bool, typer.Option("--no-meteor", help="Leave METEOR out where WordNet cannot be had.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Train and score a coach for each switch and seed, and write the whole table."""
    from qevd_bio.ablation.config import read_ablation
    from qevd_bio.ablation.table import ablation_table, run_ablation, write_table
    from qevd_bio.evaluation.score_page import score_rows
    from qevd_bio.evaluation.scoring import ScoreConfig

    asked = read_ablation(config)
    summary = run_ablation(asked, out, argv=sys.argv, on_event=_show, report=report)
    scored = ablation_table(asked, out, ScoreConfig(split=asked.split, no_meteor=no_meteor))
    files = write_table(out, scored)
    head, *rows = score_rows(scored)
    lines = [
        table(head, rows),
        "* a control reaches this figure: it means nothing",
        *(f"{name}: {cause}" for name, cause in scored.not_computed.items()),
        *map(str, files),
    ]
    emit({**scored.as_json(), "files": files}, "\n".join(lines), as_json=as_json)
    return SOME_FAILED if summary.failures else DONE


def _show(event: Event) -> None:
    if event.kind != "progress":
        report(f"{event.video_id}: {event.kind}{f', {event.reason}' if event.reason else ''}")
