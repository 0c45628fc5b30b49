"""What a user asks the coach for, on the command line or in the table `[coach]` of a file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from qevd_bio.capture.body_size import checked_height_m
from qevd_bio.choices import DetectorModel, suggestion
from qevd_bio.errors import UsageError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.pipeline.dataclass_json import Differences, value_as
from qevd_bio.pipeline.settings import SETTINGS_FILE
from qevd_bio.pipeline.settings_file import COACH_TABLE, read_settings

AUTO = "auto"
"""The value of `exercise` that leaves it to recognition."""

REFERENCE = "reference"
"""Stands in `against` for the rule's own reference in place of a video."""

SHARED = ("rules", "references", "detector_model", "height_m")
"""Options of `run` that the coach takes from the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoachSettings:
    """What the coach is asked for.

    Attributes
    ----------
    exercise : str
        Any name of a rule, or ``auto``.
    against : tuple of Path
        Videos or folders of gold executions to compare with.
    start_s, end_s : float or None
        The part of each video to look at, in seconds from its first frame.
    height_m : float or None
        Of the person; None: sizes are ratios.
    out : Path
        Folder of the results.
    rules : Path or None
        Folder of the user's own rules.
    references : Path or None
        Folder of references in place of the rules' own.
    detector_model : str or None
        As in `run`.
    longest_side : int
        Of the annotated video, in pixels.
    """

    exercise: str = AUTO
    against: tuple[Path, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    height_m: float | None = None
    out: Path = Path("coach")
    rules: Path | None = None
    references: Path | None = None
    detector_model: DetectorModel | None = None
    longest_side: int = 960

    def __post_init__(self) -> None:
        if self.height_m is not None:
            checked_height_m(self.height_m)
        start_s, end_s = self.start_s or 0.0, self.end_s
        if start_s < 0.0 or (end_s is not None and end_s <= start_s):
            raise UsageError(
                f"from {start_s:g} s to {end_s} s is no part of a video",
                where="--start, --end",
                next_step="Give seconds from the first frame, the end after the start",
            )


def settings_with(given: dict[str, Any], config: Path | None) -> CoachSettings:
    """Take what the command line gives, and from the settings file what it does not.

    Parameters
    ----------
    given : dict
        Values by field; None: not given.
    config : Path or None
        The settings file; None: `qevd-bio.toml` of the current folder, if there is one.

    Raises
    ------
    UsageError
        The file cannot be read, or a key or value of it does not exist.
    """
    file = config or Path(SETTINGS_FILE)
    shared = {key: one for key, one in read_settings(config).items() if key in SHARED}
    own = _coach_table(file) if file.is_file() else {}
    named = {key: one for key, one in given.items() if one is not None and one != ()}
    return replace(CoachSettings(), **(shared | own | named))


def _coach_table(file: Path) -> dict[str, Any]:
    """Read the table `[coach]`; relative paths start from the file's folder."""
    content = tomllib.loads(read_text_regular(file, follow_links=True)).get(COACH_TABLE, {})
    hints = get_type_hints(CoachSettings)
    values: dict[str, Any] = {}
    for key, value in content.items():
        where = f"{file}, [{COACH_TABLE}] {key}"
        if key not in hints:
            known = [one.name for one in fields(CoachSettings)]
            raise UsageError("unknown key", where=where, next_step=suggestion(key, known))
        try:
            found = value_as(hints[key], value, key, Differences())
        except ValueError as error:
            raise UsageError(str(error), where=where, next_step="See docs/coach.md") from error
        values[key] = _in_folder(found, file.parent)
    return values


def _in_folder(value: object, folder: Path) -> object:
    if value == Path(REFERENCE):
        return value
    if isinstance(value, tuple):
        return tuple(_in_folder(one, folder) for one in value)
    return folder / value.expanduser() if isinstance(value, Path) else value
