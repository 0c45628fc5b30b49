from __future__ import annotations

import io
import os
import pickle
import re
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_numpy import load_npy, load_npz, load_records_npy

ARRAYS = {
    "timestamps": np.arange(1_600_000_000_000_000_000, 1_600_000_000_000_000_007, dtype=np.int64),
    "reference": np.linspace(0, 1, 101 * 46).reshape(101, 46),
    "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    "empty": np.zeros((0, 46)),
    "scalar": np.array(3.5),
    "text": np.array(["squat", "plank"]),
}


class Gadget:
    """Touches a file when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def npy_bytes(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_header(header: str, data: bytes) -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back(tmp_path, name):
    np.save(tmp_path / "a.npy", ARRAYS[name])
    array = load_npy(tmp_path / "a.npy")
    assert array.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(array, ARRAYS[name])


def test_pickles_are_refused_and_never_run(tmp_path):
    touched = tmp_path / "touched"
    gadget = np.empty(1, dtype=object)
    gadget[0] = Gadget(touched)
    np.save(tmp_path / "object.npy", gadget, allow_pickle=True)
    (tmp_path / "bare.npy").write_bytes(pickle.dumps(Gadget(touched)))
    touched.unlink(missing_ok=True)
    for name, cause in (("object.npy", "Python objects"), ("bare.npy", "no sound .npy")):
        with pytest.raises(DataError, match=cause):
            load_npy(tmp_path / name)
    assert not touched.exists()


GOOD = npy_bytes(ARRAYS["reference"])
DAMAGED = {
    "empty": (b"", "no sound .npy"),
    "cut header": (GOOD[:40], "no sound .npy"),
    "cut data": (GOOD[:-1], "its header promises"),
    "trailing bytes": (GOOD + b"\x00", "its header promises"),
    "html": (b"<!doctype html><html></html>", "no sound .npy"),
    "zip": (b"PK\x03\x04" + bytes(60), "no sound .npy"),
    "version 3": (b"\x93NUMPY\x03\x00" + GOOD[8:], "version 3.0 is not read"),
    "huge": (
        with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", b""),
        "its header promises",
    ),
    "negative": (
        with_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}", bytes(8)),
        "negative",
    ),
    "code": (with_header("__import__('os').abort()", b""), "no sound .npy"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files_are_named(tmp_path, name):
    content, cause = DAMAGED[name]
    path = tmp_path / "0001.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=cause) as caught:
        load_npy(path)
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)


def test_absent_file_and_folder_are_named(tmp_path):
    for path in (tmp_path / "absent.npy", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            load_npy(path)


SMALL = npy_bytes(np.arange(6, dtype=np.int32).reshape(2, 3))


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@settings(max_examples=300, deadline=None)
@given(position=st.integers(0, len(SMALL) - 1), value=st.integers(0, 255))
def test_a_changed_byte_gives_an_array_or_a_data_error(tmp_path_factory, position, value):
    path = tmp_path_factory.getbasetemp() / "changed.npy"
    path.write_bytes(SMALL[:position] + bytes([value]) + SMALL[position + 1 :])
    try:
        array = load_npy(path)
    except DataError:
        return
    assert array.nbytes == 24


# files of Python objects


class _Calls:
    """Pickles as a call of some function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def records(path: Path, items: list[Any]) -> Path:
    held = np.empty(len(items), dtype=object)
    held[:] = items
    np.save(path, held, allow_pickle=True)
    return path


def test_a_list_of_dicts_of_arrays_comes_back(tmp_path: Path) -> None:
    items = [{"a": np.arange(3.0), "b": [np.float32(2.0)], "c": None}, {}, np.zeros(2)]
    again = load_records_npy(records(tmp_path / "a.npy", items))
    assert again[0]["a"].tolist() == [0.0, 1.0, 2.0]
    assert again[0]["b"] == [2.0] and again[0]["c"] is None
    assert again[1] == {} and again[2].shape == (2,)


def test_a_dump_written_by_numpy_2_is_read() -> None:
    golden = Path(__file__).parents[1] / "golden"
    frames = load_records_npy(golden / "hsmr" / "HSMR-synthetic.npy")
    assert [len(frame["poses"]) for frame in frames] == [1, 0, 2, 1]
    assert frames[1]["bbx_cs"] is None


def test_a_plain_array_comes_as_its_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(6.0).reshape(2, 3))
    assert [row.tolist() for row in load_records_npy(tmp_path / "a.npy")] == [
        [0.0, 1.0, 2.0],
        [3.0, 4.0, 5.0],
    ]


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "posix.system"),
        (eval, "builtins.eval"),
        (getattr, "builtins.getattr"),
        (np.load, "numpy.load"),
        (Path, f"{Path.__module__}.Path"),  # another module from Python 3.13 on
        (subprocess.run, "subprocess.run"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_anything_but_arrays_is_refused_by_name_and_not_run(
    tmp_path: Path, function: Any, name: str
) -> None:
    mark = tmp_path / "ran"
    path = records(tmp_path / "a.npy", [{"poses": _Calls(function, f"touch {mark}")}])
    with pytest.raises(DataError, match=re.escape(f"asks for {name}, which is refused")):
        load_records_npy(path)
    assert not mark.exists()


def test_a_method_reached_through_an_admitted_class_is_refused(tmp_path: Path) -> None:
    path = records(tmp_path / "a.npy", [_Calls(np.ndarray.tofile, np.zeros(2), "x")])
    with pytest.raises(DataError, match="refused"):
        load_records_npy(path)


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[:-20], lambda b: b[:40], lambda b: b"", lambda b: b[:128] + b"\x80\x04N."],
    ids=["cut", "no header", "empty", "None inside"],
)
def test_a_damaged_list_is_refused(tmp_path: Path, spoil: Any) -> None:
    path = records(tmp_path / "a.npy", [{"a": np.arange(3.0)}])
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=r"no sound [.]npy file"):
        load_records_npy(path)


