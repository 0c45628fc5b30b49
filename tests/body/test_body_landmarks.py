"""Landmark files: valid ones are read, others are refused with the cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.body.landmarks import SMPL_LANDMARKS, read_landmarks
from qevd_bio.errors import DataError

NAMES = ("head_top", "heel_left", "nipple_right", "belly_button", "crotch")
GOOD: dict[str, Any] = {
    "schema_version": 1,
    "id": "four",
    "version": 2,
    "citation": "unverified",
    "n_vertices": 4,
    "landmarks": {name: {"vertex": 3} for name in NAMES},
}


def read(path: Path, held: object) -> Any:
    path.write_text(held if isinstance(held, str) else json.dumps(held), encoding="utf-8")
    return read_landmarks(path)


def test_shipped_landmarks_are_the_vertices_of_shapy() -> None:
    smpl = read_landmarks(SMPL_LANDMARKS)
    assert smpl.n_vertices == 6890
    assert {name: point.vertices[0] for name, point in smpl.points.items()} == {
        "head_top": 411,
        "heel_left": 3466,
        "nipple_right": 6489,
        "belly_button": 3501,
        "crotch": 1210,
    }


def test_a_point_in_a_triangle_lies_between_its_corners(tmp_path: Path) -> None:
    named = GOOD["landmarks"] | {
        "crotch": {"vertices": [0, 1, 2], "barycentric": [0.25, 0.25, 0.5]},
        "navel_of_mine": {"vertex": 0},
    }
    landmarks = read(tmp_path / "a.json", GOOD | {"landmarks": named})
    bodies = np.random.default_rng(0).normal(size=(2, 4, 3))
    expected = (bodies[:, 0] + bodies[:, 1] + 2 * bodies[:, 2]) / 4
    np.testing.assert_allclose(landmarks.places_m("crotch", bodies), expected)
    np.testing.assert_array_equal(landmarks.places_m("navel_of_mine", bodies), bodies[:, 0])
    assert (landmarks.id, landmarks.n_vertices) == ("four", 4)


def crotch(point: object) -> dict[str, Any]:
    return GOOD | {"landmarks": GOOD["landmarks"] | {"crotch": point}}


@pytest.mark.parametrize(
    ("held", "cause"),
    [
        pytest.param("{", "malformed JSON", id="no JSON"),
        pytest.param([], "is not of type 'object'", id="no mapping"),
        pytest.param(GOOD | {"more": 1}, "'more' was unexpected", id="a key too many"),
        pytest.param(GOOD | {"schema_version": 2}, "schema_version: 1 was expected", id="schema"),
        pytest.param(GOOD | {"n_vertices": 0}, "n_vertices: 0 is less", id="no vertices"),
        pytest.param(GOOD | {"citation": " "}, "citation: ' ' does not match", id="no citation"),
        pytest.param(GOOD | {"landmarks": {}}, "landmarks: 'head_top' is a", id="no landmarks"),
        pytest.param(crotch({"vertex": 4}), "crotch: vertex 4 of 4", id="beyond the last"),
        pytest.param(crotch({"vertex": -1}), "crotch.vertex: -1 is less", id="negative"),
        pytest.param(crotch({"vertex": True}), "crotch.vertex: True is not", id="bool"),
        pytest.param(crotch({"vertex": 1.5}), "crotch.vertex: 1.5 is not", id="float"),
        pytest.param(crotch({}), "crotch: {} ", id="empty"),
        pytest.param(crotch({"vertices": [0, 1, 2]}), "'barycentric' is a dep", id="no shares"),
        pytest.param(
            crotch({"vertex": 0, "vertices": [0, 1, 2], "barycentric": [1, 0, 0]}),
            "has too many properties",
            id="both forms",
        ),
        pytest.param(
            crotch({"vertices": [0, 1], "barycentric": [1, 0, 0]}), "too short", id="two"
        ),
        pytest.param(
            crotch({"vertices": [0, 1, 2], "barycentric": [0.5, 0.5, 0.5]}),
            "sum to 1.5",
            id="too much",
        ),
        pytest.param(
            crotch({"vertices": [0, 1, 2], "barycentric": [1.5, -0.5, 0]}),
            "barycentric.1: -0.5 is less",
            id="outside of the triangle",
        ),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, held: object, cause: str) -> None:
    with pytest.raises(DataError, match=cause) as caught:
        read(tmp_path / "mine.json", held)
    assert "mine.json" in caught.value.where


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"mine\.json: cannot be read"):
        read_landmarks(tmp_path / "mine.json")
