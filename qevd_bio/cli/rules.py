"""Commands about exercises: rules list, show, check, new, draft and accept."""

from __future__ import annotations

import getpass
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qevd_bio.cli.asking import Asking, asks_a_model
from qevd_bio.cli.errors import DONE, FAILED, ISSUES_FOUND, guarded, report
from qevd_bio.cli.help_groups import Command, command_group
from qevd_bio.cli.options import Json, References, UserRules, rule_ids
from qevd_bio.cli.output import emit, table
from qevd_bio.errors import UsageError

if TYPE_CHECKING:
    from qevd_bio.exercises.rule import Rule

rules_app = command_group("List, show, check, start and draft exercise rules.")


@rules_app.command("list", cls=Command)
@guarded
def list_rules(user_rules: UserRules, as_json: Json = False) -> int:
    """List the exercises with kind, representative measure and how many sources are unverified."""
    from qevd_bio.exercises.describing import counted_sources
    from qevd_bio.exercises.load import load_rules

    rows: list[dict[str, Any]] = [
        {
            "id": rule.id,
            "kind": rule.kind,
            "representative": rule.representative.measure,
            "constraints": len(rule.constraints),
            **counted_sources([rule]),
            "aliases": list(rule.aliases),
        }
        for rule in load_rules(user_rules, drafts=True).values()
    ]
    header = ("exercise", "kind", "found by", "checks", "sourced", "partly", "unverified", "names")
    cells = [(row | {"aliases": ", ".join(row["aliases"])}).values() for row in rows]
    emit(rows, table(header, [*map(tuple, cells)]), as_json=as_json)
    return DONE


