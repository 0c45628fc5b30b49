"""The command `review serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.errors import DONE, guarded, report
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, printable

_QUEUE, _REACH = "Queue", "Reach"

Folder = Annotated[
    Path, typer.Argument(metavar="WORK_OR_RELEASE", help="Work folder, or a release.")
]
Annotators = Annotated[
    list[str] | None,
    typer.Option("--annotator", help="Who reviews; can be given again. Default: your user name."),
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Where the videos of a release are.")
]
Store = Annotated[
    Path | None, typer.Option("--store", help="File of the verdicts; needed for a release.")
]
Joints = Annotated[
    Path | None,
    typer.Option("--joints", help="Folder of `annotate joints`: review its joints, too."),
]
Share = Annotated[
    float | None,
    typer.Option(
        "--share",
        help="Share of the sentences that two annotators judge. Default 0.1.",
        rich_help_panel=_QUEUE,
    ),
]
Autopass = Annotated[
    float | None,
    typer.Option(
        "--autopass",
        help="Pass sentences at least this certain (0 to 1) without showing them.",
        rich_help_panel=_QUEUE,
    ),
]
Sample = Annotated[
    float | None,
    typer.Option(
        "--sample",
        help="Share of the passed sentences that is shown all the same. Default 0.05.",
        rich_help_panel=_QUEUE,
    ),
]
Host = Annotated[
    str,
    typer.Option(
        "--host",
        help="Address of this machine that others reach; needs --token-file.",
        rich_help_panel=_REACH,
    ),
]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="0: any.", rich_help_panel=_REACH)
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        help="A secret for each annotator; made if absent.",
        rich_help_panel=_REACH,
    ),
]


@guarded
def serve(
    folder: Folder,
    annotators: Annotators = None,
    data_root: DataRoot = None,
    store: Store = None,
    joints: Joints = None,
    share: Share = None,
    autopass: Autopass = None,
    sample: Sample = None,
    host: Host = "127.0.0.1",
    port: Port = 8757,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> int:
    """Serve the page on which annotators judge sentences, until Ctrl+C."""
    from qevd_bio.review.server.opening import open_review, require_server

    require_server()
    from qevd_bio.review.server.serving import Serving, open_door

    review = open_review(
        folder,
        data_root=data_root,
        store=store,
        joints=joints,
        share=share,
        autopass=autopass,
        sample=sample,
    )
    door = open_door(annotators or [], host=host, port=port, token_file=token_file)
    serving = Serving(review, door)
    for line in serving.notes(token_file):
        report(printable(line))
    text = "\n".join(f"{name}: {address}" for name, address in door.addresses.items())
    emit(door.addresses, text, as_json=as_json)
    serving.run()
    return DONE
