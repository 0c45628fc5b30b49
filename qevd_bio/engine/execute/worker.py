"""The worker process: stages set up once, one video after the other, reported over a pipe.

Started by `worker_process` as ``python -m qevd_bio.engine.execute.worker FD``.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
from contextlib import closing
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.messages import Message, receive_message, send_message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.unit_run import UnitRunner
from qevd_bio.engine.record import one_line
from qevd_bio.engine.store import Store
from qevd_bio.errors import QevdBioError


class Channel:
    """The worker's end of a socket pair, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._connection = Connection(descriptor)
        self.stopped = False

    def send(self, **message: object) -> None:
        """Send the supervisor a message; it always listens."""
        send_message(self._connection, message)

    def receive(self) -> Message | None:
        """Wait for the supervisor; None when it wants no more or is gone."""
        message = receive_message(self._connection)
        return None if message is None or message.get("stop") else message

    def must_stop(self) -> bool:
        """Return, between two units of a video, whether the supervisor wants no more.

        A worker that processes a video receives no other message.
        """
        if not self.stopped and self._connection.poll():
            self.stopped = self.receive() is None
        return self.stopped


def work(channel: Channel) -> None:
    """Make the stages, then run videos until there are no more."""
    start = channel.receive()
    if start is None:
        return
    stages = StageFactory(**start["factory"]).stages()
    runner = UnitRunner(
        stages,
        Store(Path(start["work"])),
        start["run_id"],
        before_setup=lambda stage: channel.send(setup=stage),
    )
    channel.send(ready={one.name: [one.version, one.schema_digest] for one in stages})

    def send_event(event: Event) -> None:
        channel.send(event=asdict(event))

    with closing(runner):
        while not channel.stopped and (job := channel.receive()) is not None:
            runner.run_video(
                job["video"],
                send_event,
                failed_stages=frozenset(job["failed_stages"]),
                must_stop=channel.must_stop,
            )
            channel.send(finished=job["video"])


def main() -> None:
    """Run until the supervisor hangs up."""
    parent = os.getppid()
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # A terminal or scheduler signals all processes of a job; the supervisor decides what it means.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    channel = Channel(int(sys.argv[1]))
    try:
        work(channel)
    except BrokenPipeError:
        return
    except QevdBioError as error:
        channel.send(broken=[error.message, error.where, error.next_step])
        raise
    except Exception as error:
        channel.send(broken=[one_line(error), "a worker", "Its log has the traceback"])
        raise


def _end_with(parent: int) -> None:
    """End at once when the supervisor was killed: whoever did it wants the machine back."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
