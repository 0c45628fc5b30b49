"""The sizes of HSMR's network, read off weights that are checked key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from qevd_bio.errors import DataError

_NEXT_STEP = "Import the checkpoint of the HSMR release again, or name the sizes it has"


@dataclass(frozen=True, slots=True)
class NetworkSizes:
    """How large a network is; the defaults are those of the release.

    Attributes
    ----------
    width, depth, heads, mlp : int
        Of the backbone: numbers a patch, blocks, attention heads, hidden numbers.
    token, head_depth, head_heads, head_inner, head_mlp : int
        Of the head: numbers of its token, layers, attention heads, numbers in all of these
        heads together, hidden numbers.
    """

    width: int = 1280
    depth: int = 32
    heads: int = 16
    mlp: int = 5120
    token: int = 1024
    head_depth: int = 6
    head_heads: int = 8
    head_inner: int = 512
    head_mlp: int = 1024


@dataclass(frozen=True, slots=True)
class AttentionHeads:
    """Numbers of attention heads, which no weight tells; the defaults are the release's."""

    backbone: int = 16
    head: int = 8


def sizes_of(state: Mapping[str, Tensor], heads: AttentionHeads) -> NetworkSizes:
    """Read the sizes of a network off its weights.

    Raises
    ------
    DataError
        A key that tells a size is missing or has no such shape, or the heads do not fit.
    """
    layers = "head.transformer.transformer.layers"

    def shape(key: str, dimensions: int) -> torch.Size:
        if key not in state:
            raise DataError("is missing in the weights", where=key, next_step=_NEXT_STEP)
        if state[key].ndim != dimensions:
            cause = f"has shape {tuple(state[key].shape)}, needs {dimensions} dimensions"
            raise DataError(cause, where=key, next_step=_NEXT_STEP)
        return state[key].shape

    sizes = NetworkSizes(
        width=shape("backbone.pos_embed", 3)[2],
        depth=_count(state, "backbone.blocks"),
        heads=heads.backbone,
        mlp=shape("backbone.blocks.0.mlp.fc1.weight", 2)[0],
        token=shape("head.transformer.pos_embedding", 3)[2],
        head_depth=_count(state, layers),
        head_heads=heads.head,
        head_inner=shape(f"{layers}.0.1.fn.to_q.weight", 2)[0],
        head_mlp=shape(f"{layers}.0.2.fn.net.0.weight", 2)[0],
    )
    for part, wide, count in (
        ("backbone", sizes.width, sizes.heads),
        ("head", sizes.head_inner, sizes.head_heads),
    ):
        if wide < 1 or wide % count:
            cause = f"{wide} numbers do not split into {count} attention heads"
            raise DataError(cause, where=part, next_step=_NEXT_STEP)
    return sizes


def _count(state: Mapping[str, Tensor], prefix: str) -> int:
    parts = (key[len(prefix) + 1 :].split(".")[0] for key in state if key.startswith(prefix + "."))
    return len(set(parts))


def check_state(wanted: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Compare weights with those a network has.

    Parameters
    ----------
    wanted : mapping of str to Tensor
        Of a network of the same sizes; only keys and shapes are looked at.
    state : mapping of str to Tensor
        The weights.

    Raises
    ------
    DataError
        A key is missing or unknown, or a tensor has a wrong shape, type or number in it.
    """
    for cause, keys in (
        ("is missing in the weights", sorted(wanted.keys() - state.keys())),
        ("is no part of the network", sorted(state.keys() - wanted.keys())),
    ):
        if keys:
            more = f" ({len(keys)} such keys in all)" if len(keys) > 1 else ""
            raise DataError(cause + more, where=keys[0], next_step=_NEXT_STEP)
    for key, weight in state.items():
        if weight.shape != wanted[key].shape:
            cause = f"has shape {tuple(weight.shape)}, needs {tuple(wanted[key].shape)}"
        elif not weight.is_floating_point():
            cause = f"holds {weight.dtype}, needs floating numbers"
        elif not bool(torch.isfinite(weight).all()):
            cause = "holds numbers that are not finite"
        else:
            continue
        raise DataError(cause, where=key, next_step=_NEXT_STEP)
