"""A hostile release gives issues and no crash; one of another schema is held to its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qevd_bio.cli.main import app
from qevd_bio.verify.release import verify_release
from tests.verify.damages import (
    KIN,
    KIN_TEST,
    SAID,
    SAID_TEST,
    Damage,
    cell,
    manifest,
)
from tests.verify.made_release import (
    SPLIT,
    edit_json,
    edit_rows,
    reseal,
    rewrite,
)


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
