"""The check of contexts must fail for each way a row can know too much, or something else."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError
from qevd_bio.feedback.morphology import morphology_context
from qevd_bio.release.context_evidence import context_issues
from qevd_bio.tables import contexts
from qevd_bio.tables.parquet import read_parquet, rows_table, write_parquet
from qevd_bio.verify.release import verify_release
from tests.release.made_artifacts import START_S, publish, published
from tests.verify.made_release import edit_rows, reseal

pytestmark = pytest.mark.usefixtures("equal_inputs_are_derived_once")

SHARD = "contexts/train-00000-of-00001.parquet"
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def sound_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("sound_contexts")
    video = published(home, "0007", "train", frames=70)
    return publish([video], out=home / "release").folder


@pytest.fixture
def folder(sound_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound_folder, tmp_path / sound_folder.name))


def row(place: int, **changed: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[place].update(changed)


def say(place: int, old: str, new: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        assert old in rows[place]["motion_context"]
        rows[place]["motion_context"] = rows[place]["motion_context"].replace(old, new)

    return change


def swap_pose(rows: Rows) -> None:
    """State the pose of the next row."""
    _, _, known = rows[5]["motion_context"].partition("Violations:")
    later, _, _ = rows[6]["motion_context"].partition("Violations:")
    rows[5]["motion_context"] = f"{later}Violations:{known}"


def known_too_early(rows: Rows) -> None:
    """State the violations one row before the cycle became known."""
    _, _, known = rows[3]["motion_context"].partition("Violations:")
    pose, _, _ = rows[2]["motion_context"].partition("Violations:")
    rows[2]["motion_context"] = f"{pose}Violations:{known}"


def known_while_it_may_go_on(rows: Rows) -> None:
    """Let the cycle be known with the row before, and all texts agree."""
    first, early = rows[3], rows[2]
    for one in rows[2:]:
        one["cycle"] = first["cycle"] | {"known_s": early["time_s"]}
    early |= {name: first[name] for name in ("cycle_count", "is_refresh", "findings")}
    first |= {"is_refresh": False, "findings": []}
    known_too_early(rows)


def finding(**changed: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[3]["findings"][0].update(changed)


def cycle(place: int, **changed: Any) -> Callable[[Rows], None]:
    return lambda rows: rows[place]["cycle"].update(changed)


DAMAGES: dict[str, tuple[Callable[[Rows], Any], str]] = {
    "pose of a later row": (swap_pose, "the pose state is"),
    "violations before they are known": (known_too_early, "the findings known give"),
    "another number": (say(5, "72°", "71°"), "states 71"),
    "violation left out": (say(5, "72°", ""), "leaves out knee_flexion 72°"),
    "violations denied": (
        lambda rows: rows[5].update(
            motion_context=rows[5]["motion_context"].partition("Violations:")[0]
            + "Violations: none."
        ),
        "leaves out knee_flexion",
    ),
    "clip time": (row(5, clip_s=0.4), "clip_s is 0.4"),
    "row left out": (lambda rows: rows.pop(5) and None, "lacks the rows of frames [38]"),
    "row at another frame": (row(5, frame=39), "at no quarter of a second"),
    "count without a cycle": (row(6, cycle_count=2), "is no refresh"),
    "cycle without a refresh": (cycle(6, end_s=1690028800.3), "is no refresh"),
    "refresh at another time": (cycle(3, known_s=1690028800.4), "became known with it"),
    "check of a later frame": (finding(key_frame=39), "at the later frame 39"),
    "check at another time": (finding(key_s=1690028800.31), "is not the time of frame 5"),
    "check outside of its cycle": (
        finding(key_frame=9, key_s=START_S + 9 / 30.0),
        "outside of its cycle",
    ),
    "cycle known while it may go on": (known_while_it_may_go_on, "less than 0.5 s after its end"),
    "words added": (say(5, "phase.", "phase. Keep your chest up."), "not the words"),
    "another phase": (say(5, "at the bottom phase", "at the top phase"), "not the words"),
    "another exercise": (row(6, exercise_text="lunges"), "that of its segment is 'squats'"),
    "joints of one row": (row(6, salient_joints=["femur_r"]), "that of its segment is"),
    "angles said to be from the past": (
        lambda rows: [one.update(angles_from="past") for one in rows] and None,
        "angles_from is 'past'",
    ),
    "a warning where all is seen": (
        row(6, morphology_context=morphology_context({}, low_confidence=True)),
        "the morphology context states",
    ),
    "body": (row(6, morphology_context="Height 1.90 m."), "the morphology context states"),
}


def test_rows_that_follow_are_sound(sound_folder: Path) -> None:
    assert context_issues(sound_folder) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_a_row_that_does_not_follow_is_found(folder: Path, name: str) -> None:
    change, cause = DAMAGES[name]
    edit_rows(folder / SHARD, change)
    reseal(folder)
    assert any(cause in issue.cause for issue in context_issues(folder))
    verdict = verify_release(folder)
    assert any(cause in issue.cause for issue in verdict.issues if issue.kind == "context")


def test_a_finding_that_contradicts_itself_is_found(folder: Path) -> None:
    edit_rows(folder / SHARD, finding(severity=3.0))
    reseal(folder)
    causes = [issue.cause for issue in verify_release(folder).issues if issue.kind == "copy"]
    assert "stance: severity is 3.0, its numbers give 0.8" in causes


def test_publishing_refuses_contexts_that_know_the_future(tmp_path: Path) -> None:
    video = published(tmp_path, "0007", "train", frames=70)
    path = video.artifacts["contexts"]
    rows = read_parquet(path, contexts.SCHEMA).to_pylist()
    known_too_early(rows)
    write_parquet(rows_table(rows, contexts.SCHEMA), path)
    release = functools.partial(publish, [video], out=tmp_path / "release")
    with pytest.raises(DataError, match="the findings known give") as caught:
        release()
    assert "0007 context 2" in str(caught.value)
    assert list((tmp_path / "release").iterdir()) == []
