"""Stream-VLM's checkpoint: tensors read without running the file, LoRA merged, none left over.

Names and numbers: `state_dict.pth.tar` as FitCoach a573ee0 writes it, with peft 0.5.0's names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from qevd_bio.errors import DataError
from qevd_bio.files.restricted_torch import TorchFile
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.language import load_strictly
from qevd_bio.model.low_rank import merged_weight

CHECKPOINT_FILE = "state_dict.pth.tar"
OFFICIAL_SCALE = 0.5
"""alpha 16 over rank 32; no tensor shows it."""

_PREFIX = "lang.base_model.model."
_TWIN = "adapter.embed_tokens.weight"
_EMBEDDING = f"{_PREFIX}model.embed_tokens.weight"
_LOW_RANK = re.compile(r"(?P<base>.+)\.lora_(?P<part>[AB])\.default\.weight")
_VISUAL = re.compile(r"model\.layers\.(\d{1,4})\.xattn_layer\.attn_layers\.0\.(.+)")


@dataclass(frozen=True, slots=True)
class StreamVlm:
    """What a checkpoint holds.

    Attributes
    ----------
    language : dict of str to Tensor
        State of a stock language model, LoRA merged.
    cross_attention : dict of int to VisualCrossAttention
        By the index of the decoder layer.
    notes : tuple of str
        What was left out, and why.
    """

    language: dict[str, Tensor]
    cross_attention: dict[int, VisualCrossAttention]
    notes: tuple[str, ...]


def read_stream_vlm(path: Path, *, scale: float = OFFICIAL_SCALE, heads: int = 1) -> StreamVlm:
    """Read the checkpoint of Stream-VLM, of any size.

    Parameters
    ----------
    path : Path
        ``state_dict.pth.tar``: tensors by name, or these under ``state_dict``.
    scale : float
        alpha / rank of its LoRA.
    heads : int
        Attention heads of its cross-attention layers.

    Raises
    ------
    DataError
        The file is damaged, lacks a tensor or holds an unknown one, or holds NaN.

    Notes
    -----
    LoRA on ``lm_head`` is left out as the official loader leaves it out: it resizes the
    vocabulary afterwards, which replaces the layer.
    """
    file = TorchFile(path, where=str(path))
    noted = file.mapping(None)
    tensors = {key.removeprefix("module."): tensor_of(file, note) for key, note in noted.items()}
    broken = sorted(key for key, one in tensors.items() if not torch.isfinite(one).all())
    if broken:
        raise _bad(path, f"holds NaN or inf in {', '.join(broken[:5])}")
    _drop_twin(path, tensors)
    foreign = sorted(key for key in tensors if not key.startswith(_PREFIX))
    if foreign:
        raise _bad(path, f"holds unknown {', '.join(foreign[:5])}")
    own = {key.removeprefix(_PREFIX): one for key, one in tensors.items()}
    plain, notes = _merged(path, own, scale)
    language = {key: one for key, one in plain.items() if not _VISUAL.fullmatch(key)}
    return StreamVlm(language, _cross_attention(path, plain, heads), tuple(notes))


def tensor_of(file: TorchFile, note: object) -> Tensor:
    """Copy a tensor out of a checkpoint, bfloat16 included."""
    dtype, _ = file.layout(note)
    bits = torch.from_numpy(np.array(file.array(note)))
    return bits.view(torch.bfloat16) if dtype == "bfloat16" else bits


def _drop_twin(path: Path, tensors: dict[str, Tensor]) -> None:
    """Remove the second copy of the embedding, which must be a copy."""
    twin = tensors.pop(_TWIN, None)
    if twin is not None and not torch.equal(twin, tensors.get(_EMBEDDING, torch.empty(0))):
        raise _bad(path, f"its {_TWIN} differs from {_EMBEDDING}")


def _merged(
    path: Path, tensors: Mapping[str, Tensor], scale: float
) -> tuple[dict[str, Tensor], list[str]]:
    """Add each pair of LoRA factors to its weight."""
    plain, notes = {}, []
    pairs: dict[str, dict[str, Tensor]] = {}
    dropped = 0
    for key, tensor in tensors.items():
        if key.endswith("rotary_emb.inv_freq"):
            dropped += 1
        elif (match := _LOW_RANK.fullmatch(key)) is not None:
            pairs.setdefault(match["base"], {})[match["part"]] = tensor
        else:
            plain[key] = tensor
    if dropped:
        notes.append(f"left out {dropped} rotary_emb.inv_freq, which are computed")
    if pairs.pop("lm_head", None) is not None:
        notes.append("left out LoRA on lm_head, as the official loader does")
    for base, factors in pairs.items():
        weight = plain.get(f"{base}.weight")
        down, up = factors.get("A"), factors.get("B")
        if weight is None or down is None or up is None:
            raise _bad(path, f"its LoRA on {base} is not complete")
        if (up.shape[0], down.shape[1]) != weight.shape or up.shape[1] != down.shape[0]:
            raise _bad(path, f"its LoRA on {base} does not fit the weight")
        plain[f"{base}.weight"] = merged_weight(weight, down, up, scale)
    if pairs:
        notes.append(f"merged LoRA into {len(pairs)} weights with scale {scale:g}")
    return plain, notes


def _cross_attention(
    path: Path, tensors: Mapping[str, Tensor], heads: int
) -> dict[int, VisualCrossAttention]:
    parts: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if (match := _VISUAL.fullmatch(key)) is not None:
            parts.setdefault(int(match[1]), {})[match[2]] = tensor
    layers = {}
    for place, state in sorted(parts.items()):
        keys = state.get("feat_attn_keys_fc.weight")
        if keys is None or keys.ndim != 2 or keys.shape[0] % heads:
            raise _bad(path, f"its cross-attention after layer {place} has no sound keys")
        with torch.device("meta"):
            layer = VisualCrossAttention(keys.shape[0], keys.shape[1], heads)
        load_strictly(layer, state, where=f"{path} (cross-attention after layer {place})")
        layers[place] = layer
    if not layers:
        raise _bad(path, "holds no cross-attention layer, so it is no checkpoint of Stream-VLM")
    return layers


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Obtain Stream-VLM's checkpoint again, all six parts"
    )
