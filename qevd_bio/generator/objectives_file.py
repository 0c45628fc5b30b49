"""What a clinician asks of a motion, as a file that one can read.

{"schema_version": 1, "exercise": "squat", "objectives": [
{"measure": "depth", "unit": "deg", "low": 95, "high": 105, "weight": 1},
{"measure": "vastus_medialis", "unit": "activation", "low": 0.3, "high": 0.5, "weight": 2}
]}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.input_file import read_json_input
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.generator.guidance import MEASURES, Objective

SCHEMA_VERSION = 1
_KEYS = {"measure", "unit", "low", "high", "weight"}
_NEXT_STEP = "Write it as docs/muscles.md shows"


def read_objectives(path: Path) -> tuple[Objective, ...]:
    """Read objectives of squats.

    Raises
    ------
    DataError
        The file is no such file; the message names the objective and its key.
    """
    content = read_json_input(path, next_step=_NEXT_STEP)
    if not isinstance(content, dict) or set(content) != {
        "schema_version", "exercise", "objectives",
    }:  # fmt: skip
        raise _bad(path, "needs the keys schema_version, exercise and objectives, and no others")
    if content["schema_version"] != SCHEMA_VERSION or content["exercise"] != "squat":
        raise _bad(path, f"is not of schema_version {SCHEMA_VERSION} and exercise squat")
    rows = content["objectives"]
    if not isinstance(rows, list) or not rows:
        raise _bad(path, "objectives: holds none")
    return tuple(_objective(path, number, row) for number, row in enumerate(rows))


def _objective(path: Path, number: int, row: JsonValue) -> Objective:
    where = f"objectives[{number}]"
    if not isinstance(row, Mapping) or set(row) != _KEYS:
        raise _bad(path, f"{where}: needs the keys {', '.join(sorted(_KEYS))}")
    name = row["measure"]
    numbers = [row[key] for key in ("low", "high", "weight")]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        raise _bad(path, f"{where}: low, high and weight are numbers")
    try:
        found = Objective(str(name), *(float(one) for one in numbers))  # type: ignore[arg-type]
    except ValueError as error:
        raise _bad(path, f"{where}: {error}") from error
    if row["unit"] != MEASURES[found.measure][0]:
        raise _bad(path, f"{where}: the unit of {name} is {MEASURES[found.measure][0]}")
    return found


def _bad(path: Path, cause: str) -> DataError:
    return DataError(cause, where=str(path), next_step=_NEXT_STEP)
