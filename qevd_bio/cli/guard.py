"""Errors and exit codes of every command."""

from __future__ import annotations

import functools
import os
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
        try:
            code = command(*args, **kwargs)
        except KeyboardInterrupt:
            say("interrupted; what is finished is kept. Run the same command to go on")
            code = INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = FAILED
        except QevdBioError as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            say(f"error: {error}")
            code = USAGE if isinstance(error, UsageError) else FAILED
        except OSError as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            place = error.filename or "a file"
            say(
                f"error: {place}: {error.strerror or error}. "
                "Check that the folder exists, is one, may be written and has space"
            )
            code = FAILED
        except Exception as error:
            if os.environ.get(DEBUG_VARIABLE):
                raise
            say(
                f"error: {type(error).__name__}: {' '.join(str(error).split())}. "
                "This is not a known failure; run again with --debug and report it"
            )
            code = FAILED
        raise typer.Exit(code)

    return run
