"""Torch checkpoints: as torch reads them where they are sound, and never run."""

from __future__ import annotations

import pickle
import re
import stat
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_torch import TorchFile
from tests.hostile_pickles import gadgets, text


def opened(path: Path) -> TorchFile:
    return TorchFile(path, where=str(path))


def test_tensors_come_as_torch_reads_them(tmp_path: Path) -> None:
    base = torch.arange(60.0).reshape(3, 4, 5)
    state = {
        "plain": base,
        "double": base.double(),
        "half": base.half(),
        "long": base.long(),
        "bool": base > 7,
        "turned": base.permute(2, 0, 1),
        "part": base[1:, ::2, 3],
        "spread": torch.tensor([1.5, 2.5]).expand(3, 2),
        "one": torch.tensor(3.5),
        "none": torch.zeros(0, 4),
        "channels last": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": state, "epoch": 3}, path)
    held = opened(path)
    notes = held.mapping("state_dict")
    assert list(notes) == list(state)
    for key, tensor in state.items():
        array = held.array(notes[key])
        np.testing.assert_array_equal(array, tensor.numpy())
        assert held.layout(notes[key]) == (str(tensor.dtype).split(".")[1], tuple(tensor.shape))
        assert array.dtype == tensor.numpy().dtype
        assert not array.flags.writeable


def test_a_module_and_what_training_leaves_beside_it(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    path = tmp_path / "a.ckpt"
    torch.save(
        {
            "state_dict": module.state_dict(),
            "optimizer_states": [torch.optim.AdamW(module.parameters()).state_dict()],
            "hyper_parameters": {"path": Path("x"), "sizes": {1, 2}, "best": np.float64(3.0)},
            "callbacks": {"best": torch.tensor(0.5), "device": torch.device("cpu")},
        },
        path,
    )
    notes = opened(path).mapping("state_dict")
    assert list(notes) == list(module.state_dict())
    np.testing.assert_array_equal(
        opened(path).array(notes["0.weight"]), module.state_dict()["0.weight"].numpy()
    )


def rewritten(path: Path, change: Callable[[str, bytes], tuple[str, bytes] | None]) -> Path:
    """Write the members again, each as `change` has it."""
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            if (changed := change(name, content)) is not None:
                archive.writestr(*changed)
    return path


def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.ckpt"
    torch.save({"state_dict": {"w": torch.arange(6.0), "b": torch.ones(2)}}, path)
    return path


def with_pickle(tmp_path: Path, opcodes: bytes) -> Path:
    return rewritten(
        saved(tmp_path),
        lambda name, content: (name, opcodes if name.endswith("data.pkl") else content),
    )


@pytest.mark.parametrize("beside", [True, False], ids=["beside the tensors", "as a tensor"])
@pytest.mark.parametrize("name", gadgets(Path("x")))
def test_a_gadget_is_refused_and_not_run(tmp_path: Path, name: str, beside: bool) -> None:
    canary = tmp_path / "ran"
    gadget = gadgets(canary)[name]
    if beside:
        held = b"}s" + text("callbacks") + gadget + b"s."
    else:
        held = b"}" + text("w") + gadget + b"ss."
    path = with_pickle(tmp_path, b"\x80\x02}" + text("state_dict") + held)
    cause = r"is no sound torch checkpoint .*(is refused|no name|not made|lies outside|opcode)"
    with pytest.raises(DataError, match=cause) as caught:
        opened(path)
    assert caught.value.where == str(path)
    assert not canary.exists()


def tensor(
    *,
    kind: bytes = b"ctorch\nFloatStorage\n",
    key: bytes = text("0"),
    stored: int = 6,
    offset: int = 0,
    shape: int = 6,
    stride: int = 1,
    word: str = "storage",
) -> bytes:
    """Opcodes of one tensor, each part of which a file may lie about."""
    number = lambda n: b"\x8a\x08" + struct.pack("<q", n)  # noqa: E731
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n((" + text(word) + kind + key + text("cpu")
        + number(stored) + b"tQ" + number(offset) + number(shape) + b"\x85" + number(stride)
        + b"\x85\x89ccollections\nOrderedDict\n)RtR"
    )  # fmt: skip


LIES: dict[str, tuple[bytes, str]] = {
    "another path": (tensor(key=text("../../etc/passwd")), "storage that is no number"),
    "absent storage": (tensor(key=text("9")), "has no member data/9"),
    "size": (tensor(stored=7, shape=7), "member data/0 has 24 bytes"),
    "beyond": (tensor(offset=3), "reaches beyond member data/0"),
    "beyond by steps": (tensor(stride=2), "reaches beyond member data/0"),
    "backwards": (tensor(offset=5, stride=-1), "without a sound shape"),
    "before": (tensor(offset=-1), "without a sound shape"),
    "huge": (tensor(shape=2**39, stored=2**39), "member data/0 has 24 bytes"),
    "larger than its storage": (tensor(shape=7), "larger than its storage"),
    "other storage": (tensor(kind=b"ctorch\nSize\n"), "unknown kind of storage"),
    "other reference": (tensor(word="module"), "unknown kind of storage"),
    "number": (b"K\x01", "something else where a tensor belongs"),
    "mapping": (b"ccollections\nOrderedDict\n)R", "something else where a tensor belongs"),
    "bare reference": (tensor()[tensor().index(b"((") + 1 :].split(b"Q")[0] + b"Q", "something"),
}


def test_the_opcodes_below_make_a_tensor(tmp_path: Path) -> None:
    path = with_pickle(tmp_path, b"\x80\x02}" + text("s") + b"}" + text("w") + tensor() + b"ss.")
    held = opened(path)
    assert held.array(held.mapping("s")["w"]).tolist() == [0, 1, 2, 3, 4, 5]
    by_torch = torch.load(path, weights_only=True)  # noqa: TID251
    assert by_torch["s"]["w"].tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", LIES)
def test_a_tensor_that_lies_is_refused(tmp_path: Path, name: str) -> None:
    opcodes, cause = LIES[name]
    path = with_pickle(tmp_path, b"\x80\x02}" + text("s") + b"}" + text("w") + opcodes + b"ss.")
    held = opened(path)
    with pytest.raises(DataError, match=re.escape(cause)) as caught:
        held.array(held.mapping("s")["w"])
    assert caught.value.where == str(path)


def appended(path: Path, name: str, content: bytes = b"x", **fields: Any) -> Path:
    info = zipfile.ZipInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, content)
    return path


ZIPS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "path traversal": (lambda p: appended(p, "a/../../evil"), "outside of its one folder"),
    "absolute": (lambda p: appended(p, "/etc/evil"), "outside of its one folder"),
    "other folder": (lambda p: appended(p, "b/data/0"), "outside of its one folder"),
    "backslash": (lambda p: appended(p, "a/..\\evil"), "outside of its one folder"),
    "symbolic link": (
        lambda p: appended(p, "a/data/7", b"/etc/passwd", external_attr=stat.S_IFLNK << 16),
        "is a link",
    ),
    "packed": (
        lambda p: appended(p, "a/data/7", bytes(9999), compress_type=zipfile.ZIP_DEFLATED),
        "is packed or locked",
    ),
    "twice": (lambda p: appended(p, "a/data/0"), "is there twice"),
    "no list": (
        lambda p: rewritten(p, lambda n, c: None if n.endswith("data.pkl") else (n, c)),
        "has no member data.pkl",
    ),
    "nothing inside": (lambda p: zipfile.ZipFile(p, "w").close(), "has 0 members"),
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-300]), "is no sound torch checkpoint"),
    "empty": (lambda p: p.write_bytes(b""), "is no sound torch checkpoint"),
    "web page": (lambda p: p.write_bytes(b"<!DOCTYPE html>\n<title>Log in"), "is a web page"),
    "text": (lambda p: p.write_bytes(b"not found"), "is text that begins 'not found'"),
    "archive": (lambda p: p.write_bytes(b"\x1f\x8b\x08" + bytes(9)), "is packed with gzip"),
    "noise": (lambda p: p.write_bytes(bytes(range(255, 0, -1))), "is of an unknown kind"),
    "legacy": (
        lambda p: torch.save({"w": torch.ones(2)}, p, _use_new_zipfile_serialization=False),
        "a torch file from before 1.6",
    ),
    "bare pickle": (
        lambda p: p.write_bytes(pickle.dumps({"state_dict": 1})),
        "is no sound torch checkpoint",
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ZIPS)
def test_an_unsound_zip_is_refused(tmp_path: Path, name: str) -> None:
    spoil, cause = ZIPS[name]
    path = saved(tmp_path)
    spoil(path)
    with pytest.raises(DataError, match=cause) as caught:
        opened(path)
    assert caught.value.where == str(path)
    assert "Download the checkpoint again" in caught.value.next_step


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    """A zip bomb of stored members: many entries over the same bytes."""
    path = tmp_path / "a.ckpt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", bytes(100_000))
        for n in range(50):
            info = zipfile.ZipInfo(f"a/data/{n}")
            info.header_offset, info.file_size, info.compress_size = 0, 100_000, 100_000
            info.CRC = 0
            archive.filelist.append(info)
    with pytest.raises(DataError, match="members are larger than the file"):
        opened(path)


