"""Write pictures as an mp4 video."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np

from qevd_bio.arrays import ByteArray
from qevd_bio.errors import DataError
from qevd_bio.files.atomic import atomic_path


def write_mp4(
    path: Path,
    pictures: Iterable[tuple[int, ByteArray]],
    *,
    rate_hz: int,
    ticks_hz: int,
    crf: int,
    x264: str = "",
) -> int:
    """Encode pictures as mp4 (H.264, or MPEG-4 part 2 where PyAV lacks libx264).

    Parameters
    ----------
    path : Path
        The file to write.
    pictures : iterable of (int, ndarray (H, W, 3) of uint8)
        When each picture is shown, in ticks, and its RGB pixels; all of one even size.
    rate_hz : int
        Rate the file claims.
    ticks_hz : int
        Ticks in a second.
    crf : int
        Quality of H.264: smaller is better.
    x264 : str
        More parameters of the encoder.

    Returns
    -------
    int
        Number of pictures written. Equal pictures give equal bytes on any number of cores.

    Raises
    ------
    DataError
        There is no picture, or its size is odd.
    """
    codec, options = "mpeg4", {"qscale": "4"}
    if "libx264" in av.codecs_available:
        codec, options = "libx264", {"crf": str(crf), "preset": "veryfast"}
        options |= {"x264-params": x264} if x264 else {}
    time_base = Fraction(1, ticks_hz)
    count = 0
    with (
        atomic_path(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        stream = cast("av.VideoStream", container.add_stream(codec, rate_hz, options))
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # the bytes must not depend on the number of cores
        stream.time_base = stream.codec_context.time_base = time_base
        for count, (ticks, picture) in enumerate(pictures, start=1):
            if count == 1:
                stream.height, stream.width = picture.shape[:2]
                if stream.height % 2 or stream.width % 2:
                    raise DataError(
                        f"a picture of {stream.width}x{stream.height} cannot be encoded",
                        where=str(path),
                        next_step="Use an even width and height",
                    )
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = ticks, time_base
            container.mux(stream.encode(frame))
        if count == 0:
            raise DataError(
                "there is no picture to encode",
                where=str(path),
                next_step="Check that the source video decodes",
            )
        container.mux(stream.encode(None))
    return count
