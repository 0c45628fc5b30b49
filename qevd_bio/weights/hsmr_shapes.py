"""Names and shapes of the HSMR network's tensors, for the official size and any other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

IGNORED_PREFIX = "skel_model."


class AttentionHeads(NamedTuple):
    """Numbers of attention heads, which no weight shows; the defaults are the release's."""

    backbone: int = 16
    head: int = 8


OFFICIAL_HEADS = AttentionHeads()

HEADS_KEY = "attention_heads"
"""In the header of a stored network of another size, when they were given at its import."""

_TOKENS, _PATCH, _CHANNELS = 193, 16, 3
_POSE_NUMBERS, _SHAPE_NUMBERS, _CAMERA_NUMBERS = 144, 10, 3
_BLOCK = re.compile(r"backbone\.blocks\.(\d{1,4})\.")
_LAYER = re.compile(r"head\.transformer\.transformer\.layers\.(\d{1,4})\.")
_HEADS = re.compile(r"([1-9]\d{0,3}),([1-9]\d{0,3})")
_LAYERS = "head.transformer.transformer.layers"


@dataclass(frozen=True, slots=True)
class HsmrSize:
    """The lengths an HSMR network is free to have; the defaults are those of the release.

    width, depth, hidden: token width, blocks and hidden width of the backbone; token_width,
    layers, inner, head_hidden: token width, layers, width of queries and keys (heads times their
    width) and hidden width of the head. Tensors do not show how many heads share a width.
    """

    width: int = 1280
    depth: int = 32
    hidden: int = 5120
    token_width: int = 1024
    layers: int = 6
    inner: int = 512
    head_hidden: int = 1024


OFFICIAL_SIZE = HsmrSize()


def expected_shapes(size: HsmrSize) -> dict[str, tuple[int, ...]]:
    """List the tensors of a network: the 503 of the released checkpoint for the official size."""
    c, t = size.width, size.token_width
    shapes: dict[str, tuple[int, ...]] = {
        "backbone.pos_embed": (1, _TOKENS, c),
        **_weight_and_bias("backbone.patch_embed.proj", (c, _CHANNELS, _PATCH, _PATCH)),
        **_norm("backbone.last_norm", c),
        "head.init_poses": (1, _POSE_NUMBERS),
        "head.init_betas": (1, _SHAPE_NUMBERS),
        "head.init_cam": (1, _CAMERA_NUMBERS),
        "head.transformer.pos_embedding": (1, 1, t),
        **_weight_and_bias("head.transformer.to_token_embedding", (t, 1)),
        **_weight_and_bias("head.poses_decoder", (_POSE_NUMBERS, t)),
        **_weight_and_bias("head.betas_decoder", (_SHAPE_NUMBERS, t)),
        **_weight_and_bias("head.cam_decoder", (_CAMERA_NUMBERS, t)),
    }
    for n in range(size.depth):
        block = f"backbone.blocks.{n}"
        shapes |= _norm(f"{block}.norm1", c) | _norm(f"{block}.norm2", c)
        shapes |= _weight_and_bias(f"{block}.attn.qkv", (3 * c, c))
        shapes |= _weight_and_bias(f"{block}.attn.proj", (c, c))
        shapes |= _weight_and_bias(f"{block}.mlp.fc1", (size.hidden, c))
        shapes |= _weight_and_bias(f"{block}.mlp.fc2", (c, size.hidden))
    for n in range(size.layers):
        layer = f"{_LAYERS}.{n}"
        for part in range(3):
            shapes |= _norm(f"{layer}.{part}.norm", t)
        shapes[f"{layer}.0.fn.to_qkv.weight"] = (3 * size.inner, t)
        shapes[f"{layer}.1.fn.to_kv.weight"] = (2 * size.inner, c)
        shapes[f"{layer}.1.fn.to_q.weight"] = (size.inner, t)
        for part in (0, 1):
            shapes |= _weight_and_bias(f"{layer}.{part}.fn.to_out.0", (t, size.inner))
        shapes |= _weight_and_bias(f"{layer}.2.fn.net.0", (size.head_hidden, t))
        shapes |= _weight_and_bias(f"{layer}.2.fn.net.3", (t, size.head_hidden))
    return shapes


def size_of(shapes: Mapping[str, tuple[int, ...]]) -> HsmrSize:
    """Read a network's size off the shapes of its tensors.

    What cannot be read is that of the official size, so that a comparison with `expected_shapes`
    names what is missing.
    """
    official = OFFICIAL_SIZE

    def length(key: str, axis: int, otherwise: int) -> int:
        shape = shapes.get(key, ())
        return shape[axis] if len(shape) > axis else otherwise

    def count(pattern: re.Pattern[str], otherwise: int) -> int:
        numbers = {int(found[1]) for key in shapes if (found := pattern.match(key))}
        return len(numbers) if numbers else otherwise

    return HsmrSize(
        width=length("backbone.pos_embed", 2, official.width),
        depth=count(_BLOCK, official.depth),
        hidden=length("backbone.blocks.0.mlp.fc1.weight", 0, official.hidden),
        token_width=length("head.transformer.pos_embedding", 2, official.token_width),
        layers=count(_LAYER, official.layers),
        inner=length(f"{_LAYERS}.0.1.fn.to_q.weight", 0, official.inner),
        head_hidden=length(f"{_LAYERS}.0.2.fn.net.0.weight", 0, official.head_hidden),
    )


def heads_of(metadata: Mapping[str, str]) -> AttentionHeads:
    """Read attention heads off a stored network's header; those of the release without any.

    Raises
    ------
    ValueError
        The header's entry is not as `heads_text` writes it.
    """
    if HEADS_KEY not in metadata:
        return OFFICIAL_HEADS
    found = _HEADS.fullmatch(metadata[HEADS_KEY])
    if found is None:
        raise ValueError(
            f"{HEADS_KEY} {metadata[HEADS_KEY][:40]!r} are no two numbers such as 4,2"
        )
    return AttentionHeads(int(found[1]), int(found[2]))


def heads_text(heads: AttentionHeads) -> str:
    """Write attention heads as a header holds them."""
    return f"{heads.backbone},{heads.head}"


def check_heads(heads: AttentionHeads, size: HsmrSize) -> None:
    """Check that heads divide the widths they share; `ValueError` where they do not."""
    for part, count, wide in (
        ("backbone", heads.backbone, size.width), ("head", heads.head, size.inner),
    ):  # fmt: skip
        if count < 1 or wide % count:
            raise ValueError(f"{wide} numbers of the {part} do not split into {count} heads")


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _weight_and_bias(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
