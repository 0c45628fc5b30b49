"""Errors and exit codes of every command."""

from __future__ import annotations

import functools
import json
import os
import shlex
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from qevd_bio.errors import QevdBioError, UsageError

DONE, FAILED, USAGE, SOME_FAILED, FAULTS_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

DEBUG_VARIABLE = "QEVD_BIO_DEBUG"

P = ParamSpec("P")


def say(text: str) -> None:
    """Tell the user something that is not a result: on stderr."""
    print(text, file=sys.stderr, flush=True)


def guarded(command: Callable[P, int]) -> Callable[P, None]:
    """Turn a command's return value and errors into exit codes and one-line messages.

    Parameters
    ----------
    command : callable
        Returns its exit code.

    Returns
    -------
    callable
        Raises `typer.Exit`; with ``--debug`` errors pass through with their traceback.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        wants_json = "as_json" in kwargs and bool(kwargs["as_json"])
        try:
            code = command(*args, **kwargs)
        except KeyboardInterrupt:
            again = shlex.join(["qevd-bio", *sys.argv[1:]])
            code = _fail("interrupted; what is finished is kept", again, INTERRUPTED, wants_json)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = FAILED
        except QevdBioError as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            code = USAGE if isinstance(error, UsageError) else FAILED
            code = _fail(f"{error.where}: {error.message}", error.next_step, code, wants_json)
        except OSError as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            place = error.filename or "a file"
            cause = f"{place}: {error.strerror or error}"
            mend = "Check that the folder exists, is one, may be written and has space"
            code = _fail(cause, mend, FAILED, wants_json)
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
            mend = "This is not a known failure; run again with --debug and report it"
            code = _fail(cause, mend, FAILED, wants_json)
        raise typer.Exit(code)

    return run


def _fail(cause: str, next_step: str, code: int, wants_json: bool) -> int:
    """Tell a failure on stderr, and on stdout to who asked for JSON."""
    if code == INTERRUPTED:
        say(f"{cause}. Go on with: {next_step}")
    else:
        say(f"error: {cause}. {next_step}")
    if wants_json:
        error = {"cause": cause, "next_step": next_step, "exit_code": code}
        print(json.dumps({"error": error}, ensure_ascii=False, indent=2))
    return code
