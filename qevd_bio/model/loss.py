"""The training loss: next-token likelihood in which staying silent counts less.

N targets
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from torch import Tensor
from torch.nn import functional

Reduction: TypeAlias = Literal["mean", "sum"]
_LEAST_WEIGHT = 1e-9


def weighted_next_token_loss(
    logits: Tensor, targets: Tensor, weights: Tensor, reduction: Reduction = "mean"
) -> Tensor:
    """Compute -sum w log P(target), divided by sum w unless the sum is asked for.

    Parameters
    ----------
    logits : Tensor (N, vocabulary)
        Computed in float32, whatever their type.
    targets : Tensor (N,) of int64
        Next tokens.
    weights : Tensor (N,)
        Of the targets.
    reduction : str
        ``sum`` is the paper's formula (3.6). It is also the one to accumulate over several
        batches, divided by the weights of all of them.

    Returns
    -------
    Tensor ()
    """
    nll = functional.cross_entropy(logits.float(), targets, reduction="none")
    total = (nll * weights).sum()
    # Without a target the loss is 0, not 0 / 0: a segment may have one frame.
    return total if reduction == "sum" else total / weights.sum().clamp(min=_LEAST_WEIGHT)
