"""Every damage of a release is reported by its name, without other issues."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qevd_bio.released.drop_in import drop_in_of_release
from qevd_bio.tables.published import TABLES
from qevd_bio.verify.release import verify_release
from tests.verify.damages import (
    BODY,
    CONTEXTS,
    CYCLES,
    DROP_IN,
    FOUND,
    KIN,
    KIN_TEST,
    QUALITY,
    SAID,
    SAID_TEST,
    Damage,
    cell,
    flip,
    link,
    manifest,
    other_columns,
    rows,
)
from tests.verify.made_release import (
    SPLIT,
    TEST_SPLIT,
    edit_json,
    edit_rows,
    reseal,
    rewrite,
)


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


def with_cycle(**values: Any) -> Callable[[list[dict[str, Any]]], None]:
    """Change the cycle that the first utterance with one cites."""
    return lambda found: next(row for row in found if row["cycle"])["cycle"].update(values)


def with_guard(guard: float) -> Callable[[list[dict[str, Any]]], None]:
    """Change a finding that the first rewritten sentence does not speak of."""

    def change(found: list[dict[str, Any]]) -> None:
        row = next(row for row in found if row["status"] == "rewritten")
        next(one for one in row["findings"] if not one["spoken"])["guard"] = guard

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
    "frame missing": (rows(KIN, lambda r: [*r[:9], *r[10:]]), "order+copy+reference",
                      "frame is 10 after 8"),
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
    "another exercise": (cell(CYCLES, 0, "exercise", "lunge"), "copy",
                         "exercise of video 0001 is 'squat', cycles.exercise is 'lunge'"),
    "another rule version": (cell(CYCLES, 0, "rule_version", 99), "copy",
                             "rule_version of squat is 99, the manifest has"),
    "another artifact": (cell(SAID, 1, "provenance.kinematics_sha256", "0" * 64), "copy",
                         "is not that of the manifest"),
    "target of a finding": (cell(FOUND, 0, "target_low", lambda v: v + 1.0), "copy",
                            "its numbers give"),
    "violated turned": (cell(FOUND, 0, "violated", lambda v: not v), "copy", "violated is"),
    "contexts that end before an utterance": (
        rows(CONTEXTS, lambda own: [r for r in own if r["video_id"] != "0001" or r["frame"] < 60]),
        "context", "the segment lacks the rows of frames [60"),
    "part of a quality": (rows(SAID, with_cycle(quality_cosine=0.123)), "derived",
                          "cycle.quality_cosine is 0.123"),
    "findings of another moment": (rows(SAID, with_guard(2.5)), "derived", "guard is 2.5"),
    "three shape numbers": (cell(BODY, 0, "betas", [0.1, 0.2, 0.3]), "copy",
                            "betas are 3, not 10"),
    "height 17 m": (cell(BODY, 0, "height_m", 17.0), "range+sentence+context",
                    "not within 0 to 5"),
    "height below 0": (cell(BODY, 0, "height_m", -1.0), "range+sentence+context",
                       "is no positive number"),
    "unknown flag": (cell(BODY, 0, "flags", ["tall"]), "copy+sentence+context",
                     "hold tall, unknown"),
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
