"""The live loop: take the newest picture, coach, show it, record it."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.arrays import ByteArray
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.video.live_frames import LiveFrame, Newest
from qevd_bio.coach.live_coach import Heard, LiveCoach
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.mp4 import write_mp4

LIVE_SIDE_PX = 640
"""Longest side of live pictures."""

_TICKS_HZ = 90_000


@dataclass(frozen=True, slots=True)
class LiveResult:
    """What a live session came to.

    Attributes
    ----------
    exercise : str
        Title of the rule.
    count : int
        Repetitions as they were told while they were done.
    whole_count : int
        Repetitions of the end, when what is typical of the set is known.
    heard : list of Heard
        What was told.
    frames, dropped : int
        Pictures that were looked at, and those that were not, so as not to lag.
    rate_hz, processor_ms : float
        Pictures a second; processor time of this process for each.
    recording : Path
        The annotated video.
    """

    exercise: str
    count: int
    whole_count: int
    heard: list[Heard]
    frames: int
    dropped: int
    rate_hz: float
    processor_ms: float
    recording: Path


def run_live(
    frames: Iterator[LiveFrame],
    rule: Rule,
    config: MediaPipeConfig,
    recording: Path,
    *,
    on_heard: Callable[[Heard], None] = lambda _heard: None,
    on_picture: Callable[[ByteArray], None] = lambda _picture: None,
) -> LiveResult:
    """Coach until the source ends or the user interrupts.

    Parameters
    ----------
    frames : iterator of LiveFrame
        Of a camera, a pipe or a played file.
    rule, config : Rule, MediaPipeConfig
        Of the exercise and the capture.
    recording : Path
        The mp4 to write: person, count and last finding on every picture that was looked at.
    on_heard, on_picture : callable
        Get each repetition as it becomes known, and each picture as it is drawn.

    Raises
    ------
    QevdBioError
        The source cannot be read, or the detector not loaded.
    """
    coach = LiveCoach(rule, config)
    seen_s: list[float] = []
    began_s, used_s = time.monotonic(), time.process_time()

    def pictures() -> Iterator[tuple[int, ByteArray]]:
        for frame in newest:
            for heard in coach.push(frame.image, frame.time_s):
                on_heard(heard)
            drawn = coach.picture(frame.image)
            on_picture(drawn)
            seen_s.append(frame.time_s)
            height, width = drawn.shape[:2]
            ticks = round((frame.time_s - seen_s[0]) * _TICKS_HZ)
            yield ticks, drawn[: height - height % 2, : width - width % 2]

    with Newest(frames) as newest, _interrupts(newest.stop):
        count = write_mp4(recording, pictures(), rate_hz=30, ticks_hz=_TICKS_HZ, crf=24)
    lasted_s = max(time.monotonic() - began_s, 1e-9)
    used_s = time.process_time() - used_s
    return LiveResult(
        exercise=rule.title,
        count=coach.count,
        whole_count=coach.whole_count(),
        heard=coach.heard,
        frames=count,
        dropped=newest.arrived - newest.taken,
        rate_hz=round(count / lasted_s, 2),
        processor_ms=round(1000 * used_s / count, 2),
        recording=recording,
    )


@contextmanager
def _interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C end the session in good order; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
