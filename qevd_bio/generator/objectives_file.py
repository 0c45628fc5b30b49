"""What a clinician asks of a motion, as a file that one can read.

{"schema_version": 1, "exercise": "squat", "objectives": [
{"measure": "depth", "unit": "deg", "target": [95, 105], "weight": 1},
{"measure": "vastus_medialis", "unit": "activation", "target": [0.3, 0.5], "weight": 2}
]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError, EnvironmentProblem, UsageError
from qevd_bio.files.input_file import read_input, read_json_input
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.measures import MEASURES, SCALES

SCHEMA_VERSION = 1
EXERCISES = ("squat",)
"""Exercises that motions are generated of."""

_KEYS = {"measure", "unit", "target", "weight"}
_HEAD = {"schema_version", "exercise", "objectives"}
_NEXT_STEP = "Write it as docs/muscles.md shows"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Asked:
    """The exercise that is asked for, and what of it."""

    exercise: str
    objectives: tuple[Objective, ...]

    def as_json(self) -> dict[str, JsonValue]:
        """Return what `read_objectives` reads."""
        rows: list[JsonValue] = [
            {"measure": one.measure, "unit": MEASURES[one.measure][0],
             "target": [one.low, one.high], "weight": one.weight}
            for one in self.objectives
        ]  # fmt: skip
        return {"schema_version": SCHEMA_VERSION, "exercise": self.exercise, "objectives": rows}


def checked_exercise(exercise: str) -> str:
    """Return an exercise that motions can be generated of; `UsageError` for another."""
    if exercise not in EXERCISES:
        raise UsageError(
            "no motions of this exercise can be generated",
            where=exercise,
            next_step=f"There is {', '.join(EXERCISES)}",
        )
    return exercise


def asked_by_options(exercise: str, options: Mapping[str, str | None]) -> Asked:
    """Read the shortcuts of the command line.

    Parameters
    ----------
    exercise : str
        One of `EXERCISES`.
    options : mapping of str to str or None
        By measure, ``LOW:HIGH`` or one number, half of `SCALES` around which is asked for.

    Raises
    ------
    UsageError
        Nothing is asked for, or a value is no range.
    """
    checked_exercise(exercise)
    found = []
    for measure, text in options.items():
        if text is None:
            continue
        flag = f"--{measure.replace('_', '-')}"
        try:
            ends = [float(part) for part in text.split(":")]
            if len(ends) == 1:
                ends = [ends[0] - SCALES[measure] / 2.0, ends[0] + SCALES[measure] / 2.0]
            low, high = ends
            found.append(Objective(measure, low, high))
        except ValueError as error:
            raise UsageError(
                f"{text!r} is no range ({error})",
                where=flag,
                next_step="Give LOW:HIGH or one number",
            ) from error
    if not found:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in options)
        raise UsageError(
            "nothing is asked for", where="objectives", next_step=f"Give --objectives, or {flags}"
        )
    return Asked(exercise, tuple(found))


def read_objectives(path: Path) -> Asked:
    """Read a file of objectives, YAML by its suffix, else JSON.

    Raises
    ------
    DataError
        The file is no such file; the message names the objective and its key.
    EnvironmentProblem
        The file is YAML and PyYAML is not installed.
    """
    is_yaml = path.suffix.lower() in _YAML
    content = _yaml(path) if is_yaml else read_json_input(path, next_step=_NEXT_STEP)
    if not isinstance(content, dict) or set(content) != _HEAD:
        raise _bad(path, "needs the keys schema_version, exercise and objectives, and no others")
    if content["schema_version"] != SCHEMA_VERSION:
        raise _bad(path, f"schema_version: is not {SCHEMA_VERSION}")
    if content["exercise"] not in EXERCISES:
        raise _bad(path, f"exercise: is not {' or '.join(EXERCISES)}")
    rows = content["objectives"]
    if not isinstance(rows, list) or not rows:
        raise _bad(path, "objectives: holds none")
    found = tuple(_objective(path, number, row) for number, row in enumerate(rows))
    if len({one.measure for one in found}) < len(found):
        raise _bad(path, "objectives: ask twice for one measure")
    return Asked(content["exercise"], found)


def _yaml(path: Path) -> Any:  # noqa: ANN401  whatever YAML holds
    try:
        import yaml
    except ImportError as error:
        raise EnvironmentProblem(
            f"YAML needs PyYAML ({error})",
            where=str(path),
            next_step='Run: pip install "qevd-bio[muscles]", or write JSON',
        ) from error
    try:
        return yaml.safe_load(read_input(path).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _bad(path, f"is no YAML ({' '.join(str(error).split())[:200]})") from error


def _objective(path: Path, number: int, row: JsonValue) -> Objective:
    where = f"objectives[{number}]"
    if not isinstance(row, Mapping) or set(row) != _KEYS:
        raise _bad(path, f"{where}: needs the keys {', '.join(sorted(_KEYS))}")
    name, target, weight = row["measure"], row["target"], row["weight"]
    if not isinstance(target, Sequence) or not _numbers(target) or len(target) != 2:
        raise _bad(path, f"{where}.target: is not two numbers, the lowest and the highest")
    if not _numbers([weight]):
        raise _bad(path, f"{where}.weight: is no number")
    try:
        found = Objective(str(name), *(float(one) for one in (*target, weight)))  # type: ignore[arg-type]
    except (ValueError, OverflowError) as error:
        raise _bad(path, f"{where}: {error}") from error
    if row["unit"] != MEASURES[found.measure][0]:
        raise _bad(path, f"{where}.unit: the unit of {name} is {MEASURES[found.measure][0]}")
    return found


def _numbers(values: Sequence[JsonValue]) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def _bad(path: Path, cause: str) -> DataError:
    return DataError(cause, where=str(path), next_step=_NEXT_STEP)
