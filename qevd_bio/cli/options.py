"""Options that several commands share, and the options of `run` built from `Settings`."""

from __future__ import annotations

import importlib
import inspect
import shlex
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, get_type_hints

import typer

from qevd_bio.cli.errors import report
from qevd_bio.errors import QevdBioError
from qevd_bio.pipeline.settings import (
    BACKEND_OF,
    ENVIRONMENT,
    GROUP_OF,
    HELP,
    LEAST,
    METAVAR,
    SETTINGS_FILE,
    Settings,
    in_folder,
)

PROGRAM = "qevd-bio"
_NAMED = inspect.Parameter.KEYWORD_ONLY

# Newer versions of Typer bring their own click; this is click's UsageError in all of them.
OPTION_ERROR: type[Exception] = typer.BadParameter.mro()[1]


def _work_folder() -> Path:
    """Return the work folder that `qevd-bio.toml` names, else the usual one."""
    return Path(_read(None).get("work", "work"))


def settings_rules() -> Path | None:
    """Return the folder of the user's rules that `qevd-bio.toml` names."""
    return _read(None).get("rules")


def settings_data_root() -> Path | None:
    """Return the source data that `qevd-bio.toml` names."""
    return _read(None).get("data_root")


Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
Work = Annotated[
    Path,
    typer.Option(
        "--work",
        help="Folder for artifacts and records.",
        envvar="QEVD_BIO_WORK",
        default_factory=_work_folder,
        show_default=f"work of {SETTINGS_FILE}, else work",
    ),
]
UserRules = Annotated[
    Path | None,
    typer.Option(
        "--rules",
        metavar="DIR",
        help="Folder of your own rules: they add to the shipped ones, or replace those of the "
        "same id.",
        default_factory=settings_rules,
        show_default=f"rules of {SETTINGS_FILE}",
    ),
]
References = Annotated[
    Path | None,
    typer.Option(
        "--references", metavar="DIR", help="Folder of references in place of the rules' own."
    ),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data-root",
        help="QEVD's folder. It is only read.",
        envvar=ENVIRONMENT["data_root"],
        default_factory=settings_data_root,
        show_default=f"data_root of {SETTINGS_FILE}",
    ),
]
Videos = Annotated[
    list[str] | None, typer.Option("--video", help="Only this video id; can be given again.")
]


def completes(module: str, names: Callable[[Any], Iterable[str]]) -> Callable[[str], list[str]]:
    """Complete a value in the shell with names that a module knows; it is imported only then."""

    def complete(incomplete: str) -> list[str]:
        known = names(importlib.import_module(f"qevd_bio.{module}"))
        return [name for name in known if name.startswith(incomplete)]

    return complete


