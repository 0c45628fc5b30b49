"""The progress displays of a run and of a video, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.unit_run import follows_another


@contextmanager
def progress(units: int) -> Iterator[Callable[[Event], None]]:
    """Show how far a run is.

    Parameters
    ----------
    units : int
        Number of units of the run.

    Yields
    ------
    callable
        To be told of each event. Failures are printed as lines, what follows from them is
        not; the bar appears on a terminal only.
    """
    with tqdm(
        total=units, unit="unit", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:
        in_hand: dict[int, str] = {}

        def on_event(event: Event) -> None:
            if event.kind == "started":
                in_hand[event.worker] = f"{event.video_id} {event.stage}"
            else:
                in_hand.pop(event.worker, None)
                if event.seconds == 0 and not bar.disable:
                    # What took no time says nothing of the time left.
                    bar.initial += 1
                bar.update()
            bar.set_postfix_str(", ".join(list(in_hand.values())[:3]), refresh=False)
            if event.kind in ("failed", "skipped") and not follows_another(event):
                line = f"{event.kind}: {event.video_id} {event.stage}: {event.reason}"
                tqdm.write(line, file=sys.stderr)

        yield on_event


@contextmanager
def frame_progress(frames: int) -> Iterator[Callable[[], None]]:
    """Show how far a video is, with the time left, on a terminal only.

    Parameters
    ----------
    frames : int
        Number of frames to come.

    Yields
    ------
    callable
        To be called after each frame.
    """
    with tqdm(
        total=frames, unit="frame", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def on_frame() -> None:
            bar.update()

        yield on_frame
