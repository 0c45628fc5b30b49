from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.digest import sha256_file
from qevd_bio.released.contents import PublishedVideo, Release
from qevd_bio.tables.columns import SCHEMA_VERSION
from tests.release.made_artifacts import publish, published


def changelog(release: Release) -> str:
    return (release.folder / "CHANGELOG.md").read_text(encoding="utf-8")


def manifest(release: Release) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((release.folder / "manifest.json").read_text())
    return content


def test_first_release_counts_its_rows(release: Release) -> None:
    text = changelog(release)
    assert text.startswith("# Changelog of the data\n\n## 1.0.0\n\n- First release.\n")
    assert f"- Schema version {SCHEMA_VERSION}." in text
    assert "- `kinematics` train: 50 rows." in text
    assert manifest(release)["previous_release"] is None


def test_next_release_lists_its_changes(
    tmp_path: Path, release: Release, videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    by_id = {video.video_id: video for video in videos}
    changed = [
        by_id["0146"],
        dataclasses.replace(by_id["0150"], split="train"),
        published(tmp_path / "work", "0200", "test", frames=13),
    ]
    generator = {**arguments["generator"], "qevd-bio": "0.2.0", "rule squat": "2"}
    after = publish(
        changed,
        **arguments | {"version": "2.0.0", "generator": generator},
        previous=release.folder,
    )
    text = changelog(after)
    newest, oldest = text.split("\n## ")[1:]
    assert f"# Changelog of the data\n\n## {oldest}" == changelog(release), "kept to the letter"
    for line in (
        "After 1.0.0.",
        "qevd-bio: 0.1.0 → 0.2.0.",
        "rule squat: none → 2.",
        "Videos added: 0200.",
        "Videos removed: 0007.",
        "Videos in another split: 0150.",
        "`kinematics` train: 27 rows (-23).",
        "`cycles` test: 2 rows (+2).",
        "`annotations` train: 4 rows.",
    ):
        assert f"\n- {line}" in newest
    assert "schema version" not in newest and "pyarrow" not in newest
    assert manifest(after)["previous_release"] == {
        "version": "1.0.0",
        "sha256sums_sha256": sha256_file(release.folder / "SHA256SUMS"),
    }


def test_previous_release_must_be_one(
    tmp_path: Path, videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="is no release"):
        publish(videos, **arguments, previous=tmp_path)
    assert not arguments["out"].exists()


def test_foreign_changelog_is_refused(
    release: Release, videos: list[PublishedVideo], arguments: dict[str, Any]
) -> None:
    (release.folder / "CHANGELOG.md").write_text("another text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"CHANGELOG.md: does not begin with"):
        publish(videos, **arguments | {"version": "1.0.1"}, previous=release.folder)