def rule_ids(context: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a shipped rule or of the user's."""
    from qevd_bio.exercises.load import files_in, rule_files

    own = context.params.get("user_rules") or settings_rules()
    known = rule_files() | (files_in(Path(own)) if own else {})
    return [name for name in known if name.startswith(incomplete)]


def _own_stages(stages: ModuleType) -> list[str]:
    """List the stages of the pipeline; whoever imports the package may have others."""
    own = f"{__package__.partition('.')[0]}.stages."
    return [one.name for one in stages.Stage.__subclasses__() if one.__module__.startswith(own)]


STAGE_NAMES = completes("pipeline.stages", _own_stages)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked a command of the pipeline for.

    Attributes
    ----------
    settings : Settings
        From the command line, the environment and the settings file.
    command : list of str
        The whole command that asks for the same again, from any folder.
    flags : list of str
        Flags of the command that are no settings, such as ``--json``.
    """

    settings: Settings
    command: list[str]
    flags: list[str]


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, which takes ``asked: Asked``, the options of `Settings` and `--config`."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    hints = get_type_hints(Settings)
    shared = [_parameter(one, hints[one.name]) for one in fields(Settings)]
    parameters = [
        inspect.Parameter("context", _NAMED, annotation=typer.Context),
        inspect.Parameter("config", _NAMED, annotation=_Config, default=None),
        *shared,
        *(one.replace(kind=_NAMED) for one in own if one.name != "asked"),
    ]

    def run(context: typer.Context, config: Path | None, **given: Any) -> None:  # noqa: ANN401
        values = {one.name: given.pop(one.name) for one in fields(Settings)}
        values["video"] = tuple(values["video"] or ())
        settings = Settings(**_without_other_backends(context, values))
        flags = [one.opts[0] for one in context.command.params if given.get(one.name) is True]
        asked = Asked(settings, _whole_command(context, config, settings), flags)
        command(asked=asked, **given)

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run


def _parameter(one: Field[Any], hint: Any) -> inspect.Parameter:  # noqa: ANN401  a type
    group = GROUP_OF[one.name]
    option = typer.Option(
        help=HELP[group][one.name],
        rich_help_panel=group or None,
        envvar=ENVIRONMENT.get(one.name),
        metavar=METAVAR.get(one.name),
        min=LEAST.get(one.name),
    )
    is_list = hint == tuple[str, ...]
    default = None if is_list else one.default
    return inspect.Parameter(
        one.name,
        _NAMED,
        annotation=Annotated[list[str] | None if is_list else hint, option],
        default=inspect.Parameter.empty if default is MISSING else default,
    )


def _without_other_backends(context: typer.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Ignore what the file gives for another backend than the one on the command line."""
    backend, others = values["backend"], []
    if _source(context, "backend") == "COMMANDLINE":
        others = [name for name, only in BACKEND_OF.items() if only != backend]
    ignored = [name for name in others if _source(context, name) == "DEFAULT_MAP"]
    if ignored:
        report(f"--backend {backend}: the file's {', '.join(ignored)} are ignored")
    return {name: value for name, value in values.items() if name not in ignored}


def _source(context: typer.Context, name: str) -> str:
    return getattr(context.get_parameter_source(name), "name", "")


def _use_settings_file(context: typer.Context, path: Path | None) -> Path | None:
    """Take from the settings file what neither command line nor environment gives."""
    if not context.resilient_parsing:  # the shell completes a word
        context.default_map = _read(path)
    return path or (Path(SETTINGS_FILE) if context.default_map else None)


def _read(path: Path | None) -> dict[str, Any]:
    from qevd_bio.pipeline.settings_file import read_settings

    try:
        return read_settings(path)
    except QevdBioError as error:
        raise OPTION_ERROR(str(error)) from error


_Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help=f"File with options of this command. Default: {SETTINGS_FILE}, where it exists.",
        callback=_use_settings_file,
        is_eager=True,
    ),
]


def _whole_command(context: typer.Context, config: Path | None, settings: Settings) -> list[str]:
    """Spell a command out: what the user gave, wherever, with absolute paths."""
    words = [PROGRAM, str(context.info_name)]
    if config is not None:
        words += ["--config", str(config.absolute())]
    for name in (one.name for one in fields(Settings)):
        value, option = getattr(settings, name), "--" + name.replace("_", "-")
        is_given = _source(context, name) in ("COMMANDLINE", "ENVIRONMENT")
        if name not in ("data_root", "work") and not is_given:
            continue
        if isinstance(value, bool):
            words.append(option if value else option.replace("--", "--no-", 1))
            continue
        for one in value if isinstance(value, tuple) else [value]:
            words += [option, str(in_folder(name, one, Path.cwd()))]
    return words


def without_options(command: list[str], *names: str) -> list[str]:
    """Leave options with one value out of a spelled-out command."""
    kept, skip = [], False
    for word in command:
        if not skip and word not in names:
            kept.append(word)
        skip = word in names
    return kept


def follow_up(command: str, work: Path) -> str:
    """Spell out the command that comes next for a work folder."""
    return f"{PROGRAM} {command} --work {shlex.quote(str(work))}"
