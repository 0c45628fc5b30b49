"""Decoding token by token, several sequences at once, with motion contexts that are replaced.

B sequences, H width of the language model, P patches, C width of the features, N tokens so far
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from qevd_bio.errors import UsageError
from qevd_bio.model.coach import CoachModel, Seen
from qevd_bio.model.coach_tokenizer import SpecialTokens

_Part: TypeAlias = Literal["prompt", "slot", "tokens"]
_ROOM = 256


class _Memory:
    """Keys and values of each layer: prompt, slot and tokens side by side in one buffer.

    It stands where a cache of `transformers` would. Prompts and slots are padded on the right;
    the tokens are not, because each step adds one to every sequence.
    """

    def __init__(self, prompt: int, slot: int) -> None:
        self.part: _Part = "prompt"
        self.rows = torch.empty(0, dtype=torch.int64)
        self.count = 0
        self._prompt, self._start = prompt, prompt + slot
        self._held: dict[int, tuple[Tensor, Tensor]] = {}

    def keep(self, rows: Tensor) -> None:
        """Forget all sequences but these."""
        self._held = {
            layer: (keys[rows], values[rows]) for layer, (keys, values) in self._held.items()
        }

    def update(
        self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object
    ) -> tuple[Tensor, Tensor]:
        """Keep keys and values of the part being run, and return what its tokens see."""
        if self.part == "prompt":
            self._held[layer] = (self._with_room(keys), self._with_room(values))
            return keys, values
        if self.part == "slot":
            stop = self._prompt + keys.shape[2]
            for held, new in zip(self._held[layer], (keys, values), strict=True):
                held[self.rows, :, self._prompt : stop] = new
            held_keys, held_values = self._held[layer]
            return held_keys[self.rows, :, :stop], held_values[self.rows, :, :stop]
        place = self._start + self.count
        if place == self._held[layer][0].shape[2]:
            held_keys, held_values = self._held[layer]
            self._held[layer] = (self._with_room(held_keys), self._with_room(held_values))
        for held, new in zip(self._held[layer], (keys, values), strict=True):
            held[:, :, place : place + 1] = new
        held_keys, held_values = self._held[layer]
        return held_keys[:, :, : place + 1], held_values[:, :, : place + 1]

    def _with_room(self, held: Tensor) -> Tensor:
        """Copy to a larger buffer; what is masked must be finite, so it is filled with 0."""
        batch, heads, length, width = held.shape
        room = max(self._start, length) + max(_ROOM, self.count)
        larger = held.new_zeros(batch, heads, room, width)
        larger[:, :, :length] = held
        return larger


class IncrementalDecoder:
    """Sequences that are decoded together, one token of each at a step.

    Parameters
    ----------
    model : CoachModel
        In evaluation mode.
    prompts : sequence of sequence of int
        Tokens of the B prompts.
    slot_tokens : int
        Length of the slot as in `LayoutConfig`; 0 where there is no motion context.
    morphology : sequence of sequence of int
        Tokens of C_morph of each, or nothing for all.
    """

    @torch.no_grad()
    def __init__(
        self,
        model: CoachModel,
        prompts: Sequence[Sequence[int]],
        *,
        slot_tokens: int = 0,
        morphology: Sequence[Sequence[int]] = (),
    ) -> None:
        self._model = model
        self._device = model.language.device
        self._slot_tokens = slot_tokens
        self._words, self._is_word = self._padded(morphology or [()] * len(prompts))
        # Exercises of one name have one prompt, which is computed once.
        unique = list(dict.fromkeys(map(tuple, prompts)))
        ids, present = self._padded(unique)
        self._memory = _Memory(ids.shape[1], slot_tokens)
        positions = torch.arange(ids.shape[1], device=self._device).expand_as(ids)
        self._run(ids, positions, _causal(present), None)
        rows = torch.tensor([unique.index(tuple(one)) for one in prompts], device=self._device)
        self._memory.keep(rows)
        self._in_prompt = present[rows]
        self._lengths = self._in_prompt.sum(dim=1)
        self._in_slot = torch.zeros(
            len(prompts), slot_tokens, dtype=torch.bool, device=self._device
        )

    @property
    def tokens(self) -> SpecialTokens:
        """The action tokens."""
        return self._model.tokens

    @torch.no_grad()
    def refresh(self, contexts: Mapping[int, Sequence[int]]) -> None:
        """Put other motion contexts into the slots of some sequences, by their row.

        Raises
        ------
        UsageError
            One is longer than the slot.
        """
        longest = max(map(len, contexts.values()), default=0)
        if longest > self._slot_tokens:
            raise UsageError(
                f"a context of {longest} tokens does not fit in {self._slot_tokens}",
                where="slot",
                next_step="Cut the context as the layout does",
            )
        if not contexts:
            return
        rows = torch.tensor(list(contexts), device=self._device)
        ids, present = self._padded(list(contexts.values()))
        self._in_slot[rows] = False
        self._in_slot[rows, :longest] = present
        if not longest:
            return
        self._memory.part, self._memory.rows = "slot", rows
        before = self._in_prompt[rows]
        own = _causal(present)
        mask = torch.cat(
            [before[:, None, None].expand(-1, 1, longest, -1), own.expand(-1, 1, -1, -1)], dim=-1
        )
        positions = self._lengths[rows, None] + torch.arange(longest, device=self._device)
        self._run(ids, positions, mask, None)

    @torch.no_grad()
    def step(self, tokens: Sequence[int], frames: Mapping[int, Tensor]) -> Tensor:
        """Decode one token of each sequence.

        Parameters
        ----------
        tokens : sequence of int
            The newest token of each.
        frames : mapping of int to Tensor (P, C)
            What each ``<vision>`` looks at, by its row.

        Returns
        -------
        Tensor (B, vocabulary) of float32
            Logits of the tokens after them.
        """
        if [row for row, token in enumerate(tokens) if token == self.tokens.vision] != sorted(
            frames
        ):
            raise ValueError("a frame belongs to <vision>, and to no other token")
        memory = self._memory
        memory.part = "tokens"
        ids = torch.tensor(list(tokens), dtype=torch.int64, device=self._device)[:, None]
        positions = self._lengths[:, None] + self._slot_tokens + memory.count
        known = self._in_prompt.new_ones(len(ids), memory.count + 1)
        mask = torch.cat([self._in_prompt, self._in_slot, known], dim=1)[:, None, None]
        hidden = self._run(ids, positions, mask, self._seen(frames))
        memory.count += 1
        return self._model.head(hidden[:, -1])

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these sequences alone; they are numbered anew from 0."""
        kept = torch.tensor(list(rows), device=self._device)
        self._memory.keep(kept)
        for name in ("_in_prompt", "_in_slot", "_lengths", "_words", "_is_word"):
            setattr(self, name, getattr(self, name)[kept])

    def _run(self, ids: Tensor, positions: Tensor, mask: Tensor, seen: Seen | None) -> Tensor:
        needed = None if bool(mask.all()) else mask
        return self._model.run_layers(
            self._model.embed(ids), positions, needed, seen=seen, cache=self._memory
        )

    def _seen(self, frames: Mapping[int, Tensor]) -> Seen | None:
        if not frames:
            return None
        rows = torch.tensor(list(frames), device=self._device)
        own = torch.stack(list(frames.values())).to(self._device)[:, None]
        features = self._model.fused(own, self._words[rows], self._is_word[rows])
        return Seen(rows, torch.zeros_like(rows), features[:, 0])

    def _padded(self, sequences: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Pad on the right with 0; return with what is present."""
        longest = max(map(len, sequences))
        ids = torch.zeros(len(sequences), longest, dtype=torch.int64)
        present = torch.zeros(len(sequences), longest, dtype=torch.bool)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.as_tensor(list(sequence), dtype=torch.int64)
            present[row, : len(sequence)] = True
        return ids.to(self._device), present.to(self._device)


def _causal(present: Tensor) -> Tensor:
    """Let each token see itself and what is present before it: (B, 1, N, N)."""
    length = present.shape[1]
    before = torch.ones(length, length, dtype=torch.bool, device=present.device).tril()
    return before & present[:, None, None]
