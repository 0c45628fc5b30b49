"""Only numbers, text, lists, dicts and arrays from a pickle.

Not even NumPy's own constructors are called as the file demands: an array of objects made over
bytes of the file's choice would be a set of pointers. The notes of an array are checked, and an
array is made from them afterwards.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Collection
from typing import IO, Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray

from qevd_bio.files.array_lengths import check_lengths
from qevd_bio.files.pickle_notes import Call, Name, PickleRefused
from qevd_bio.files.pickle_reading import read_notes

_PLAIN_CODE = re.compile(r"[biufSU?]\d*|O8?")
_BYTE_ORDERS = ("<", ">", "|", "=")
_MOST_STEPS = 50_000_000
_DEEPEST = 200
_ITEMS_PER_BYTE = 16  # lists that a file names again and again are honest up to there

_NDARRAY, _DTYPE = Name("numpy", "ndarray"), Name("numpy", "dtype")
_CORES = ("numpy.core", "numpy._core")  # before and since NumPy 2
_RECONSTRUCT = {Name(f"{core}.multiarray", "_reconstruct") for core in _CORES}
_SCALAR = {Name(f"{core}.multiarray", "scalar") for core in _CORES}
_FROM_BUFFER = {Name(f"{core}.numeric", "_frombuffer") for core in _CORES}
_ENCODE = Name("_codecs", "encode")  # how Python 3 writes bytes for Python 2

NUMBER_NAMES = frozenset({_NDARRAY, _DTYPE, _ENCODE} | _RECONSTRUCT | _SCALAR | _FROM_BUFFER)


def unpickle_numbers(file: BinaryIO) -> Any:  # noqa: ANN401
    """Read numbers, text, lists, tuples, dicts and arrays from the position of a regular file.

    Raises
    ------
    PickleRefused
        The pickle is damaged or refers to anything else, which is named and never imported.
    """
    notes, n_bytes = file_notes(file, NUMBER_NAMES, most_steps=_MOST_STEPS)
    return NumberReader(n_bytes).plain(notes)


def file_notes(file: BinaryIO, names: Collection[Name], *, most_steps: int) -> tuple[Any, int]:
    """Read the pickle at the position of a regular file as `read_notes` does.

    Only `names` may appear. Returns the notes and the size of the file in bytes.
    """
    start = file.tell()
    n_bytes = file.seek(0, 2)
    if n_bytes <= start:
        raise PickleRefused("it is cut short or no sound pickle")
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        data.seek(start)
        whole = cast("IO[bytes]", data)
        return read_notes(whole, names.__contains__, most_steps=most_steps), n_bytes


class NumberReader:
    """Makes arrays from the notes of a pickle.

    Parameters
    ----------
    most_bytes : int
        Most bytes of all arrays. An honest file holds each number itself; a file that repeats
        the same bytes exceeds this.
    """

    def __init__(self, most_bytes: int) -> None:
        self._left = self._most_length = most_bytes
        self._most_items = _ITEMS_PER_BYTE * most_bytes + _DEEPEST
        # By the identity of a note, with the note, so that no other object gets its identity.
        self._made: dict[int, tuple[Any, Any, int]] = {}

    def plain(self, held: Any) -> Any:  # noqa: ANN401
        """Make the noted arrays.

        Raises
        ------
        PickleRefused
            Something is no number, text, list, tuple, dict or array, or is nested too deeply.
        """
        return self._counted(held, 0)[0]

    def _counted(self, held: Any, depth: int) -> tuple[Any, int]:  # noqa: ANN401
        """Make an object, and count its parts as if none of them were shared."""
        if held is None or isinstance(held, bool | int | float | str | bytes):
            return held, 1
        if id(held) in self._made:
            return self._made[id(held)][1:]
        if depth > _DEEPEST:
            raise PickleRefused("it is nested too deeply")
        made: Any
        count = 1
        if isinstance(held, dict):
            parts = {key: self._counted(value, depth + 1) for key, value in held.items()}
            made = {key: part for key, (part, _) in parts.items()}
            count += sum(n for _, n in parts.values())
        elif isinstance(held, list | tuple):
            items = [self._counted(item, depth + 1) for item in held]
            made = type(held)(item for item, _ in items)
            count += sum(n for _, n in items)
        elif isinstance(held, Call):
            made = self._called(held, depth)
        else:
            raise PickleRefused(f"it holds {_word(held)}, which is no number")
        if count > self._most_items:
            raise PickleRefused("it repeats itself into more than it holds")
        self._made[id(held)] = (held, made, count)
        return made, count

    def _called(self, call: Call, depth: int) -> Any:  # noqa: ANN401
        if call.name in _RECONSTRUCT:
            return self._array(call, depth)
        if call.name in _FROM_BUFFER:
            data, dtype, shape, order = _parted(call.arguments, 4)
            return self._numbers(_bytes(data), _dtype(dtype), _shape(shape), order == "F")
        if call.name in _SCALAR:
            dtype, data = _parted(call.arguments, 2)
            kind = _dtype(dtype)
            if kind.hasobject or len(_bytes(data)) != kind.itemsize:
                raise PickleRefused("it holds a number without a sound type")
            return np.frombuffer(_bytes(data), kind)[0]
        if call.name == _ENCODE:
            return _bytes(call)
        raise PickleRefused(f"it holds {_word(call)}, which is no number")

    def _array(self, call: Call, depth: int) -> NDArray[Any]:
        kind, _, _ = _parted(call.arguments, 3)
        if kind != _NDARRAY:
            raise PickleRefused("it holds an array of an unknown class")
        _, noted_shape, noted_dtype, is_fortran, data = _parted(call.state, 5)
        shape, dtype = _shape(noted_shape), _dtype(noted_dtype)
        if not dtype.hasobject:
            return self._numbers(_bytes(data), dtype, shape, bool(is_fortran))
        if not isinstance(data, list) or len(data) != math.prod(shape):
            raise PickleRefused("it holds a list of objects of the wrong length")
        self._check_lengths(shape, dtype)
        self._spend(8 * len(data))
        flat = np.empty(len(data), dtype=object)
        for i, item in enumerate(data):
            flat[i] = self._counted(item, depth + 1)[0]
        return flat.reshape(shape, order="F" if is_fortran else "C")

    def _numbers(
        self, data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], is_fortran: bool
    ) -> NDArray[Any]:
        order: Literal["F", "C"] = "F" if is_fortran else "C"
        self._check_lengths(shape, dtype)
        if len(data) != math.prod(shape) * dtype.itemsize:
            raise PickleRefused("it holds an array with data of the wrong size")
        self._spend(len(data))
        return np.frombuffer(data, dtype).reshape(shape, order=order).copy()

    def _check_lengths(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        try:
            check_lengths(shape, dtype, self._most_length)
        except ValueError as error:
            raise PickleRefused(str(error)) from error

    def _spend(self, n_bytes: int) -> None:
        self._left -= n_bytes
        if self._left < 0:
            raise PickleRefused("it makes more of its bytes than it holds")


def _parted(noted: object, count: int) -> tuple[Any, ...]:
    if not isinstance(noted, tuple) or len(noted) != count:
        raise PickleRefused("it holds an array or number in another form than NumPy's")
    return noted


def _shape(noted: object) -> tuple[int, ...]:
    if not isinstance(noted, tuple) or not all(type(n) is int and n >= 0 for n in noted):
        raise PickleRefused("it holds an array without a sound shape and type")
    return noted


def _dtype(noted: object) -> np.dtype[Any]:
    if not isinstance(noted, Call) or noted.name != _DTYPE or not noted.arguments:
        raise PickleRefused("it holds an array without a sound shape and type")
    code, state = noted.arguments[0], noted.state
    if not isinstance(code, str) or not _PLAIN_CODE.fullmatch(code):
        shown = repr(code[:40]) if isinstance(code, str) else "no text"
        raise PickleRefused(f"it holds an element type that is not plain: {shown}")
    if state is None:
        return np.dtype(code)
    if not isinstance(state, tuple) or len(state) < 5 or any(x is not None for x in state[2:5]):
        raise PickleRefused("it holds an element type that is not plain")
    order = state[1]
    if not isinstance(order, str) or order not in _BYTE_ORDERS:
        raise PickleRefused("it holds an element type that is not plain")
    return np.dtype(code if order == "|" else order + code)


def _bytes(noted: object) -> bytes:
    """Read bytes as written by Python 3, by Python 2, or by Python 3 for Python 2."""
    if isinstance(noted, Call) and noted.name == _ENCODE:
        text, coding = _parted(noted.arguments, 2)
        if not isinstance(text, str) or coding != "latin1":
            raise PickleRefused("it holds bytes in an unknown coding")
        return text.encode("latin-1")
    if isinstance(noted, str):
        return noted.encode("latin-1")
    if not isinstance(noted, bytes):
        raise PickleRefused("it holds an array with data that are not bytes")
    return noted


def _word(held: object) -> str:
    return str(held.name) if isinstance(held, Call) else type(held).__name__
