"""The changes between two releases, their causes, and the version step they need."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from qevd_bio.cli.main import app
from qevd_bio.errors import UsageError
from qevd_bio.release.compare import compare_releases
from qevd_bio.release.version_steps import next_version, step_taken, suffices
from tests.verify.made_release import DEPTHS, edit_json, edit_rows, released, rewrite

SAID = "annotations/train-00000-of-00001.parquet"
KIN = "kinematics/test-00000-of-00001.parquet"
CYCLES = "cycles/train-00000-of-00001.parquet"
FOUND = "findings/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def home(sound: Path) -> Path:
    return sound


@pytest.fixture
def pair(home: Path, tmp_path: Path) -> tuple[Path, Path]:
    old = home / "release" / "1.0.0"
    new = Path(shutil.copytree(old, tmp_path / "1.0.1"))
    edit_json(new / "manifest.json", lambda m: m.update(version="1.0.1"))
    return old, new


def rows(name: str, change: Any) -> Any:
    return lambda folder: edit_rows(folder / name, change)


def with_numbers(column: str, by: float) -> Any:
    def change(found: list[dict[str, Any]]) -> None:
        for row in found[:3]:
            row[column] += by

    return change


def say_more(found: list[dict[str, Any]]) -> None:
    found[1]["feedback"] += " Well done!"


def column_more(folder: Path) -> None:
    field = pa.field("more", pa.int32(), metadata={"description": "More"})
    for shard in (folder / "cycles").iterdir():
        rewrite(shard, lambda table: table.append_column(field, table["frame_start"]))


def unit_changed(folder: Path) -> None:
    def changed(table: pa.Table) -> pa.Table:
        field = table.schema.field("start_s")
        other = field.with_metadata({**field.metadata, b"unit": b"ms"})
        place = table.schema.get_field_index("start_s")
        return table.set_column(place, other, table["start_s"])

    for shard in (folder / "cycles").iterdir():
        rewrite(shard, changed)


CHANGES: dict[str, tuple[Any, str, tuple[str, str, int], str]] = {
    "nothing": (lambda f: None, "none", ("annotations", "same", 12 + 6), ""),
    "a sentence": (rows(SAID, say_more), "patch", ("annotations", "text", 1), "unknown"),
    "numbers": (rows(KIN, with_numbers("knee_angle_r_rad", 1e-2)), "patch",
                ("kinematics", "numbers", 3), "unknown"),
    "numbers within": (rows(KIN, with_numbers("knee_angle_r_rad", 1e-5)), "patch",
                       ("kinematics", "within", 3), ""),
    "times are exact": (rows(KIN, with_numbers("time_s", 1e-6)), "patch",
                        ("kinematics", "numbers", 3), "source"),
    "utterance gone": (rows(SAID, lambda r: r[:-1]), "major", ("annotations", "removed", 1),
                       "unknown"),
    "video gone": (lambda f: edit_json(
        f / "manifest.json", lambda m: m["videos"].pop("0003") and None),
                   "major", ("annotations", "removed", 6), "source"),
    "row gone": (rows(CYCLES, lambda r: r[1:]), "minor", ("cycles", "removed", 1), "unknown"),
    "row more": (rows(CYCLES, lambda r: [*r, {**r[-1], "cycle_index": 99}]), "minor",
                 ("cycles", "added", 1), "unknown"),
    "column more": (column_more, "major", ("cycles", "text", 0), ""),
    "unit of a column": (unit_changed, "major", ("cycles", "numbers", 0), ""),
    "target moved": (rows(FOUND, with_numbers("target_low", 5.0)), "minor",
                     ("findings", "numbers", 3), "unknown"),
    "tolerance moved": (rows(FOUND, with_numbers("tolerance", 1.0)), "minor",
                        ("findings", "numbers", 3), "unknown"),
    "rule": (lambda f: (rows(SAID, say_more)(f), edit_json(f / "manifest.json", lambda m: m[
        "generator"].update({"rule squat": "99"}))), "patch", ("annotations", "text", 1), "rules"),
    "code": (lambda f: (rows(SAID, say_more)(f), edit_json(f / "manifest.json", lambda m: m[
        "generator"].update({"stage annotations": "99"}))), "patch",
        ("annotations", "text", 1), "code"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_counted_and_asks_for_its_step(pair: tuple[Path, Path], name: str) -> None:
    change, step, (config, word, count), cause = CHANGES[name]
    old, new = pair
    change(new)
    found = compare_releases(old, new)
    assert found.required == step
    assert getattr(found.configs[config], word) == count
    assert set(found.configs[config].causes) == ({cause} if cause else set())
    assert (found.taken, found.fits) == ("patch", step in ("none", "patch"))


def test_a_changed_rule_is_told_by_its_digest_when_its_version_was_not_raised(
    pair: tuple[Path, Path],
) -> None:
    old, new = pair
    file = "rules/squat.json"
    edit_json(new / "manifest.json", lambda m: m["made_with"].update({file: "0" * 64}))
    found = compare_releases(old, new)
    due = f"{file}: other bytes, though it is version {rule_version(new)} as before"
    assert found.versions == (due,)
    assert found.required == "patch", "nothing in the rows shows it"
    edit_rows(new / SAID, say_more)
    assert set(compare_releases(old, new).configs["annotations"].causes) == {"rules"}


def rule_version(folder: Path) -> str:
    manifest = json.loads((folder / "manifest.json").read_text())
    version: str = manifest["generator"]["rule squat"]
    return version


def test_the_command_counts_all_that_it_does_not_list(pair: tuple[Path, Path]) -> None:
    old, new = pair
    edit_rows(new / KIN, lambda found: with_all(found, "knee_angle_r_rad"))
    done = CliRunner().invoke(app, ["compare", str(old), str(new)])
    rows_there = sum(one["knee_angle_r_rad"] is not None for one in read_rows(new / KIN))
    assert f"kinematics: and {rows_there - 3} more rows" in done.stdout
    assert f"rows that differ by column: knee_angle_r_rad {rows_there}" in done.stdout


def with_all(found: list[dict[str, Any]], column: str) -> None:
    for row in found:
        row[column] += 0.5


def read_rows(file: Path) -> list[dict[str, Any]]:
    return pq.read_table(file).to_pylist()


def test_the_largest_change_is_reported_in_its_unit(pair: tuple[Path, Path]) -> None:
    edit_rows(pair[1] / KIN, with_numbers("knee_angle_r_rad", 0.25))
    changes = compare_releases(*pair).configs["kinematics"]
    assert changes.largest == {"knee_angle_r_rad": pytest.approx(0.25)}
    assert changes.columns == {"knee_angle_r_rad": 3}
    assert changes.examples[0] == "changed: video_id 0003, frame 0: knee_angle_r_rad"


def test_another_capture_is_reported_and_publishing_checks_its_step(
    home: Path, tmp_path: Path
) -> None:
    old = home / "release" / "1.0.0"
    shutil.copytree(home / "QEVD", tmp_path / "QEVD")
    deeper = {**DEPTHS, "0001": 0.55}
    new = released(tmp_path, "1.1.0", deeper, previous=old)
    found = compare_releases(old, new)
    assert found.configs["kinematics"].numbers == 420
    assert set(found.configs["kinematics"].causes) == {"capture"}
    assert set(found.configs["annotations"].causes) == {"capture"}
    assert found.configs["annotations"].columns["feedback"] == 1
    assert found.videos == {"added": (), "removed": (), "moved": ()}
    if found.required == "patch":
        released(tmp_path, "1.0.1", deeper, previous=old)
    with pytest.raises(UsageError, match=r"ask for a .* step.* Publish as 1\.\d\.\d"):
        released(tmp_path, "1.0.0", deeper, previous=old)
    assert not (tmp_path / "release" / "1.0.0").exists()


@pytest.mark.parametrize(
    ("old", "new", "step"),
    [
        ("1.0.0", "1.0.0", "none"),
        ("1.2.3", "1.2.2", "none"),
        ("1.2.3", "1.2.4", "patch"),
        ("1.2.3", "1.3.0", "minor"),
        ("1.2.3", "2.0.0", "major"),
        ("0.1.0", "0.1.1-rc.1", "patch"),
    ],
)
def test_steps(old: str, new: str, step: str) -> None:
    assert step_taken(old, new) == step


@pytest.mark.parametrize(
    ("old", "required", "least"),
    [
        ("1.2.3", "none", "1.2.3"),
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("0.2.3", "major", "0.3.0"),
        ("0.2.3", "minor", "0.3.0"),
    ],
)
def test_the_least_version_suffices_and_one_below_does_not(
    old: str, required: Any, least: str
) -> None:
    assert next_version(old, required) == least
    assert suffices(old, least, required)
    if required != "none":
        assert not suffices(old, old, required)


def test_the_command_exits_with_four_when_the_version_is_too_low(
    pair: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as end:
            app(args=["compare", *arguments])
        return int(end.value.code or 0)

    old, new = map(str, pair)
    assert run(old, new) == 0
    assert "1.0.0 -> 1.0.1: none step required" in capsys.readouterr().out
    column_more(pair[1])
    assert run(old, new, "--json") == 4
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == ["cycles: column more added"] and report["required"] == "major"
    assert run(old, new) == 4
    assert "1.0.0 -> 1.0.1: major step required" in capsys.readouterr().out
    assert run(old, str(pair[1] / "absent")) == 2


def test_a_table_more_asks_for_a_minor_step_and_one_less_for_a_major(
    pair: tuple[Path, Path],
) -> None:
    """Readers name the table they read."""
    old, new = pair
    edit_json(new / "manifest.json", lambda m: m.update(version="1.1.0"))
    before = Path(shutil.copytree(old, new.parent / "before"))
    edit_json(before / "manifest.json", lambda m: m["configs"].pop("contexts") and None)
    found = compare_releases(before, new)
    assert found.schema == ("table contexts added",) and found.configs["contexts"].added > 100
    assert (found.required, found.fits) == ("minor", True)
    back = compare_releases(new, before)
    assert (back.schema, back.required) == (("table contexts removed",), "major")
