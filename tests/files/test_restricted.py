from __future__ import annotations

import io
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.errors import DataError
from qevd_bio.files.restricted import load_npy

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
