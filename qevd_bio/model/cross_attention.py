"""Cross-attention from the language model to one frame's visual tokens, as in Stream-VLM.

N pairs of token and frame, P patches a frame, C width of the features, H width of the language
model, A heads. Modules carry the names of the official checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qevd_bio.errors import UsageError


class VisualCrossAttention(nn.Module):
    """What one layer adds to the hidden states of ``<vision>`` tokens.

    Parameters
    ----------
    width : int
        H.
    feature_width : int
        C.
    heads : int
        A; the released model has one.

    Raises
    ------
    UsageError
        The heads cannot share the width.

    Notes
    -----
    a = softmax(q Kᵀ / sqrt(H)) with q = Wq h, K = f Wkᵀ, V = W2 GELU(W1 LN(f)); the result is
    Wo (a V). There are no biases but the norm's, the norm is on the value path alone, and the
    scale holds the whole width H whatever the number of heads. Source: FitCoach a573ee0.
    """

    def __init__(self, width: int, feature_width: int, heads: int = 1) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise UsageError(
                f"{heads} heads cannot share a width of {width}",
                where="cross-attention",
                next_step="Choose a number of heads that divides the width",
            )
        self.heads = heads
        self.scale = width**-0.5
        self.hidden_attn_fc = nn.Linear(width, width, bias=False)
        self.feat_attn_keys_fc = nn.Linear(feature_width, width, bias=False)
        self.vision_projector = nn.Sequential(
            nn.LayerNorm(feature_width),
            nn.Linear(feature_width, feature_width, bias=False),
            nn.GELU(),
            nn.Linear(feature_width, width, bias=False),
        )
        self.out_fc = nn.Linear(width, width, bias=False)

    def forward(self, hidden: Tensor, features: Tensor) -> Tensor:
        """Compute the addition to N hidden states.

        Parameters
        ----------
        hidden : Tensor (N, H)
            One ``<vision>`` token each.
        features : Tensor (N, P, C)
            The frame that each token may see.

        Returns
        -------
        Tensor (N, H)
        """
        n, width = hidden.shape
        query = self.hidden_attn_fc(hidden).view(n, self.heads, -1)
        # (q Wk) f and W2 (a g) instead of q (Wk f) and a (W2 g): the same sums, with the two
        # matrices applied once to a token and not to each of its 35 patches.
        asked = torch.einsum("nad,adc->nac", query, self._by_head(self.feat_attn_keys_fc))
        seen = torch.softmax(asked @ features.transpose(1, 2) * self.scale, dim=-1)
        norm, first, activation, last = self.vision_projector
        looked = seen @ activation(first(norm(features)))
        values = torch.einsum("nac,adc->nad", looked, self._by_head(last))
        out: Tensor = self.out_fc(values.reshape(n, width))
        return out

    def _by_head(self, linear: nn.Module) -> Tensor:
        """Split the rows of a weight among the heads: (A, H / A, C)."""
        assert isinstance(linear, nn.Linear)  # noqa: S101
        return linear.weight.view(self.heads, -1, linear.in_features)
