"""Measurements made with SHAPY by others, one body a video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.files.json_schema import load_schema, schema_violation
from qevd_bio.files.strict_json import read_json

FILE_OF_SPLIT: Mapping[str, str] = {
    "train": "all_hsmr_shapy_measurements.json",
    "test": "all_hsmr_shapy_measurements_benchmark.json",
}
"""Names under which BioCoach's authors publish them."""

PERSON_PREFIX = "HSMR-"

_SCHEMA = load_schema(__file__, "shapy.schema.json")
_NEXT_STEP = "Restore SHAPY's measurement file, or leave it out"
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
        JSON as ``shapy.schema.json`` describes it.

    Returns
    -------
    dict of str to dict
        height_m, mass_kg, chest_m, waist_m and hip_m by video id (``0006``).

    Raises
    ------
    DataError
        The file is absent or violates its schema, or a person appears twice.
    """
    held: Any = read_json(path, next_step=_NEXT_STEP)
    if violation := schema_violation(_SCHEMA, held):
        key, cause = violation
        raise DataError(cause, where=f"{path} {key}".rstrip(), next_step=_NEXT_STEP)
    found: dict[str, dict[str, float]] = {}
    for entry in held["measurements"]:
        video_id = entry["person_id"].removeprefix(PERSON_PREFIX)
        if video_id in found:
            cause = f"holds {PERSON_PREFIX}{video_id} twice"
            raise DataError(cause, where=str(path), next_step=_NEXT_STEP)
        values = entry["measurements"]
        found[video_id] = {column: float(values[name]) for name, column in _COLUMNS.items()}
    return found
