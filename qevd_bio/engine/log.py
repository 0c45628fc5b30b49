"""The log of a run: one JSON object a line, each with run, stage and video."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from qevd_bio.engine.events import Event
from qevd_bio.errors import DataError
from qevd_bio.files.open_regular import open_regular
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

LOG_FILE = "log.jsonl"


@dataclass(slots=True)
class RunLog:
    """Writes ``log.jsonl`` in the folder of a run.

    The log is no state: a line that the disk does not take is counted in `lost` and the run
    goes on.
    """

    folder: Path
    lost: int = 0
    _file: TextIO | None = None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def event(self, event: Event) -> None:
        """Write the start or end of a unit."""
        fields = asdict(event)
        del fields["frames"], fields["frames_total"]
        self._line(fields.pop("kind"), fields.pop("stage"), fields.pop("video_id"), fields)

    def message(self, kind: str, text: str, *, worker: int = 0) -> None:
        """Write something that belongs to no unit."""
        self._line(kind, "", "", {"reason": text, "worker": worker})

    def worker_file(self, number: int) -> Path:
        """Name the file for a worker's standard output and error."""
        return self.folder / f"worker-{number}.log"

    def _line(self, kind: str, stage: str, video: str, rest: Mapping[str, JsonValue]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"utc": now, "run": self.folder.name, "kind": kind, "stage": stage, "video": video}
        text = dump_json({**line, **rest}, where=LOG_FILE)
        try:
            if self._file is None:
                self._file = (self.folder / LOG_FILE).open("a", encoding="utf-8", buffering=1)
            self._file.write(text + "\n")
        except OSError:
            self.lost += 1


def read_log(folder: Path) -> Iterator[Mapping[str, JsonValue]]:
    """Read the lines of a run's log: ``utc``, ``run``, ``kind``, ``stage``, ``video`` and more.

    A line that a full disk cut short is left out.
    """
    path = folder / LOG_FILE
    if not path.is_file():
        return
    with open_regular(path) as file:
        for line in io.TextIOWrapper(file, encoding="utf-8", errors="replace"):
            try:
                value = parse_json(line, where=str(path))
            except DataError:
                continue
            if isinstance(value, Mapping):
                yield value
