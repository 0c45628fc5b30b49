"""Commands for the model files a user has obtained: weights import, list, verify."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.errors import DONE, ISSUES_FOUND, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit, table

weights_app = command_group("Import, list and check model files you have obtained.")
Folder = Annotated[
    Path | None,
    typer.Option(
        "--weights",
        envvar="QEVD_BIO_WEIGHTS",
        help="Folder of imported weights. Default: a folder among your user data.",
    ),
]


@weights_app.command("import", cls=Command)
@guarded
def import_command(
    file: Annotated[
        Path, typer.Argument(help="hsmr.ckpt or its archive, SKEL or SMPL model, 3D CNN.")
    ],
    name: Annotated[
        str | None, typer.Option("--as", help="Name of the model, such as skel_male.")
    ] = None,
    folder: Folder = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace an earlier import of that name.")
    ] = False,
    any_size: Annotated[
        bool,
        typer.Option("--allow-other-size", help="Accept an HSMR of another size, for tests."),
    ] = False,
    heads: Annotated[
        tuple[int, int] | None,
        typer.Option(
            "--heads",
            metavar="BACKBONE HEAD",
            help="Attention heads of an HSMR of another size, which its file does not hold; "
            "the official file's 16 and 8 otherwise.",
        ),
    ] = None,
    gender_known: Annotated[
        bool,
        typer.Option(
            "--gender-known", help="The body has the given gender, even if its name differs."
        ),
    ] = False,
    as_json: Json = False,
) -> int:
    """Convert a model file once, without running any code in it."""
    from qevd_bio.weights.importing import import_weights
    from qevd_bio.weights.store import WeightFolder, default_folder

    made = import_weights(
        file,
        WeightFolder(folder or default_folder()),
        name=name,
        replace=replace,
        any_size=any_size,
        gender_known=gender_known,
        heads=heads,
    )
    rows = [("file", made.file), ("sha256 of the numbers", made.sha256), *made.metadata.items()]
    emit(made, table(("what", made.name), rows), as_json=as_json)
    report(f"licence: {made.metadata['licence']}")
    return DONE


@weights_app.command("list", cls=Command)
@guarded
def list_command(folder: Folder = None, as_json: Json = False) -> int:
    """List the weights: which are imported, and how to obtain the others."""
    from qevd_bio.weights.inventory import inventory
    from qevd_bio.weights.store import WeightFolder, default_folder

    place = folder or default_folder()
    entries = inventory(WeightFolder(place))
    rows = [(entry.state, entry.name, entry.detail) for entry in entries]
    text = f"{place}\n\n{table(('', 'weights', 'from'), rows)}"
    emit(entries, text, as_json=as_json)
    return DONE


@weights_app.command("verify", cls=Command)
@guarded
def verify_command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names; without them all imported ones.")
    ] = None,
    folder: Folder = None,
    as_json: Json = False,
) -> int:
    """Check imported weights completely: digest, names, shapes, finite numbers."""
    from qevd_bio.weights.inventory import verify_weights
    from qevd_bio.weights.store import WeightFolder, default_folder

    place = folder or default_folder()
    verdicts = verify_weights(WeightFolder(place), tuple(names or ()))
    if not verdicts:
        report(f"no weights in {place}")
    rows = [
        ("issue" if v.issues else "ok", v.name, "; ".join((*v.issues, *v.notes))) for v in verdicts
    ]
    text = table(("", "weights", "found"), rows) if rows else ""
    emit(verdicts, text, as_json=as_json)
    return ISSUES_FOUND if any(verdict.issues for verdict in verdicts) else DONE
