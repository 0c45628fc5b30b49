"""A folder of references in place of the rules' own, and what it must not be."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.errors import DataError
from qevd_bio.exercises.given_references import reference_files, with_references
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_all, build_reference
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.exercises.made_references import SQUAT, deeper, write_folder

RULES = load_rules()


def test_the_reference_of_the_folder_is_used_and_only_there(tmp_path) -> None:
    rules = with_references(RULES, write_folder(tmp_path))
    assert np.array_equal(build_reference(rules["squat"]), deeper())
    assert not np.array_equal(build_reference(RULES["squat"]), deeper())
    assert {name for name, one in rules.items() if one.given} == {"squat"}
    assert with_references(RULES, None) == RULES


def test_what_is_carried_gives_the_same_references_again(tmp_path) -> None:
    rules = with_references(
        RULES, write_folder(tmp_path / "a", change=lambda e: e.update(why="x"))
    )
    assert reference_files(RULES) == {}
    (tmp_path / "b").mkdir()
    for name, content in reference_files(rules).items():
        (tmp_path / "b" / name).write_bytes(content)
    again = with_references(RULES, tmp_path / "b")["squat"].given
    assert again is not None and again.digest == rules["squat"].given.digest
    assert again.entry["why"] == "x", "provenance is kept"


def test_the_folder_of_the_shipped_references_changes_nothing(tmp_path) -> None:
    build_all(tmp_path, [SQUAT])
    assert np.array_equal(
        build_reference(with_references(RULES, tmp_path)["squat"]), build_reference(SQUAT)
    )


def short() -> np.ndarray:
    return deeper()[:51]


def unknown() -> np.ndarray:
    q = deeper()
    q[3, 5] = np.nan
    return q


def broken_knee() -> np.ndarray:
    return deeper(2.0)


def upside_down() -> np.ndarray:
    """Straight where the knees should be bent most."""
    q = deeper()
    columns = [DOF_INDEX[f"knee_angle_{side}"] for side in "rl"]
    q[:, columns] = q[:, columns].max() - q[:, columns]
    return q


def open_cycle() -> np.ndarray:
    q = deeper()
    q[-1, DOF_INDEX["elbow_flexion_r"]] += 0.02
    return q


@pytest.mark.parametrize(
    ("q", "words"),
    [(open_cycle, "ends 1.1 degrees from where it starts"), (short, "shape"),
     (unknown, "no finite"), (broken_knee, "possible are"), (upside_down, "phase 'bottom'")],
)  # fmt: skip
def test_angles_that_are_no_reference_are_refused(q, words, tmp_path) -> None:
    folder = write_folder(tmp_path)
    np.save(folder / "squat.npy", q())
    with pytest.raises(DataError, match=rf"squat\.npy.*{words}"):
        with_references(RULES, folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda entry: entry.update(rule_version=1), "rule_version is 1"),
        (lambda entry: entry.update(sha256="0" * 64), "sha256"),
        (lambda entry: entry.update(phases={"standing": 0.0, "bottom": 0.4}), "phases"),
        (lambda entry: entry.pop("points"), "points is 'absent'"),
    ],
    ids=["version", "digest", "phases", "absent"],
)
def test_an_entry_that_does_not_fit_is_named(change, words, tmp_path) -> None:
    folder = write_folder(tmp_path, change=change)
    with pytest.raises(DataError, match=rf"references\.squat.*{words}"):
        with_references(RULES, folder)


def test_another_exercise_schema_or_file_is_refused(tmp_path) -> None:
    with pytest.raises(DataError, match=r"references\.hopping.*no rule has this id"):
        with_references(RULES, write_folder(tmp_path / "a", name="hopping"))
    other = write_folder(tmp_path / "b") / "index.json"
    other.write_text(other.read_text().replace('"schema_version": 1', '"schema_version": 9'))
    with pytest.raises(DataError, match="schema_version 9, not 1"):
        with_references(RULES, other.parent)
    other.write_text("[]")
    with pytest.raises(DataError, match="no index of references"):
        with_references(RULES, other.parent)
    with pytest.raises(DataError, match=r"index\.json"):
        with_references(RULES, tmp_path / "absent")
