"""The console script `qevd-bio`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from qevd_bio import __version__
from qevd_bio.cli import (
    ablate,
    annotate,
    bring,
    coach,
    evaluate,
    features,
    look,
    maintain,
    model,
    predict,
    references,
    release,
    review,
    rules,
    run,
    start,
    train,
    weights,
)
from qevd_bio.cli.errors import DEBUG_VARIABLE
from qevd_bio.cli.help_groups import Command, Group
from qevd_bio.cli.output import take_any_text

app = typer.Typer(
    name="qevd-bio",
    help="From exercise videos to quantified, evidence-linked coaching sentences.",
    epilog=(
        "Exit codes: 0 done, 1 known failure, 2 usage, 3 some videos failed, "
        "4 a check found issues, 130 interrupted."
    ),
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks. Valid anywhere in the command.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """From exercise videos to quantified, evidence-linked coaching sentences."""


GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Start": (start.demo, coach.coach, start.doctor, start.synth),
    "Run": (run.plan, run.run, run.submit, run.retry),
    "Look": (
        look.diff,
        look.plot,
        look.overlay,
        look.export,
        features.features,
        look.stats,
        look.why,
    ),
    "Evaluate": (predict.predict, ablate.ablate),
    "Release": (release.publish, release.verify, release.compare, release.audit),
    "Maintain": (maintain.status, maintain.failed, maintain.gc, maintain.adopt),
}
for _group, _commands in GROUPS.items():
    for _command in _commands:
        app.command(cls=Command, rich_help_panel=_group)(_command)
app.command("import", cls=Command, rich_help_panel="Run")(bring.import_command)
app.add_typer(maintain.archive_app, name="archive", rich_help_panel="Maintain")
app.add_typer(review.review_app, name="review", rich_help_panel="Release")
app.add_typer(train.train_app, name="train", rich_help_panel="Train")
app.add_typer(annotate.annotate_app, name="annotate", rich_help_panel="Run")
for _name, _app in (
    ("rules", rules.rules_app),
    ("references", references.references_app),
    ("weights", weights.weights_app),
):
    app.add_typer(_app, name=_name, rich_help_panel="Rules and weights")
app.add_typer(model.model_app, name="model", rich_help_panel="Train")
app.add_typer(evaluate.evaluate_app, name="evaluate", rich_help_panel="Evaluate")


def main() -> None:
    """Run the command line.

    Linear algebra stays on one thread, set before numpy loads: on small matrices two threads
    are slower, and the order of sums must not depend on the machine's load.
    """
    take_any_text()
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    arguments = sys.argv[1:]
    if "--debug" in arguments:
        os.environ[DEBUG_VARIABLE] = "1"
        arguments = [argument for argument in arguments if argument != "--debug"]
    app(args=arguments)
