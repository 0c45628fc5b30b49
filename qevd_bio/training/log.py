"""The log of a training: one line an update as CSV, the same for TensorBoard, and plots."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.training.loss_plot import write_loss_plot

LOG_FILE = "updates.csv"
TENSORBOARD_FOLDER = "tensorboard"


@dataclass(frozen=True, slots=True)
class LogLine:
    """What is known of one update.

    Attributes
    ----------
    update : int
        From 1.
    epoch : float
        Epochs that are over after it.
    loss : float
        Mean loss of the batch, over all processes, before the update.
    learning_rate : float
        Of the update.
    gradient_norm : float
        Before clipping.
    items_per_s : float
        Samples or tokens a second over all processes, loading included.
    """

    update: int
    epoch: float
    loss: float
    learning_rate: float
    gradient_norm: float
    items_per_s: float


_PLOTS = {"loss": "mean loss", "gradient_norm": "gradient norm", "learning_rate": "learning rate"}


class TrainingLog:
    """Writes the lines of a training; a context manager.

    Parameters
    ----------
    folder : Path
        Of the training. Lines of a killed training after `update` are removed: it repeats them.
    update : int
        Updates that are done.
    tensorboard : bool
        Whether to write for TensorBoard, too.

    Raises
    ------
    EnvironmentProblem
        tensorboardX is not installed.
    DataError
        The log of before cannot be read.
    """

    def __init__(self, folder: Path, update: int, *, tensorboard: bool) -> None:
        self._folder, path = folder, folder / LOG_FILE
        kept = [line for line in read_log(path) if line.update <= update] if path.exists() else []
        write_text_atomic(
            path, _csv_text([[one.name for one in fields(LogLine)], *map(astuple, kept)])
        )
        self._board = _board(folder / TENSORBOARD_FOLDER, update) if tensorboard else None
        self._file = path.open("a", encoding="utf-8", newline="")

    def __enter__(self) -> Self:
        """Return the log."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files and draw the plots."""
        self._file.close()
        if self._board is not None:
            self._board.close()
        self.plot()

    def add(self, line: LogLine) -> None:
        """Write a line; it is in the file when this returns."""
        self._file.write(_csv_text([astuple(line)]))
        self._file.flush()
        if self._board is not None:
            for one in fields(line):
                if one.name != "update":
                    self._board.add_scalar(one.name, getattr(line, one.name), line.update)

    def plot(self) -> None:
        """Draw loss, gradient and learning rate as SVG."""
        lines = read_log(self._folder / LOG_FILE)
        if lines:
            updates = [line.update for line in lines]
            for name, title in _PLOTS.items():
                values = [getattr(line, name) for line in lines]
                write_loss_plot(self._folder / f"{name}.svg", updates, values, title)


def read_log(path: Path) -> list[LogLine]:
    """Read a log.

    A last line without an end is left out: the training was killed while it wrote.

    Raises
    ------
    DataError
        A line is no line of a log.
    """
    text = read_text_regular(path)
    whole = text[: text.rfind("\n") + 1]
    try:
        return [
            LogLine(int(row.pop("update")), **{name: float(one) for name, one in row.items()})
            for row in csv.DictReader(io.StringIO(whole), strict=True)
        ]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"is no log of a training ({error})", where=str(path), next_step="Move the file away"
        ) from error


def _csv_text(rows: list[Any]) -> str:
    # repr keeps every bit of a float
    return "".join(
        ",".join(v if isinstance(v, str) else repr(v) for v in row) + "\n" for row in rows
    )


def _board(folder: Path, update: int) -> Any:  # noqa: ANN401  (tensorboardX is optional)
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise EnvironmentProblem(
            f"the log for TensorBoard needs tensorboardX, which does not import ({error})",
            where="tensorboard = true",
            next_step="Run: pip install 'qevd-bio[train]', or give --set tensorboard=false",
        ) from error
    return SummaryWriter(str(folder), purge_step=update + 1 if update else None, flush_secs=30)
