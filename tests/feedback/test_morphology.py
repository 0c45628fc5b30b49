"""The morphology context: only the measurements of the body."""

from __future__ import annotations

import math

import pytest

from qevd_bio.errors import DataError
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements

ALL = {"hips": 1.013, "waist": 0.851, "chest": 0.98, "mass": 73.2249, "height": 1.778}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(
            ALL, "Height 1.78 m, Mass 73.22 kg, Chest 0.98 m, Waist 0.85 m, Hips 1.01 m.", id="all"
        ),
        pytest.param({"mass": 80.0, "height": 2}, "Height 2.00 m, Mass 80.00 kg.", id="two"),
        pytest.param({"waist": 0.805}, "Waist 0.81 m.", id="half away from zero"),
        pytest.param({}, "", id="none"),
    ],
)
def test_only_given_measures_are_written(given, text):
    assert morphology_context(given, low_confidence=False) == text


def test_the_warning_stands_in_front():
    warning = morphology_context({}, low_confidence=True)
    assert warning.startswith("Warning: low pose confidence")
    assert morphology_context({"height": 1.7}, low_confidence=True) == f"{warning} Height 1.70 m."


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        pytest.param({"shoe": 42.0}, "no body measure", id="unknown"),
        pytest.param({"height": math.nan}, "nan is no positive number", id="NaN"),
        pytest.param({"mass": math.inf}, "inf is no positive number", id="infinite"),
        pytest.param({"mass": -70.0}, "-70.0 is no positive number", id="negative"),
        pytest.param({"height": 0.001}, "0.001 is no positive number", id="written as zero"),
    ],
)
def test_what_is_no_measure_is_refused(given, cause):
    with pytest.raises(DataError, match=cause):
        morphology_context(given, low_confidence=False)


ROW = {
    "height_m": 1.78,
    "mass_kg": 73.22,
    "chest_m": 1.0,
    "waist_m": 0.83,
    "hip_m": 0.98,
    "given_height_m": None,
    "flags": [],
}


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        pytest.param(
            {}, "Height 1.78 m, Mass 73.22 kg, Chest 1.00 m, Waist 0.83 m, Hips 0.98 m.", id="all"
        ),
        pytest.param(
            dict.fromkeys(ROW) | {"flags": [], "given_height_m": 1.8, "height_m": 1.8},
            "Height 1.80 m.",
            id="a given height alone",
        ),
        pytest.param(
            {"flags": ["girth_order"]}, "Height 1.78 m, Mass 73.22 kg.", id="doubtful girths"
        ),
        pytest.param({"flags": ["height_range"]}, "", id="doubtful scale"),
        pytest.param(
            {"flags": ["height_contradicted"], "given_height_m": 1.6},
            "Height 1.60 m.",
            id="contradicted by what is known",
        ),
        pytest.param(
            {"flags": ["mass_range", "open_surface"]}, "Height 1.78 m.", id="doubtful mass"
        ),
        pytest.param({"given_height_m": 1.75, "mass_kg": None},
                     "Height 1.75 m, Chest 1.00 m, Waist 0.83 m, Hips 0.98 m.",
                     id="what is known goes first"),
    ],
)  # fmt: skip
def test_doubtful_measures_are_left_out(changed, text):
    assert morphology_context(reportable_measurements(ROW | changed), low_confidence=False) == text
