"""What a clinician asks for: in JSON, in YAML and by options."""

from __future__ import annotations

import json

import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.objectives_file import Asked, asked_by_options, read_objectives

GOOD = {"measure": "depth", "unit": "deg", "target": [90, 100], "weight": 1}
DEPTH = Objective("depth", 90.0, 100.0, 1.0)


def written(path, rows, **changes):
    content = {"schema_version": 1, "exercise": "squat", "objectives": rows} | changes
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"measure": "hight"}, "no measure"),
        ({"unit": "rad"}, "unit of depth is deg"),
        ({"target": [110, 100]}, "no range"),
        ({"target": [90]}, "not two numbers"),
        ({"target": ["deep", 100]}, "not two numbers"),
        ({"target": "90:100"}, "not two numbers"),
        ({"weight": True}, "is no number"),
        ({"weight": -1}, "-1 is no weight"),
        ({"extra": 1}, "needs the keys"),
    ],
    ids=["measure", "unit", "range", "one", "word", "text", "weight", "negative", "key"],
)
def test_objectives_that_cannot_be_are_named(row, words, tmp_path) -> None:
    path = written(tmp_path / "objectives.json", [GOOD])
    assert read_objectives(path) == Asked("squat", (DEPTH,))
    written(path, [GOOD | row])
    with pytest.raises(DataError, match=rf"objectives\.json.*{words}"):
        read_objectives(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"exercise": "lunge"}, "exercise"),
        ({"objectives": []}, "holds none"),
        ({"objectives": [GOOD, GOOD]}, "ask twice"),
        ({"more": 1}, "and no others"),
    ],
)
def test_a_file_of_another_kind_is_refused(changes, words, tmp_path) -> None:
    with pytest.raises(DataError, match=words):
        read_objectives(written(tmp_path / "o.json", [GOOD], **changes))


def test_yaml_says_the_same(tmp_path) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "asked.yaml"
    path.write_text(
        "schema_version: 1\nexercise: squat\nobjectives:\n"
        "  - measure: depth   # of the knees\n    unit: deg\n    target: [90, 100]\n"
        "    weight: 1\n",
        encoding="utf-8",
    )
    assert read_objectives(path) == Asked("squat", (DEPTH,))
    path.write_text("a: [1", encoding="utf-8")
    with pytest.raises(DataError, match="no YAML"):
        read_objectives(path)


@pytest.mark.parametrize(
    ("target", "weight", "words"),
    [("[90, .inf]", "1", "90 to inf is no range"), ("[-.inf, 90]", "1", "is no range"),
     ("[90, 100]", ".nan", "nan is no weight"), ("[90, 100]", ".inf", "inf is no weight"),
     ("[90, 1" + 400 * "0" + "]", "1", "too large")],
    ids=["high", "low", "nan", "inf", "long"],
)  # fmt: skip
def test_what_yaml_alone_calls_numbers_is_refused(target, weight, words, tmp_path) -> None:
    pytest.importorskip("yaml")
    path = tmp_path / "asked.yaml"
    row = f"{{measure: depth, unit: deg, target: {target}, weight: {weight}}}"
    path.write_text(
        f"schema_version: 1\nexercise: squat\nobjectives:\n  - {row}\n", encoding="utf-8"
    )
    with pytest.raises(DataError, match=rf"asked\.yaml.*objectives.0..*{words}"):
        read_objectives(path)


def test_options_are_shortcuts_for_a_file(tmp_path) -> None:
    asked = asked_by_options(
        "squat", {"depth": "100", "vastus_medialis": "0.3:0.5", "tilt": None, "asymmetry": "-1:4"}
    )
    assert asked.objectives == (
        Objective("depth", 95.0, 105.0),
        Objective("vastus_medialis", 0.3, 0.5),
        Objective("asymmetry", -1.0, 4.0),
    )
    path = tmp_path / "again.json"
    path.write_text(json.dumps(asked.as_json()), encoding="utf-8")
    assert read_objectives(path) == asked


@pytest.mark.parametrize(
    ("exercise", "options", "words"),
    [
        ("squat", {"depth": "deep"}, "--depth.*'deep' is no range"),
        ("squat", {"vastus_medialis": "0.5:0.3"}, "--vastus-medialis.*no range"),
        ("squat", {"depth": "1:2:3"}, "no range"),
        ("squat", {"depth": "90:inf"}, "--depth.*90 to inf is no range"),
        ("squat", {"depth": "nan"}, "--depth.*no range"),
        ("squat", {"depth": None}, "nothing is asked for"),
        ("plank", {"depth": "100"}, "plank.*no motions"),
    ],
)
def test_options_that_cannot_be_are_named(exercise, options, words) -> None:
    with pytest.raises(UsageError, match=words):
        asked_by_options(exercise, options)
