"""Every damage of a release is reported by its name, without other issues."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qevd_bio.audit.source_videos import notes_of_release, source_videos
from qevd_bio.cli.main import app
from qevd_bio.release.drop_in import drop_in_of_release
from qevd_bio.release.flat_columns import flat_columns
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.issues import MOST_LISTED
from qevd_bio.verify.release import verify_release
from tests.verify.made_release import (
    SPLIT,
    TEST_SPLIT,
    edit_json,
    edit_rows,
    made_release,
    reseal,
    rewrite,
    write_sums,
)

Damage = Callable[[Path], Any]

KIN = "kinematics/train-00001-of-00002.parquet"
KIN_TEST = "kinematics/test-00000-of-00001.parquet"
SAID = "annotations/train-00000-of-00001.parquet"
SAID_TEST = "annotations/test-00000-of-00001.parquet"
CYCLES = "cycles/train-00000-of-00001.parquet"
FOUND = "findings/train-00000-of-00001.parquet"
QUALITY = "quality/train-00000-of-00001.parquet"
BODY = "morphometrics/train-00000-of-00001.parquet"
DROP_IN = f"drop_in/{SPLIT}/feedbacks_long_range.json"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    made_release(folder)
    return folder


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "release" / "1.0.0", tmp_path / "1.0.0"))


def test_a_clean_release_has_no_issue(home: Path) -> None:
    for source in (None, home / "QEVD"):
        verdict = verify_release(home / "release" / "1.0.0", source)
        assert verdict.issues == [] and verdict.unchecked == [] and verdict.sound
        assert verdict.rows["kinematics"] == 3 * 420 and verdict.rows["annotations"] == 18


def rows(name: str, change: Callable[[list[dict[str, Any]]], Any]) -> Damage:
    return lambda folder: edit_rows(folder / name, change)


def cell(name: str, row: int, column: str, value: Any) -> Damage:
    def change(found: list[dict[str, Any]]) -> None:
        *path, last = column.split(".")
        place: Any = found[row]
        for part in path:
            place = place[int(part)] if part.isdigit() else place[part]
        place[last] = value(place[last]) if callable(value) else value

    return rows(name, change)


def manifest(change: Callable[[Any], Any]) -> Damage:
    return lambda folder: edit_json(folder / "manifest.json", change)


def flip(name: str, share: float) -> Damage:
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[int(share * len(data))] ^= 0x10
        (folder / name).write_bytes(data)

    return damage


def link(name: str, target: str) -> Damage:
    def damage(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return damage


def other_columns(name: str, change: Callable[[pa.Table], pa.Table]) -> Damage:
    return lambda folder: rewrite(folder / name, change)


def retyped(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("hip_flexion_r_rad")
    field = table.schema.field(place).with_type(pa.float64())
    return table.set_column(place, field, table["hip_flexion_r_rad"].cast(pa.float64()))


def degrees_said(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("hip_flexion_r_rad")
    field = table.schema.field(place)
    return table.set_column(
        place, field.with_metadata({**field.metadata, b"unit": b"deg"}), table["hip_flexion_r_rad"]
    )


def into_the_other_split(folder: Path) -> None:
    """The rows of 0001 (train) are in the shards of test, too."""
    for train, test in ((KIN.replace("1-of", "0-of"), KIN_TEST), (SAID, SAID_TEST)):
        taken = pq.ParquetFile(folder / train).read()
        own = taken.filter(pc.equal(taken["video_id"], "0001"))
        rewrite(folder / test, lambda rows, own=own: pa.concat_tables([own, rows]))


def twin_in_the_other_split(folder: Path) -> None:
    """Every table of 0003 (test) gets the motion and sentences of 0001 under its own name."""
    taken = folder / "kinematics" / "train-00000-of-00002.parquet"
    angles = pq.ParquetFile(taken).read()
    own = pq.ParquetFile(folder / KIN_TEST).read()
    for name in angles.column_names:
        if name.endswith("_rad"):
            place = own.schema.get_field_index(name)
            own = own.set_column(place, own.schema.field(place), angles[name])
    for config in [name for name in TABLES if name not in ("kinematics", "morphometrics")]:
        name = "00000-of-00001.parquet"
        source = pq.ParquetFile(folder / config / f"train-{name}").read().to_pylist()
        edit_rows(
            folder / config / f"test-{name}",
            lambda _rows, source=source: [
                {**row, "video_id": "0003"} for row in source if row["video_id"] == "0001"
            ],
        )
    rewrite(folder / KIN_TEST, lambda _table: own)
    # ... and states the same inputs
    edit_json(folder / "manifest.json", lambda m: m["videos"]["0003"].update(
        artifacts=m["videos"]["0001"]["artifacts"]))  # fmt: skip
    records = drop_in_of_release(folder, "test")
    (folder / "drop_in" / TEST_SPLIT / "feedbacks_long_range.json").write_text(json.dumps(records))


def with_cycle(name: str, value: Any) -> Callable[[list[dict[str, Any]]], None]:
    def change(found: list[dict[str, Any]]) -> None:
        next(row for row in found if row["cycle"])["cycle"][name] = value

    return change


UNSEALED: dict[str, tuple[Damage, str, str]] = {
    "flipped byte in a shard": (flip(KIN, 0.5), "sum", KIN),
    "flipped byte in the card": (flip("README.md", 0.9), "sum", "README.md"),
    "flipped byte in the drop-in": (flip(f"drop_in/{SPLIT}/records.parquet", 0.2), "sum",
                                    f"drop_in/{SPLIT}/records.parquet"),
    "missing shard": (lambda f: (f / KIN).unlink(), "missing file", KIN),
    "missing sums": (lambda f: (f / "SHA256SUMS").unlink(), "missing file", "SHA256SUMS"),
    "stray shard": (lambda f: shutil.copy(f / KIN, f / "kinematics" / "x.parquet"),
                    "extra file", "kinematics/x.parquet"),
    "link to a file": (link("LICENSE", "/etc/hostname"), "path", "LICENSE"),
    "shard is a link": (link(KIN, "/etc/hostname"), "path", KIN),
    "linked folder": (link("more", "/usr"), "path", "more"),
    "pipe": (lambda f: os.mkfifo(f / "pipe"), "path", "pipe"),
}  # fmt: skip

SEALED: dict[str, tuple[Damage, str, str]] = {
    "missing shard": (lambda f: (f / KIN).unlink(), "missing file", "manifest.json names it"),
    "no Parquet": (lambda f: (f / KIN).write_bytes(b"PAR1" + b"x" * 99 + b"PAR1"),
                   "unreadable", "cannot be read as Parquet"),
    "column missing in one shard": (
        other_columns(KIN, lambda t: t.drop_columns(["knee_angle_r_rad"])),
        "schema", "lacks column knee_angle_r_rad"),
    "column more in one shard": (
        other_columns(KIN, lambda t: t.append_column("extra", t["frame"])),
        "schema", "has column extra, unknown"),
    "column of another type": (other_columns(KIN, retyped), "schema",
                               "column hip_flexion_r_rad is double, not float"),
    "column of another unit": (other_columns(KIN, degrees_said), "schema",
                               "another unit or description"),
    "columns in another order": (
        other_columns(KIN, lambda t: t.select(t.column_names[::-1])), "schema", "another order"),
    "schema file": (lambda f: edit_json(
        f / "schema/cycles.json", lambda s: s["properties"].pop("cut")),
                    "schema", "does not describe the columns"),
    "row duplicated": (rows(SAID, lambda r: [*r[:3], *r[2:]]), "duplicate",
                       "video_id 0001, feedback_index 2 is there already"),
    "frame duplicated": (rows(KIN, lambda r: [*r[:9], *r[8:]]), "duplicate",
                         "video_id 0002, frame 8 is there already"),
    "cycle duplicated": (rows(CYCLES, lambda r: [r[0], *r]), "duplicate", "is there already"),
    "frame missing": (rows(KIN, lambda r: [*r[:9], *r[10:]]), "order+copy", "frame is 10 after 8"),
    "rows swapped": (rows(QUALITY, lambda r: r[::-1]), "order", "(0001) stands after a row"),
    "angle in degrees": (cell(KIN, 7, "hip_flexion_r_rad", 72.0), "range",
                         "hip_flexion_r_rad is 72.0: not within"),
    "angle not finite": (cell(KIN, 7, "hip_flexion_l_rad", float("nan")), "range",
                         "no finite number"),
    "quality above 1": (cell(CYCLES, 0, "quality_cosine", 1.2), "range", "not within 0 to 1"),
    "confidence below 0": (cell(KIN, 3, "confidence", -0.5), "range", "confidence is -0.5"),
    "unknown kind": (cell(CYCLES, 0, "kind", "jump"), "choice", "kind is 'jump'"),
    "end before start": (cell(SAID, 0, "frame_start", lambda v: 0), "drop-in", "utterance 0"),
    "quality of other frames": (cell(QUALITY, 0, "frames", 419), "copy", "frames of video 0001"),
    "frame time by a microsecond": (cell(KIN, 419, "time_s", lambda v: v + 1e-6), "time",
                                    "duration_s of video 0002"),
    "cycle time by a microsecond": (cell(CYCLES, 0, "key_s", lambda v: v + 1e-6), "time",
                                    "kinematics.time_s is"),
    "time runs back": (cell(KIN, 200, "time_s", lambda v: v - 1.0), "time", "time_s is"),
    "cycle of no video": (cell(QUALITY, 1, "video_id", "0004"), "reference",
                          "video '0004' is not in the manifest"),
    "finding of no cycle": (cell(FOUND, -1, "cycle_index", 77), "reference",
                            "cycle_index 77 of video 0002 is not in cycles"),
    "video in both splits": (into_the_other_split, "leak",
                             "video 0001 is of train and has rows in test"),
    "same motion in both splits": (twin_in_the_other_split, "leak",
                                   "0003 (test), 0001 (train) have the same angles"),
    "drop-in text": (lambda f: edit_json(f / DROP_IN, lambda r: r[0]["feedbacks"].__setitem__(
        190, "Lovelier!")), "drop-in", "item 190 is 'Lovelier!', not 'Lovely!'"),
    "drop-in timestamp": (lambda f: edit_json(f / DROP_IN, lambda r: r[0][
        "feedback_timestamps"].__setitem__(0, r[0]["feedback_timestamps"][0] + 1e-6)), "drop-in",
        "feedback_timestamps is not what"),
    "drop-in record": (lambda f: edit_json(f / DROP_IN, lambda r: r[:1]), "count",
                       "holds 1 records"),
    "statuses": (manifest(lambda m: m["statuses"]["train"].update(kept=99)), "count",
                 "manifest.json statuses.train"),
    "number of videos": (manifest(lambda m: m["splits"]["train"].update(videos=3)), "count",
                         "states 3 videos, and names 2"),
    "shard leads outside": (manifest(lambda m: m["configs"]["cycles"]["test"]["shards"][0].update(
        path="../../cycles.parquet")), "path+extra file", "holds '..'"),
    "file of nobody": (lambda f: (f / "notes.txt").write_text("x"), "extra file",
                       "no release holds such a file"),
    "shard without rows": (rows(QUALITY, lambda r: []), "manifest+reference+described",
                           "has no rows"),
    "part of a quality": (rows(SAID, with_cycle("quality_cosine", 0.123)), "copy",
                          "cycle.quality_cosine of video 0001 is 0.123"),
    "another exercise": (cell(CYCLES, 0, "exercise", "lunge"), "copy",
                         "exercise of video 0001 is 'squat', cycles.exercise is 'lunge'"),
    "another rule version": (cell(CYCLES, 0, "rule_version", 99), "copy",
                             "rule_version of squat is 99, the manifest has"),
    "another artifact": (cell(SAID, 1, "provenance.kinematics_sha256", "0" * 64), "copy",
                         "is not that of the manifest"),
    "target of a finding": (cell(FOUND, 0, "target_low", lambda v: v + 1.0), "copy",
                            "its numbers give"),
    "violated turned": (cell(FOUND, 0, "violated", lambda v: not v), "copy", "violated is"),
    "three shape numbers": (cell(BODY, 0, "betas", [0.1, 0.2, 0.3]), "copy",
                            "betas are 3, not 10"),
    "height 17 m": (cell(BODY, 0, "height_m", 17.0), "range+sentence", "not within 0 to 5"),
    "height below 0": (cell(BODY, 0, "height_m", -1.0), "range+sentence", "is no positive number"),
    "unknown flag": (cell(BODY, 0, "flags", ["tall"]), "copy+sentence", "hold tall, unknown"),
    "manifest of another shape": (manifest(lambda m: m.update(configs=3)), "manifest", "configs"),
    "manifest no JSON": (lambda f: (f / "manifest.json").write_text("{"), "unreadable",
                         "malformed JSON"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSEALED)
def test_damage_that_the_sums_tell(copy: Path, name: str) -> None:
    damage, kind, where = UNSEALED[name]
    damage(copy)
    verdict = verify_release(copy)
    assert kind in verdict.counts
    assert {one.where.partition(" ")[0] for one in verdict.issues} == {where}


@pytest.mark.parametrize("name", SEALED)
def test_damage_that_the_sums_do_not_tell(copy: Path, name: str) -> None:
    damage, kinds, words = SEALED[name]
    damage(copy)
    if not name.startswith("manifest "):
        reseal(copy)
    verdict = verify_release(copy)
    reported = "\n".join(f"{one.kind} | {one.where} | {one.cause}" for one in verdict.issues)
    # the sums of a broken manifest cannot be made to agree
    sums = {"sum"} if name.startswith("manifest ") else set()
    assert words in reported and set(verdict.counts) == {*kinds.split("+"), *sums}, reported


def described(change: Callable[[Any], Any]) -> Damage:
    return lambda folder: edit_json(folder / "croissant.json", change)


def file_object(content: Any, name: str) -> Any:
    return next(one for one in content["distribution"] if one["@id"] == name)


def text(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        said = (folder / name).read_text(encoding="utf-8")
        assert old in said
        (folder / name).write_text(said.replace(old, new, 1), encoding="utf-8")

    return damage


DESCRIBED: dict[str, tuple[Damage, str, str]] = {
    "digest": (described(lambda c: file_object(c, KIN).update(sha256="0" * 64)), "described",
               f"{KIN} does not fit the files: sha256 is"),
    "size": (described(lambda c: file_object(c, KIN).update(contentSize="1 B")), "described",
             "contentSize is '1 B'"),
    "file not named": (described(lambda c: c["distribution"].remove(file_object(c, KIN))),
                       "described", f"does not name {KIN}"),
    "field of another type": (described(lambda c: c["recordSet"][1]["field"][1].update(
        dataType="sc:Float")), "described", "dataType is 'sc:Float'"),
    "no shape": (lambda f: (f / "croissant.json").write_text("{}"), "described", "another shape"),
    "no JSON": (lambda f: (f / "croissant.json").write_text("{"), "unreadable", "malformed JSON"),
    "no description": (lambda f: (f / "croissant.json").unlink(), "missing file", "every release"),
    "no records schema": (lambda f: (f / "schema/records.json").unlink(), "missing file", "every"),
    "bytes in the card": (text("README.md", "num_bytes: ", "num_bytes: 7"), "described",
                          "its YAML has 'num_bytes: 7"),
    "rows in the card": (text("README.md", "num_examples: ", "num_examples: 7"), "described",
                         "its YAML has 'num_examples: 7"),
    "path in the card": (text("README.md", "kinematics/train-", "kinematics/test-"), "described",
                         "kinematics/test-*.parquet"),
    "no card": (lambda f: (f / "README.md").unlink(), "missing file", "every release has one"),
    "another changelog": (lambda f: (f / "CHANGELOG.md").write_text("# Nothing\n"), "described",
                          "does not begin with the entry of 1.0.0"),
    "rows in the changelog": (text("CHANGELOG.md", "train: 12 rows", "train: 13 rows"),
                              "described", "does not have '`annotations` train: 12 rows'"),
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIBED)
def test_descriptions_are_held_to_the_files(copy: Path, name: str) -> None:
    damage, kind, words = DESCRIBED[name]
    damage(copy)
    write_sums(copy)
    verdict = verify_release(copy)
    reported = "\n".join(f"{one.where} | {one.cause}" for one in verdict.issues)
    # the card and the changelog are themselves described by their digests
    others = [one for one in verdict.issues if one.where != "croissant.json"]
    assert words in reported and {one.kind for one in others or verdict.issues} == {kind}, reported


@pytest.mark.parametrize(
    ("name", "row", "column", "value"),
    [
        (KIN, 57, "knee_angle_r_rad", lambda v: v + 1e-3),
        (KIN, 57, "knee_angle_r_rad", None),
        (KIN, 57, "hip_flexion_r_sigma_rad", 0.0),
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


def endless_text(folder: Path) -> None:
    def change(found: list[dict[str, Any]]) -> None:
        found[0]["runs"][0]["frames"] = 2**31 - 1

    edit_rows(folder / f"drop_in/{SPLIT}/records.parquet", change)


def without_pose(folder: Path) -> None:
    edit_json(folder / "manifest.json", lambda m: m.update(schema_version="0.9.0"))
    for shard in (folder / "annotations").iterdir():
        rewrite(shard, lambda table: table.drop_columns(["pose"]))


HOSTILE: dict[str, tuple[Damage, str]] = {
    "name that is no Unicode": (lambda f: (f / os.fsdecode(b"bad\xff")).write_text(""), "bad"),
    "text without end": (endless_text, "a text ends beyond"),
    "utterance without end": (cell(SAID, 5, "frame_end", 2**31 - 1), "a text ends beyond"),
    "unknown unit": (cell(SAID, 1, "findings.0.unit", "furlong"), "cannot be checked"),
    "record of another shape": (cell(f"drop_in/{SPLIT}/records.parquet", 0, "fields_json", "[1]"),
                                "no record of this shape"),
    "unknown table": (manifest(lambda m: m["configs"].update(x={"train": {
        "rows": 0, "shards": []}})), "no such table is known"),
    "one shard many times": (manifest(lambda m: m["configs"]["cycles"]["train"]["shards"].extend(
        m["configs"]["cycles"]["train"]["shards"] * 50)), "twice"),
    "another schema version": (manifest(lambda m: m.update(schema_version="0.9.0")), ""),
    "another schema version without a column": (without_pose, "which need columns of schema"),
    "sums of nothing": (lambda f: (f / "SHA256SUMS").write_bytes(b"\xff\x00"), "no UTF-8"),
    "videos of no split": (manifest(lambda m: m["videos"]["0001"].update(split="none")), "none"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_release_gives_faults_and_no_crash(
    copy: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, words = HOSTILE[name]
    damage(copy)
    for option in ((), ("--json",)):
        with pytest.raises(SystemExit) as end:
            app(args=["verify", str(copy), *option])
        assert end.value.code == 4
    assert words in json.dumps(json.loads(capsys.readouterr().out.partition("issues\n")[2]))


def test_a_release_of_another_schema_version_is_held_to_its_own(copy: Path) -> None:
    edit_json(copy / "manifest.json", lambda m: m.update(schema_version="0.9.0"))
    reseal(copy)
    assert verify_release(copy).sound
    rewrite(copy / KIN, lambda table: table.drop_columns(["valid"]))
    reseal(copy)
    assert dict(verify_release(copy).counts) == {"schema": 1}


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


def test_findings_of_another_moment(sentence: Any) -> None:
    def changed(row: dict[str, Any]) -> None:
        unspoken = next(one for one in row["findings"] if not one["spoken"])
        unspoken["guard"] = 2.5

    assert "its findings are not those of its cycle" in sentence(changed)


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
    """A frame without references, a microsecond late: only the source shows it."""
    cell(KIN, 1, "time_s", lambda value: value + 1e-6)(copy)
    reseal(copy)
    assert verify_release(copy).sound
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


def test_bytes_at_random_never_crash_it(copy: Path, home: Path) -> None:
    """Footers, pages and JSON with random bytes: stated as faults, always."""
    random = np.random.default_rng(3)
    files = [KIN_TEST, SAID_TEST, f"drop_in/{SPLIT}/records.parquet", "manifest.json"]
    for name in files:
        whole = (copy / name).read_bytes()
        for trial in range(3):
            data = bytearray(whole)
            tail = min(len(data), 6000)
            for place in random.integers(len(data) - tail, len(data), 1 + 2 * trial):
                data[place] ^= int(random.integers(1, 256))
            (copy / name).write_bytes(data[: len(data) - trial // 2])
            verdict = verify_release(copy)
            assert "sum" in verdict.counts
        (copy / name).write_bytes(whole)
    assert verify_release(copy).sound


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
