"""The console script `qevd-bio`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from qevd_bio import __version__
from qevd_bio.cli import cluster, look, release, rules, setup, synth, trust, upkeep, weights, work
from qevd_bio.cli.guard import DEBUG_VARIABLE
from qevd_bio.cli.why import why

app = typer.Typer(
    name="qevd-bio",
    help="From exercise videos to quantified, evidence-linked coaching sentences.",
    epilog=(
        "Exit codes: 0 done, 1 known failure, 2 usage, 3 some videos failed, "
        "4 verification found faults, 130 interrupted."
    ),
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
        bool, typer.Option("--debug", help="Show tracebacks. May stand anywhere in the command.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """From exercise videos to quantified, evidence-linked coaching sentences."""


app.command()(setup.demo)
app.command()(setup.doctor)
app.command()(work.plan)
app.command()(work.run)
app.command()(cluster.submit)
app.command()(cluster.pack)
app.command()(cluster.join)
for _command in (
    upkeep.status,
    upkeep.failed,
    upkeep.retry,
    upkeep.verify,
    upkeep.gc,
    upkeep.adopt,
):
    app.command()(_command)
app.command()(why)
app.command()(release.publish)
app.command()(trust.compare)
app.command()(trust.audit)
app.command()(look.diff)
app.command()(look.plot)
app.command()(look.stats)
app.command()(look.overlay)
app.command()(look.export)
app.command()(synth.synth)
app.add_typer(rules.rules_app, name="rules")
app.add_typer(rules.references_app, name="references")
app.add_typer(weights.weights_app, name="weights")


def main() -> None:
    """Run the command line.

    Linear algebra stays on one thread, set before numpy loads: on small matrices two threads
    are slower, and the order of sums must not depend on the machine's load.
    """
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
    arguments = sys.argv[1:]
    if "--debug" in arguments:
        os.environ[DEBUG_VARIABLE] = "1"
        arguments = [argument for argument in arguments if argument != "--debug"]
    app(args=arguments)
