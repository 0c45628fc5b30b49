"""Pickles are read as notes: as Python reads them where they are plain, and never run."""

from __future__ import annotations

import contextlib
import copyreg
import io
import pickle
import struct
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qevd_bio.files.pickle_notes import Call, Name, Outside, PickleRefused
from qevd_bio.files.pickle_reading import read_notes
from tests.hostile_pickles import LIVE, gadgets, text


def read(data: bytes, **options: Any) -> Any:
    return read_notes(io.BytesIO(data), lambda name: False, most_steps=100_000, **options)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(value=PLAIN, protocol=st.integers(3, 5))
def test_plain_values_are_read_as_python_reads_them(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


TEXTUAL = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(value=TEXTUAL, protocol=st.integers(0, 2))
def test_old_protocols_are_read_as_python_reads_them(value: Any, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"S'a\\xff\\n\\'b'\n.",
        b'S"it\'s"\n.',
        b"U\x03a\xff\n.",
        b"T\x02\x00\x00\x00\x80\x81.",
        b"(dp0\nS'x'\np1\n(lp2\nI1\naF0.5\nasS'y'\ng1\ns.",
        b"(I1\nL12345678901234567890L\nI01\nt.",
        b"(I1\nI2\n0I3\nl.",
        b"(I1\n(I2\n1t.",
        b"Vgr\\u00fc\\u00dfe\n.",
    ],
    ids=["escapes", "quotes", "short", "long", "dict", "numbers", "pop", "pop mark", "unicode"],
)
def test_text_of_python_2_is_latin_1(data: bytes) -> None:
    assert read(data) == pickle.loads(data, encoding="latin1")  # noqa: TID251


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        read(data)


GOOD = pickle.dumps({"a": [1, (2.5, "x"), b"y"], "b": {"c": None}}, 4)


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(place: int, value: int) -> None:
    with contextlib.suppress(ValueError):
        read(GOOD[:place] + bytes([value]) + GOOD[place + 1 :])


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_a_cut_pickle_is_refused(length: int) -> None:
    with pytest.raises(PickleRefused):
        read(GOOD[:length])


@pytest.fixture
def registered() -> Any:
    copyreg.add_extension("os", "system", 0x70)
    yield
    copyreg.remove_extension("os", "system", 0x70)
    copyreg.clear_extension_cache()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", gadgets(Path("x")))
def test_no_gadget_runs(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "ran"
    data = gadgets(canary)[name] + b"."
    with pytest.raises(PickleRefused, match=r"refused|no name|not made"):
        read(data)
    assert not canary.exists()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", LIVE)
def test_the_gadgets_would_run_in_pythons_own_unpickler(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "ran"
    with contextlib.suppress(Exception):
        held = pickle.loads(gadgets(canary)[name] + b".")  # noqa: TID251
        if hasattr(held, "wait"):
            held.wait()
    assert canary.exists()


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("name", gadgets(Path("x")))
def test_an_admitted_name_is_noted_and_still_not_run(tmp_path: Path, name: str) -> None:
    canary = tmp_path / "ran"
    with contextlib.suppress(PickleRefused):
        data = io.BytesIO(gadgets(canary)[name] + b".")
        read_notes(data, lambda name: True, most_steps=1000)
    assert not canary.exists()


def test_a_call_is_a_note() -> None:
    noted = read_notes(
        io.BytesIO(b"cos\nsystem\n" + text("x") + b"\x85R}" + text("k") + b"K\x01sb."),
        lambda name: name == Name("os", "system"),
        most_steps=100,
    )
    assert isinstance(noted, Call)
    assert (str(noted.name), noted.arguments, noted.state) == ("os.system", ("x",), {"k": 1})


def test_what_lies_outside_is_a_note_or_refused() -> None:
    data = b"(" + text("storage") + b"K\x07tQ."
    held = read(data, outside=True)
    assert isinstance(held, Outside)
    assert held.key == ("storage", 7)
    for refused in (data, b"Pstorage\n."):
        with pytest.raises(PickleRefused, match="outside"):
            read(refused)


NESTED_KEY = b"}" + b")" + b"2\x86" * 60 + b"K\x01s."
BOMBS = {
    "number to remember under": b"K\x01r" + b"\xff" * 4 + b".",
    "length of bytes": b"\x8e" + struct.pack("<Q", 2**60) + b"x.",
    "length of text": b"\x8d" + struct.pack("<Q", 2**63) + b"x.",
    "length of a byte array": b"\x96" + struct.pack("<Q", 2**40) + b"x.",
    "length of a number": b"\x8b" + struct.pack("<i", -5) + b"x.",
    "frame": b"\x95" + struct.pack("<Q", 2**62) + b"K\x01",
    "key with an endless hash": NESTED_KEY,
    "negative memo": b"K\x01p-1\n.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "depth": b"(" * 200_000 + b".",
    "without end": b"K\x01" * 200_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_neither_memory_nor_time(name: str) -> None:
    tracemalloc.start()
    started = time.process_time()
    with contextlib.suppress(ValueError):
        assert read(BOMBS[name]) == 1  # the first remembers one thing, whatever its number
        assert name == "number to remember under"
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64e6 and seconds < 5


def test_a_list_of_itself_is_read() -> None:
    held = read(pickle.dumps((loop := [1], loop.append(loop))[0]))
    assert held[0] == 1 and held[1] is held


def test_unread_protocols_and_opcodes_are_named() -> None:
    with pytest.raises(PickleRefused, match="protocol 9"):
        read(b"\x80\x09N.")
    with pytest.raises(PickleRefused, match="opcode 0xff"):
        read(b"\xff.")
