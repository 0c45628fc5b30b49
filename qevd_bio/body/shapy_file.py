"""Measurements that others made with SHAPY, one body a video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.strict_json import JsonValue, parse_json

FILE_OF_SPLIT: Mapping[str, str] = {
    "train": "all_hsmr_shapy_measurements.json",
    "test": "all_hsmr_shapy_measurements_benchmark.json",
}
"""Names under which BioCoach's authors give them out."""

PERSON_PREFIX = "HSMR-"

_MOST = 1e6
"""No measurement in metres or kilograms is larger, and any that is not fits a float."""

_COLUMNS = {
    "height": "height_m",
    "mass": "mass_kg",
    "chest": "chest_m",
    "waist": "waist_m",
    "hips": "hip_m",
}


def read_shapy(path: Path) -> dict[str, dict[str, float]]:
    """Read a file of SHAPY measurements.

    Parameters
    ----------
    path : Path
        JSON: ``{"measurements": [{"person_id": "HSMR-0006", "measurements": {"height": 1.78,
        "mass": 73.2, "chest": 1.0, "waist": 0.83, "hips": 0.98}}, ...]}``, in metres and
        kilograms. Further keys are left alone.

    Returns
    -------
    dict of str to dict
        height_m, mass_kg, chest_m, waist_m and hip_m by video id (``0006``).

    Raises
    ------
    DataError
        The file is absent or malformed, a measurement is missing or no positive number, or a
        person is there twice.
    """
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(where, f"cannot be read ({error})") from error
    held = parse_json(text, where=where)
    entries = held["measurements"] if isinstance(held, Mapping) and "measurements" in held else 0
    if not isinstance(entries, list):
        raise _bad(where, "has no list 'measurements'")
    found: dict[str, dict[str, float]] = {}
    for number, entry in enumerate(entries):
        video_id, measured = _entry(entry, f"{where} measurements[{number}]")
        if video_id in found:
            raise _bad(where, f"holds {PERSON_PREFIX}{video_id} twice")
        found[video_id] = measured
    return found


def _entry(entry: JsonValue, where: str) -> tuple[str, dict[str, float]]:
    if not isinstance(entry, Mapping) or not {"person_id", "measurements"} <= set(entry):
        raise _bad(where, "needs the keys person_id and measurements")
    person, values = entry["person_id"], entry["measurements"]
    if not isinstance(person, str) or not person.removeprefix(PERSON_PREFIX):
        raise _bad(where, f"person_id {person!r} is no name such as {PERSON_PREFIX}0006")
    where = f"{where} ({person})"
    if not isinstance(values, Mapping):
        raise _bad(where, "measurements is no mapping")
    lacking = [name for name in _COLUMNS if name not in values]
    if lacking:
        raise _bad(where, f"lacks {', '.join(lacking)}")
    measured = {column: _positive(values[name], where, name) for name, column in _COLUMNS.items()}
    return person.removeprefix(PERSON_PREFIX), measured


def _positive(value: JsonValue, where: str, name: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0.0 < value <= _MOST:
        return float(value)
    raise _bad(where, f"{name} {value!r} is no positive number")


def _bad(where: str, cause: str) -> DataError:
    return DataError(
        cause, where=where, next_step="Restore SHAPY's measurement file, or leave it out"
    )
