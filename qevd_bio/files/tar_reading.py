"""Reading of tar archives whose headers may lie: about lengths, or about each other."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

MOST_READ_BYTES = 1 << 18
"""Longest piece read at once; honest headers have a few hundred bytes."""

BROKEN_TAR = (
    tarfile.TarError,
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    ValueError,
    OverflowError,
    MemoryError,
    RecursionError,  # thousands of headers, each about the next
)
"""What reading a broken archive raises."""


@contextmanager
def opened_tar(stream: IO[bytes] | gzip.GzipFile) -> Iterator[tarfile.TarFile]:
    """Open an archive without packing; a header longer than `MOST_READ_BYTES` is a `ValueError`.

    Any of `BROKEN_TAR` may be raised while it is read.
    """
    with tarfile.TarFile(fileobj=_SmallReads(stream)) as archive:
        yield archive


def broken_tar_cause(error: BaseException) -> str:
    """Say in a line what is wrong with an archive."""
    if isinstance(error, RecursionError):
        return "its headers are chained without end"
    return " ".join(str(error).split())[:200] or type(error).__name__


class _SmallReads(io.BufferedIOBase):
    """A stream that refuses to be read in pieces as large as a file asks for."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream

    def read(self, count: int | None = -1, /) -> bytes:
        if count is None or not 0 <= count <= MOST_READ_BYTES:
            raise ValueError("it has a header of an absurd length")
        return self._stream.read(count)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True
