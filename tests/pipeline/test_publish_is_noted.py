"""`publish` is one commit: the note in the work folder comes first, and can be made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from qevd_bio.cli.main import app
from qevd_bio.engine.maintain.garbage import PUBLISHED_FOLDER, noted_releases
from qevd_bio.errors import UsageError
from qevd_bio.release import assembly
from qevd_bio.release.assembly import release_from
from qevd_bio.released.manifest import read_manifest
from tests.pipeline.sessions_made import SQUATS, record, write_root

VIDEO = "0001"


@pytest.fixture
def made(walk, tmp_path: Path):
    return walk(write_root(tmp_path / "QEVD", [record(VIDEO, SQUATS)]))


def test_nothing_is_published_where_the_note_cannot_be_written(
    made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(assembly, "note_published", refused)
        with pytest.raises(OSError, match="Read-only"):
            release_from(made, out=tmp_path / "release", version="1.0.0")
    assert list((tmp_path / "release").iterdir()) == []
    release_from(made, out=tmp_path / "release", version="1.0.0")
    assert len(noted_releases(made.store.root)) == 1


def test_a_lost_note_is_made_again_by_publishing_again(made, tmp_path: Path) -> None:
    release = release_from(made, out=tmp_path / "release", version="1.0.0")
    (note,) = (made.store.root / PUBLISHED_FOLDER).iterdir()
    before = note.read_bytes()
    note.unlink()
    with pytest.raises(UsageError, match="exists already"):
        release_from(made, out=tmp_path / "release", version="1.0.0")
    assert note.read_bytes() == before
    artifacts = read_manifest(release.folder)["videos"][VIDEO]["artifacts"].values()
    assert all(digest.encode() in before for digest in artifacts)


def test_a_release_of_another_folder_is_not_noted(walk, made, tmp_path: Path) -> None:
    root = write_root(tmp_path / "other", [record(VIDEO, SQUATS)])
    other = walk(root, depth=0.9, work="other_work", height_m=1.9)
    release_from(other, out=tmp_path / "release", version="1.0.0")
    with pytest.raises(UsageError, match="exists already"):
        release_from(made, out=tmp_path / "release", version="1.0.0")
    assert noted_releases(made.store.root) == []


def test_gc_tells_what_it_would_lose_without_a_note(walk, made, tmp_path: Path) -> None:
    def gc() -> Result:
        return CliRunner().invoke(app, ["gc", "--work", str(made.store.root), "--last-config"])

    release_from(made, out=tmp_path / "release", version="1.0.0")
    walk(tmp_path / "QEVD", height_m=1.8)
    noted = gc()
    assert noted.exit_code == 0 and "no release is on record" not in noted.stderr
    assert "superseded" not in noted.stdout
    (note,) = (made.store.root / PUBLISHED_FOLDER).iterdir()
    note.unlink()
    lost = gc()
    assert "no release is on record" in lost.stderr and "superseded units" in lost.stderr
    assert "superseded" in lost.stdout
