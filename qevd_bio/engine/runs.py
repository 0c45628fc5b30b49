"""The record of a run: who asked for what, with which code, and how it ended."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import qevd_bio
from qevd_bio.engine.events import Event
from qevd_bio.engine.execute.limits import gpu_names
from qevd_bio.engine.log import RunLog
from qevd_bio.engine.versions import package_versions
from qevd_bio.errors import DataError, EnvironmentProblem, QevdBioError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_json
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json

RUN_FILE = "run.json"
RUNS_FOLDER = "runs"
SCHEMA_VERSION = 2

Outcome = Literal["finished", "interrupted", "broken"]


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
    work : Path
        The work folder.
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
    """Record how a run ended.

    Parameters
    ----------
    folder : Path
        What `open_run` returned.
    outcome : str
        ``finished`` (units may have failed), ``interrupted`` or ``broken``.
    counts : mapping of str to int
        Units by what came of them, as far as the run got.

    Raises
    ------
    DataError
        The record is gone or damaged.
    EnvironmentProblem
        The work folder cannot be written.
    """
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    ending: dict[str, JsonValue] = {
        "finished_utc": finished,
        "outcome": outcome,
        "counts": dict(counts),
    }
    _write(folder, {**read_run(folder), **ending})


@dataclass(slots=True)
class OpenRun:
    """A run that goes on.

    Attributes
    ----------
    log : RunLog
        Its log, in the folder that names it.
    counts : Counter
        Units by what came of them.
    """

    log: RunLog
    counts: Counter[str] = field(default_factory=Counter)

    def count(self, event: Event) -> None:
        """Count an ending, and log what this run did."""
        if event.kind != "started":
            self.counts[event.kind] += 1
        if event.kind != "done":
            self.log.event(event)


@contextmanager
def recorded_run(
    work: Path,
    *,
    argv: Sequence[str],
    config: Mapping[str, JsonValue],
    execution: Mapping[str, JsonValue],
    notice: Callable[[str], None],
) -> Iterator[OpenRun]:
    """Record that a run begins and, whatever happens, how it ended.

    Parameters
    ----------
    work, argv, config, execution
        As `open_run` takes them.
    notice : callable
        Told when the disk does not take the end of the record: the units are what counts.

    Yields
    ------
    OpenRun
    """
    folder = open_run(work, argv=argv, config=config, execution=execution)
    run = OpenRun(RunLog(folder))
    outcome: Outcome = "broken"
    try:
        yield run
        outcome = "finished"
    except KeyboardInterrupt:
        outcome = "interrupted"
        raise
    finally:
        run.log.close()
        try:
            close_run(folder, outcome=outcome, counts=run.counts)
        except QevdBioError as error:
            notice(f"the end of the run is not recorded: {error}")
        if run.log.lost:
            notice(f"{run.log.lost} lines of the log were lost: {folder}")


def read_run(folder: Path) -> Mapping[str, JsonValue]:
    """Read the record of a run.

    Parameters
    ----------
    folder : Path
        What `open_run` returned.

    Returns
    -------
    mapping of str to JsonValue
        The content of ``run.json``; ``outcome`` is None while the run goes on and after it
        was killed.

    Raises
    ------
    DataError
        The record is gone, damaged or of another schema version.
    """
    path = folder / RUN_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"cannot be read ({type(error).__name__})",
            where=str(path),
            next_step="Start a new run; finished units stay",
        ) from error
    content = parse_json(text, where=str(path))
    if not isinstance(content, Mapping) or content.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"is no run record of schema version {SCHEMA_VERSION}",
            where=str(path),
            next_step="Start a new run; finished units stay",
        )
    return content


def git_state(checkout: Path) -> dict[str, JsonValue] | None:
    """Ask git for the commit of a checkout.

    Parameters
    ----------
    checkout : Path
        The folder that holds the package.

    Returns
    -------
    dict or None
        ``commit`` and ``dirty``; None where git, a commit or a repository with exactly
        this root is absent, as in an installed wheel.
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
    try:
        write_text_atomic(folder / RUN_FILE, text + "\n")
    except OSError as error:
        raise EnvironmentProblem(
            f"the work folder cannot be written ({error.strerror or error})",
            where=str(folder),
            next_step="Free space or choose another work folder",
        ) from error
