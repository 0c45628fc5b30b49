"""The folder of a training: what it was begun with, so that it is only resumed with the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from qevd_bio import __version__
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import dump_json, read_json
from qevd_bio.pipeline.dataclass_json import to_plain
from qevd_bio.training.configuration import FREE_ON_RESUME, TrainingConfig

FORMAT = 1
TRAINING_FILE = "training.json"
_NEXT_STEP = "Name a new folder by --out, or give the configuration that this one began with"


def begin_or_resume(
    folder: Path,
    recipe: str,
    config: TrainingConfig,
    made_from: dict[str, str],
    *,
    makes: tuple[str, ...],
    write: bool,
) -> None:
    """Record what a training begins with, or check that a resumed one is the same.

    Parameters
    ----------
    folder : Path
        Of the training.
    recipe : str
        Name of the recipe.
    config : TrainingConfig
        Of the training. Paths and the keys of `FREE_ON_RESUME` may differ when it is resumed.
    made_from : dict of str to str
        Digests of data and frozen weights, by name.
    makes : tuple of str
        Names of the folders that the training makes, and replaces when it is resumed.
    write : bool
        Whether this process writes; the others only check.

    Raises
    ------
    UsageError
        The folder belongs to another training, whose first difference is named, or to none and
        one of `makes` is there.
    """
    content = {
        "format": FORMAT,
        "recipe": recipe,
        "config": to_plain(config),
        "made_from": made_from,
        "version": __version__,
    }
    path = folder / TRAINING_FILE
    if path.is_file():
        _compare(path, read_json(path, next_step=_NEXT_STEP), content, config)
    elif write:
        for name in makes:
            if (folder / name).exists():
                raise UsageError(
                    f"is there, but no {TRAINING_FILE}: a training here would replace it",
                    where=str(folder / name),
                    next_step="Name a new folder by --out",
                )
        write_text_atomic(path, dump_json(content, where=str(path), indent=1) + "\n")


def _compare(path: Path, stored: Any, now: dict[str, Any], config: TrainingConfig) -> None:  # noqa: ANN401
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise DataError(f"is not of format {FORMAT}", where=str(path), next_step=_NEXT_STEP)
    paths = {one.name for one in fields(config) if isinstance(getattr(config, one.name), Path)}
    left_out = {"config": FREE_ON_RESUME | paths}
    for group in ("recipe", "config", "made_from"):
        before, after = stored.get(group), now[group]
        if before == after:
            continue
        if not isinstance(before, dict):
            raise _differs(path, group, before, after)
        for key in sorted((before.keys() | after.keys()) - left_out.get(group, frozenset())):
            if before.get(key) != after.get(key):
                raise _differs(path, key, before.get(key), after.get(key))


def _differs(path: Path, key: str, before: object, after: object) -> UsageError:
    return UsageError(
        f"this training began with {key} = {before!r}, not {after!r}",
        where=str(path),
        next_step=_NEXT_STEP,
    )
