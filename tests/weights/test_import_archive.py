"""The official archive of HSMR: read without being unpacked, hostile ones refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
import torch

from qevd_bio.errors import DataError
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.store import WeightFolder
from tests.weights.made_files import QKV, save_checkpoint, tiny_state


def archive(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                packed.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


INNER = "HSMR-ViTH-r1d1/checkpoints/hsmr.ckpt"


def test_the_archive_is_read_without_being_unpacked(tmp_path: Path, folder: WeightFolder) -> None:
    inner = save_checkpoint(tmp_path / "inner", tiny_state()).read_bytes()
    members = {"HSMR-ViTH-r1d1/.hydra/config.yaml": b"a: 1", INNER: inner}
    path = archive(tmp_path / "HSMR-ViTH-r1d1.tar.gz", members)
    made = import_weights(path, folder, any_size=True)
    assert [item.name for item in folder.path.iterdir()] == ["hsmr.safetensors"]
    assert made.metadata["source_file"] == "HSMR-ViTH-r1d1.tar.gz"
    assert made.metadata["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(folder.load("hsmr").tensors[QKV], tiny_state()[QKV])


ARCHIVES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing of use": ({"a/b": b"x"}, "holds no checkpoints/hsmr.ckpt"),
    "traversal": ({"../../evil": b"x", INNER: b"x"}, "would leave its folder"),
    "absolute": ({"/checkpoints/hsmr.ckpt": b"x"}, "would leave its folder"),
    "traversal to the checkpoint": ({"a/../../checkpoints/hsmr.ckpt": b"x"}, "would leave"),
    "symbolic link": ({INNER: link(INNER, "/etc/passwd", tarfile.SYMTYPE)}, "is no file"),
    "hard link": ({INNER: link(INNER, "/etc/passwd", tarfile.LNKTYPE)}, "is no file"),
    "pipe": ({INNER: link(INNER, "", tarfile.FIFOTYPE)}, "is no file"),
    "no checkpoint inside": ({INNER: b"<html>log in</html>"}, "is a web page"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    members, cause = ARCHIVES[name]
    path = archive(tmp_path / "HSMR-ViTH-r1d1.tar.gz", members)
    before = {item for item in tmp_path.rglob("*") if folder.path not in (item, *item.parents)}
    with pytest.raises(DataError, match=cause) as caught:
        import_weights(path, folder)
    assert caught.value.where.startswith(str(path))
    assert not list(folder.path.iterdir())  # no leftovers either
    after = {item for item in tmp_path.rglob("*") if folder.path not in (item, *item.parents)}
    assert after == before


END = bytes(2 * tarfile.BLOCKSIZE)
"""Ends an archive. Headers are written as bytes: since Python 3.13 `addfile` wants the content."""


def test_an_archive_with_absurd_headers_costs_no_memory(
    tmp_path: Path, folder: WeightFolder
) -> None:
    path = tmp_path / "HSMR-ViTH-r1d1.tar.gz"
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("long")
        info.type, info.size = kind, 2**33
        path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + END))
        with pytest.raises(DataError, match="header of an absurd length"):
            import_weights(path, folder)
    info = tarfile.TarInfo("big")
    info.size = 2**35
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + END))
    with pytest.raises(DataError, match="more than a checkpoint can be"):
        import_weights(path, folder)


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x1f\x8b\x08\x00", b"not found"], ids=repr
)
def test_what_is_no_archive_is_reported(
    tmp_path: Path, folder: WeightFolder, content: bytes
) -> None:
    path = tmp_path / "HSMR-ViTH-r1d1.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no sound archive of HSMR") as caught:
        import_weights(path, folder)
    assert caught.value.where == str(path)
