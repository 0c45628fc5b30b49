"""The errors a user may meet: each with place, cause, and next step."""

from __future__ import annotations


class QevdBioError(Exception):
    """A known failure, reported in one line.

    Parameters
    ----------
    message : str
        The cause, without a final full stop.
    where : str
        File, key, record or video the failure belongs to.
    next_step : str
        What the user can do about it.
    """

    def __init__(self, message: str, *, where: str, next_step: str) -> None:
        super().__init__(message, where, next_step)
        self.message = message
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        stop = "" if self.message.endswith("?") else "."
        return f"{self.where}: {self.message}{stop} {self.next_step}"


class DataError(QevdBioError):
    """Source data or an artifact is malformed, missing or contradictory."""


class VideoError(QevdBioError):
    """A video cannot be opened or decoded far enough to be analysed."""


class RuleError(QevdBioError):
    """An exercise rule, reference or prompt file is malformed."""


class EnvironmentProblem(QevdBioError):
    """A package, model or file of the environment is missing or does not fit."""


class UsageError(QevdBioError):
    """The command or call was given arguments that cannot work."""
