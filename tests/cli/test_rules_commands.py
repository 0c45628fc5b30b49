"""rules list, show, check and new; references build."""

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
from qevd_bio.exercises.load import load_rules
from tests.exercises.made_references import write_folder

RULES = load_rules()
SOME = {(rule.kind, rule.posture, rule.representative.side): name for name, rule in RULES.items()}
"""One rule of each kind, posture and side."""
some_rules = pytest.mark.parametrize(
    "rule_id",
    [
        *SOME.values(),
        *(pytest.param(one, marks=pytest.mark.long) for one in RULES if one not in SOME.values()),
    ],
)


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


@some_rules
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
    ran("rules", "show", "zorbing", code=2)


def test_check_passes_the_package_s_own_rules() -> None:
    results = json.loads(ran("rules", "check", "--json"))
    assert len(results) == len(RULES) and all(result["ok"] for result in results)


def spoiled(folder: Path, rule_id: str, spoil: Callable[[dict[str, Any]], object]) -> Path:
    """A copy of a shipped rule with something changed."""
    record = json.loads(asset_path("rules", f"{rule_id}.json").read_text(encoding="utf-8"))
    spoil(record)
    path = folder / f"{rule_id}.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    return path


def test_check_names_file_and_key_and_goes_on(tmp_path: Path) -> None:
    good = asset_path("rules", "plank.json")
    wrong = spoiled(tmp_path, "squat", lambda r: r["constraints"][0].update(target=[120, 90]))
    results = json.loads(
        ran("rules", "check", str(wrong), str(good), str(tmp_path / "no.json"), "--json", code=1)
    )
    assert [result["ok"] for result in results] == [False, True, False]
    assert results[0]["issues"][0]["key"] == "constraints.depth.target"
    assert results[0]["issues"][0]["next_step"] == "Write the lower bound first"
    assert "hold" in ran("rules", "check", str(good))
    text = ran("rules", "check", str(tmp_path), code=1)
    assert f"wrong {wrong}" in text and "constraints.depth.target: 120.0 is above 90.0." in text


def test_check_finds_a_reference_that_misses_its_own_target(tmp_path: Path) -> None:
    wrong = spoiled(
        tmp_path, "squat", lambda r: r["reference"]["keys"][1]["deg"].update(knee_angle=60)
    )
    (result,) = json.loads(ran("rules", "check", str(wrong), "--json", code=1))
    (right, left) = result["issues"]
    assert (right["key"], left["key"]) == ("constraints.depth.target",) * 2
    assert right["cause"] == "the reference misses it: knee_flexion_r is 60 there"


def test_a_new_rule_is_a_copy_with_every_key_explained(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    text = ran("rules", "new", "windmill", "--from", "good_mornings", "--rules", str(folder))
    assert str(folder / "windmill.json") in text
    record = json.loads((folder / "windmill.json").read_text(encoding="utf-8"))
    schema = json.loads(asset_path("rules", "rule.schema.json").read_text(encoding="utf-8"))
    explained = {key.removeprefix("// ") for key in record if key.startswith("// ")}
    assert explained == schema["properties"].keys() - {"schema_version", "draft"}
    first = {key.removeprefix("// ") for key in record["constraints"][0] if key.startswith("//")}
    assert first == schema["$defs"]["constraint"]["properties"].keys() - {"id"}
    sources = {constraint["source"] for constraint in record["constraints"]}
    assert sources == {"unverified"} and record["citations"] == {}
    ran("rules", "check", str(folder))
    assert "Windmill" in ran("rules", "show", "windmills", "--rules", str(folder))
    assert "Windmill" in ran("rules", "show", str(folder / "windmill.json"))
    assert "windmill" in ran("rules", "list", "--rules", str(folder))


def test_every_command_finds_the_rules_of_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("qevd-bio.toml").write_text('rules = "myr"', encoding="utf-8")
    ran("rules", "new", "windmill", "--from", "good_mornings")
    ran("rules", "new", "dl2", "--from", "windmill")
    assert sorted(path.name for path in Path("myr").iterdir()) == ["dl2.json", "windmill.json"]
    checked = json.loads(ran("rules", "check", "--json"))
    assert len(checked) == len(RULES) + 2
    assert json.loads(ran("rules", "check", "--rules", "myr", "--json")) == checked
    Path("other").mkdir()
    clash = spoiled(Path("other"), "squat", lambda rule: rule.update(aliases=["dl2"]))
    assert "belongs to dl2 too" in ran("rules", "check", str(clash), code=1)
    Path("qevd-bio.toml").unlink()
    ran("rules", "new", "dl3", "--from", "squat")
    assert Path("my_rules/dl3.json").is_file()


def test_rules_are_refused_for_a_video_of_a_work_folder() -> None:
    done = CliRunner().invoke(app, ["overlay", "0001", "--rules", "nix"])
    assert done.exit_code == 2 and "--rules: the exercises and rules" in done.output


@some_rules
def test_a_copy_of_a_shipped_rule_replaces_it_unchanged(rule_id: str, tmp_path: Path) -> None:
    ran("rules", "new", rule_id, "--from", rule_id, "--rules", str(tmp_path))
    ran("rules", "check", str(tmp_path))
    own = replace(load_rules(tmp_path)[rule_id], file="", digest="")
    assert own == replace(RULES[rule_id], file="", digest="")


@pytest.mark.parametrize(
    ("rule_id", "source", "cause"),
    [
        ("Windmill!", "squat", "small letters"),
        ("windmill", "zorbing", "no rule 'zorbing'"),
        ("air_squats", "squat", "this name belongs to squat"),
        ("taken", "squat", "exists"),
    ],
)
def test_a_new_rule_that_cannot_be_is_a_usage_error(
    rule_id: str, source: str, cause: str, tmp_path: Path
) -> None:
    (tmp_path / "taken.json").write_text("mine", encoding="utf-8")
    arguments = ("rules", "new", rule_id, "--from", source, "--rules", str(tmp_path))
    assert cause in ran(*arguments, "--json", code=2)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.json"]


def test_build_reproduces_the_kept_files_byte_for_byte(tmp_path: Path) -> None:
    built = json.loads(ran("references", "build", "--out", str(tmp_path), "--json"))["built"]
    assert built == list(RULES)
    kept = asset_path("references")
    for name in ("index.json", *(f"{rule_id}.npy" for rule_id in RULES)):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes(), name


def test_a_rule_is_shown_with_given_references_and_not_with_another_exercise(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    given = write_folder(tmp_path / "given")
    pictures = []
    for name, more in (("own", ()), ("given", ("--references", str(given)))):
        plot = tmp_path / f"{name}.png"
        ran("rules", "show", "squat", "--plot", str(plot), *more)
        pictures.append(plot.read_bytes())
    assert pictures[0] != pictures[1]
    other = write_folder(tmp_path / "other", name="hopping")
    assert "no rule has this id" in ran(
        "rules", "show", "squat", "--references", str(other), "--json", code=1
    )
