"""Fusion of visual tokens with the person's body measures (supplement 7.1).

B sequences, F frames a sequence, P patches a frame, C width of the features, M words of the
morphology, W their width (the language model's), A heads
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from qevd_bio.errors import UsageError

Place: TypeAlias = Literal["vision", "text"]


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """The shape of a fusion; the defaults are the paper's.

    Attributes
    ----------
    feature_width, morphology_width : int
        C and W.
    heads : int
        A; C / A numbers each.
    gain : float
        Of the Xavier-uniform initialisation.
    dropout : float
        Of the attention; the paper names none.
    pooled : bool
        Whether the words of the morphology are averaged to one key, as the released code does.
        Its softmax over one key is 1, so that queries and keys have no effect.
    normed : bool
        Whether there are two norms and a factor around the attention, as in the released code:
        LN2(F + alpha attention(LN1(F))).
    place : str
        ``vision``: features are fused where they are read. ``text``: only while a feedback is
        spoken, as in the released code, where no feature is read.
    """

    feature_width: int = 1280
    morphology_width: int = 4096
    heads: int = 8
    gain: float = 0.1
    dropout: float = 0.0
    pooled: bool = False
    normed: bool = False
    place: Place = "vision"

    def __post_init__(self) -> None:
        if self.heads < 1 or self.feature_width % self.heads:
            raise UsageError(
                f"{self.heads} heads cannot share a width of {self.feature_width}",
                where="fusion",
                next_step="Choose a number of heads that divides the width of the features",
            )
        if self.place not in ("vision", "text"):
            raise UsageError(
                f"there is no place {self.place!r}",
                where="fusion",
                next_step="Use vision or text",
            )


class MorphologyFusion(nn.Module):
    """z = F + W_O attention(W_Q F, W_K m, W_V m).

    Parameters
    ----------
    config : FusionConfig
        Its shape.

    Notes
    -----
    Initialised from torch's global generator. Parameters carry the names of the released file.
    Rows without a word of morphology keep their features.
    """

    def __init__(self, config: FusionConfig) -> None:
        super().__init__()
        self.config = config
        width = config.feature_width
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(config.morphology_width, width, bias=False)
        self.v_proj = nn.Linear(config.morphology_width, width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        for layer in (self.q_proj, self.k_proj, self.v_proj, self.out_proj):
            nn.init.xavier_uniform_(layer.weight, gain=config.gain)
        if config.normed:
            self.norm1 = nn.LayerNorm(width)
            self.norm2 = nn.LayerNorm(width)
            self.alpha = nn.Parameter(torch.tensor(0.1))

    def forward(self, features: Tensor, morphology: Tensor, present: Tensor) -> Tensor:
        """Fuse the frames of B sequences with their morphology.

        Parameters
        ----------
        features : Tensor (B, F, P, C)
            Visual tokens.
        morphology : Tensor (B, M, W)
            Embeddings of the words.
        present : Tensor (B, M) of bool
            False for padding.

        Returns
        -------
        Tensor (B, F, P, C)
        """
        if morphology.shape[1] == 0:
            # One absent word stands for none, so that all parameters have a part in each step:
            # training on several GPUs waits for the gradients of all.
            morphology = morphology.new_zeros(len(morphology), 1, morphology.shape[2])
            present = present.new_zeros(len(morphology), 1)
        if self.config.pooled:
            morphology, present = _averaged(morphology, present)
        batch, frames, patches, width = features.shape
        asked = self.norm1(features) if self.config.normed else features
        query = self._heads(self.q_proj(asked.flatten(1, 2)))
        keys, values = self._heads(self.k_proj(morphology)), self._heads(self.v_proj(morphology))
        some = present.any(dim=1)
        # Where no word is present all are let in, and the result is dropped below: a softmax
        # over nothing would be NaN.
        allowed = (present | ~some[:, None])[:, None, None, :]
        dropout = self.config.dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(
            query, keys, values, attn_mask=allowed, dropout_p=dropout
        )
        added = self.out_proj(seen.transpose(1, 2).flatten(2))
        added = added.view(batch, frames, patches, width)
        if self.config.normed:
            fused = self.norm2(features + self.alpha * added)
        else:
            fused = features + added
        return torch.where(some[:, None, None, None], fused, features)

    def _heads(self, x: Tensor) -> Tensor:
        """Split (B, N, C) into (B, A, N, C / A)."""
        return x.view(*x.shape[:2], self.config.heads, -1).transpose(1, 2)


def _averaged(morphology: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the words of each sequence by their mean."""
    count = present.sum(dim=1, keepdim=True)
    total = (morphology * present[..., None]).sum(dim=1, keepdim=True)
    return total / count.clamp(min=1)[..., None].to(total.dtype), count > 0
