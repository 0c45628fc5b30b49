"""A still picture of a video with the skeleton, small enough for a page.

J = 24 joints
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.capture.video.decode import turned
from qevd_bio.capture.video.display import display_of
from qevd_bio.capture.video.open_video import opened_video, until_damage
from qevd_bio.exercises.motion_parts import part_of
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import JOINT_NAMES
from qevd_bio.views.item_skeleton import BONES
from qevd_bio.views.media_timeline import media_timeline
from qevd_bio.views.motion_windows import MotionWindow
from qevd_bio.views.overlay.project_joints import joints_px

_SIDES_PX = (400, 320, 240, 160)
_SCALES = (4, 8, 14, 22, 31)
_BONE_CLASSES = {"_r": "bone-right", "_l": "bone-left"}


@dataclass(frozen=True, slots=True)
class StillFrame:
    """A picture with the skeleton of its moment.

    Attributes
    ----------
    jpeg : str
        The picture, base64.
    width, height : int
        Its size in pixels; the person is upright.
    bones : dict of str to str
        Lines of the skeleton as data of an SVG path, by class: right, left, middle.
    valid : bool
        False: nobody was detected, and the pose is held.
    """

    jpeg: str
    width: int
    height: int
    bones: dict[str, str]
    valid: bool


def still_frame(
    path: Path, window: MotionWindow, index: int, *, most_bytes: int
) -> StillFrame | None:
    """Take the frame of a place in a window out of its video.

    Parameters
    ----------
    path : Path
        The video file.
    window : MotionWindow
        Motion around the moment.
    index : int
        Place in the window.
    most_bytes : int
        The JPEG is made smaller and coarser until it has at most so many bytes.

    Returns
    -------
    StillFrame or None
        None where the file has no such frame, or no picture is small enough.

    Raises
    ------
    VideoError
        The file cannot be read.
    """
    frame, pts = window.first_frame + index, media_timeline(path).pts
    picture = picture_at(path, int(pts[frame]), _SIDES_PX[0]) if frame < len(pts) else None
    if picture is None:
        return None
    picture = turned(picture, window.turn_deg)
    for side_px in _SIDES_PX:
        for scale in _SCALES:
            jpeg, size = jpeg_of(picture, side_px, scale)
            if len(jpeg) <= most_bytes:
                joints = np.full((len(JOINT_NAMES), 2), np.nan)
                if window.has_body:
                    joints = joints_px(_moment(window, index), size)[0]
                return StillFrame(
                    jpeg=base64.b64encode(jpeg).decode("ascii"),
                    width=size[0],
                    height=size[1],
                    bones=bone_paths(joints),
                    valid=bool(window.motion.valid[index]),
                )
    return None


def picture_at(path: Path, pts: int, longest_side_px: int) -> ByteArray | None:
    """Decode the frame with this time in ticks of its stream; None where there is none."""
    with opened_video(path) as (container, stream):
        for start in (pts, None):
            for frame in until_damage(_frames_from(container, stream, start)):
                if frame.pts == pts:
                    display = display_of(frame, stream.sample_aspect_ratio)
                    return display.shown(frame, longest_side_px)
                if frame.pts is not None and frame.pts > pts:
                    break
    return None


def _frames_from(
    container: InputContainer, stream: VideoStream, pts: int | None
) -> Iterator[av.VideoFrame]:
    """Decode from the key frame before a time, or from the beginning."""
    if pts is None:
        container.seek(0)
    else:
        container.seek(pts, stream=stream)
    yield from container.decode(stream)


def jpeg_of(picture: ByteArray, longest_side_px: int, scale: int) -> tuple[bytes, tuple[int, int]]:
    """Encode a picture (H, W, 3) as JPEG; give its size.

    `scale` is that of the quantiser, from 2 (fine) to 31 (coarse).
    """
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    share = min(1.0, longest_side_px / max(frame.width, frame.height))
    width, height = (max(2, round(side * share / 2) * 2) for side in (frame.width, frame.height))
    small = frame.reformat(width=width, height=height, format="yuvj420p")
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = scale
    encoder.thread_count = 1
    small.pts = 0
    packets = [*encoder.encode(small), *encoder.encode(None)]
    return b"".join(bytes(packet) for packet in packets), (width, height)


def bone_paths(joints: FloatArray) -> dict[str, str]:
    """Write the bones between joints (24, 2) as SVG paths by class; those unseen are left out."""
    lines: dict[str, list[str]] = {}
    for ends in BONES:
        (x, y), (to_x, to_y) = joints[list(ends)].tolist()
        if np.isfinite([x, y, to_x, to_y]).all():
            name = _BONE_CLASSES.get(JOINT_NAMES[ends[1]][-2:], "bone-middle")
            lines.setdefault(name, []).append(f"M{x:.0f} {y:.0f}L{to_x:.0f} {to_y:.0f}")
    return {name: "".join(parts) for name, parts in lines.items()}


def _moment(window: MotionWindow, index: int) -> Motion:
    """Cut one frame out of the motion of a window."""
    return part_of(window.motion, index, index + 1)
