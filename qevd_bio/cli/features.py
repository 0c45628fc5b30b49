"""The command for visual features in the layout of Stream-VLM's code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.errors import DONE, guarded, report
from qevd_bio.cli.options import Json, Videos, Work, follow_up
from qevd_bio.cli.output import emit


@guarded
def features(
    out: Annotated[Path, typer.Argument(help="Folder to write; becomes a data root.")],
    work: Work,
    video: Videos = None,
    carry_over: Annotated[
        bool,
        typer.Option(
            "--carry-over",
            help="Compute them anew, each video after the one before it, as the official "
            "extractor does. Takes as long as the stage.",
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Write visual features as Stream-VLM's code reads them."""
    from qevd_bio.pipeline.pipeline import outside_of_source, reopen_pipeline
    from qevd_bio.views.export_features import export_carried_over, export_features

    pipeline = reopen_pipeline(work)
    outside_of_source(out, pipeline.config.data_root)
    videos = pipeline.chosen(tuple(video or ()))
    if carry_over:
        files = export_carried_over(pipeline, videos, out, on_video=report)
    else:
        files = export_features(pipeline, videos, out)
    if not files:
        report(f"no features are finished: {follow_up('run', work)} --features auto")
    text = "\n".join(str(file) for file in files)
    emit({"files": files}, text, as_json=as_json)
    return DONE
