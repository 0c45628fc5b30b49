"""Commands about exercises: rules list, rules show, rules check, references build."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qevd_bio.cli.errors import DONE, FAILED, guarded
from qevd_bio.cli.help_groups import Command, Group
from qevd_bio.cli.options import RULE_IDS, Json
from qevd_bio.cli.output import emit, table

rules_app = typer.Typer(
    cls=Group,
    help="List, show and check the exercise rules.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
references_app = typer.Typer(
    cls=Group, help="Build the reference cycles.", no_args_is_help=True, rich_markup_mode=None
)


@references_app.callback()
def references() -> None:
    """Build the reference cycles."""


@rules_app.command("list", cls=Command)
@guarded
def list_rules(as_json: Json = False) -> int:
    """List the exercises with kind, representative measure and how many sources are unverified."""
    from qevd_bio.exercises.describing import counted_sources
    from qevd_bio.exercises.load import load_rules

    rules = list(load_rules().values())
    rows = [
        {
            "id": rule.id,
            "kind": rule.kind,
            "representative": rule.representative.measure,
            "constraints": len(rule.constraints),
            **counted_sources([rule]),
        }
        for rule in rules
    ]
    header = ("exercise", "kind", "found by", "checks", "sourced", "partly", "unverified", "names")
    names = [", ".join(rule.aliases) for rule in rules]
    cells = [[*row.values(), text] for row, text in zip(rows, names, strict=True)]
    result = [row | {"aliases": list(r.aliases)} for row, r in zip(rows, rules, strict=True)]
    emit(result, table(header, cells), as_json=as_json)
    return DONE


@rules_app.command("show", cls=Command)
@guarded
def show_rule(
    name: Annotated[
        str,
        typer.Argument(help="Id or any name of an exercise.", autocompletion=RULE_IDS),
    ],
    plot: Annotated[
        Path | None, typer.Option("--plot", help="PNG to draw the reference into.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show a rule: constraints with sources, phases, joints, tempo."""
    from qevd_bio.choices import suggestion
    from qevd_bio.errors import UsageError
    from qevd_bio.exercises.describing import (
        CONSTRAINT_HEADER,
        constraint_row,
        described,
        draw_reference,
        summary_lines,
    )
    from qevd_bio.exercises.load import load_rules
    from qevd_bio.exercises.names import rule_for

    known = load_rules()
    rule = rule_for(name, known)
    if rule is None:
        raise UsageError(
            f"no exercise '{name}'", where="rules show", next_step=suggestion(name, known)
        )
    text = "\n".join(summary_lines(rule))
    text += "\n\n" + table(CONSTRAINT_HEADER, [constraint_row(c) for c in rule.constraints])
    text += "\n\n" + "\n".join(f"{key}: {cited}" for key, cited in rule.citations.items())
    result = described(rule)
    if plot is not None:
        draw_reference(rule, plot)
        result["plot"] = str(plot)
        text += f"\n\nplot: {plot}"
    emit(result, text.rstrip(), as_json=as_json)
    return DONE


@rules_app.command("check", cls=Command)
@guarded
def check_rules(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Rule files; the package's own when none is named.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Validate rule files; errors name the file and the key. Explains each sound rule."""
    from qevd_bio.assets import asset_path
    from qevd_bio.exercises.describing import examined
    from qevd_bio.exercises.load import SCHEMA_NAME, load_rules

    own = sorted(p for p in asset_path("rules").glob("*.json") if p.name != SCHEMA_NAME)
    results = examined(files or own)
    lines = []
    for result in results:
        lines.append(f"{'ok   ' if result['ok'] else 'wrong'} {result['file']}")
        explained = result["summary"][1:] if files else []
        lines += [f"      {line}" for line in explained or [result["error"]] if line]
    emit(results, "\n".join(lines), as_json=as_json)
    if not all(result["ok"] for result in results):
        return FAILED
    if not files:
        load_rules()
    return DONE


@references_app.command("build", cls=Command)
@guarded
def build_references(
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder; the package's own when not named.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Build every reference from its rule; the same rules give the same bytes."""
    from qevd_bio.assets import asset_path
    from qevd_bio.exercises.references import build_all

    folder = out or asset_path("references")
    folder.mkdir(parents=True, exist_ok=True)
    built = build_all(folder)
    emit({"folder": str(folder), "built": built}, f"{len(built)} references in {folder}",
         as_json=as_json)  # fmt: skip
    return DONE
