"""Safetensors files: written one tensor at a time, read back with a digest of their numbers.

The format is an eight-byte length, a JSON header and the numbers. It is written here, not by the
library, to keep a file of gigabytes from being copied in memory; the library reads it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.strict_json import parse_json

DTYPE_CODES: dict[str, str] = {
    "float64": "F64", "float32": "F32", "float16": "F16", "int32": "I32", "uint8": "U8",
}  # fmt: skip
DIGEST_KEY = "tensors_sha256"
SUFFIX = ".safetensors"

_NEXT_STEP = "Import it again with 'qevd-bio weights import FILE --replace'"
_MOST_HEADER_BYTES = 8 * 1024**2


def write_tensors(
    path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> str:
    """Write tensors durably, all or nothing; return their digest.

    Parameters
    ----------
    path : Path
        The file to write or replace.
    tensors : mapping of str to ndarray
        float64, float32, float16, int32 or uint8 of any shape; may be views of a mapped file.
    metadata : mapping of str to str
        Goes into the header; the digest of the tensors is added.

    Notes
    -----
    The same tensors and metadata give the same bytes. At most one tensor is copied at a time.
    """
    layout, order = _laid_out(tensors)
    digest = tensors_digest_of(tensors)
    header = {"__metadata__": {**metadata, DIGEST_KEY: digest}, **layout}
    encoded = _canonical(header)
    encoded += b" " * (-len(encoded) % 8)
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for name in order:
            file.write(_numbers(tensors[name]))
    return digest


def tensors_digest_of(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Hash names, types, shapes and numbers, as `write_tensors` puts it into the header."""
    layout, order = _laid_out(tensors)
    digest = hashlib.sha256(_canonical(layout))
    for name in order:
        digest.update(_numbers(tensors[name]))
    return digest.hexdigest()


def read_layout(path: Path) -> tuple[dict[str, tuple[str, tuple[int, ...]]], dict[str, str]]:
    """Read types, shapes and metadata of a safetensors file, not its numbers.

    `DataError` where the file is absent, cut short, or no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    header, _ = _header(path)
    names = {code: name for name, code in DTYPE_CODES.items()}
    try:
        with safe_open(path, framework="np"):
            pass  # the library checks offsets, sizes and the end of the file
    except SafetensorError as error:
        raise _unsound(path, str(error)) from error
    metadata = header.pop("__metadata__", {})
    tensors = {
        name: (names.get(entry["dtype"], entry["dtype"]), tuple(entry["shape"]))
        for name, entry in header.items()
    }
    return tensors, metadata


def _laid_out(tensors: Mapping[str, NDArray[Any]]) -> tuple[dict[str, Any], list[str]]:
    """Give each tensor its place: wide numbers first, so that all of them are aligned."""
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    layout: dict[str, Any] = {}
    start = 0
    for name in order:
        tensor = tensors[name]
        layout[name] = {
            "dtype": DTYPE_CODES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + tensor.nbytes],
        }
        start += tensor.nbytes
    return layout, order


def _header(path: Path) -> tuple[dict[str, Any], int]:
    try:
        with open_regular(path) as file:
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else 0
            if not 2 <= length <= _MOST_HEADER_BYTES:
                raise _unsound(path, "its first eight bytes are no header length")
            text = file.read(length).decode("utf-8")
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror or error})", where=str(path), next_step=_NEXT_STEP
        ) from error
    except UnicodeDecodeError as error:
        raise _unsound(path, "its header is no text") from error
    header = parse_json(text, where=str(path))
    if not isinstance(header, dict):
        raise _unsound(path, "its header is no mapping")
    return header, 8 + length


def _canonical(header: Mapping[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")


def _numbers(tensor: NDArray[Any]) -> memoryview:
    flat = np.ascontiguousarray(tensor).reshape(-1)
    return flat.astype(flat.dtype.newbyteorder("<"), copy=False).view(np.uint8).data


def _unsound(path: Path, cause: str) -> DataError:
    return DataError(
        f"is no sound safetensors file ({' '.join(cause.split())[:200]})",
        where=str(path),
        next_step=_NEXT_STEP,
    )
