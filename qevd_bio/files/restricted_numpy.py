"""Loading of NumPy files that can only yield numbers, never code."""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_pickle import unpickle_numbers

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]

_READ_MAGIC: Callable[[BinaryIO], tuple[int, int]] = np.lib.format.read_magic
_HEADER_READERS: dict[tuple[int, int], Callable[[BinaryIO], _Header]] = {
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


def load_npy(path: Path) -> NDArray[Any]:
    """Load one array from a .npy file of format 1.0 or 2.0 and never unpickle.

    The array has any shape and plain dtype; check both before use.

    Raises
    ------
    DataError
        The file is absent, is no .npy file, holds Python objects, or has another size than its
        header states.
    """
    with _data_errors(path, ".npy file"), path.open("rb") as file:
        _check_header(file, path.stat().st_size)
        file.seek(0)
        array: NDArray[Any] = np.load(file, allow_pickle=False)
        return array


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
        The file is absent, is no .npy file, or refers to anything but numpy's own arrays, which
        is named and never imported.
    """
    with _data_errors(path, ".npy file of numbers"), path.open("rb") as file:
        shape, dtype = _read_header(file)
        if not dtype.hasobject:
            return list(load_npy(path))
        held = unpickle_numbers(file)
        if not isinstance(held, np.ndarray) or held.shape != shape or held.ndim != 1:
            raise ValueError(f"it holds no list of {shape} objects")
        return list(held)


def load_npz(
    path: Path, names: tuple[str, ...], *, most_bytes: int = 2**31
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
        The file is absent, is no .npz file, or a wanted array holds Python objects or is too
        large.
    """
    with _data_errors(path, ".npz file"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.removesuffix(".npy") in names and info.file_size > most_bytes:
                    raise ValueError(f"{info.filename} unpacks to {info.file_size} bytes")
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in names if name in held.files}


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = _READ_MAGIC(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"format version {version[0]}.{version[1]} is not read")
    shape, _, dtype = _HEADER_READERS[version](file)
    return shape, dtype


def _check_header(file: BinaryIO, file_bytes: int) -> None:
    shape, dtype = _read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0:
        raise ValueError(f"shape {shape} has a negative length")
    promised = file.tell() + math.prod(shape) * dtype.itemsize
    if file_bytes != promised:
        raise ValueError(f"it has {file_bytes} bytes, its header promises {promised}")
