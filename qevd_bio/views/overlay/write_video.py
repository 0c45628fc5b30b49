"""Write a video with the skeleton and the findings drawn on its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.mp4 import write_mp4
from qevd_bio.views.analysed_video import AnalysedVideo
from qevd_bio.views.overlay.draw_skeleton import Painter, imaging
from qevd_bio.views.overlay.frame_marks import VideoMarks

LONGEST_SIDE_PX = 1280
_TICKS_HZ = 90_000


def write_overlay(
    video: AnalysedVideo,
    path: Path,
    *,
    longest_side_px: int = LONGEST_SIDE_PX,
    on_frame: Callable[[], None] = lambda: None,
) -> int:
    """Draw skeleton, angles, phase, count and violations on the frames of a video.

    Parameters
    ----------
    video : AnalysedVideo
        The video with its motion and findings.
    path : Path
        The mp4 to write.
    longest_side_px : int
        Larger frames are scaled down to this.
    on_frame : callable
        Called after each frame.

    Returns
    -------
    int
        Frames written, each at its own time.

    Raises
    ------
    UsageError, DataError, VideoError, EnvironmentProblem
        The size is too small, the video has changed or cannot be decoded, or Pillow is not
        installed.
    """
    imaging()
    if longest_side_px < 64:
        raise UsageError(
            f"a longest side of {longest_side_px} pixels is too small to read",
            where="--longest-side",
            next_step="Use 64 or more",
        )
    return write_mp4(
        path,
        _drawn(video, longest_side_px, on_frame),
        rate_hz=30,
        ticks_hz=_TICKS_HZ,
        crf=22,
        x264="mbtree=0",  # the macroblock tree gives other bytes from one run to the next
    )


def _drawn(
    video: AnalysedVideo, longest_side_px: int, on_frame: Callable[[], None]
) -> Iterator[tuple[int, ByteArray]]:
    """Yield each picture with its time in ticks; odd sizes lose a row or column."""
    time_s = video.motion.time_s
    marks: VideoMarks | None = None
    painter: Painter | None = None
    stream = FrameStream(
        video.video_file, longest_side_px=longest_side_px, turn_deg=video.turn_deg
    )
    for frame, picture in enumerate(stream):
        if frame >= len(time_s):
            raise DataError(
                f"has more than the {len(time_s)} frames of its motion",
                where=str(video.video_file),
                next_step="Run again: the video has changed",
            )
        height, width = picture.shape[:2]
        if marks is None or painter is None:
            marks = VideoMarks(video.motion, video.segments, (width, height))
            painter = Painter((width, height))
        drawn = painter(picture, marks.on_frame(frame))
        ticks = round((time_s[frame] - time_s[0]) * _TICKS_HZ)
        yield ticks, drawn[: height - height % 2, : width - width % 2]
        on_frame()
