"""Loading of NumPy files that can only yield numbers, never code."""

from __future__ import annotations

import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.array_lengths import check_lengths, shown
from qevd_bio.files.input_file import opened_input
from qevd_bio.files.restricted_pickle import unpickle_numbers

MOST_BYTES = 2**31
"""Most bytes of one array in memory."""

_SPARE_BYTES, _MOST_RATIO = 64 * 2**20, 100
"""A packed array may unpack to this much, and this many times the file's bytes, more."""

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]

_READ_MAGIC: Callable[[IO[bytes]], tuple[int, int]] = np.lib.format.read_magic
_READ_ARRAY: Callable[..., NDArray[Any]] = np.lib.format.read_array
_HEADER_READERS: dict[tuple[int, int], Callable[[IO[bytes]], _Header]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


_BROKEN = (
    ValueError,
    TypeError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    EOFError,
    KeyError,
    IndexError,
    AttributeError,
    MemoryError,
    RecursionError,
    # A zip of arrays; RuntimeError is raised for a locked member and, as NotImplementedError, for
    # an unknown compression.
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    RuntimeError,
)


@contextmanager
def _data_errors(path: Path, kind: str) -> Iterator[None]:
    """Raise `DataError` for a file that is absent or no sound file of its kind."""
    try:
        yield
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except _BROKEN as error:
        cause = f"is no sound {kind} (" + " ".join(str(error).split())[:200] + ")"
    else:
        return
    raise DataError(cause, where=str(path), next_step="Restore the file or create it again")


def load_npy(path: Path, *, most_bytes: int = MOST_BYTES) -> NDArray[Any]:
    """Load one array from a .npy file of format 1.0 or 2.0 and never unpickle.

    The array has any shape and plain dtype; check both before use.

    Raises
    ------
    DataError
        The file is absent, is no regular file, is no .npy file, holds Python objects, has another
        size than its header states or more than `most_bytes`, or names lengths that it has no
        bytes for.
    """
    with _data_errors(path, ".npy file"), opened_input(path) as file:
        return _plain_array(file, _size_of(file, most_bytes))


def load_records_npy(path: Path) -> list[Any]:
    """Load a .npy file of Python objects that are made of numbers only.

    Parameters
    ----------
    path : Path
        A one-dimensional object array, as ``numpy.save`` writes a list of dicts, or a plain
        array.

    Returns
    -------
    list
        The elements: numbers, text, lists, tuples, dicts and arrays; of a plain array its
        rows.

    Raises
    ------
    DataError
        As `load_npy`; or the file refers to anything but numpy's own arrays, which is named and
        never imported.
    """
    with _data_errors(path, ".npy file of numbers"), opened_input(path) as file:
        shape, dtype = _read_header(file)
        if not dtype.hasobject:
            array = _plain_array(file, _size_of(file, MOST_BYTES))
            if array.ndim == 0:
                raise ValueError("it holds a single number")
            return list(array)
        held = unpickle_numbers(file)
        if not isinstance(held, np.ndarray) or held.shape != shape or held.ndim != 1:
            raise ValueError(f"it holds no list of {shown(shape)} objects")
        return list(held)


def load_npz(
    path: Path, names: tuple[str, ...], *, most_bytes: int = MOST_BYTES
) -> dict[str, NDArray[Any]]:
    """Load named arrays from an .npz file and never unpickle.

    Parameters
    ----------
    path : Path
        The file.
    names : tuple of str
        Wanted arrays; others are ignored.
    most_bytes : int
        Most bytes of each unpacked array.

    Returns
    -------
    dict of str to ndarray
        Those of the names that the file holds.

    Raises
    ------
    DataError
        The file is absent, is no regular file, is no .npz file, or a wanted array is unsound as in
        `load_npy` or unpacks to far more than the file has bytes.
    """
    arrays: dict[str, NDArray[Any]] = {}
    with (
        _data_errors(path, ".npz file"),
        opened_input(path) as file,
        zipfile.ZipFile(file) as archive,
    ):
        most_bytes = min(most_bytes, _SPARE_BYTES + _MOST_RATIO * _size_of(file, 2**63))
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name not in names:
                continue
            if name in arrays:
                raise ValueError(f"it holds {name!r} twice")
            if info.file_size > most_bytes:
                raise ValueError(f"{info.filename} unpacks to {info.file_size} bytes")
            with archive.open(info) as member:
                arrays[name] = _plain_array(member, info.file_size)
    return arrays


def _plain_array(file: IO[bytes], n_bytes: int) -> NDArray[Any]:
    """Read an array without objects from a file of this size, after a check of its header."""
    file.seek(0)
    shape, dtype = _read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0:
        raise ValueError(f"shape {shown(shape)} has a negative length")
    promised = file.tell() + math.prod(shape) * dtype.itemsize
    if n_bytes != promised:
        raise ValueError(f"it has {n_bytes} bytes, its header promises {promised}")
    check_lengths(shape, dtype, n_bytes)
    file.seek(0)
    return _READ_ARRAY(file, allow_pickle=False)


def _read_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = _READ_MAGIC(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"format version {version[0]}.{version[1]} is not read")
    shape, _, dtype = _HEADER_READERS[version](file)
    return shape, dtype


def _size_of(file: BinaryIO, most_bytes: int) -> int:
    n_bytes = os.fstat(file.fileno()).st_size
    if n_bytes > most_bytes:
        raise ValueError(f"it has {n_bytes} bytes, more than the {most_bytes} that are read")
    return n_bytes
