"""Checkpoints of a training: weights, optimizer and place, in one folder that appears at once."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import TEMPORARY_PREFIX, make_folder, sync_file, write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.new_folder import new_folder
from qevd_bio.files.strict_json import JsonValue, dump_json, read_json

FORMAT = 1
FOLDER = "checkpoints"
_WEIGHTS, _OPTIMIZER, _STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_NAME = re.compile(r"update-(\d{8})")
_NEXT_STEP = "Delete this checkpoint; training goes on from the one before it"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A training after a number of updates.

    Attributes
    ----------
    update : int
        Updates that are done.
    weights : mapping of str to Tensor
        Trained parameters by name.
    optimizer : mapping of str to Tensor
        State of AdamW: ``name/key`` for each parameter and key.
    """

    update: int
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """List the parameters that training changes, by name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


def save_checkpoint(
    folder: Path, update: int, model: nn.Module, optimizer: torch.optim.Optimizer, *, keep: int
) -> Path:
    """Write a checkpoint and delete old ones.

    Parameters
    ----------
    folder : Path
        Of the training.
    update : int
        Updates that are done.
    model : Module
        Its trained parameters are written, the frozen ones are not.
    optimizer : Optimizer
        AdamW over these parameters.
    keep : int
        So many of the newest checkpoints stay.

    Returns
    -------
    Path
        The folder of the checkpoint. After a kill or a power cut it is complete or absent.
    """
    target = folder / FOLDER / f"update-{update:08d}"
    parameters = trained_parameters(model)
    if not target.exists():
        with new_folder(target) as made:
            _save({n: p.detach() for n, p in parameters.items()}, made / _WEIGHTS)
            _save(_optimizer_state(parameters, optimizer), made / _OPTIMIZER)
            digests: JsonValue = {
                name: sha256_file(made / name) for name in (_WEIGHTS, _OPTIMIZER)
            }
            state: JsonValue = {"format": FORMAT, "update": update, "sha256": digests}
            write_text_atomic(made / _STATE, dump_json(state, where=_STATE, indent=1) + "\n")
    for old in _checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """Load the newest checkpoint of a training and check it; None where there is none.

    Parts of checkpoints that a killed training left are deleted.

    Raises
    ------
    DataError
        The checkpoint is damaged or of another format.
    """
    for unfinished in (folder / FOLDER).glob(f"{TEMPORARY_PREFIX}*"):
        shutil.rmtree(unfinished)
    found = _checkpoints(folder)
    return _load(found[-1]) if found else None


def restore(
    checkpoint: Checkpoint, model: nn.Module, optimizer: torch.optim.Optimizer, *, where: str
) -> None:
    """Put the numbers of a checkpoint into a model and its optimizer.

    Raises
    ------
    DataError
        The trained parameters have other names or shapes than those of the checkpoint.
    """
    parameters = trained_parameters(model)
    shapes = {name: tuple(one.shape) for name, one in parameters.items()}
    stored = {name: tuple(one.shape) for name, one in checkpoint.weights.items()}
    if shapes != stored:
        names = sorted(set(shapes.items()) ^ set(stored.items()))
        raise DataError(
            f"holds other parameters than this model trains: {names[0][0]} {list(names[0][1])}",
            where=where,
            next_step="Use the model and configuration that the training began with",
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(checkpoint.weights[name])
    for name, parameter in parameters.items():
        prefix = f"{name}/"
        kept = {k.removeprefix(prefix): v for k, v in checkpoint.optimizer.items()
                if k.startswith(prefix)}  # fmt: skip
        if kept:
            optimizer.state[parameter] = {
                # AdamW counts its steps on the CPU
                key: value.clone() if key == "step" else value.to(parameter.device)
                for key, value in kept.items()
            }


def _optimizer_state(
    parameters: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    return {
        f"{name}/{key}": value
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def _save(tensors: Mapping[str, Tensor], file: Path) -> None:
    save_file({name: one.detach().cpu().contiguous() for name, one in tensors.items()}, file)
    sync_file(file)


def _checkpoints(folder: Path) -> list[Path]:
    place = folder / FOLDER
    make_folder(place)
    return sorted(one for one in place.iterdir() if _NAME.fullmatch(one.name))


def _load(folder: Path) -> Checkpoint:
    state = read_json(folder / _STATE, next_step=_NEXT_STEP)
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise _bad(folder / _STATE, f"is not of format {FORMAT}")
    for name in (_WEIGHTS, _OPTIMIZER):
        if not (folder / name).is_file():
            raise _bad(folder / name, "is absent")
        digests: JsonValue = state.get("sha256")
        if not isinstance(digests, dict) or sha256_file(folder / name) != digests.get(name):
            raise _bad(folder / name, "differs from its digest in state.json")
    try:
        weights, optimizer = load_file(folder / _WEIGHTS), load_file(folder / _OPTIMIZER)
    except (OSError, SafetensorError) as error:
        raise _bad(folder, f"cannot be read ({error})") from error
    update = state.get("update")
    if not isinstance(update, int) or f"update-{update:08d}" != folder.name:
        raise _bad(folder / _STATE, "names another update than its folder")
    return Checkpoint(update, weights, optimizer)


def _bad(file: Path, cause: str) -> DataError:
    return DataError(cause, where=str(file), next_step=_NEXT_STEP)
