"""Sequences of several exercises, padded on the right to one batch of tensors.

B sequences, S tokens, F frames, P patches, C width of the features, M words of the morphology,
K pairs of ``<vision>`` token and frame, N targets with a weight
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from qevd_bio.errors import UsageError
from qevd_bio.model.layout import PROMPT_SLOT, Example


@dataclass(frozen=True, slots=True)
class CoachBatch:
    """Tensors of B sequences.

    Attributes
    ----------
    ids, positions, slot : Tensor (B, S) of int64
        As in `Example`.
    in_slot, present : Tensor (B, S) of bool
        Whether a token is part of a slot; False for padding.
    targets : Tensor (N,) of int64
        Next tokens that have a weight, row by row.
    weights : Tensor (N,) of float32
        Their weights.
    scored : Tensor (2, N) of int64
        Row and column of the token before each target.
    vision : Tensor (3, K) of int64
        Row, column and frame of each ``<vision>`` token.
    frames : Tensor (B, F, P, C) of float16
        The frames, in the order in which they are looked at.
    morphology : Tensor (B, M) of int64
        Tokens of C_morph.
    morphology_present : Tensor (B, M) of bool
        False for padding.
    """

    ids: Tensor
    positions: Tensor
    slot: Tensor
    in_slot: Tensor
    present: Tensor
    targets: Tensor
    weights: Tensor
    scored: Tensor
    vision: Tensor
    frames: Tensor
    morphology: Tensor
    morphology_present: Tensor

    def to(self, device: torch.device | str) -> CoachBatch:
        """Copy the tensors to a device."""
        return CoachBatch(
            *(getattr(self, one.name).to(device, non_blocking=True) for one in fields(self))
        )

    def pin_memory(self) -> CoachBatch:
        """Move the tensors to page-locked memory, as a ``DataLoader`` asks for."""
        return CoachBatch(*(getattr(self, one.name).pin_memory() for one in fields(self)))

    def n_tokens(self) -> int:
        """Count the tokens, padding left out."""
        return int(self.present.sum())

    def has_slots(self) -> bool:
        """Tell whether any token is part of a slot."""
        return bool(self.in_slot.any())


def collate(examples: Sequence[Example]) -> CoachBatch:
    """Join sequences to a batch; ``collate_fn`` of a ``DataLoader``.

    Parameters
    ----------
    examples : sequence of Example
        B of them, with features of one shape.

    Raises
    ------
    UsageError
        There are none, or their features differ in shape.
    """
    shapes = {example.frames.shape[1:] for example in examples}
    if len(shapes) != 1:
        raise UsageError(
            f"a batch of {len(examples)} examples holds features of the shapes {sorted(shapes)}",
            where="batch",
            next_step="Take features of one network",
        )
    scored = [np.flatnonzero(example.weights) for example in examples]
    rows = np.repeat(np.arange(len(examples)), [len(columns) for columns in scored])
    return CoachBatch(
        ids=_padded([example.ids for example in examples], 0),
        positions=_padded([example.positions for example in examples], 0),
        slot=_padded([example.slot for example in examples], PROMPT_SLOT),
        in_slot=_padded([example.in_slot for example in examples], False),
        present=_padded([np.ones(len(example.ids), np.bool_) for example in examples], False),
        targets=_joined([e.targets[own] for e, own in zip(examples, scored, strict=True)]),
        weights=_joined([e.weights[own] for e, own in zip(examples, scored, strict=True)]),
        scored=torch.from_numpy(np.stack([rows, np.concatenate(scored)])),
        vision=torch.from_numpy(_vision(examples)),
        frames=_padded([example.frames for example in examples], 0),
        morphology=_padded([example.morphology for example in examples], 0),
        morphology_present=_padded(
            [np.ones(len(example.morphology), np.bool_) for example in examples], False
        ),
    )


def _vision(examples: Sequence[Example]) -> NDArray[np.int64]:
    counts = [len(example.vision) for example in examples]
    return np.stack(
        [
            np.repeat(np.arange(len(examples)), counts),
            np.concatenate([example.vision for example in examples]),
            np.concatenate([np.arange(count) for count in counts]),
        ]
    )


def _joined(arrays: Sequence[NDArray[np.generic]]) -> Tensor:
    return torch.from_numpy(np.concatenate(arrays))


def _padded(arrays: Sequence[NDArray[np.generic]], filler: int | bool) -> Tensor:
    longest = max(len(array) for array in arrays)
    shape = (len(arrays), longest, *arrays[0].shape[1:])
    out = np.full(shape, filler, dtype=arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return torch.from_numpy(out)
