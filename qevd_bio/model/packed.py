"""Which token sees which, where several motion contexts share one slot.

B sequences, S tokens

Decoding token by token, a refresh replaces the keys and values of the slot; tokens decoded
before keep what they saw. One pass over [prompt][slot 0]...[slot J][tokens] gives the same,
if all slots have the same positions, a slot sees the prompt and itself, and a token sees only
the slot that was in force when it was decoded.
"""

from __future__ import annotations

import torch
from torch import Tensor


def visible(slot: Tensor, in_slot: Tensor, present: Tensor) -> Tensor:
    """Tell for each token which tokens it sees.

    Parameters
    ----------
    slot : Tensor (B, S) of int64
        The slot in force; that of a slot's own tokens is the slot itself.
    in_slot : Tensor (B, S) of bool
        Whether a token is part of a slot.
    present : Tensor (B, S) of bool
        False for padding.

    Returns
    -------
    Tensor (B, S, S) of bool
        True where the token of the row sees that of the column. Padding sees itself alone, so
        that no softmax is over nothing.
    """
    length = slot.shape[1]
    earlier = torch.ones(length, length, dtype=torch.bool, device=slot.device).tril()
    same = slot[:, :, None] == slot[:, None, :]
    seen = earlier & present[:, None, :] & (~in_slot[:, None, :] | same)
    return seen | torch.eye(length, dtype=torch.bool, device=slot.device)
