"""The record of a run: who asked for what, with which code, and how it ended."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import qevd_bio
from qevd_bio.engine.events import Event, Tally
from qevd_bio.engine.limits import gpu_names
from qevd_bio.engine.log import RunLog
from qevd_bio.engine.store import writing_to
from qevd_bio.engine.versions import package_versions
from qevd_bio.errors import DataError, QevdBioError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

RUN_FILE = "run.json"
RUNS_FOLDER = "runs"
SCHEMA_VERSION = 2

Outcome = Literal["finished", "interrupted", "broken"]


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that goes on: its log, its counts, and where messages for the user go."""

    log: RunLog
    tally: Tally
    report: Callable[[str], None]

    @property
    def run_id(self) -> str:
        """The name of its folder."""
        return self.log.folder.name


@contextmanager
def recorded_run(
    work: Path,
    *,
    argv: Sequence[str],
    config: Mapping[str, JsonValue],
    execution: Mapping[str, JsonValue],
    on_event: Callable[[Event], None],
    report: Callable[[str], None],
) -> Iterator[OpenRun]:
    """Record that a run begins, as `open_run` does, and, whatever happens, how it ended.

    `on_event` gets each event after it is logged. `report` gets a message when the disk does not
    take the end of the record: the units are what counts.
    """
    folder = open_run(work, argv=argv, config=config, execution=execution)
    log = RunLog(folder)

    def log_event(event: Event) -> None:
        if event.kind not in ("done", "progress"):
            log.event(event)
        on_event(event)

    run = OpenRun(log, Tally(log_event), report)
    outcome: Outcome = "broken"
    try:
        yield run
        outcome = "finished"
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    finally:
        log.close()
        try:
            close_run(folder, outcome=outcome, counts=run.tally.counts)
        except QevdBioError as error:
            report(f"the end of the run is not recorded: {error}")
        if log.lost:
            report(f"{log.lost} lines of the log were lost: {folder}")


def open_run(
    work: Path,
    *,
    argv: Sequence[str],
    config: Mapping[str, JsonValue],
    execution: Mapping[str, JsonValue],
) -> Path:
    """Record that a run begins.

    Parameters
    ----------
    argv : sequence of str
        The command line. It is stored as given: keep secrets out of it.
    config : mapping of str to JsonValue
        The resolved configuration, every default spelled out.
    execution : mapping of str to JsonValue
        What changes no output: workers, limits, which part of the videos.

    Returns
    -------
    Path
        ``<work>/runs/<utc>-<id>/``, which holds ``run.json`` and is free for logs.

    Raises
    ------
    DataError
        The configuration is no JSON.
    EnvironmentProblem
        The work folder cannot be written.
    """
    now = datetime.now(UTC)
    folder = work / RUNS_FOLDER / f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
    _write(
        folder,
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": folder.name,
            "started_utc": now.isoformat(timespec="seconds"),
            "finished_utc": None,
            "outcome": None,
            "counts": None,
            "argv": list(argv),
            "config": dict(config),
            "config_sha256": sha256_json(dict(config)),
            "git": git_state(Path(qevd_bio.__file__).resolve().parents[1]),
            "versions": package_versions(),
            "execution": dict(execution),
            "host": platform.node(),
            "pid": os.getpid(),
            "machine": {
                "platform": platform.platform(),
                "processor": platform.machine(),
                "cpus": os.cpu_count(),
                "gpus": list(gpu_names()),
            },
        },
    )
    return folder


def close_run(folder: Path, *, outcome: Outcome, counts: Mapping[str, int]) -> None:
    """Record how a run ended, and the number of units by how they ended.

    Raises
    ------
    DataError
        The record is gone or damaged.
    EnvironmentProblem
        The work folder cannot be written.
    """
    end: dict[str, JsonValue] = {
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "outcome": outcome,
        "counts": dict(counts),
    }
    _write(folder, {**read_run(folder), **end})


def read_run(folder: Path) -> Mapping[str, JsonValue]:
    """Read ``run.json``; ``outcome`` is None while the run goes on and after it was killed.

    Raises
    ------
    DataError
        The record is gone, damaged or of another schema version.
    """
    path = folder / RUN_FILE
    cause = f"is no run record of schema version {SCHEMA_VERSION}"
    try:
        content = parse_json(read_text_regular(path), where=str(path))
        if isinstance(content, Mapping) and content.get("schema_version") == SCHEMA_VERSION:
            return content
    except (OSError, UnicodeDecodeError) as error:
        cause = f"cannot be read ({type(error).__name__})"
    raise DataError(cause, where=str(path), next_step="Start a new run; finished units stay")


def git_state(checkout: Path) -> dict[str, JsonValue] | None:
    """Ask git for the commit of a checkout and whether files differ from it.

    None where git, a commit or a repository with exactly this root is absent, as in an
    installed wheel.
    """
    git = shutil.which("git")
    if git is None:
        return None
    root = _git(git, checkout, "rev-parse", "--show-toplevel")
    commit = _git(git, checkout, "rev-parse", "--verify", "HEAD")
    if root is None or commit is None or Path(root).resolve() != checkout.resolve():
        return None
    return {"commit": commit, "dirty": _git(git, checkout, "status", "--porcelain") != ""}


def _git(git: str, folder: Path, *arguments: str) -> str | None:
    done = subprocess.run(  # noqa: S603  fixed arguments
        [git, "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


def _write(folder: Path, content: Mapping[str, JsonValue]) -> None:
    text = dump_json(content, where=str(folder / RUN_FILE), indent=1)
    with writing_to(folder):
        write_text_atomic(folder / RUN_FILE, text + "\n")
