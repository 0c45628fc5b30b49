"""Commands that hand the result on: publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.guard import DONE, guarded, say
from qevd_bio.cli.output import emit, table
from qevd_bio.cli.setup import Json
from qevd_bio.cli.work import Work


@guarded
def publish(
    work: Work = Path("work"),
    out: Annotated[Path, typer.Option("--out", help="Folder of releases.")] = Path("release"),
    version: Annotated[str, typer.Option("--version", help="Semantic version.")] = "0.1.0",
    previous: Annotated[
        Path | None,
        typer.Option(
            "--previous",
            help="Release before this one; a version too low for the changes is refused.",
        ),
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", help="Day of publishing, such as 2026-12-31.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", help="Where the release will be found.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write a release: Parquet splits, card, Croissant, checksums, drop-in JSON."""
    from qevd_bio.pipeline.pipeline import reopen_pipeline
    from qevd_bio.release.assembly import release_from

    release = release_from(
        reopen_pipeline(work), out=out, version=version, previous=previous, date=date, url=url
    )
    contents = release.contents
    rows = [
        (config, split, sum(shard.rows for shard in shards))
        for config, splits in contents.shards.items()
        for split, shards in splits.items()
    ]
    for video in contents.missing:
        say(f"missing: {video.video_id} ({video.split}): {video.stage}: {video.reason}")
    result = {
        "release": str(release.folder),
        "rows": [{"config": c, "split": s, "rows": n} for c, s, n in rows],
        "missing": [
            {"video_id": v.video_id, "split": v.split, "stage": v.stage, "reason": v.reason}
            for v in contents.missing
        ],
    }
    text = f"{table(('config', 'split', 'rows'), rows)}\n\nrelease: {release.folder}"
    emit(result, text, as_json=as_json)
    return DONE
