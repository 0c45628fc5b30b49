"""Errors, messages and exit codes of every command."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable
from typing import Any, ParamSpec

import typer

from qevd_bio.cli.output import json_text
from qevd_bio.errors import QevdBioError, UsageError
from qevd_bio.files.visible_text import visible

DONE, FAILED, USAGE, SOME_FAILED, ISSUES_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

DEBUG_VARIABLE = "QEVD_BIO_DEBUG"

P = ParamSpec("P")


def report(text: str) -> None:
    """Print a message, which is no result, on stderr."""
    print(visible(text), file=sys.stderr, flush=True)


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Turn a command's exit code and errors into `typer.Exit` and one-line messages.

    With ``--debug`` errors pass through with their traceback.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except KeyboardInterrupt:
            asked: Any = kwargs.get("asked")
            again = asked.command + asked.flags if asked else ["qevd-bio", *sys.argv[1:]]
            cause, next_step = "interrupted; finished units are kept", shlex.join(again)
            code = _fail(cause, next_step, INTERRUPTED, kwargs)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = FAILED
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            code = _fail(*_explained(error), kwargs)
        raise typer.Exit(code)

    return run


def _explained(error: Exception) -> tuple[str, str, int]:
    """Name the cause of an error, the next step and the exit code."""
    if isinstance(error, QevdBioError):
        code = USAGE if isinstance(error, UsageError) else FAILED
        return f"{error.where}: {error.message}", error.next_step, code
    if isinstance(error, OSError):
        cause = f"{error.filename or 'a file'}: {error.strerror or error}"
        return cause, "Check that the folder exists, can be written and has free space", FAILED
    if isinstance(error, MemoryError):
        return "the memory is used up", "Use fewer workers, or a machine with more memory", FAILED
    if isinstance(error, RecursionError):
        return "an input is nested too deeply", "Run again with --debug to see which", FAILED
    cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return cause, "This is not a known failure; run again with --debug and report it", FAILED


def _fail(cause: str, next_step: str, code: int, options: dict[str, object]) -> int:
    """Report a failure on stderr, and as JSON on stdout where that was asked for."""
    if code == INTERRUPTED:
        report(f"{cause}. Go on with: {next_step}")
    else:
        report(f"error: {cause}{'' if cause.endswith('?') else '.'} {next_step}")
    if options.get("as_json"):
        error = {"cause": cause, "next_step": next_step, "exit_code": code}
        print(json_text({"error": error}))
    return code
