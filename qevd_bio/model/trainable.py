"""What each recipe trains; all the rest is frozen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.low_rank import ActionRows, add_low_rank
from qevd_bio.weights.contents import layout_issues, listed

Recipe: TypeAlias = Literal["fusion", "lm-adapter"]


def make_trainable(
    model: CoachModel, recipe: Recipe, *, first_layer: int = 0
) -> dict[str, nn.Parameter]:
    """Freeze a coach but for what a recipe trains.

    Parameters
    ----------
    model : CoachModel
        Changed in place: ``lm-adapter`` adds low-rank layers and action rows where they are
        missing, from torch's global generator.
    recipe : str
        ``fusion``: the fusion alone. ``lm-adapter``: the cross-attention layers, low-rank
        additions to q, k and v, and the rows of the action tokens in both tables.
    first_layer : int
        Of ``lm-adapter``: low-rank additions begin at this decoder layer. From 1 on, the rows of
        the embedding stay, too, so that nothing below the first trained layer changes.

    Returns
    -------
    dict of str to Parameter
        The trainable parameters, in float32 whatever the type of the language model.

    Raises
    ------
    UsageError
        There is nothing to train, or the language model has no such layer.
    """
    model.requires_grad_(False)
    if recipe == "fusion":
        if model.fusion is None:
            raise _nothing("has no fusion", "Add a MorphologyFusion to the coach first")
        model.fusion.float().requires_grad_(True)
        return trainable(model)
    if not model.cross_attention:
        raise _nothing("has no cross-attention layers", "Make the coach with some")
    model.cross_attention.float().requires_grad_(True)
    language = model.language
    if not 0 <= first_layer < len(language.model.layers):
        raise UsageError(
            f"the language model has {len(language.model.layers)} layers, and none {first_layer}",
            where="first_layer",
            next_step="Choose the first layer that is trained among them",
        )
    add_low_rank(language, first_layer=first_layer)
    for name, parameter in language.named_parameters():
        if name.rpartition(".")[2] in ("lora_A", "lora_B"):
            parameter.requires_grad_(True)
    if model.action_rows is None:
        model.action_rows = ActionRows(model.tokens, language.config.hidden_size, language.device)
    model.action_rows.requires_grad_(True)
    model.action_rows.embedding.requires_grad_(first_layer == 0)
    return trainable(model)


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that are trained now, by name."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


@torch.no_grad()
def load_trainable(model: nn.Module, tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Put a checkpoint into the parameters that are trained now.

    Raises
    ------
    DataError
        A tensor is missing, unknown, or of another type or shape; nothing was changed.
    """
    own = trainable(model)
    issues = layout_issues(_layout(tensors), _layout(own))
    if issues:
        raise DataError(
            listed(issues),
            where=where,
            next_step="Resume with the recipe and the coach that the checkpoint was made with",
        )
    for name, parameter in own.items():
        parameter.copy_(tensors[name])


def _layout(tensors: Mapping[str, Tensor]) -> dict[str, tuple[str, tuple[int, ...]]]:
    return {
        name: (str(one.dtype).removeprefix("torch."), tuple(one.shape))
        for name, one in tensors.items()
    }


def _nothing(cause: str, next_step: str) -> UsageError:
    return UsageError(cause, where="coach", next_step=next_step)
