"""A video with what was found in it drawn on its frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.video.decode import FrameStream
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import atomic_path
from qevd_bio.motion.constraints import Finding
from qevd_bio.motion.record import Motion
from qevd_bio.pipeline.pipeline import Pipeline, outside_of_source
from qevd_bio.stages.cycles import scored_from_row
from qevd_bio.stages.sessions import Session, chosen_videos
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables import findings as finding_table
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_notes, read_parquet
from qevd_bio.views.overlay_marks import Part, Story
from qevd_bio.views.overlay_paint import Painter, imaging

RgbImage = NDArray[np.uint8]

LONGEST_SIDE_PX = 1280
_TICKS_HZ = 90_000
# x264's macroblock tree gives other bytes from one run to the next.
_H264 = {"crf": "22", "preset": "veryfast", "x264-params": "mbtree=0"}
_FINDING_NAMES = tuple(field.name for field in fields(Finding))


@dataclass(frozen=True, slots=True)
class Watched:
    """A video with its motion and what was found in it.

    Attributes
    ----------
    video_file : Path
        The video.
    turn_deg : int
        Clockwise turn that puts the person upright.
    motion : Motion
        One row a frame.
    parts : tuple of Part
        Its exercises.
    """

    video_file: Path
    turn_deg: int
    motion: Motion
    parts: tuple[Part, ...]


def watched(pipeline: Pipeline, video: str) -> Watched:
    """Read a finished video of a work folder.

    Parameters
    ----------
    pipeline : Pipeline
        The work.
    video : str
        Video id.

    Returns
    -------
    Watched

    Raises
    ------
    UsageError, DataError
        The video is unknown, or not finished.
    """
    chosen_videos(pipeline.sessions, (video,))
    found = pipeline.artifacts()[video]
    if "findings" not in found:
        raise DataError(
            "is not finished",
            where=f"video {video}",
            next_step="`qevd-bio plan --why` says what is open",
        )
    session = pipeline.sessions.by_id[video]
    table = read_parquet(found["kinematics"], kinematics_table.SCHEMA)
    return Watched(
        video_file=session.record.video_file,
        turn_deg=int(read_notes(table)["capture"]["turn_deg"]),
        motion=motion_from_table(table),
        parts=_parts(session, found),
    )


def _parts(session: Session, artifacts: Mapping[str, Path]) -> tuple[Part, ...]:
    cycles = read_parquet(artifacts["cycles"], cycle_table.SCHEMA).to_pylist()
    findings = read_parquet(artifacts["findings"], finding_table.SCHEMA).to_pylist()

    def own(rows: list[dict[str, Any]], index: int) -> list[dict[str, Any]]:
        return [row for row in rows if row["segment_index"] == index]

    return tuple(
        Part(
            exercise=segment.exercise_text,
            frame_start=segment.frame_start,
            frame_end=segment.frame_end,
            rule=session.rules.get(segment.index),
            cycles=tuple(scored_from_row(row).cycle for row in own(cycles, segment.index)),
            findings=tuple(
                Finding(**{name: row[name] for name in _FINDING_NAMES})
                for row in own(findings, segment.index)
            ),
        )
        for segment in session.segments
    )


def overlay_of(
    pipeline: Pipeline,
    video: str,
    path: Path,
    *,
    longest_side_px: int = LONGEST_SIDE_PX,
    on_frame: Callable[[], None] = lambda: None,
) -> int:
    """Draw skeleton, angles, phase, count and faults on the frames of a finished video.

    Parameters
    ----------
    pipeline : Pipeline
        The work.
    video : str
        Video id.
    path : Path
        The mp4 to write.
    longest_side_px : int
        Larger frames are scaled down to this.
    on_frame : callable
        Told after each frame.

    Returns
    -------
    int
        Frames written.

    Raises
    ------
    UsageError, DataError, VideoError, EnvironmentProblem
        The video is unknown or not finished, has changed, cannot be decoded, or Pillow is not
        installed.
    """
    outside_of_source(path, pipeline.config.data_root)
    return write_overlay(
        watched(pipeline, video), path, longest_side_px=longest_side_px, on_frame=on_frame
    )


def write_overlay(
    watched: Watched,
    path: Path,
    *,
    longest_side_px: int = LONGEST_SIDE_PX,
    on_frame: Callable[[], None] = lambda: None,
) -> int:
    """Draw on the frames of a video, one at a time; arguments as in `overlay_of`."""
    imaging()
    if longest_side_px < 64:
        raise UsageError(
            f"a longest side of {longest_side_px} pixels shows nothing",
            where="--longest-side",
            next_step="Use 64 or more",
        )
    stream = FrameStream(
        watched.video_file, longest_side_px=longest_side_px, turn_deg=watched.turn_deg
    )
    drawn = _drawn(stream, watched, on_frame)
    return _encode(path, drawn, watched.motion.time_s)


def _drawn(
    pictures: Iterable[RgbImage], watched: Watched, on_frame: Callable[[], None]
) -> Iterator[RgbImage]:
    story: Story | None = None
    painter: Painter | None = None
    for frame, picture in enumerate(pictures):
        if frame >= len(watched.motion.time_s):
            raise DataError(
                f"has more than the {len(watched.motion.time_s)} frames of its motion",
                where=str(watched.video_file),
                next_step="Run again: the video has changed",
            )
        if story is None or painter is None:
            size = (picture.shape[1], picture.shape[0])
            story, painter = Story(watched.motion, watched.parts, size), Painter(size)
        yield painter(picture, story.marks(frame))
        on_frame()


def _encode(path: Path, pictures: Iterable[RgbImage], time_s: FloatArray) -> int:
    """Write pictures as an mp4, each at its own time; odd sizes lose a row or column."""
    codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
    options = _H264 if codec == "libx264" else {"qscale": "4"}
    count = 0
    with (
        atomic_path(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options={"fflags": "+bitexact"}) as container,
    ):
        stream = cast("av.VideoStream", container.add_stream(codec, 30, options))
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1  # the bytes must not depend on the number of cores
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS_HZ)
        for count, picture in enumerate(pictures, start=1):
            height, width = (side - side % 2 for side in picture.shape[:2])
            if count == 1:
                stream.height, stream.width = height, width
            even = np.ascontiguousarray(picture[:height, :width])
            frame = av.VideoFrame.from_ndarray(even, format="rgb24")
            frame.pts = round((time_s[count - 1] - time_s[0]) * _TICKS_HZ)
            frame.time_base = Fraction(1, _TICKS_HZ)
            container.mux(stream.encode(frame))
        if count == 0:
            raise DataError(
                "no frame decodes", where=str(path), next_step="Restore the video and run again"
            )
        container.mux(stream.encode(None))
    return count