@rules_app.command("show", cls=Command)
@guarded
def show_rule(
    name: Annotated[
        str,
        typer.Argument(
            help="Id or any name of an exercise, or a rule file.", autocompletion=rule_ids
        ),
    ],
    user_rules: UserRules,
    references: References = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="PNG to draw the reference into.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Show the content of a rule: constraints with sources, phases, joints, tempo."""
    from qevd_bio.exercises.describing import (
        CONSTRAINT_HEADER,
        constraint_row,
        described,
        reason_lines,
        summary_lines,
    )
    from qevd_bio.exercises.reference_plot import draw_reference

    rule = _rule_named(name, user_rules, references)
    text = "\n".join(summary_lines(rule))
    text += "\n\n" + table(CONSTRAINT_HEADER, [constraint_row(c) for c in rule.constraints])
    text += "\n\n" + "\n".join(f"{key}: {cited}" for key, cited in rule.citations.items())
    if rule.draft is not None:
        text += "\n\nreasons of the model, which nobody has checked:\n"
        text += "\n".join(reason_lines(rule.draft))
    result = described(rule)
    if plot is not None:
        draw_reference(rule, plot)
        result["plot"] = str(plot)
        text += f"\n\nplot: {plot}"
    emit(result, text.rstrip(), as_json=as_json)
    return DONE


def _rule_named(name: str, user_rules: Path | None, references: Path | None) -> Rule:
    from qevd_bio.exercises.given_references import with_references
    from qevd_bio.exercises.load import load_rules, read_rule, sound_rules
    from qevd_bio.exercises.names import rule_named

    if name.endswith(".json"):
        rules = sound_rules([read_rule(Path(name))], drafts=True)
        return with_references(rules, references)[Path(name).stem]
    rules = with_references(load_rules(user_rules, drafts=True), references)
    return rule_named(name, rules, where="rules show")


@rules_app.command("check", cls=Command)
@guarded
def check_rules(
    user_rules: UserRules,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE|FOLDER]...",
            help="Rules to check; all when none is named.",
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Check that rules have everything a run needs; report every issue with file and key."""
    from qevd_bio.exercises.describing import summary_lines
    from qevd_bio.exercises.load import rule_paths
    from qevd_bio.feedback.rule_check import checked_files

    results, lines = [], []
    for path, read in checked_files(rule_paths(paths or [], user_rules), user_rules).items():
        summary = summary_lines(read.rule) if read.rule and not read.issues else []
        issues = [
            {"key": one.key, "cause": one.cause, "next_step": one.next_step} for one in read.issues
        ]
        results.append({"file": str(path), "ok": not issues, "issues": issues, "summary": summary})
        lines.append(f"{'wrong' if issues else 'ok   '} {path}")
        lines += [
            f"      {one.key or 'file'}: {one.cause}. {one.next_step}" for one in read.issues
        ]
        lines += [f"      {line}" for line in summary[2:] if paths]
    emit(results, "\n".join(lines), as_json=as_json)
    return DONE if all(result["ok"] for result in results) else FAILED


@rules_app.command("new", cls=Command)
@guarded
def new_rule(
    rule_id: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the new rule, such as deadlift.")
    ],
    source: Annotated[
        str,
        typer.Option(
            "--from", help="Id of the rule to copy, the nearest one.", autocompletion=rule_ids
        ),
    ],
    user_rules: UserRules,
    as_json: Json = False,
) -> int:
    """Start a rule of your own in --rules, else my_rules: a copy of a near one, explained."""
    from qevd_bio.exercises.new_rule import write_new_rule

    path = write_new_rule(rule_id, source, user_rules or Path("my_rules"))
    again = f"edit it, then: qevd-bio rules check {shlex.quote(str(path))}"
    emit({"file": path}, f"{path}\n{again}", as_json=as_json)
    return DONE


@rules_app.command("draft", cls=Command)
@guarded
@asks_a_model
def draft(
    asking: Asking,
    exercise: Annotated[str, typer.Argument(help="Name of the exercise, as it is spoken.")],
    user_rules: UserRules,
    rounds: Annotated[
        int,
        typer.Option(
            "--rounds", min=1, max=10, help="How often the model may correct its proposal, plus 1."
        ),
    ] = 3,
    as_json: Json = False,
) -> int:
    """Let a language model draft the rule of an exercise in --rules, else my_rules."""
    from qevd_bio.annotate.draft_rule import draft_rule, rule_id_of

    folder = user_rules or Path("my_rules")
    with asking.client(folder / f"{rule_id_of(exercise)}.answers.jsonl") as client:
        done = draft_rule(exercise, folder, client, rounds=rounds)
    issues = [str(one) for one in done.issues]
    file = shlex.quote(str(done.path))
    lines = [f"{done.path}: a draft by {done.model}, asked {done.rounds} times", *issues]
    lines.append(f"look at it: qevd-bio rules show {file} --plot PNG, then")
    lines.append(f"qevd-bio rules accept {file}")
    result = {"file": done.path, "model": done.model, "rounds": done.rounds, "issues": issues}
    emit(result, "\n".join(lines), as_json=as_json)
    return ISSUES_FOUND if issues else DONE


@rules_app.command("accept", cls=Command)
@guarded
def accept(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File of a drafted rule.")],
    by: Annotated[
        str, typer.Option("--by", help="Who looked at it.", default_factory=getpass.getuser)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="You have looked at it: do not ask.")] = False,
    as_json: Json = False,
) -> int:
    """Accept a drafted rule that you have looked at: from then on it is used as any other."""
    from qevd_bio.annotate.accept_rule import accept_rule, drafted_rule
    from qevd_bio.exercises.describing import CONSTRAINT_HEADER, constraint_row, summary_lines

    rule = drafted_rule(path)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError(
                "nobody can answer here",
                where=str(path),
                next_step="Look at it with `qevd-bio rules show`, then give --yes",
            )
        report("\n".join(summary_lines(rule)))
        report(table(CONSTRAINT_HEADER, [constraint_row(one) for one in rule.constraints]))
        typer.confirm(
            f"Have you checked these numbers, and do you accept them as {by}?", abort=True
        )
    done = accept_rule(path, by)
    how = "as the model proposed it" if done.unchanged else "with corrections"
    emit(done, f"{path}: accepted {how} by {done.by}", as_json=as_json)
    return DONE
