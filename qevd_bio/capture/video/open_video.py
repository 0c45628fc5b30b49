"""Opening of a video file: one container, that refers to no other file, and its film."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import av
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from qevd_bio.errors import VideoError
from qevd_bio.files.input_file import opened_input

T = TypeVar("T")

CONTAINERS = (
    "mov", "mp4", "matroska", "webm", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg",
    "mxf", "nut", "ivf", "h264", "hevc", "av1", "obu", "m4v", "gif", "wtv", "rm", "dv", "nsv",
    "yuv4mpegpipe",
)  # fmt: skip
"""Formats that are read; none of them names other files. Lists of files (concat, HLS, DASH, SDP,
IMF, numbered pictures) are not among them: their bytes would not be those that are analysed."""

MOST_PIXELS = 1 << 26
"""Twice the pixels of 8K."""

_TEXT_OPTIONS: dict[str, Any] = (
    {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}
)
"""Titles in other encodings are no reason to refuse a film; from av 19 on they never are."""

DECODE_ERRORS = (av.error.FFmpegError, EOFError)

_AGAIN = "Download or copy it again"
_LISTS = (
    b"ffconcat", b"#EXTM3U", b"v=0", b"<MPD", b"<?xml", b"[playlist]", b"[Reference]", b"RTSPtext",
    b"<ASX", b"<asx", b"<smil", b"file ", b"rtsptext", b"SMJPEG",
)  # fmt: skip
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*")
"""First bytes of JPEG, PNG, BMP and TIFF."""
_NO_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@contextmanager
def opened_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a video file and choose its film; all failures become a `VideoError`.

    The film is the first video stream that is no cover picture. Packets that an edit list hides
    are still among the packets, and are no frames.
    """
    if not path.is_file():
        raise VideoError(
            "the video file does not exist", where=str(path), next_step="Restore the file"
        )
    try:
        with opened_input(path) as file:
            with _container(file, path) as container:
                film = _film(container, path)
            # opened again: the choice may have read to the end
            with _container(file, path) as container:
                yield container, _checked_film(container.streams[film], path)
    except DECODE_ERRORS as error:
        raise _broken(path, error) from error
    except OSError as error:
        cause = f"cannot be read ({error.strerror or error})"
        raise VideoError(cause, where=str(path), next_step=_AGAIN) from error
    except (MemoryError, OverflowError) as error:
        cause = f"claims more than can be held in memory ({type(error).__name__})"
        raise VideoError(cause, where=str(path), next_step=_AGAIN) from error


@contextmanager
def _container(file: BinaryIO, path: Path) -> Iterator[InputContainer]:
    file.seek(0)
    head = file.read(4096)
    if not head:
        raise VideoError("the file is empty", where=str(path), next_step=_AGAIN)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_LISTS):
        raise VideoError(
            f"is no video but a text that may name other files; it begins with {head[:16]!r}",
            where=str(path),
            next_step="Give the video file itself, or join the files into one",
        )
    file.seek(0)
    try:
        container = av.open(
            file,
            **_TEXT_OPTIONS,
            container_options={"format_whitelist": ",".join(CONTAINERS)},
            io_open=_refuse_another_file,
        )
    except DECODE_ERRORS as error:
        if head.startswith(_PICTURES):
            raise VideoError(
                "is a picture, no video", where=str(path), next_step="Give a video file"
            ) from error
        raise VideoError(
            f"not a readable video ({cause_of(error)}); it begins with {head[:16]!r}",
            where=str(path),
            next_step=f"{_AGAIN}; a web page or a cut download looks like this",
        ) from error
    with container:
        if not isinstance(container, InputContainer):
            raise AssertionError(f"{path} was not opened for reading")
        yield container


def _refuse_another_file(url: str, flags: int, options: object) -> BinaryIO:
    raise PermissionError(f"another file is named: {url!r}")


def _film(container: InputContainer, path: Path) -> int:
    """Choose the first stream that is a film: pictures beside it have a few frames at most."""
    streams = [one for one in container.streams.video if not one.disposition & _NO_FILM]
    if not streams:
        raise VideoError(
            "the file holds no video stream", where=str(path), next_step="Give a video file"
        )
    if len(streams) == 1:
        return streams[0].index
    packets = until_damage(container.demux(*streams))
    counts = Counter(one.stream.index for one in packets if one.size)
    most = max(counts.values(), default=0)
    return next((one for one in streams if 2 * counts[one.index] > most), streams[0]).index


def _checked_film(film: Stream, path: Path) -> VideoStream:
    """Bound the size of the pictures before one is decoded."""
    if not isinstance(film, VideoStream):
        raise AssertionError(f"stream {film.index} of {path} is no video")
    if film.codec_context is None:
        raise VideoError("its codec is not known", where=str(path), next_step=_AGAIN)
    width, height = film.codec_context.width, film.codec_context.height
    if width * height > MOST_PIXELS:
        raise VideoError(
            f"has pictures of {width} x {height} pixels, more than {MOST_PIXELS}",
            where=str(path),
            next_step="Give a smaller copy of it",
        )
    film.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return film


def shown_frames(container: InputContainer, stream: VideoStream) -> int | None:
    """Count the frames that a container claims and a player shows, without those edited out.

    None where it claims no number.
    """
    if not stream.frames:
        return None
    hidden = 0
    if "mp4" in container.format.name.split(","):
        entries = stream.index_entries
        hidden = sum(1 for entry in entries if entry.is_discard)
        hidden += max(0, stream.frames - len(entries))
    return stream.frames - hidden


def shown_packets(
    container: InputContainer, stream: VideoStream
) -> Iterator[av.Packet[VideoStream]]:
    """Yield the readable packets that a player shows; stop at the first damage."""
    packets = until_damage(container.demux(stream))
    return (one for one in packets if one.size and not one.is_discard)


def until_damage(items: Iterable[T], damage: list[BaseException] | None = None) -> Iterator[T]:
    """Yield items until they end or decoding breaks, which `damage` then holds."""
    try:
        yield from items
    except DECODE_ERRORS as error:
        if damage is not None:
            damage.append(error)


def cause_of(error: BaseException) -> str:
    """Name what went wrong in FFmpeg."""
    return getattr(error, "strerror", None) or type(error).__name__


def _broken(path: Path, error: BaseException) -> VideoError:
    return VideoError(
        f"not a readable video ({cause_of(error)})", where=str(path), next_step=_AGAIN
    )
