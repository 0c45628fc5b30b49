"""Card, Croissant description and changelog are held to the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.verify.release import verify_release
from tests.verify.damages import (
    KIN,
    Damage,
    text,
)
from tests.verify.made_release import (
    edit_json,
    write_sums,
)


def described(change: Callable[[Any], Any]) -> Damage:
    return lambda folder: edit_json(folder / "croissant.json", change)


def file_object(content: Any, name: str) -> Any:
    return next(one for one in content["distribution"] if one["@id"] == name)


DESCRIBED: dict[str, tuple[Damage, str, str]] = {
    "digest": (described(lambda c: file_object(c, KIN).update(sha256="0" * 64)), "described",
               f"{KIN} does not fit the files: sha256 is"),
    "size": (described(lambda c: file_object(c, KIN).update(contentSize="1 B")), "described",
             "contentSize is '1 B'"),
    "file not named": (described(lambda c: c["distribution"].remove(file_object(c, KIN))),
                       "described", f"does not name {KIN}"),
    "field of another type": (described(lambda c: c["recordSet"][1]["field"][1].update(
        dataType="sc:Float")), "described", "dataType is 'sc:Float'"),
    "a key without a value": (described(lambda c: file_object(c, KIN).update(x=None)),
                              "described", "x is None"),
    "a file named twice": (described(lambda c: c["distribution"].insert(
        0, {**file_object(c, KIN), "sha256": "0" * 64})), "described", "names something twice"),
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
