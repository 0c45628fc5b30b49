"""Tensors of a torch checkpoint as views of the mapped file; no pickle is run.

A checkpoint since torch 1.6 is a zip of uncompressed members: `data.pkl` lists the tensors,
`data/N` hold their numbers. Numbers are only copied when the caller copies a view.
"""

from __future__ import annotations

import io
import math
import re
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qevd_bio.errors import DataError
from qevd_bio.files.first_bytes import looks_like
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.pickle_notes import Call, Name, Outside, PickleRefused
from qevd_bio.files.pickle_reading import read_notes
from qevd_bio.files.restricted_pickle import NUMBER_NAMES

_REBUILD = Name("torch._utils", "_rebuild_tensor_v2")
_MAPPING = Name("collections", "OrderedDict")
_STORAGE = re.compile(r"(Float|Double|Half|BFloat16|Long|Int|Short|Char|Byte|Bool)Storage")
_DTYPES = {
    "Float": "float32", "Double": "float64", "Half": "float16", "BFloat16": "bfloat16",
    "Long": "int64", "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8",
    "Bool": "bool",
}  # fmt: skip

# Training frameworks store these names beside the tensors. They may appear, so that such files can
# be read; like all names they are noted, never imported, and nothing is made of them.
_FRAMEWORKS = {"omegaconf", "lightning", "lightning_fabric", "pytorch_lightning"}
_PLAIN_TYPES = {
    Name("collections", "defaultdict"), Name("typing", "Any"), Name("pathlib", "PosixPath"),
    Name("pathlib._local", "PosixPath"),  # as Python 3.13 calls it
    Name("torch", "Size"), Name("torch", "device"), Name("argparse", "Namespace"),
    *(Name(module, kind) for module in ("builtins", "__builtin__")
      for kind in ("dict", "list", "tuple", "set", "frozenset", "int", "float", "str", "bool")),
}  # fmt: skip

_MOST_STEPS = 5_000_000
_MOST_PICKLE_BYTES = 64 * 1024**2
_MOST_MEMBERS = 20_000
_LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LOCAL_HEADER_BYTES = 30
_UNSOUND = (
    ValueError,
    OverflowError,
    zipfile.BadZipFile,
    RecursionError,
    MemoryError,
    NotImplementedError,
)


