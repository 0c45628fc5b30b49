"""Loading of binary files that can only yield numbers, never code."""

from __future__ import annotations

import math
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError

_Header = tuple[tuple[int, ...], bool, np.dtype[Any]]

_READ_MAGIC: Callable[[BinaryIO], tuple[int, int]] = np.lib.format.read_magic
_HEADER_READERS: dict[tuple[int, int], Callable[[BinaryIO], _Header]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load_npy(path: Path) -> NDArray[Any]:
    """Load one array from a .npy file and never unpickle.

    Parameters
    ----------
    path : Path
        A file of format version 1.0 or 2.0.

    Returns
    -------
    ndarray
        Any shape and plain dtype; check both before use.

    Raises
    ------
    DataError
        The file is absent, is no .npy file, holds Python objects, or its size is not what
        its header promises.
    """
    try:
        with path.open("rb") as file:
            _check_header(file, path.stat().st_size)
            file.seek(0)
            array: NDArray[Any] = np.load(file, allow_pickle=False)
            return array
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
    except (ValueError, TypeError, OverflowError, SyntaxError, tokenize.TokenError) as error:
        cause = "is no sound .npy file (" + " ".join(str(error).split())[:200] + ")"
    raise DataError(cause, where=str(path), next_step="Restore the file or make it anew")


def _check_header(file: BinaryIO, file_bytes: int) -> None:
    version = _READ_MAGIC(file)
    if version not in _HEADER_READERS:
        raise ValueError(f"format version {version[0]}.{version[1]} is not read")
    shape, _, dtype = _HEADER_READERS[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if min(shape, default=0) < 0:
        raise ValueError(f"shape {shape} has a negative length")
    promised = file.tell() + math.prod(shape) * dtype.itemsize
    if file_bytes != promised:
        raise ValueError(f"it has {file_bytes} bytes, its header promises {promised}")
