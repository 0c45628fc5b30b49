"""The morphology context C_morph: measures of the body in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qevd_bio.errors import DataError
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import SENTENCES, rounded

_DECIMALS = 2


def morphology_context(measurements: Mapping[str, float], *, low_confidence: bool) -> str:
    """Serialise body measures (paper 3.4, supplement 6.3).

    Parameters
    ----------
    measurements : mapping of str to float
        Any of height, chest, waist, hips in metres and mass in kilograms; empty where nothing
        measured the body.
    low_confidence : bool
        Puts a warning in front.

    Returns
    -------
    str
        "Height 1.78 m, Mass 73.22 kg." with what is given and nothing else.

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
    told = [
        forms["body_measure"].format(**words, n=rounded(measurements[name], _DECIMALS))
        for name, words in known.items()
        if name in measurements
    ]
    body = forms["body"].format(measures=", ".join(told)) if told else ""
    warning = forms["low_confidence"] if low_confidence else ""
    return f"{warning} {body}".strip()


def _bad(name: str, cause: str) -> DataError:
    return DataError(
        cause, where=f"body measure '{name}'", next_step="Correct the source of the measurements"
    )
