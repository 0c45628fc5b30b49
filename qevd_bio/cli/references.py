"""Commands about reference cycles: build and generate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.errors import DONE, SOME_FAILED, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json, UserRules
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.generator.generate import Generated
    from qevd_bio.generator.objectives_file import Asked

references_app = command_group("Build the reference cycles, or generate others.")


@references_app.callback()
def references() -> None:
    """Build the reference cycles, or generate others."""


@references_app.command("build", cls=Command)
@guarded
def build_references(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; the package's own when not named.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Build every shipped reference from its rule; the same rules give the same bytes."""
    from qevd_bio.assets import asset_path
    from qevd_bio.exercises.load import load_rules
    from qevd_bio.exercises.references import build_all

    folder = out or asset_path("references")
    folder.mkdir(parents=True, exist_ok=True)
    built = build_all(folder, load_rules().values())
    emit({"folder": folder, "built": built}, f"{len(built)} references in {folder}",
         as_json=as_json)  # fmt: skip
    return DONE


def _asked_for(what: str) -> Any:  # noqa: ANN401  an option
    return typer.Option(
        help=f"{what} LOW:HIGH, or one number.", metavar="RANGE", rich_help_panel="Objectives"
    )


_WEIGHTS = "Default: the shipped ones."

_Model = Annotated[
    Path, typer.Option("--model", help="Your .osim model of the LaiUhlrich family.")
]
_Exercise = Annotated[
    str | None, typer.Argument(help="Exercise, such as squat; not with --objectives.")
]
_Objectives = Annotated[
    Path | None,
    typer.Option(
        "--objectives",
        metavar="FILE",
        help="JSON or YAML of objectives, in place of the following options.",
        rich_help_panel="Objectives",
    ),
]
_Depth = Annotated[str | None, _asked_for("Largest mean bend of the knees, degrees.")]
_Vastus = Annotated[str | None, _asked_for("Largest activation of vastus medialis, 0.01 to 1.")]
_Tilt = Annotated[
    str | None, _asked_for("Furthest tilt of the pelvis, degrees, forward negative.")
]
_Asymmetry = Annotated[str | None, _asked_for("Mean difference of right and left, degrees.")]
_Speed = Annotated[
    str | None, _asked_for("Mean speed of hips, knees and ankles, degrees a second.")
]
_ComSpeed = Annotated[str | None, _asked_for("Mean speed of the centre of mass, metres a second.")]
_ComAcceleration = Annotated[
    str | None, _asked_for("Mean acceleration of the centre of mass, metres a second squared.")
]
_Sliding = Annotated[
    str | None, _asked_for("Mean speed along the floor of what is lowest, metres a second.")
]
_Tries = Annotated[
    int | None,
    typer.Option("--tries", min=1, help="Most motions to try. Default: five times --n."),
]
_Steps = Annotated[
    int, typer.Option("--steps", min=1, help="Steps of the guidance; the paper takes 3000.")
]
_Surrogate = Annotated[
    Path | None,
    typer.Option("--surrogate", metavar="FILE", help=f"Weights of the surrogate. {_WEIGHTS}"),
]
_Vqvae = Annotated[
    Path | None,
    typer.Option("--vqvae", metavar="FILE", help=f"Weights of the VQ-VAE. {_WEIGHTS}"),
]


@references_app.command("generate", cls=Command)
@guarded
def generate_references(
    model: _Model,
    user_rules: UserRules,
    exercise: _Exercise = None,
    out: Annotated[Path, typer.Option("--out", help="Folder of the result.")] = Path("generated"),
    objectives: _Objectives = None,
    depth: _Depth = None,
    vastus_medialis: _Vastus = None,
    tilt: _Tilt = None,
    asymmetry: _Asymmetry = None,
    angular_speed: _Speed = None,
    com_speed: _ComSpeed = None,
    com_acceleration: _ComAcceleration = None,
    sliding: _Sliding = None,
    count: Annotated[int, typer.Option("--n", min=1, help="Accepted motions wanted.")] = 20,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed, the same bytes.")] = 0,
    tries: _Tries = None,
    steps: _Steps = 360,
    surrogate: _Surrogate = None,
    vqvae: _Vqvae = None,
    as_json: Json = False,
) -> int:
    """Generate motions within ranges you ask for, accepted by muscle simulation only.

    The folder is for --references of run and coach. A command that was broken off goes on.
    """
    from qevd_bio.generator.generate import Request, generate
    from qevd_bio.stages.activations import FITS
    from qevd_bio.weights.store import default_folder

    options = {"depth": depth, "vastus_medialis": vastus_medialis, "tilt": tilt,
               "asymmetry": asymmetry, "angular_speed": angular_speed, "com_speed": com_speed,
               "com_acceleration": com_acceleration, "sliding": sliding}  # fmt: skip
    request = Request(
        _asked(exercise, objectives, options), model, out, count, seed, tries, steps, surrogate,
        vqvae, user_rules,
    )  # fmt: skip
    done = generate(
        request,
        default_folder() / FITS,
        on_batch=lambda tried, accepted: report(f"{tried} tried, {accepted} accepted"),
    )
    emit(_result(done), _text(done), as_json=as_json)
    return DONE if len(done.accepted) >= count else SOME_FAILED


def _asked(exercise: str | None, objectives: Path | None, options: dict[str, str | None]) -> Asked:
    """Read what is asked for, from a file or from the shortcuts."""
    from qevd_bio.generator.objectives_file import asked_by_options, read_objectives

    if objectives is None:
        if exercise is None:
            raise UsageError(
                "names no exercise",
                where="references generate",
                next_step="Give an exercise, such as squat, or --objectives",
            )
        return asked_by_options(exercise, options)
    if exercise is not None or any(options.values()):
        raise UsageError(
            "the file says what is asked for",
            where="--objectives",
            next_step="Leave the exercise and the options of single measures out",
        )
    return read_objectives(objectives)


def _result(done: Generated) -> dict[str, Any]:
    from qevd_bio.generator.attempts import motion_name
    from qevd_bio.generator.generate import PAGE

    return {
        "folder": done.request.out,
        "page": done.request.out / PAGE,
        "tried": done.tried,
        "accepted": [motion_name(one) for one in done.accepted],
        "reference": None if done.chosen is None else motion_name(done.chosen),
        "surrogate_error": done.surrogate_error,
    }


def _text(done: Generated) -> str:
    found = _result(done)
    lines = [f"{len(done.accepted)} of {done.tried} motions accepted by simulation"]
    rows = [
        (
            name,
            *(
                f"{one.by_simulation[asked.measure]:.3g}"
                for asked in done.request.asked.objectives
            ),
        )
        for name, one in zip(found["accepted"], done.accepted, strict=True)
    ]
    if rows:
        heads = ("motion", *(one.measure for one in done.request.asked.objectives))
        lines.append(table(heads, rows))
        lines.append(f"the reference of the folder: {found['reference']}, nearest to the others")
    lines.append(f"page: {found['page']}")
    return "\n".join(lines)
