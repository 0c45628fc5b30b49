"""What lies in the weight folder: damaged files and absent ones."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qevd_bio.errors import DataError, QevdBioError, UsageError
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.store import WeightFolder
from tests.weights.made_files import save_checkpoint, tiny_state


def spoiled_header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    change(header)
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + content[8 + length :])


STORED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-9]), "no sound safetensors file"),
    "longer": (lambda p: p.write_bytes(p.read_bytes() + b"x" * 8), "no sound safetensors file"),
    "empty": (lambda p: p.write_bytes(b""), "no header length"),
    "huge header": (lambda p: p.write_bytes(b"\xff" * 99), "no header length"),
    "no text": (lambda p: p.write_bytes(struct.pack("<Q", 8) + b"\xff" * 8), "is no text"),
    "no JSON": (lambda p: p.write_bytes(struct.pack("<Q", 8) + b"{" * 8), "malformed JSON"),
    "list": (lambda p: p.write_bytes(struct.pack("<Q", 2) + b"[]"), "is no mapping"),
    "one bit": (
        lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
        "not those that were imported",
    ),
    "other name": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(name="skel_male")),
        "its header holds skel_male",
    ),
    "other schema": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(schema_version="9")),
        "schema 9",
    ),
    "no licence": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].pop("licence")),
        "its header lacks licence",
    ),
    "no metadata": (
        lambda p: spoiled_header(p, lambda h: h.pop("__metadata__")),
        "its header lacks name, schema_version",
    ),
    "called official": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(official_size="yes")),
        "is float32 (8,) instead of float32 (1280,)",
    ),
    "renamed tensor": (
        lambda p: spoiled_header(p, lambda h: h.update({"head.x": h.pop("head.init_cam")})),
        "lacks head.init_cam",
    ),
    "shape": (
        lambda p: spoiled_header(p, lambda h: h["head.init_cam"].update(shape=[3, 1])),
        "head.init_cam is float32 (3, 1)",
    ),
    "overlap": (
        lambda p: spoiled_header(p, lambda h: h["head.init_cam"].update(data_offsets=[0, 12])),
        "no sound safetensors file",
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_a_damaged_stored_file_is_refused(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    spoil, cause = STORED[name]
    import_weights(save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state()), folder, any_size=True)
    spoil(folder.file("hsmr"))
    with pytest.raises(DataError, match=re.escape(cause)) as caught:
        folder.load("hsmr")
    assert caught.value.where == str(folder.file("hsmr"))
    assert "--replace" in caught.value.next_step or "Restore" in caught.value.next_step


def test_weights_that_are_not_there_are_reported(tmp_path: Path) -> None:
    folder = WeightFolder(tmp_path / "absent")
    assert folder.present() == []
    with pytest.raises(QevdBioError, match="were not imported") as caught:
        folder.load("skel_male")
    assert "weights import FILE --as skel_male" in caught.value.next_step
    with pytest.raises(UsageError, match="no weights named"):
        folder.load("../hsmr")
    assert not folder.path.exists()
