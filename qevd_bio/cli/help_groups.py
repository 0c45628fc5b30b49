"""Help pages in groups: commands under their task, options under their subject.

Typer shows `rich_help_panel` only where rich draws the page. These pages are plain text, with or
without rich, so that they appear at once and can be piped.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from qevd_bio.choices import nearest


class Command(TyperCommand):
    """A command that lists its options by subject and suggests a choice for a mistyped one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401  as below
        """Add the most similar choice to the message."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if " is not one of " in error.message:
                name, *known = re.findall("'([^']*)'", error.message)
                error.message = f"{error.message.rstrip('.')}. {nearest(name, known)}".rstrip()
            raise

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  click's, or Typer's own
        """Write a section for the arguments and one for each group of options."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                is_argument = parameter.param_type_name == "argument"
                name = "Arguments" if is_argument else "Options"
                panel = getattr(parameter, "rich_help_panel", None) or name
                sections.setdefault(panel, []).append(record)
        _write_sections(sections, formatter)


class Group(TyperGroup):
    """A group that lists its commands by task."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  as above
        """Write a section for each group of commands, in their order of registration."""
        longest = max(map(len, self.commands))
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            panel = getattr(command, "rich_help_panel", None)
            summary = command.get_short_help_str(limit=200)
            section = panel if isinstance(panel, str) else "Commands"
            sections.setdefault(section, []).append((name.ljust(longest), summary))
        _write_sections(sections, formatter)


def command_group(about: str) -> typer.Typer:
    """Make a group of commands."""
    return typer.Typer(cls=Group, help=about, no_args_is_help=True, rich_markup_mode=None)


def _write_sections(sections: dict[str, list[tuple[str, str]]], formatter: Any) -> None:  # noqa: ANN401
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
