"""The names and shapes of HSMR's tensors, against counts and shapes of the released network."""

from __future__ import annotations

import math

import pytest

from qevd_bio.weights.hsmr_shapes import OFFICIAL_SIZE, HsmrSize, expected_shapes, size_of

OFFICIAL = expected_shapes(OFFICIAL_SIZE)

# As the released code lists them.
SHAPES = {
    "backbone.pos_embed": (1, 193, 1280),
    "backbone.patch_embed.proj.weight": (1280, 3, 16, 16),
    "backbone.blocks.31.attn.qkv.weight": (3840, 1280),
    "backbone.blocks.0.attn.qkv.bias": (3840,),
    "backbone.blocks.7.mlp.fc1.weight": (5120, 1280),
    "backbone.blocks.7.mlp.fc2.weight": (1280, 5120),
    "backbone.last_norm.bias": (1280,),
    "head.init_poses": (1, 144),
    "head.transformer.pos_embedding": (1, 1, 1024),
    "head.transformer.to_token_embedding.weight": (1024, 1),
    "head.transformer.transformer.layers.5.0.fn.to_qkv.weight": (1536, 1024),
    "head.transformer.transformer.layers.5.0.fn.to_out.0.weight": (1024, 512),
    "head.transformer.transformer.layers.0.1.fn.to_kv.weight": (1024, 1280),
    "head.transformer.transformer.layers.0.1.fn.to_q.weight": (512, 1024),
    "head.transformer.transformer.layers.0.2.fn.net.3.weight": (1024, 1024),
    "head.poses_decoder.weight": (144, 1024),
    "head.betas_decoder.bias": (10,),
    "head.cam_decoder.weight": (3, 1024),
}


def test_the_official_network_has_503_tensors_and_670_million_parameters() -> None:
    assert sum(key.startswith("backbone.") for key in OFFICIAL) == 389
    assert sum(key.startswith("head.") for key in OFFICIAL) == 114
    assert len(OFFICIAL) == 503
    parameters = {
        part: sum(
            math.prod(shape)
            for key, shape in OFFICIAL.items()
            if key.startswith(part) and not key.startswith("head.init_")
        )
        for part in ("backbone.", "head.")
    }
    assert parameters == {"backbone.": 630_912_000, "head.": 39_547_037}


@pytest.mark.parametrize("key", SHAPES)
def test_shapes_of_the_official_network(key: str) -> None:
    assert OFFICIAL[key] == SHAPES[key]


@pytest.mark.parametrize(
    "size",
    [OFFICIAL_SIZE, HsmrSize(64, 3, 256, 1024, 2, 32, 48), HsmrSize(6, 12, 5, 4, 1, 2, 3)],
    ids=["official", "small", "smallest"],
)
def test_a_size_is_read_off_its_own_shapes(size: HsmrSize) -> None:
    assert size_of(expected_shapes(size)) == size
    assert size_of({}) == OFFICIAL_SIZE
