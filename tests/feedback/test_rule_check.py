"""A rule is checked before a run: all that a stage would lack is reported, with its key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from qevd_bio.assets import asset_path
from qevd_bio.cli.main import app
from qevd_bio.errors import RuleError
from qevd_bio.exercises.load import rule_paths
from qevd_bio.feedback.rule_check import checked_files, usable_rules
from qevd_bio.skeleton.measures import CATALOGUE
from tests.pipeline.sessions_made import SQUATS, record, write_root

Change = Callable[[dict[str, Any]], object]


def own_rule(folder: Path, *changes: Change) -> Path:
    """A rule of the user: the squat under another name, changed."""
    content = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    content.update(id="zercher_squat", title="Zercher squat", aliases=[])
    for change in changes:
        change(content)
    folder.mkdir(exist_ok=True)
    path = folder / "zercher_squat.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def found(path: Path) -> dict[str, list[str]]:
    (read,) = checked_files([path]).values()
    keys = dict.fromkeys(issue.key for issue in read.issues)
    return {key: [issue.cause for issue in read.issues if issue.key == key] for key in keys}


def of_constraint(number: int, **values: Any) -> Change:
    return lambda content: content["constraints"][number].update(values)


def measures_wrist(content: dict[str, Any]) -> None:
    content["constraints"][6].update(measure="wrist_flexion", joint="wrist")


@pytest.fixture
def wordless_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measure that somebody added to the catalogue and nowhere else."""
    for side in "rl":
        known = CATALOGUE[f"elbow_flexion_{side}"]
        monkeypatch.setitem(
            CATALOGUE,  # type: ignore[arg-type]
            f"wrist_flexion_{side}",
            replace(known, name=f"wrist_flexion_{side}"),
        )


def test_the_shipped_rules_lack_nothing() -> None:
    issues = [one for read in checked_files(rule_paths([])).values() for one in read.issues]
    assert issues == []


@pytest.mark.usefixtures("wordless_measure")
def test_a_measure_without_words_and_without_a_place_on_pictures(tmp_path: Path) -> None:
    """It was found out in the middle of a run, by a KeyError or a failed video."""
    (read,) = checked_files([own_rule(tmp_path, measures_wrist)]).values()
    causes = {
        issue.cause: issue.next_step
        for issue in read.issues
        if issue.key == "constraints.lockout.measure"
    }
    assert causes == {
        "no joint is known at which a picture shows wrist_flexion_r": (
            "Add it to ANCHORS of qevd_bio/skeleton/measure_anchors.py"
        ),
        "no joint is known at which a picture shows wrist_flexion_l": (
            "Add it to ANCHORS of qevd_bio/skeleton/measure_anchors.py"
        ),
        "the measure 'wrist_flexion' has no words": (
            "Add it to 'quantities' of prompts/sentences.json"
        ),
    }


@pytest.mark.parametrize(
    ("change", "key", "cause"),
    [
        pytest.param(
            lambda content: content["phases"][1].pop("cue_phase"),
            "phases.bottom.cue_phase",
            "links a trainer's words to this phase",
            id="phase without words",
        ),
        pytest.param(
            lambda content: content.update(cue_groups=["squat", "zercher"]),
            "cue_groups",
            "no words of prompts/cues.lexicon.json have a special meaning for 'zercher'",
            id="unknown cue group",
        ),
        pytest.param(
            of_constraint(0, too_low="Reduce knee flexion"),
            "constraints.depth.too_low",
            "asks for the opposite of the deviation",
            id="instruction the wrong way round",
        ),
        pytest.param(
            of_constraint(0, too_high="Stop at 100 degrees"),
            "constraints.depth.too_high",
            "no measurement backs 100 in the sentence",
            id="number in an instruction",
        ),
        pytest.param(
            lambda content: content["phases"][1].update(words="at 90 degrees"),
            "constraints.depth.phase",
            "no measurement backs 90",
            id="number in the words of a phase",
        ),
        pytest.param(
            of_constraint(0, target=[90.125, 150]),
            "constraints.depth.target",
            "cannot be written with 2 decimals",
            id="target of three decimals",
        ),
        pytest.param(
            lambda content: content["reference"]["keys"][1]["deg"].update(knee_angle=170),
            "reference.keys",
            "knee_angle_r runs from 6 to 170 degrees",
            id="impossible reference",
        ),
    ],
)
def test_what_a_run_would_lack_is_reported(
    change: Change, key: str, cause: str, tmp_path: Path
) -> None:
    assert cause in " ".join(found(own_rule(tmp_path, change))[key])


