"""What a person chooses for a training, and how it is read from a file."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from qevd_bio.choices import Schedule, TrainingPrecision, suggestion
from qevd_bio.errors import UsageError
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.pipeline.dataclass_json import Differences, from_plain, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """What all recipes share.

    Attributes
    ----------
    seed : int
        Of the order of samples, dropout and initial weights.
    epochs : int
        How often every sample is used.
    batch_size : int
        Samples of one update, over all processes.
    micro_batch : int
        Samples that one device holds at once; gradients of several are added up.
    learning_rate : float
        The highest; AdamW. 2e-5 in the paper.
    weight_decay : float
        Of AdamW; the paper names none.
    schedule : str
        ``constant`` or ``cosine``, after the warm-up.
    warm_up : int
        Updates until the learning rate is reached.
    clip_norm : float
        Longest gradient; 0 leaves gradients as they are.
    precision : str
        ``auto``: bf16 on a GPU that has it, fp32 elsewhere.
    deterministic : bool
        Refuse operations whose result varies between runs, so that a resumed training repeats
        the same losses to the bit.
    loader_workers : int
        Processes that read samples ahead; 0 reads in the training process.
    checkpoint_every : int
        Updates between checkpoints.
    checkpoints_kept : int
        So many of the newest stay.
    tensorboard : bool
        Also write a log for TensorBoard.
    """

    seed: int = 0
    epochs: int = 10
    batch_size: int = 16
    micro_batch: int = 16
    learning_rate: float = 2e-5
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warm_up: int = 0
    clip_norm: float = 1.0
    precision: TrainingPrecision = "auto"
    deterministic: bool = True
    loader_workers: int = 0
    checkpoint_every: int = 100
    checkpoints_kept: int = 2
    tensorboard: bool = True

    def range_issue(self) -> str | None:
        """Name a key of the recipe itself that is out of range; None where there is none."""
        return None


_LEAST = {
    "seed": 0, "epochs": 1, "batch_size": 1, "micro_batch": 1, "weight_decay": 0, "warm_up": 0,
    "clip_norm": 0, "loader_workers": 0, "checkpoint_every": 1, "checkpoints_kept": 1,
}  # fmt: skip
_MOST_WHOLE = 2**63 - 1
FREE_ON_RESUME = frozenset(
    {"micro_batch", "loader_workers", "checkpoint_every", "checkpoints_kept", "tensorboard"}
    | {"cache_gb"}
)
"""Keys that may change when a training is resumed; the others decide its result."""

C = TypeVar("C", bound=TrainingConfig)


def read_config(usual: C, file: Path | None = None, changes: Sequence[str] = ()) -> C:
    """Read the configuration of a recipe.

    Parameters
    ----------
    usual : TrainingConfig
        The recipe's configuration; a key that is absent everywhere keeps its value.
    file : Path, optional
        TOML with the names of its fields as keys; relative paths start from the file's folder.
    changes : sequence of str
        ``key=value``, before the file; relative paths start from the current folder.

    Raises
    ------
    UsageError
        The file cannot be read, or a key is unknown, of the wrong type or out of range.
    """
    kind = type(usual)
    values: dict[str, Any] = {}
    if file is not None:
        values |= _absolute(kind, read_toml(file), file.parent, str(file))
    for change in changes:
        values |= _absolute(kind, _parsed_change(change), Path.cwd(), f"--set {change}")
    return changed(usual, values, where=str(file or "configuration"))


def changed(usual: C, values: Mapping[str, Any], *, where: str) -> C:
    """Change keys of a configuration; `UsageError` for one that is unknown or out of range."""
    kind = type(usual)
    held = {key: value for key, value in to_plain(usual).items() if value is not None}
    held |= _absolute(kind, values, Path.cwd(), where)
    try:
        config = from_plain(kind, held, Differences())
    except ValueError as error:
        raise _refused(str(error), where) from error
    _check_ranges(config, where)
    return config


def given(path: Path | None, key: str) -> Path:
    """Return a path of the configuration; `UsageError` where it is not given."""
    if path is None:
        raise UsageError(
            "is not given", where=key, next_step=f"Give it in the file or by --set {key}=PATH"
        )
    return path


def read_toml(file: Path) -> dict[str, Any]:
    """Read a file of settings; `UsageError` where it cannot be read."""
    try:
        return tomllib.loads(read_text_regular(file, follow_links=True))
    except (OSError, ValueError) as error:  # not UTF-8 and no TOML are both a ValueError
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            str(cause), where=str(file), next_step="Correct the file, or name another by --config"
        ) from error


def _parsed_change(change: str) -> dict[str, Any]:
    """Read ``key=value``; a value that is no TOML is a text."""
    key, is_assignment, text = change.partition("=")
    if not is_assignment:
        raise UsageError(
            "is no assignment", where=f"--set {change}", next_step="Write --set key=value"
        )
    try:
        return {key.strip(): tomllib.loads(f"value = {text}")["value"]}
    except tomllib.TOMLDecodeError:
        return {key.strip(): text.strip()}


def _absolute(
    kind: type[TrainingConfig], values: Mapping[str, Any], folder: Path, where: str
) -> dict[str, Any]:
    """Refuse unknown keys, and let relative paths start from a folder."""
    hints = get_type_hints(kind)
    for key in values:
        if key not in hints:
            raise UsageError(
                f"unknown key '{key}'", where=where, next_step=suggestion(key, list(hints))
            )
    paths = (Path, Path | None)
    return {
        key: str(folder / Path(value).expanduser())
        if isinstance(value, str) and hints[key] in paths
        else value
        for key, value in values.items()
    }


def _check_ranges(config: TrainingConfig, where: str) -> None:
    for one in fields(config):
        value = getattr(config, one.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise _refused(f"{one.name} must be a finite number, not {value}", where)
        if isinstance(value, int) and value > _MOST_WHOLE:
            raise _refused(f"{one.name} must be {_MOST_WHOLE} or less, not {value}", where)
    if not config.learning_rate > 0:
        raise _refused(f"learning_rate must be more than 0, not {config.learning_rate}", where)
    for key, least in _LEAST.items():
        value = getattr(config, key)
        if not value >= least:
            raise _refused(f"{key} must be {least} or more, not {value}", where)
    cause = config.range_issue()
    if cause:
        raise _refused(cause, where)


def _refused(cause: str, where: str) -> UsageError:
    return UsageError(cause, where=where, next_step="See docs/training.md")
