"""A language model of LLaMA's shape that looks at frames and may speak, as in Stream-VLM.

B sequences, S tokens, H width of the language model, P patches, C width of the features,
M words of the morphology, K ``<vision>`` tokens, N targets with a weight

The language model is a stock ``LlamaForCausalLM``. Its layers are called one after the other;
after some of them the hidden states of ``<vision>`` tokens are changed by what the frame shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qevd_bio.errors import UsageError
from qevd_bio.model.batch import CoachBatch
from qevd_bio.model.coach_tokenizer import SpecialTokens
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.fusion import MorphologyFusion
from qevd_bio.model.low_rank import ActionRows
from qevd_bio.model.packed import visible

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM


@dataclass(frozen=True, slots=True)
class Seen:
    """What the ``<vision>`` tokens of one pass look at.

    Attributes
    ----------
    rows, columns : Tensor (K,)
        Place of each token.
    features : Tensor (K, P, C)
        Its frame.
    """

    rows: Tensor
    columns: Tensor
    features: Tensor


class CoachModel(nn.Module):
    """Language model, cross-attention layers and fusion.

    Parameters
    ----------
    language : LlamaForCausalLM
        Any size.
    cross_attention : mapping of int to VisualCrossAttention
        By the index of the decoder layer after which each is applied.
    tokens : SpecialTokens
        The action tokens.
    fusion : MorphologyFusion, optional
        Without it the model is Stream-VLM.

    Raises
    ------
    UsageError
        The language model has no such layer.
    """

    def __init__(
        self,
        language: LlamaForCausalLM,
        cross_attention: Mapping[int, VisualCrossAttention],
        tokens: SpecialTokens,
        fusion: MorphologyFusion | None = None,
    ) -> None:
        super().__init__()
        n_layers = len(language.model.layers)
        if not all(0 <= index < n_layers for index in cross_attention):
            raise UsageError(
                f"has {n_layers} layers, and none after which {sorted(cross_attention)} all fit",
                where="language model",
                next_step=f"Choose layers from 0 to {n_layers - 1}",
            )
        self.language = language
        self.cross_attention = nn.ModuleDict(
            {str(index): layer for index, layer in sorted(cross_attention.items())}
        )
        self.tokens = tokens
        self.fusion = fusion
        self.action_rows: ActionRows | None = None

    def forward(self, batch: CoachBatch, lower: Tensor | None = None) -> Tensor:
        """Predict the targets of a batch.

        Parameters
        ----------
        batch : CoachBatch
            The sequences.
        lower : Tensor (B, S, H), optional
            Their `lower_states`, where they are known.

        Returns
        -------
        Tensor (N, vocabulary) of float32
            Logits before each target, in the order of ``batch.targets``.
        """
        hidden = self._states(batch, lower)
        rows, columns = batch.scored
        return self.head(hidden[rows, columns])

    def all_logits(self, batch: CoachBatch) -> Tensor:
        """Predict what follows each token: Tensor (B, S, vocabulary) of float32."""
        return self.head(self._states(batch, None))

    def frozen_depth(self) -> int:
        """Count the decoder layers from the bottom that give the same states throughout training.

        No frame and no trainable parameter reaches them.
        """
        rows = self.action_rows
        if rows is not None and (rows.embedding.requires_grad or rows.embedding.any()):
            return 0
        if _trains(self.language.model.embed_tokens):
            return 0
        layers = self.language.model.layers
        depth = min((int(index) + 1 for index in self.cross_attention), default=len(layers))
        return min([depth, *(place for place, layer in enumerate(layers) if _trains(layer))])

    @torch.no_grad()
    def lower_states(self, batch: CoachBatch) -> Tensor:
        """Compute the hidden states (B, S, H) after the first `frozen_depth` decoder layers."""
        hidden = self.embed(batch.ids)
        stop = self.frozen_depth()
        return self.run_layers(hidden, batch.positions, _mask(batch), seen=None, span=(0, stop))

    def embed(self, ids: Tensor) -> Tensor:
        """Look up the input embeddings (..., H) of tokens."""
        embedded: Tensor = self.language.model.embed_tokens(ids)
        if self.action_rows is None:
            return embedded
        return embedded + self.action_rows.embedded(ids).to(embedded.dtype)

    def head(self, hidden: Tensor) -> Tensor:
        """Turn final hidden states (..., H) into logits (..., vocabulary) of float32."""
        normed = self.language.model.norm(hidden)
        logits: Tensor = self.language.lm_head(normed).float()
        return logits if self.action_rows is None else self.action_rows.added(logits, normed)

    def fused(self, frames: Tensor, morphology: Tensor, present: Tensor) -> Tensor:
        """Prepare frames for the cross-attention layers.

        Parameters
        ----------
        frames : Tensor (B, F, P, C)
            Of any float type.
        morphology : Tensor (B, M) of int64
            Tokens of C_morph.
        present : Tensor (B, M) of bool
            False for padding.

        Returns
        -------
        Tensor (B, F, P, C)
            Fused with the morphology, unless the fusion is missing or its place is the text,
            where no frame is read.
        """
        if self.fusion is None or self.fusion.config.place != "vision":
            return frames.to(self._dtype())
        dtype = self.fusion.q_proj.weight.dtype
        words = self.language.model.embed_tokens(morphology).to(dtype)
        fused: Tensor = self.fusion(frames.to(dtype), words, present)
        return fused.to(self._dtype())

    def run_layers(
        self,
        hidden: Tensor,
        positions: Tensor,
        mask: Tensor | None,
        *,
        seen: Seen | None,
        span: tuple[int, int] | None = None,
        cache: object = None,
    ) -> Tensor:
        """Run decoder layers of a span, with the cross-attention before and between them.

        Parameters
        ----------
        hidden : Tensor (B, S, H)
            States before the span; a cross-attention that belongs after the layer before the
            span is not in them yet.
        positions : Tensor (B, S)
            For the rotary embedding.
        mask : Tensor (B, 1, S, keys) of bool, or None
            Which keys a token sees; None for all that are before it.
        seen : Seen or None
            What is looked at; None where no frame is read.
        span : (int, int), optional
            First layer and the one after the last; all layers without it.
        cache : optional
            Keys and values of earlier tokens (`incremental`).
        """
        decoder = self.language.model
        first, stop = span or (0, len(decoder.layers))
        turns = decoder.rotary_emb(hidden, position_ids=positions)
        for place in range(first, stop):
            hidden = self._looked(hidden, place - 1, seen)
            hidden = decoder.layers[place](
                hidden, attention_mask=mask, position_embeddings=turns, cache=cache
            )
        return self._looked(hidden, stop - 1, seen) if stop == len(decoder.layers) else hidden

    def _looked(self, hidden: Tensor, place: int, seen: Seen | None) -> Tensor:
        """Add what ``<vision>`` tokens see after a decoder layer."""
        if seen is None or str(place) not in self.cross_attention:
            return hidden
        layer = self.cross_attention[str(place)]
        dtype = next(layer.parameters()).dtype
        own = hidden[seen.rows, seen.columns]
        added = layer(own.to(dtype), seen.features.to(dtype)).to(hidden.dtype)
        return hidden.index_put((seen.rows, seen.columns), own + added)

    def _states(self, batch: CoachBatch, lower: Tensor | None) -> Tensor:
        frames = self.fused(batch.frames, batch.morphology, batch.morphology_present)
        rows, columns, places = batch.vision
        seen = Seen(rows, columns, frames[rows, places])
        first = 0 if lower is None else self.frozen_depth()
        hidden = self.embed(batch.ids) if lower is None else lower
        span = (first, len(self.language.model.layers))
        return self.run_layers(hidden, batch.positions, _mask(batch), seen=seen, span=span)

    def _dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.language.model.norm.weight.dtype
        return dtype


def _mask(batch: CoachBatch) -> Tensor | None:
    """Give the mask of a batch; padding on the right needs none, because no token sees it."""
    if not batch.has_slots():
        return None
    return visible(batch.slot, batch.in_slot, batch.present)[:, None]


def _trains(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())
