"""SHAPY's measurements as others give them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.body.shapy_file import read_shapy
from qevd_bio.errors import DataError

VALUES = {"height": 1.78, "mass": 73.22, "chest": 1.0, "waist": 0.83, "hips": 0.98}
ENTRY: dict[str, Any] = {"person_id": "HSMR-0006", "measurements": VALUES}


def read(path: Path, held: object) -> dict[str, dict[str, float]]:
    path.write_text(held if isinstance(held, str) else json.dumps(held), encoding="utf-8")
    return read_shapy(path)


def test_entries_come_by_video_in_our_units(tmp_path: Path) -> None:
    other = {"person_id": "HSMR-0007", "gender": "male", "measurements": VALUES | {"mass": 80}}
    found = read(tmp_path / "a.json", {"measurements": [ENTRY, other], "date": "today"})
    assert found["0006"] == {
        "height_m": 1.78,
        "mass_kg": 73.22,
        "chest_m": 1.0,
        "waist_m": 0.83,
        "hip_m": 0.98,
    }
    assert found["0007"]["mass_kg"] == 80.0 and len(found) == 2
    assert read(tmp_path / "b.json", {"measurements": []}) == {}


def changed(**values: object) -> dict[str, Any]:
    return {"measurements": [{"person_id": "HSMR-0006", "measurements": VALUES | values}]}


@pytest.mark.parametrize(
    ("held", "cause"),
    [
        pytest.param("nothing", "malformed JSON", id="no JSON"),
        pytest.param([ENTRY], "is not of type 'object'", id="a list"),
        pytest.param({"measurements": {}}, "is not of type 'array'", id="a mapping"),
        pytest.param({"measurements": [VALUES]}, "'person_id' is a required", id="no person"),
        pytest.param({"measurements": [ENTRY | {"person_id": 6}]}, "6 is not of", id="number"),
        pytest.param(
            {"measurements": [ENTRY | {"person_id": "HSMR-"}]}, "does not match", id="no video"
        ),
        pytest.param({"measurements": [ENTRY, ENTRY]}, "holds HSMR-0006 twice", id="twice"),
        pytest.param(
            {"measurements": [ENTRY | {"measurements": {"height": 1.8}}]},
            "measurements.0.measurements: 'mass' is a required",
            id="lacking",
        ),
        pytest.param(changed(mass=0), "mass: 0 is less", id="nothing"),
        pytest.param(changed(mass=None), "mass: None is not", id="null"),
        pytest.param(changed(mass=10**400), "out of range", id="too long for a float"),
        pytest.param(changed(waist="0.83"), "waist: '0.83' is not", id="text"),
        pytest.param(changed(waist=True), "waist: True is not", id="bool"),
        pytest.param(
            json.dumps(changed()).replace("73.22", "NaN"), "NaN is no JSON number", id="nan"
        ),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, held: object, cause: str) -> None:
    with pytest.raises(DataError, match=cause) as caught:
        read(tmp_path / "shapy.json", held)
    assert "shapy.json" in caught.value.where


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_shapy(tmp_path / "shapy.json")
