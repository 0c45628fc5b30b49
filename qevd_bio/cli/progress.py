"""The progress displays of a run, of a video and of questions to a model, on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Never

from tqdm import tqdm

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.unit_run import follows_another
from qevd_bio.files.visible_text import visible
from qevd_bio.llm.asking import Asked

_MOST_SHOWN = 3


@dataclass(slots=True)
class _Unit:
    """A unit that a worker works on."""

    event: Event
    since: float
    frames_since: float = 0.0

    def text(self) -> str:
        """Write ``0007 kinematics 120/900 frames 0:12 elapsed, ~1:18 left``."""
        event, now = self.event, time.monotonic()
        words = [event.video_id, event.stage]
        if event.frames_total:
            words.append(f"{event.frames}/{event.frames_total} frames")
        words.append(f"{_clock(now - self.since)} elapsed")
        if 0 < event.frames < event.frames_total:
            left_s = (now - self.frames_since) * (event.frames_total - event.frames) / event.frames
            words[-1] += f", ~{_clock(left_s)} left"
        return " ".join(words)


class RunDisplay(AbstractContextManager["RunDisplay"]):
    """How far a run is: a line for all units, and on a terminal one for each unit in work.

    Failures are printed as separate lines, without those that only follow from them.
    """

    def __init__(self, units: int) -> None:
        self._is_shown = sys.stderr.isatty()
        self._bar = self._line("{n_fmt}/{total_fmt} units [{elapsed}<{remaining}]", total=units)
        self._lines = [self._line("{desc}") for _ in range(_MOST_SHOWN)]
        self._in_work: dict[str, _Unit] = {}
        self._lock = threading.Lock()
        self._has_ended = threading.Event()
        self._clock = threading.Thread(target=self._redraw_each_second, daemon=True)
        if self._is_shown:
            self._clock.start()

    def __exit__(self, *raised: object) -> None:
        self._has_ended.set()
        for line in reversed((self._bar, *self._lines)):
            line.close()

    def on_event(self, event: Event) -> None:
        """Show an event of the run."""
        with self._lock:
            if event.kind == "started":
                self._in_work[event.video_id] = _Unit(event, time.monotonic())
            elif event.kind == "progress":
                if unit := self._in_work.get(event.video_id):
                    unit.event = event
                    unit.frames_since = unit.frames_since or time.monotonic()
            else:
                self._in_work.pop(event.video_id, None)
                if event.seconds == 0 and self._is_shown:
                    # A unit that took no time does not help to estimate the time left.
                    self._bar.initial += 1
                self._bar.update()
            self._redraw()
        if event.kind in ("failed", "skipped") and not follows_another(event):
            line = f"{event.kind}: {event.video_id} {event.stage}: {event.reason}"
            tqdm.write(visible(line), file=sys.stderr)

    def _line(self, text: str, total: int | None = None) -> tqdm[Never]:
        return tqdm(
            total=total, bar_format=text, file=sys.stderr, disable=not self._is_shown, leave=False
        )

    def _redraw(self) -> None:
        texts = [unit.text() for unit in self._in_work.values()]
        for place, line in enumerate(self._lines):
            line.set_description_str(texts[place] if place < len(texts) else "")
        self._bar.refresh()

    def _redraw_each_second(self) -> None:
        while not self._has_ended.wait(1.0):
            with self._lock:
                self._redraw()


@contextmanager
def frame_progress(frames: int) -> Iterator[Callable[[], None]]:
    """Show how far a video is, on a terminal only; yields what to call after each frame."""
    with tqdm(
        total=frames, unit="frame", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def on_frame() -> None:
            bar.update()

        yield on_frame


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def asking_progress() -> Iterator[Callable[[Asked], None]]:
    """Show how far the asking of a language model is; yields what to call with news.

    On a terminal a line that changes; else a line at the end, so that the cost is in every log.
    """
    last: list[Asked] = []
    is_shown = sys.stderr.isatty()
    with tqdm(bar_format="{desc}", file=sys.stderr, disable=not is_shown, leave=False) as line:

        def show(asked: Asked) -> None:
            last[:] = [asked]
            line.set_description_str(asked_text(asked))

        try:
            yield show
        finally:
            line.close()
            if last:
                print(asked_text(last[0]), file=sys.stderr, flush=True)


def asked_text(asked: Asked) -> str:
    """Write ``120/900 answers (40 known, 2 unscored), 82 calls, 3,210 tokens, ~10:50 left``.

    Numbers that are not known, such as the cost without prices, are left out.
    """
    known = f"{asked.cached:,} known, {asked.unscored:,} unscored"
    of = "" if asked.total is None else f"/{asked.total:,}"
    words = [f"{asked.done:,}{of} answers ({known})", f"{asked.calls:,} calls"]
    words.append(f"{asked.tokens:,} tokens")
    if asked.cost is not None:
        words.append(f"cost {asked.cost:,.2f}")
    if asked.per_s is not None:
        words.append(f"{asked.per_s:.3g}/s")
    if asked.left_s:
        words.append(f"~{_clock(asked.left_s)} left")
    return ", ".join(words)
