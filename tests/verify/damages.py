"""Ways to damage the files of a release of `made_release`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.verify.made_release import (
    SPLIT,
    edit_json,
    edit_rows,
    rewrite,
)

Damage = Callable[[Path], Any]

KIN = "kinematics/train-00001-of-00002.parquet"
KIN_TEST = "kinematics/test-00000-of-00001.parquet"
SAID = "annotations/train-00000-of-00001.parquet"
SAID_TEST = "annotations/test-00000-of-00001.parquet"
CYCLES = "cycles/train-00000-of-00001.parquet"
FOUND = "findings/train-00000-of-00001.parquet"
CONTEXTS = "contexts/train-00000-of-00001.parquet"
QUALITY = "quality/train-00000-of-00001.parquet"
BODY = "morphometrics/train-00000-of-00001.parquet"
DROP_IN = f"drop_in/{SPLIT}/feedbacks_long_range.json"


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


def text(name: str, old: str, new: str) -> Damage:
    def damage(folder: Path) -> None:
        said = (folder / name).read_text(encoding="utf-8")
        assert old in said
        (folder / name).write_text(said.replace(old, new, 1), encoding="utf-8")

    return damage
