"""What a recipe hands over to be trained, and how any recipe is run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import JsonValue, dump_json, read_json
from qevd_bio.training.checkpoint import FOLDER as CHECKPOINTS
from qevd_bio.training.configuration import TrainingConfig
from qevd_bio.training.folder import begin_or_resume
from qevd_bio.training.log import LogLine
from qevd_bio.training.loop import Task, start_processes, train

REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """A training that is ready to begin.

    Attributes
    ----------
    name : str
        As on the command line.
    config : TrainingConfig
        How to train.
    task : Task
        What to train, and on what.
    made_from : mapping of str to str
        Digests of the data and of frozen weights: what else decides the result.
    finish : callable
        Writes the trained model below a folder and returns the report of the training.
    result : str
        Name of the folder that `finish` makes there.
    """

    name: str
    config: TrainingConfig
    task: Task
    made_from: Mapping[str, str]
    finish: Callable[[Path], Mapping[str, JsonValue]]
    result: str


def run_recipe(
    recipe: Recipe,
    folder: Path,
    on_update: Callable[[LogLine, int], None] = lambda _line, _updates: None,
) -> Mapping[str, JsonValue] | None:
    """Train, or go on where a killed training stopped.

    Parameters
    ----------
    recipe : Recipe
        What is trained.
    folder : Path
        For checkpoints, logs, the report and the trained model.
    on_update : callable
        As in `loop.train`.

    Returns
    -------
    mapping or None
        The report; of before where the training was already finished. None in processes other
        than the main one.

    Raises
    ------
    UsageError, DataError
        The folder belongs to another training, or the training cannot go on.
    """
    accelerator = start_processes()
    is_main, report = accelerator.is_main_process, folder / REPORT_FILE
    begin_or_resume(
        folder, recipe.name, recipe.config, dict(recipe.made_from),
        makes=(recipe.result, CHECKPOINTS), write=is_main,
    )  # fmt: skip
    accelerator.wait_for_everyone()
    if not report.is_file():
        train(recipe.task, recipe.config, folder, accelerator, on_update)
        if is_main:
            if (folder / recipe.result).is_dir():  # killed before the report was written
                shutil.rmtree(folder / recipe.result)
            text = dump_json(recipe.finish(folder), where=REPORT_FILE, indent=1)
            write_text_atomic(report, text + "\n")
    accelerator.wait_for_everyone()
    return _report(report) if is_main else None


def _report(path: Path) -> Mapping[str, JsonValue]:
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise DataError("is no report", where=str(path), next_step="Delete it and train again")
    return content
