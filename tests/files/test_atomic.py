from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from qevd_bio.files.atomic import atomic_path, make_folder, write_bytes_atomic, write_text_atomic


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.rglob("*"))


def disk_full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_writes_all_bytes_and_nothing_else(tmp_path):
    target = tmp_path / "a" / "b" / "data.bin"
    write_bytes_atomic(target, b"\x00\r\n\xff")
    assert target.read_bytes() == b"\x00\r\n\xff"
    assert names(tmp_path) == ["a", "b", "data.bin"]


def test_text_is_utf8_with_its_line_ends(tmp_path):
    write_text_atomic(tmp_path / "t.txt", "30° ×2\r\nend\n")
    assert (tmp_path / "t.txt").read_bytes() == b"30\xc2\xb0 \xc3\x972\r\nend\n"


def test_temporary_is_in_the_same_folder_with_the_same_suffix(tmp_path):
    with atomic_path(tmp_path / "plot.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert not temporary.exists()
        temporary.write_bytes(b"x")
        assert not (tmp_path / "plot.png").exists()
    assert names(tmp_path) == ["plot.png"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
@pytest.mark.parametrize("old", [None, b"old"], ids=["new file", "existing file"])
def test_failing_disk_leaves_what_was_there(tmp_path, monkeypatch, broken, old):
    target = tmp_path / "data.bin"
    if old is not None:
        target.write_bytes(old)
    before = names(tmp_path)
    monkeypatch.setattr(os, broken, disk_full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes_atomic(target, b"new")
    assert names(tmp_path) == before
    assert old is None or target.read_bytes() == old


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_whatever_leaves_the_block_leaves_no_trace(tmp_path, error):
    target = tmp_path / "data.bin"
    target.write_bytes(b"old")
    with pytest.raises(error), atomic_path(target) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert names(tmp_path) == ["data.bin"]
    assert target.read_bytes() == b"old"


def test_first_error_is_reported_when_cleaning_fails_too(tmp_path, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise PermissionError("cannot unlink")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(ValueError, match="first"), atomic_path(tmp_path / "x") as temporary:
        temporary.write_bytes(b"half")
        raise ValueError("first")


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "x"):
        pass
    assert names(tmp_path) == []


def test_file_is_synced_before_and_folder_after_the_rename(tmp_path, monkeypatch):
    steps = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor):
        mode = os.fstat(descriptor).st_mode
        steps.append("folder" if stat.S_ISDIR(mode) else "file")
        real_fsync(descriptor)

    def replace(source, target):
        steps.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_bytes_atomic(tmp_path / "x", b"1")
    assert steps == ["file", "rename", "folder"]
    steps.clear()
    make_folder(tmp_path / "p" / "q")
    make_folder(tmp_path / "p" / "q")
    assert steps == ["folder", "folder"]


def test_link_stays_and_its_target_is_replaced(tmp_path):
    real = tmp_path / "real.txt"
    real.write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to(real)
    write_text_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_mode_of_an_existing_file_is_kept_and_a_new_one_follows_the_umask(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("old")
    secret.chmod(0o640)
    write_text_atomic(secret, "new")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o640
    plain = tmp_path / "plain"
    plain.write_text("")
    write_text_atomic(tmp_path / "fresh", "")
    assert (tmp_path / "fresh").stat().st_mode == plain.stat().st_mode
