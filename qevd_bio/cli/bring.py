"""The command that brings plain clips into QEVD's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.choices import Split
from qevd_bio.cli.errors import DONE, guarded
from qevd_bio.cli.options import Json, UserRules, rule_ids
from qevd_bio.cli.output import emit, table


@guarded
def import_command(
    target: Annotated[
        Path, typer.Option("--to", help="Folder in QEVD's layout: new, or made by `import`.")
    ],
    user_rules: UserRules,
    videos: Annotated[
        list[Path] | None, typer.Argument(help="Video files, or folders of them.")
    ] = None,
    exercise: Annotated[
        str | None,
        typer.Option(
            "--exercise",
            help="What is done in VIDEOS from beginning to end.",
            autocompletion=rule_ids,
        ),
    ] = None,
    clip_table: Annotated[
        Path | None,
        typer.Option(
            "--table", help="CSV with clip, exercise, start, end, text, in place of VIDEOS."
        ),
    ] = None,
    split: Annotated[Split, typer.Option("--split", help="Where the clips belong.")] = "train",
    as_json: Json = False,
) -> int:
    """Make a folder that `run` takes from plain clips, or from a table of clips and texts."""
    from qevd_bio.pipeline.import_videos import import_videos

    result = import_videos(videos or (), exercise, clip_table, target, split, user_rules)
    rows = [
        (one.video_id, one.source, str(one.frames), ", ".join(one.exercises), str(one.sentences))
        for one in result.clips
    ]
    text = table(("video", "from", "frames", "exercises", "sentences"), rows)
    text += "".join(f"\n{said}" for said in result.taken_for)
    for name in result.without_rule:
        text += f"\nno rule is called '{name}': its sentences will be kept as they are"
    text += f"\nnext: {result.next_step}"
    emit(result, text, as_json=as_json)
    return DONE