def _mark_locked(content: bytearray) -> None:
    content[6] |= 1
    content[content.find(b"PK\x01\x02") + 8] |= 1


def _mark_packed_strangely(content: bytearray) -> None:
    content[8] = content[content.find(b"PK\x01\x02") + 10] = 99


def _spoil(content: bytearray) -> None:
    for place in range(200, 260):
        content[place] ^= 0x5A


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("damage", [_mark_locked, _mark_packed_strangely, _spoil])
def test_a_badly_packed_npz_is_refused(tmp_path: Path, packing: int, damage: Any) -> None:
    path, array = tmp_path / "a.npz", io.BytesIO()
    np.save(array, np.random.default_rng(0).normal(size=(40, 46)))
    with zipfile.ZipFile(path, "w", packing) as archive:
        archive.writestr("poses.npy", array.getvalue())
    assert load_npz(path, ("poses",))["poses"].shape == (40, 46)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a[.]npz: (is no sound [.]npz|cannot be read)"):
        load_npz(path, ("poses",))


def test_named_arrays_of_an_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", poses=np.eye(2), other=np.array([{}], dtype=object))
    assert list(load_npz(tmp_path / "a.npz", ("poses", "betas"))) == ["poses"]
    with pytest.raises(DataError, match=r"no sound [.]npz"):
        load_npz(tmp_path / "a.npz", ("other",))
    np.save(tmp_path / "b.npz", np.eye(2))
    with pytest.raises(DataError, match=r"no sound [.]npz"):
        load_npz(Path(f"{tmp_path}/b.npz.npy").rename(tmp_path / "c.npz"), ("poses",))
    with pytest.raises(DataError, match="cannot be read"):
        load_npz(tmp_path / "absent.npz", ("poses",))


@pytest.mark.parametrize(
    "call",
    [
        _Calls(np.ndarray, (1,), "O", b"12345678"),
        _Calls(np.dtype, [("a", "O")]),
        _Calls(np.dtype, "V8"),
        _Calls(np.core.multiarray.scalar, np.dtype("O"), b"12345678"),
        _Calls(np.core.multiarray._reconstruct, np.dtype, (0,), b"b"),
    ],
    ids=["objects over bytes", "fields", "raw", "object scalar", "another class"],
)
def test_numpy_is_not_called_as_the_file_asks(tmp_path: Path, call: _Calls) -> None:
    with pytest.raises(DataError, match=r"no sound [.]npy"):
        load_records_npy(records(tmp_path / "a.npy", [call]))


def test_raw_bytes_never_become_objects(tmp_path: Path) -> None:
    """A pickle with an object array declared as bytes, that is as pointers."""
    good = records(tmp_path / "a.npy", [1, 2])
    header = good.read_bytes()[:128]
    state = (1, (2,), np.dtype("O"), False, b"\x01" * 16)

    class Forged:
        def __reduce__(self) -> Any:
            return np.core.multiarray._reconstruct, (np.ndarray, (0,), b"b"), state

    good.write_bytes(header + pickle.dumps(Forged()))
    with pytest.raises(DataError, match="list of objects of the wrong length"):
        load_records_npy(good)


@given(st.data())
def test_a_changed_byte_of_a_list_gives_a_list_or_a_data_error(data: Any) -> None:
    golden = Path(__file__).parents[1] / "golden" / "hsmr" / "HSMR-synthetic.npy"
    content = bytearray(golden.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        path.write_bytes(content)
        try:
            assert isinstance(load_records_npy(path), list)
        except DataError as error:
            assert error.where == str(path)


def test_bytes_named_again_and_again_are_not_made_into_more_arrays(tmp_path: Path) -> None:
    """Forty arrays over one text of a megabyte would be forty megabytes."""
    again = b"".join(
        b"cnumpy.core.numeric\n_frombuffer\n(h\x01cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"
        b"J" + struct.pack("<i", 125_000) + b"\x85X\x01\x00\x00\x00CtR"
        for _ in range(40)
    )
    data = b"B" + struct.pack("<I", 1_000_000) + bytes(1_000_000) + b"q\x010"
    path = records(tmp_path / "a.npy", [1])
    path.write_bytes(path.read_bytes()[:128] + b"\x80\x04" + data + b"(" + again + b"l.")
    with pytest.raises(DataError, match="more of its bytes than it holds"):
        load_records_npy(path)
