"""The morphology context C_morph: measures of the body in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from qevd_bio.body.plausible import DOUBTS
from qevd_bio.errors import DataError
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import SENTENCES, rounded

_DECIMALS = 2
_COLUMN_OF = {
    "height": "height_m",
    "mass": "mass_kg",
    "chest": "chest_m",
    "waist": "waist_m",
    "hips": "hip_m",
}


def reportable_measurements(row: Mapping[str, Any]) -> dict[str, float]:
    """Choose the body measures of a `morphometrics` row that a sentence may name.

    A given height goes before the measured one; measures that a flag makes doubtful
    (`body.plausible.DOUBTS`) are left out, and so are nulls.
    """
    doubted = frozenset[str]().union(*(DOUBTS[flag] for flag in row["flags"]))
    known = {
        name: row[column]
        for name, column in _COLUMN_OF.items()
        if row[column] is not None and column not in doubted
    }
    given = row["given_height_m"]
    return known if given is None else known | {"height": given}


def morphology_context(measurements: Mapping[str, float], *, low_confidence: bool) -> str:
    """Serialise body measures (paper 3.4, supplement 6.3).

    Parameters
    ----------
    measurements : mapping of str to float
        Any of height, chest, waist, hips in metres and mass in kilograms.
    low_confidence : bool
        Puts a warning in front.

    Returns
    -------
    str
        "Height 1.78 m, Mass 73.22 kg."; empty where nothing measured the body.

    Raises
    ------
    DataError
        A measure is unknown, or its value is no positive number.
    """
    prompt = load_prompt(SENTENCES)
    known, forms = prompt["body"], prompt["forms"]
    for name, value in measurements.items():
        if name not in known:
            raise _bad(name, f"no body measure; they are {', '.join(known)}")
        if not (math.isfinite(value) and rounded(value, _DECIMALS) > 0):
            raise _bad(name, f"{value} is no positive number")
    written = [
        forms["body_measure"].format(**words, n=rounded(measurements[name], _DECIMALS))
        for name, words in known.items()
        if name in measurements
    ]
    body = forms["body"].format(measures=", ".join(written)) if written else ""
    warning = forms["low_confidence"] if low_confidence else ""
    return f"{warning} {body}".strip()


def _bad(name: str, cause: str) -> DataError:
    return DataError(
        cause, where=f"body measure '{name}'", next_step="Correct the source of the measurements"
    )
