"""The worker process: stages set up once, one video after the other, told over a pipe.

Started by `worker_process` as ``python -m qevd_bio.engine.execute.worker FD``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.unit_run import Workshop
from qevd_bio.engine.plan import one_line
from qevd_bio.engine.store import Store
from qevd_bio.errors import QevdBioError


class Line:
    """The worker's end of the pipe; messages are JSON objects.

    Parameters
    ----------
    descriptor : int
        The inherited end of a socket pair.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._connection = Connection(descriptor)
        self.stopped = False

    def send(self, **message: object) -> None:
        """Tell the supervisor; it always listens."""
        self._connection.send_bytes(json.dumps(message).encode())

    def receive(self) -> Mapping[str, Any] | None:
        """Wait for the supervisor; None when it wants no more or is gone."""
        try:
            message: Mapping[str, Any] = json.loads(self._connection.recv_bytes())
        except (EOFError, OSError):
            return None
        return None if message.get("stop") else message

    def must_stop(self) -> bool:
        """Ask, between two units of a video, whether the supervisor wants no more.

        Notes
        -----
        Nothing else is sent to a worker that has a video in hand.
        """
        if not self.stopped and self._connection.poll():
            self.stopped = self.receive() is None
        return self.stopped


def work(line: Line) -> None:
    """Make the stages, then settle videos until there are no more."""
    start = line.receive()
    if start is None:
        return
    stages = StageFactory(**start["recipe"]).stages()
    workshop = Workshop(
        stages,
        Store(Path(start["work"])),
        start["run_id"],
        before_setup=lambda stage: line.send(setup=stage),
    )
    line.send(ready={stage.name: [stage.version, stage.schema_digest] for stage in stages})

    def tell(event: Event) -> None:
        line.send(event=asdict(event))

    with closing(workshop):
        while not line.stopped and (job := line.receive()) is not None:
            workshop.settle(
                job["video"], tell, passed=frozenset(job["passed"]), must_stop=line.must_stop
            )
            line.send(finished=job["video"])


def main() -> None:
    """Run until the supervisor hangs up."""
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # A terminal or scheduler tells all processes of a job; the supervisor decides what it means.
    for told in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(told, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    line = Line(int(sys.argv[1]))
    try:
        work(line)
    except BrokenPipeError:
        return
    except QevdBioError as error:
        line.send(broken=[error.message, error.where, error.next_step])
        raise
    except Exception as error:
        line.send(broken=[one_line(error), "a worker", "Its log has the traceback"])
        raise


def _end_with(parent: int) -> None:
    """End at once when the supervisor was killed: whoever did it wants the machine back."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
