"""The settings file `qevd-bio.toml`: options of `run` that need not be typed each time."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

from qevd_bio.choices import suggestion
from qevd_bio.engine.sharding import shard_named
from qevd_bio.errors import UsageError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.pipeline.dataclass_json import Differences, value_as
from qevd_bio.pipeline.settings import (
    GROUP_OF,
    LEAST,
    POSITIVE,
    SETTINGS_FILE,
    Settings,
    in_folder,
)

TABLES = {name: group.lower() for name, group in GROUP_OF.items()}
"""The table of an option; empty: at the top only."""

COACH_TABLE = "coach"
"""The table of options that are of the command `coach` alone, which reads it."""


def read_settings(path: Path | None) -> dict[str, Any]:
    """Read and check a settings file.

    Parameters
    ----------
    path : Path or None
        The file; None: `qevd-bio.toml` of the current folder, if there is one.

    Returns
    -------
    dict
        Values by the name of the option; relative paths start from the file's folder.

    Raises
    ------
    UsageError
        The file cannot be read, or names a key or a value that does not exist; it names the line.
    """
    file = Path(SETTINGS_FILE) if path is None else path
    if path is None and not file.is_file():
        return {}
    try:
        text = read_text_regular(file, follow_links=True)
        content = tomllib.loads(text)
    except (OSError, ValueError) as error:  # not UTF-8 and no TOML are both a ValueError
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            str(cause), where=str(file), next_step="Correct the file, or name another by --config"
        ) from error
    hints, values = get_type_hints(Settings), {}
    for table, key, value in _entries(content):
        cause = _problem(table, key, already=key in values)
        try:
            if key and not cause:
                if isinstance(value, str) and value.startswith("~/"):
                    value = str(Path(value).expanduser())
                found = value_as(hints[key], value, key, Differences())
                _check(key, found)
                values[key] = in_folder(key, found, file.parent)
        except ValueError as error:
            cause = str(error)
        except UsageError as error:
            cause = f"{error.where}: {error.message}"
        if cause:
            line = _line_of(text, table, key)
            raise UsageError(
                cause, where=f"{file}, line {line}", next_step="See docs/configuration.md"
            )
    return values


def _entries(content: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """List table, key and value; the table of keys at the top has no name."""
    found = []
    for key, value in content.items():
        if key == COACH_TABLE and isinstance(value, dict):
            continue
        if isinstance(value, dict):
            found += [(key, inner, one) for inner, one in value.items()] or [(key, "", None)]
        else:
            found.append(("", key, value))
    return found


def _problem(table: str, key: str, *, already: bool) -> str:
    """Report a key in the wrong place; empty when the place is right."""
    if not table and key in TABLES.values():
        return f"'{key}' is a table. Write it once, as [{key}]"
    if table and table not in TABLES.values():
        return f"unknown table '{table}'. {suggestion(table, sorted(set(TABLES.values()) - {''}))}"
    if key and key not in TABLES:
        return f"unknown key '{key}'. {suggestion(key, TABLES)}"
    if table and key and TABLES[key] != table:
        return (
            f"key '{key}' belongs {f'to [{TABLES[key]}]' if TABLES[key] else 'before all tables'}"
        )
    return f"key '{key}' stands in the file twice" if already else ""


def _check(key: str, value: Any) -> None:  # noqa: ANN401  a value of the option's type
    """Refuse a value out of range: `ValueError` or `UsageError`."""
    if key in LEAST and value < LEAST[key]:
        raise ValueError(f"{key} must be {LEAST[key]} or more, not {value}")
    if key in POSITIVE and not value > 0:
        raise ValueError(f"{key} must be more than 0, not {value}")
    if key == "shard":
        shard_named(value)
    if key == "height_m":
        from qevd_bio.capture.body_size import checked_height_m

        checked_height_m(value)


def _line_of(text: str, table: str, key: str) -> int:
    """Find the line after the longest start of the file that can be read and lacks the key."""
    lines = text.split("\n")
    for number in range(len(lines) - 1, 0, -1):
        with suppress(tomllib.TOMLDecodeError):
            content = tomllib.loads("\n".join(lines[:number]))
            if (table or key) not in content or (table and key and key not in content[table]):
                return number + 1
    return 1
