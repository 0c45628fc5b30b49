"""The progress display of a run, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from qevd_bio.engine.events import Event


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
        To be told of each event. Failures are printed as lines; the bar appears on a
        terminal only.
    """
    with tqdm(
        total=units, unit="unit", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False
    ) as bar:

        def on_event(event: Event) -> None:
            if event.kind == "started":
                bar.set_postfix_str(f"{event.video_id} {event.stage}")
                return
            if event.kind in ("failed", "skipped"):
                line = f"{event.kind}: {event.video_id} {event.stage}: {event.reason}"
                tqdm.write(line, file=sys.stderr)
            bar.update()

        yield on_event
