"""rules list, rules show, rules check, references build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qevd_bio.assets import asset_path
from qevd_bio.cli.main import app
from qevd_bio.exercises.load import load_rules

RULES = load_rules()


def ran(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exit_code == code, done.output
    return done.stdout


def test_list_names_every_exercise_and_its_unverified_sources() -> None:
    rows = json.loads(ran("rules", "list", "--json"))
    assert [row["id"] for row in rows] == list(RULES)
    for row in rows:
        assert row["sourced"] + row["partly"] + row["unverified"] == row["constraints"] + 1
    text = ran("rules", "list")
    assert all(rule_id in text for rule_id in RULES)


@pytest.mark.parametrize("rule_id", list(RULES))
def test_show_prints_each_constraint_with_its_source(rule_id: str) -> None:
    text = " ".join(ran("rules", "show", rule_id).split())
    rule = RULES[rule_id]
    for constraint in rule.constraints:
        assert constraint.id in text
    assert "unverified" in text and rule.kind in text
    assert all(phase.name in text for phase in rule.phases)
    shown = json.loads(ran("rules", "show", rule_id, "--json"))
    assert [c["source"] for c in shown["constraints"]] == [c.source for c in rule.constraints]


def test_show_takes_a_spoken_name_and_draws(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "reference.png"
    assert "floor_touches" in ran("rules", "show", "Toe touchers!", "--plot", str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_show_of_an_unknown_exercise_is_a_usage_error() -> None:
    ran("rules", "show", "burpees", code=2)


def test_check_passes_the_package_s_own_rules() -> None:
    results = json.loads(ran("rules", "check", "--json"))
    assert len(results) == len(RULES) and all(result["ok"] for result in results)


def test_check_names_file_and_key_and_goes_on(tmp_path: Path) -> None:
    good = asset_path("rules", "plank.json")
    record = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    record["constraints"][0]["target"] = [120, 90]
    wrong = tmp_path / "squat.json"
    wrong.write_text(json.dumps(record), encoding="utf-8")
    results = json.loads(
        ran("rules", "check", str(wrong), str(good), str(tmp_path / "no.json"), "--json", code=1)
    )
    assert [result["ok"] for result in results] == [False, True, False]
    assert "squat.json: constraints.0.target" in results[0]["error"]
    assert "hold" in ran("rules", "check", str(good))


def test_check_finds_a_reference_that_misses_its_own_target(tmp_path: Path) -> None:
    record = json.loads(asset_path("rules", "squat.json").read_text(encoding="utf-8"))
    record["reference"]["keys"][1]["deg"]["knee_angle"] = 60
    wrong = tmp_path / "squat.json"
    wrong.write_text(json.dumps(record), encoding="utf-8")
    (result,) = json.loads(ran("rules", "check", str(wrong), "--json", code=1))
    assert "the reference misses the target of depth (knee_flexion_r 60)" in result["error"]


def test_build_reproduces_the_kept_files_byte_for_byte(tmp_path: Path) -> None:
    built = json.loads(ran("references", "build", "--out", str(tmp_path), "--json"))["built"]
    assert built == list(RULES)
    kept = asset_path("references")
    for name in ("index.json", *(f"{rule_id}.npy" for rule_id in RULES)):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes(), name
