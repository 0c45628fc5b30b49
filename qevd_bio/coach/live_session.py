"""A live session as the command line asks for it: which source, which exercise, where to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.video.live_frames import (
    LiveFrame,
    camera_frames,
    piped_frames,
    played_file,
)
from qevd_bio.capture.video.video_files import video_id_of
from qevd_bio.coach.coach import named_rule
from qevd_bio.coach.live import LIVE_SIDE_PX, LiveResult, run_live
from qevd_bio.coach.live_coach import Heard
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.errors import UsageError
from qevd_bio.feedback.rule_check import usable_rules
from qevd_bio.files.atomic import make_folder

PIPE = Path("-")
"""Stands for standard input in place of a file."""


def live_session(
    videos: Sequence[Path],
    camera: int | None,
    settings: CoachSettings,
    *,
    on_heard: Callable[[Heard], None],
    on_picture: Callable[[ByteArray], None],
    on_remark: Callable[[str], None] = lambda _remark: None,
) -> LiveResult:
    """Coach from a camera, a pipe, or a file that is played at its own pace.

    Parameters
    ----------
    videos : sequence of Path
        One file, or `PIPE`; none with a camera.
    camera : int or None
        Number of the camera.
    settings : CoachSettings
        Exercise, rules, detector (``full`` where none is named) and folder of the recording.
    on_heard, on_picture : callable
        As of `run_live`.
    on_remark : callable
        Gets what a name was taken for whose spelling is only near.

    Raises
    ------
    UsageError
        Not exactly one source is named, or the exercise is not.
    QevdBioError
        The source cannot be read.
    """
    if (camera is None) == (not videos) or len(videos) > 1:
        raise UsageError(
            "has one source",
            where="--live, --camera",
            next_step="Give --camera N, or one VIDEO (- for a pipe) with --live",
        )
    if settings.against or settings.start_s is not None or settings.end_s is not None:
        raise UsageError(
            "takes no --against, --start or --end",
            where="--live, --camera",
            next_step="Leave them out, or coach a recorded video",
        )
    rules = usable_rules(settings.rules, settings.references)
    chosen = named_rule(settings.exercise, rules)
    if chosen.taken_for:
        on_remark(chosen.taken_for)
    name, frames = _source(videos, camera)
    folder = settings.out / name
    make_folder(folder)
    return run_live(
        frames,
        chosen.rule,
        MediaPipeBackend.with_detector(settings.detector_model or "full").config,
        folder / "live.mp4",
        on_heard=on_heard,
        on_picture=on_picture,
    )


def _source(videos: Sequence[Path], camera: int | None) -> tuple[str, Iterator[LiveFrame]]:
    if camera is not None:
        return f"camera{camera}", camera_frames(camera, LIVE_SIDE_PX)
    if videos[0] == PIPE:
        return "pipe", piped_frames(sys.stdin.buffer, LIVE_SIDE_PX)
    return video_id_of(videos[0]), played_file(videos[0], LIVE_SIDE_PX)
