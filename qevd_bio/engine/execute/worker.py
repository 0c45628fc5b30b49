"""The worker process: stages set up once, videos run as they come, reported over a pipe.

Started by `worker_process` as ``python -m qevd_bio.engine.execute.worker FD``.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from qevd_bio.engine.execute.messages import Message, receive_message, send_message
from qevd_bio.engine.execute.stage_factory import StageFactory
from qevd_bio.engine.execute.unit_run import UnitRunner
from qevd_bio.engine.limits import most_in_hand
from qevd_bio.engine.record import one_line
from qevd_bio.engine.store import Store
from qevd_bio.errors import QevdBioError


class Channel:
    """The worker's end of a socket pair, by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._connection = Connection(descriptor)
        self._sending = threading.Lock()
        self.stopped = False

    def send(self, **message: object) -> None:
        """Send the supervisor a message; without a supervisor the process ends at once."""
        try:
            with self._sending:
                send_message(self._connection, message)
        except OSError:
            os._exit(1)

    def receive(self) -> Message | None:
        """Wait for the supervisor; None when it wants no more or is gone."""
        message = receive_message(self._connection)
        self.stopped = message is None or bool(message.get("stop"))
        return None if self.stopped else message


def work(channel: Channel) -> None:
    """Make the stages, then run the videos that come, each in a thread, until no more come."""
    start = channel.receive()
    if start is None:
        return
    stages = StageFactory(**start["factory"]).stages()
    runner = UnitRunner(
        stages,
        Store(Path(start["work"])),
        start["run_id"],
        on_setup=lambda stage: channel.send(setup=stage),
    )
    channel.send(ready={one.name: [one.version, one.schema_digest] for one in stages})
    with closing(runner), ThreadPoolExecutor(most_in_hand(stages), "video") as threads:
        while (job := channel.receive()) is not None:
            threads.submit(_run_video, runner, job, channel)


def _run_video(runner: UnitRunner, job: Message, channel: Channel) -> None:
    """Run a video in a thread of its own.

    An error outside of a stage's work ends the run. A library that wants to end the process
    may do so.
    """
    try:
        runner.run_video(
            job["video"],
            lambda event: channel.send(event=asdict(event)),
            failed_stages=frozenset(job["failed_stages"]),
            must_stop=lambda: channel.stopped,
        )
    except Exception as error:  # noqa: BLE001  reported to the supervisor
        traceback.print_exc()
        _report_end(channel, error)
        return
    except BaseException:  # noqa: BLE001  as SystemExit ends a process
        traceback.print_exc()
        os._exit(1)
    channel.send(finished=job["video"])


def _report_end(channel: Channel, error: Exception) -> None:
    """Tell the supervisor why no unit can be run."""
    if isinstance(error, QevdBioError):
        channel.send(broken=[error.message, error.where, error.next_step])
    else:
        channel.send(broken=[one_line(error), "a worker", "Its log has the traceback"])


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
    except Exception as error:
        _report_end(channel, error)
        raise


def _end_with(parent: int) -> None:
    """End at once when the supervisor was killed: whoever did it wants the machine back."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
