"""What `lm-adapter` trains inside the language model: low-rank additions and the action rows.

R rank, H width of the language model, S tokens

Both are merged into plain weights when a coach is saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

    from qevd_bio.model.coach_tokenizer import SpecialTokens

TARGETS = ("q_proj", "k_proj", "v_proj")


class LowRankLinear(nn.Module):
    """A frozen linear layer with a trainable addition: W x + alpha / R B A x.

    Parameters
    ----------
    base : nn.Linear
        The frozen layer.
    rank : int
        R.
    alpha : float
        Scale of the addition, before division by R.
    dropout : float
        Of the input of the addition.

    Notes
    -----
    B starts at 0, so that the layer starts as the frozen one. Source: LoRA (Hu et al., 2022).
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.dropout = dropout
        device = base.weight.device
        self.lora_A = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.lora_A, a=5**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer."""
        out: Tensor = self.base(x)
        own = functional.dropout(x.to(self.lora_A.dtype), self.dropout, self.training)
        return out + (own @ self.lora_A.T @ self.lora_B.T * self.scale).to(out.dtype)

    def merged(self) -> Tensor:
        """Return the weight with the addition in it, in the type of the base layer."""
        return merged_weight(self.base.weight, self.lora_A, self.lora_B, self.scale)


class ActionRows(nn.Module):
    """Trainable additions to the embedding and head rows of the three action tokens.

    Nothing else of the two tables is trained: the tokens are new to the language model, the
    others are not.
    """

    def __init__(self, tokens: SpecialTokens, width: int, device: torch.device) -> None:
        super().__init__()
        self.numbers = tokens.numbers()
        self.embedding = nn.Parameter(torch.zeros(len(self.numbers), width, device=device))
        self.head = nn.Parameter(torch.zeros(len(self.numbers), width, device=device))

    def embedded(self, ids: Tensor) -> Tensor:
        """Give the addition (..., H) to the embeddings of tokens."""
        numbers = torch.tensor(self.numbers, device=ids.device)
        own = (ids[..., None] == numbers).to(self.embedding.dtype)
        return own @ self.embedding

    def added(self, logits: Tensor, normed: Tensor) -> Tensor:
        """Add to the logits (..., vocabulary) of the action tokens."""
        numbers = torch.tensor(self.numbers, device=logits.device)
        own = normed.to(self.head.dtype) @ self.head.T
        return logits.index_add(-1, numbers, own.to(logits.dtype))


def merged_weight(weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """Return W + scale B A, summed in float32 and rounded to the type of W once."""
    added = up.float() @ down.float() * scale
    return (weight.float() + added).to(weight.dtype)


def add_low_rank(
    language: LlamaForCausalLM,
    *,
    first_layer: int = 0,
    rank: int = 32,
    alpha: float = 16.0,
    dropout: float = 0.05,
) -> None:
    """Give q, k and v of the layers from one on a low-rank addition; the rest as Stream-VLM."""
    for layer in language.model.layers[first_layer:]:
        for name in TARGETS:
            base = getattr(layer.self_attn, name)
            if not isinstance(base, LowRankLinear):
                setattr(layer.self_attn, name, LowRankLinear(base, rank, alpha, dropout))


@torch.no_grad()
def plain_state(language: LlamaForCausalLM, rows: ActionRows | None) -> dict[str, Tensor]:
    """Return the state of a stock language model with all additions in its weights.

    The language model itself is left as it is. Its two tables must not be tied.
    """
    state = dict(language.state_dict())
    for place, layer in enumerate(language.model.layers):
        for name in TARGETS:
            held = getattr(layer.self_attn, name)
            if isinstance(held, LowRankLinear):
                own = f"model.layers.{place}.self_attn.{name}."
                state = {key: one for key, one in state.items() if not key.startswith(own)}
                state[f"{own}weight"] = held.merged()
                if held.base.bias is not None:
                    state[f"{own}bias"] = held.base.bias
    if rows is not None:
        for key, added in (
            ("model.embed_tokens.weight", rows.embedding),
            ("lm_head.weight", rows.head),
        ):
            table = state[key].clone()
            table[list(rows.numbers)] += added.to(table.dtype)
            state[key] = table
    return state