@dataclass(frozen=True, slots=True)
class _Noted:
    """The layout of one tensor in a checkpoint."""

    member: str
    dtype: str
    stored: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class TorchFile:
    """A checkpoint with its names and shapes read and its numbers mapped.

    Parameters
    ----------
    path : Path
        A zip checkpoint of torch.
    where : str
        Name of the file in errors.

    Raises
    ------
    DataError
        The file is absent, no zip checkpoint, damaged, or refers to a name that is no part of a
        tensor; the name is reported and never imported.
    """

    def __init__(self, path: Path, *, where: str) -> None:
        self._where = where
        self._checked: set[str] = set()
        try:
            with open_regular(path, follow_links=True) as file:
                self._bytes: NDArray[np.uint8] = np.memmap(file, dtype=np.uint8, mode="r")
                file.seek(0)
                _refuse_legacy(file.read(512))
                with zipfile.ZipFile(file) as archive:
                    self._members = self._sound_members(archive)
            pickled = self._member("data.pkl")
            if pickled.nbytes > _MOST_PICKLE_BYTES:
                raise PickleRefused("its list of tensors is too long")
            self.contents: Any = read_notes(
                io.BytesIO(pickled.tobytes()), _admits, most_steps=_MOST_STEPS, outside=True
            )
        except OSError as error:
            raise self._bad(f"cannot be read ({error.strerror or error})") from error
        except _UNSOUND as error:
            raise self._bad(f"is no sound torch checkpoint ({error})") from error

    def mapping(self, key: str | None) -> Mapping[str, Any]:
        """Return the mapping under a key of the checkpoint, values as notes.

        Without a key: under ``state_dict`` where that is the only one, else the checkpoint itself.

        Raises
        ------
        DataError
            The checkpoint holds no mapping of texts there.
        """
        held = _entries(self.contents)
        if key is None and held is not None and set(held) != {"state_dict"}:
            held, key = {"state_dict": held}, "state_dict"
        key = key or "state_dict"
        inner = _entries(held[key]) if held is not None and key in held else None
        if inner is None or not all(isinstance(name, str) for name in inner):
            shown = ", ".join(sorted(str(k)[:40] for k in held)[:10]) if held else "no mapping"
            raise self._bad(f"holds no {key!r} (it holds {shown})")
        return inner

    def layout(self, note: object) -> tuple[str, tuple[int, ...]]:
        """Return the element type and shape of a tensor without reading it.

        Raises
        ------
        DataError
            The note is not of a tensor.
        """
        noted = self._noted(note)
        return noted.dtype, noted.shape

    def array(self, note: object) -> NDArray[Any]:
        """Return a tensor as a view of the file, after checking its checksum.

        NumPy has no bfloat16; of such a tensor the bits are given, as int16.

        Raises
        ------
        DataError
            The member is missing, damaged, of another size, or the tensor reaches beyond it.
        """
        noted = self._noted(note)
        try:
            named = "int16" if noted.dtype == "bfloat16" else noted.dtype
            dtype = np.dtype(named).newbyteorder("<")
            numbers = self._member(noted.member)
            if numbers.nbytes != noted.stored * dtype.itemsize:
                raise ValueError(f"member {noted.member} has {numbers.nbytes} bytes")
            last = sum((n - 1) * s for n, s in zip(noted.shape, noted.strides, strict=True))
            if 0 not in noted.shape and noted.offset + last >= noted.stored:
                raise ValueError(f"a tensor reaches beyond member {noted.member}")
        except (ValueError, TypeError) as error:
            raise self._bad(f"is no sound torch checkpoint ({error})") from error
        step = dtype.itemsize
        return np.ndarray(
            noted.shape,
            dtype,
            buffer=numbers.data,
            offset=0 if 0 in noted.shape else noted.offset * step,
            strides=tuple(stride * step for stride in noted.strides),
        )

    def _noted(self, note: object) -> _Noted:
        try:
            return _tensor_note(note)
        except PickleRefused as error:
            raise self._bad(f"is no sound torch checkpoint ({error})") from error

    def _sound_members(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        infos = archive.infolist()
        if not 0 < len(infos) <= _MOST_MEMBERS:
            raise ValueError(f"it has {len(infos)} members")
        root = infos[0].filename.split("/")[0]
        members: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            name = info.filename
            inner = name.removeprefix(f"{root}/")
            if name == inner or not root or "\\" in name or {"", ".", ".."} & {*name.split("/")}:
                raise ValueError(f"member {name[:80]!r} lies outside of its one folder")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise ValueError(f"member {name[:80]!r} is a link")
            if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
                raise ValueError(f"member {name[:80]!r} is packed or locked; torch does neither")
            if inner in members:
                raise ValueError(f"member {name[:80]!r} is there twice")
            members[inner] = info
        if sum(info.file_size for info in infos) > self._bytes.size:
            raise ValueError("its members are larger than the file")
        return members

    def _member(self, name: str) -> NDArray[np.uint8]:
        if name not in self._members:
            raise ValueError(f"it has no member {name}")
        info = self._members[name]
        header = self._bytes[info.header_offset : info.header_offset + _LOCAL_HEADER_BYTES]
        if header.size != _LOCAL_HEADER_BYTES or header[:4].tobytes() != b"PK\x03\x04":
            raise ValueError(f"member {name} has no header")
        lengths = int.from_bytes(header[26:28].tobytes(), "little") + int.from_bytes(
            header[28:30].tobytes(), "little"
        )
        start = info.header_offset + _LOCAL_HEADER_BYTES + lengths
        data = self._bytes[start : start + info.file_size]
        if data.size != info.file_size:
            raise ValueError(f"member {name} is cut short")
        if name not in self._checked:
            if zlib.crc32(data.data) != info.CRC:
                raise ValueError(f"member {name} does not match its checksum")
            self._checked.add(name)
        return data

    def _bad(self, cause: str) -> DataError:
        return DataError(
            " ".join(cause.split())[:400],
            where=self._where,
            next_step="Download the checkpoint again and compare its size with the page's",
        )


def _admits(name: Name) -> bool:
    if name in (_REBUILD, _MAPPING) or name in _PLAIN_TYPES or name in NUMBER_NAMES:
        return True
    if name.module == "torch":
        return _STORAGE.fullmatch(name.name) is not None
    return name.module.split(".")[0] in _FRAMEWORKS


def _entries(held: object) -> dict[Any, Any] | None:
    if isinstance(held, Call) and held.name == _MAPPING:
        return held.entries
    return held if isinstance(held, dict) else None


def _tensor_note(note: object) -> _Noted:
    if not isinstance(note, Call) or note.name != _REBUILD or len(note.arguments) not in (6, 7):
        raise PickleRefused("it holds something else where a tensor belongs")
    storage, offset, shape, strides = note.arguments[:4]
    if not isinstance(storage, Outside) or not isinstance(storage.key, tuple):
        raise PickleRefused("it holds a tensor without numbers")
    if len(storage.key) != 5:
        raise PickleRefused("it holds a tensor without numbers")
    word, kind, key, _, stored = storage.key
    named = _STORAGE.fullmatch(kind.name) if isinstance(kind, Name) else None
    if not _is_text(word, "storage") or named is None or kind.module != "torch":
        raise PickleRefused("it holds a tensor of an unknown kind of storage")
    if not isinstance(key, str) or not re.fullmatch(r"\d{1,9}", key):
        raise PickleRefused("it holds a tensor with a storage that is no number")
    lengths = (offset, stored, *_whole(shape), *_whole(strides))
    if not all(type(n) is int and 0 <= n < 2**40 for n in lengths) or len(shape) != len(strides):
        raise PickleRefused("it holds a tensor without a sound shape")
    if math.prod(shape) > stored and 0 not in strides:
        raise PickleRefused("it holds a tensor larger than its storage")
    return _Noted(f"data/{key}", _DTYPES[named[1]], stored, offset, shape, strides)


def _is_text(held: object, text: str) -> bool:
    return isinstance(held, str) and held == text


def _whole(noted: object) -> tuple[Any, ...]:
    if not isinstance(noted, tuple):
        raise PickleRefused("it holds a tensor without a sound shape")
    return noted


def _refuse_legacy(head: bytes) -> None:
    if head.startswith(_LEGACY_MAGIC):
        raise ValueError("it is a torch file from before 1.6, which is one pickle without bounds")
    if not head.startswith(b"PK"):
        raise ValueError(f"it {looks_like(head)}")
