"""Commands for the folder of a coach: model import, make, show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qevd_bio.cli.errors import DONE, guarded
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json
from qevd_bio.cli.output import emit

if TYPE_CHECKING:
    from qevd_bio.model.coach_folder import Coach

model_app = command_group("Make, import and check the folder of a coach.")
Target = Annotated[Path, typer.Option("--out", help="The folder to make.")]


@model_app.command("import", cls=Command)
@guarded
def import_command(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder with Stream-VLM's state_dict.pth.tar and tokenizer.")
    ],
    config: Annotated[
        Path, typer.Option("--config", help="config.json of the LLaMA it was made from.")
    ],
    target: Target,
    as_json: Json = False,
) -> int:
    """Convert the checkpoint of Stream-VLM once, without running any code in it."""
    from qevd_bio.model.make_coach import import_stream_vlm

    return _shown(import_stream_vlm(checkpoint, config, target), as_json=as_json)


@model_app.command("make", cls=Command)
@guarded
def make_command(
    language: Annotated[Path, typer.Argument(help="Folder of a LLaMA-shaped language model.")],
    target: Target,
    layers: Annotated[
        str,
        typer.Option("--layers", help="Layers after which the coach looks at a frame: 2,4,6."),
    ],
    seed: Annotated[int, typer.Option("--seed", help="Of the new weights.")] = 0,
    as_json: Json = False,
) -> int:
    """Make an untrained coach of a language model, for 'train lm-adapter'."""
    from qevd_bio.errors import UsageError
    from qevd_bio.model.make_coach import make_coach

    try:
        places = [int(place) for place in layers.split(",")]
    except ValueError as error:
        raise UsageError(
            f"{layers!r} is no list of layers", where="--layers", next_step="Give it as 2,4,6"
        ) from error
    return _shown(make_coach(language, target, layers=places, seed=seed), as_json=as_json)


@model_app.command("show", cls=Command)
@guarded
def show_command(
    folder: Annotated[Path, typer.Argument(help="Folder of a coach.")], as_json: Json = False
) -> int:
    """Load a coach, check all of it, and print its action tokens and parts."""
    from qevd_bio.model.coach_folder import load_coach

    return _shown(load_coach(folder), as_json=as_json)


def _shown(coach: Coach, *, as_json: bool) -> int:
    emit(coach.settings, f"{coach.folder}\n{coach.description()}", as_json=as_json)
    return DONE