def test_changed_numbers_are_noticed(tmp_path: Path) -> None:
    path = saved(tmp_path)
    content = bytearray(path.read_bytes())
    place = content.index(np.arange(6, dtype="<f4").tobytes())
    content[place + 2] ^= 1
    path.write_bytes(content)
    held = opened(path)
    notes = held.mapping("state_dict")
    held.array(notes["b"])
    with pytest.raises(DataError, match="does not match its checksum"):
        held.array(notes["w"])


@pytest.mark.parametrize(
    "held", [{"model": {"w": torch.ones(1)}}, [1, 2], {"state_dict": [1]}, {"state_dict": {1: 2}}]
)
def test_other_contents_are_reported(tmp_path: Path, held: Any) -> None:
    path = tmp_path / "a.ckpt"
    torch.save(held, path)
    with pytest.raises(DataError, match="holds no 'state_dict'"):
        opened(path).mapping("state_dict")


def test_an_absent_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        opened(tmp_path / "absent.ckpt")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_byte_gives_the_numbers_or_a_data_error(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder))
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            held = opened(path)
            notes = held.mapping("state_dict")
            arrays = {key: held.array(note) for key, note in notes.items()}
        except DataError as error:
            assert error.where == str(path)
            return
        for array in arrays.values():
            assert array.nbytes <= 24
