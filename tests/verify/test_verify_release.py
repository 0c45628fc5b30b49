"""A clean release has no issue; rows, sentences and source that differ are reported."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from qevd_bio.audit.source_videos import notes_of_release, source_videos
from qevd_bio.cli.main import app
from qevd_bio.released.drop_in import drop_in_of_release
from qevd_bio.tables.flat_columns import flat_columns
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.issues import MOST_LISTED
from qevd_bio.verify.release import verify_release
from tests.verify.damages import (
    BODY,
    CYCLES,
    DROP_IN,
    KIN,
    QUALITY,
    SAID,
    cell,
)
from tests.verify.made_release import (
    SPLIT,
    TEST_SPLIT,
    edit_rows,
    reseal,
)


def test_a_clean_release_has_no_issue(home: Path) -> None:
    for source in (None, home / "QEVD"):
        verdict = verify_release(home / "release" / "1.0.0", source)
        assert verdict.issues == [] and verdict.unchecked == [] and verdict.sound
        assert verdict.rows["kinematics"] == 3 * 420 and verdict.rows["annotations"] == 18


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        (KIN, 57, "knee_angle_r_rad", lambda v: v + 1e-3),
        (KIN, 57, "knee_angle_r_rad", None),
        (KIN, 57, "confidence", 0.25),
        (QUALITY, 0, "asymmetry_deg", 55.0),
        (SAID, 0, "kind_source", "magic"),
        (KIN, 1, "time_s", lambda v: v + 1e-6),
    ],
)
def test_rows_changed_behind_resealed_files(
    copy: Path, name: str, row: int, column: str, value: Any
) -> None:
    """No other part of a release holds these numbers."""
    cell(name, row, column, value)(copy)
    reseal(copy, rows_too=False)
    verdict = verify_release(copy)
    assert dict(verdict.counts) == {"rows": 1}
    assert verdict.issues[0].where.startswith(f"{name.partition('/')[0]} of video 000")


def test_rows_swapped_between_videos(copy: Path) -> None:
    """Frame 100 of two videos, but for name, number and time."""
    first, second = (copy / name for name in (KIN.replace("1-of", "0-of"), KIN))
    own = ("video_id", "frame", "time_s")
    taken = [pq.ParquetFile(file).read().slice(100, 1).to_pylist()[0] for file in (first, second)]
    for file, mine, other in ((first, *taken), (second, *taken[::-1])):
        changed = {**other, **{name: mine[name] for name in own}}
        edit_rows(file, lambda found, new=changed: [*found[:100], new, *found[101:]])
    reseal(copy, rows_too=False)
    verdict = verify_release(copy)
    assert dict(verdict.counts) == {"rows": 2}


@pytest.fixture
def sentence(copy: Path) -> Iterator[Callable[[Callable[[dict[str, Any]], None]], str]]:
    """Change the first rewritten sentence, in tables and drop-in alike."""

    def change(edit: Callable[[dict[str, Any]], None]) -> str:
        def edit_first(found: list[dict[str, Any]]) -> None:
            edit(next(row for row in found if row["status"] == "rewritten"))

        edit_rows(copy / SAID, edit_first)
        (copy / DROP_IN).write_text(json.dumps(drop_in_of_release(copy, "train")))
        reseal(copy)
        verdict = verify_release(copy)
        assert set(verdict.counts) == {"sentence"}
        return " ".join(one.cause for one in verdict.issues)

    yield change


def test_a_sentence_with_a_number_of_no_finding(sentence: Any) -> None:
    reported = sentence(
        lambda row: row.update(feedback=row["feedback"] + " Knee flexion right 13°.")
    )
    assert "the sentence states 13 and no finding it speaks of does" in reported


def test_a_cycle_that_ends_after_the_utterance(sentence: Any) -> None:
    def changed(row: dict[str, Any]) -> None:
        row["cycle"]["end_s"] += 60.0

    assert "its cycle ends at" in sentence(changed)


@pytest.mark.parametrize("column", ["timestamp_s", "frame_start"])
def test_an_utterance_shifted_in_the_table_alone(copy: Path, column: str) -> None:
    step = 1e-6 if column == "timestamp_s" else 1
    cell(SAID, 1, column, lambda value: value + step)(copy)
    reseal(copy)
    verdict = verify_release(copy)
    if column == "timestamp_s":
        assert set(verdict.counts) == {"time"}
        assert "video 0001 utterance 1" in verdict.issues[0].where
    else:
        assert "drop-in" in verdict.counts


def test_the_source_shows_a_shift_that_is_consistent_in_the_release(
    copy: Path, home: Path
) -> None:
    """A frame without references, a microsecond late: without the source, only the artifact."""
    cell(KIN, 1, "time_s", lambda value: value + 1e-6)(copy)
    reseal(copy)
    assert [one.where for one in verify_release(copy).issues] == [
        "manifest.json videos.0002.artifacts"
    ]
    verdict = verify_release(copy, home / "QEVD")
    assert dict(verdict.counts) == {"time": 1}
    assert verdict.issues[0].where == "kinematics of video 0002 frame 1"


def test_the_same_video_file_in_both_splits(copy: Path, home: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(home / "QEVD", tmp_path / "QEVD"))
    for name, content in (("0001", b"a"), ("0002", b"b")):
        (root / SPLIT / "long_range_videos" / f"{name}.mp4").write_bytes(content)
    (root / TEST_SPLIT / "long_range_videos" / "0003.mp4").write_bytes(b"b")
    verdict = verify_release(copy, root)
    assert dict(verdict.counts) == {"leak": 1}
    assert verdict.issues[0].cause == "0003 (test), 0002 (train) have the same video file"


def test_the_same_body_shape_in_both_splits(copy: Path, home: Path) -> None:
    shape = {"betas": [0.1] * 10, "betas_frames": 420}
    for name in (BODY, BODY.replace("train", "test")):
        edit_rows(copy / name, lambda found: found[0].update(shape))
    reseal(copy)
    verdict = verify_release(copy)
    assert dict(verdict.counts) == {"leak": 1}
    assert verdict.issues[0].cause == "0003 (test), 0001 (train) have the same body shape"
    audited = source_videos(home / "QEVD", notes_of_release(copy))
    assert {one.video_id: one.betas for one in audited} == {
        "0001": (0.1,) * 10, "0002": (), "0003": (0.1,) * 10
    }  # fmt: skip
    assert all(one.body["thigh"] == pytest.approx(0.42 / 1.33, abs=1e-5) for one in audited)


def test_all_issues_are_counted_and_the_first_are_listed(copy: Path) -> None:
    def change(found: list[dict[str, Any]]) -> None:
        for row in found[:100]:
            row["confidence"] = 3.0

    edit_rows(copy / KIN, change)
    cell(CYCLES, 0, "kind", "jump")(copy)
    reseal(copy)
    verdict = verify_release(copy)
    assert dict(verdict.counts) == {"range": 100, "choice": 1}
    assert len(verdict.issues) == MOST_LISTED + 1


def test_the_command_reports_all_and_exits_with_four(
    copy: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> int:
        with pytest.raises(SystemExit) as end:
            app(args=["verify", *arguments])
        return int(end.value.code or 0)

    assert run(str(copy), "--data-root", str(home / "QEVD"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["sound"] is True
    (copy / KIN).unlink()
    (copy / "README.md").write_text("no card")
    assert run(str(copy), "--json") == 4
    reported = json.loads(capsys.readouterr().out)
    assert reported["counts"]["missing file"] == 1 and reported["counts"]["sum"] == 1
    assert any("kinematics in train" in what for what in reported["unchecked"])
    assert run(str(copy)) == 4
    assert KIN in capsys.readouterr().out
    assert run(str(copy / "absent")) == 2
    assert run("--data-root", "QEVD") == 2


def test_what_is_declared_is_there() -> None:
    """A rule of a column that no table has would never be checked."""
    columns = {name: set(flat_columns(one.schema.empty_table())) for name, one in TABLES.items()}
    for name, table in TABLES.items():
        declared = {*table.order, *table.key, *table.choices}
        declared |= {column for pair in table.not_after for column in pair}
        declared |= {rule.column for rule in table.rising}
        for limit in table.limits:
            assert any(fnmatchcase(column, limit.column) for column in columns[name]), limit
        for reference in table.references:
            declared |= {*reference.columns, *reference.copies}
            assert {*reference.to, *reference.copies.values()} <= columns[reference.table]
        assert declared <= columns[name]