def leaning(too_high: str) -> Change:
    of_trunk = {"measure": "trunk_side_lean", "side": "none", "target": [-5, 5], "joint": "trunk"}
    return of_constraint(6, **of_trunk, too_low="Lean less to the right", too_high=too_high)


def test_an_instruction_may_name_a_direction_but_no_other_side(tmp_path: Path) -> None:
    assert found(own_rule(tmp_path, leaning("Lean less to the left"))) == {}
    for words in ("Shift off your left leg", "Shift your weight to the left leg"):
        (read,) = checked_files([own_rule(tmp_path, leaning(words))]).values()
        (step,) = {issue.next_step for issue in read.issues}
        assert "without 'left', which is read as the measured side" in step


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (of_constraint(0, source="  "), "constraints.depth.source"),
        (lambda content: content["tempo_s"].update(source="\u00a0"), "tempo_s.source"),
        (lambda content: content["tempo_s"].update(shortest=1e-300), "tempo_s.shortest"),
        (lambda content: content["tempo_s"].update(longest=1e308), "tempo_s.longest"),
        (lambda content: content["reference"].update(points=10**9), "reference.points"),
        (lambda content: content["reference"]["keys"][1].update(at=5e-324), "reference.keys"),
        # no number of JSON has so many digits: the file cannot be read
        (lambda content: content.update(version=10**400), ""),
        (of_constraint(0, tolerance=1e308), "constraints.depth.tolerance"),
        (of_constraint(0, target=[-1e308, 150]), "constraints.depth.target.0"),
        (of_constraint(0, target=[90, 1e308]), "constraints.depth.target.1"),
        (of_constraint(0, target=[90, 120, 150]), "constraints.depth.target"),
        (of_constraint(0, id="depth\n"), "constraints.depth\n.id"),
        (of_constraint(0, too_low=" "), "constraints.depth.too_low"),
    ],
)
def test_extreme_numbers_and_empty_texts_are_issues(
    change: Change, key: str, tmp_path: Path
) -> None:
    assert list(found(own_rule(tmp_path, change))) == [key]


def test_faults_of_every_kind_are_reported_at_once(tmp_path: Path) -> None:
    path = own_rule(
        tmp_path,
        lambda content: content.update(typo=1, cue_groups=["zercher"]),
        lambda content: content["joints"]["static"].append("neck"),
        of_constraint(0, too_low="Reduce knee flexion"),
        of_constraint(1, measure="hipflexion"),
        of_constraint(2, unit="cm"),
        of_constraint(3, target=[0, 500]),
        lambda content: content["reference"]["keys"][1]["deg"].update(knee_angle=60),
    )
    assert found(path).keys() == {
        "typo",
        "cue_groups",
        "joints",
        "constraints.depth.too_low",
        "constraints.depth.target",
        "constraints.hip_depth.measure",
        "constraints.trunk_lean.unit",
    }


def test_a_run_is_refused_at_its_start_with_the_whole_report(tmp_path: Path) -> None:
    root = write_root(tmp_path / "QEVD", [record("0001", SQUATS)])
    rules = tmp_path / "rules"
    own_rule(
        rules,
        of_constraint(0, too_low="Reduce knee flexion"),
        lambda content: content["phases"][1].pop("cue_phase"),
    )
    with pytest.raises(RuleError) as error:
        usable_rules(rules)
    arguments = ["run", "--data-root", str(root), "--work", str(tmp_path / "work")]
    done = CliRunner().invoke(app, [*arguments, "--rules", str(rules)])
    assert done.exit_code == 1
    for key in ("phases.bottom.cue_phase", "constraints.depth.too_low"):
        line = f"{rules / 'zercher_squat.json'}: {key}: "
        assert line in str(error.value) and line in done.output
    assert not (tmp_path / "work").exists()


def test_rules_of_the_user_that_lack_nothing_are_used(tmp_path: Path) -> None:
    own_rule(tmp_path)
    assert list(usable_rules(tmp_path)) == sorted([*usable_rules(), "zercher_squat"])
