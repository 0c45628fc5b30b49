"""A small untrained coach that needs no file of anyone, for tests and `train --tiny`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.coach_tokenizer import FAST_FILE
from qevd_bio.model.make_coach import random_coach

START = "<s>"
LAYERS = (1, 3)


def tiny_coach(
    target: Path, *, width: int = 64, n_layers: int = 4, feature_width: int = 1280, seed: int = 0
) -> Coach:
    """Make a coach with random weights and one token a byte of text.

    Parameters
    ----------
    target : Path
        The new folder.
    width : int
        Of the language model; a multiple of 8.
    n_layers : int
        More than 3: there is a cross-attention after the layers 1 and 3.
    feature_width : int
        Of the visual features.
    seed : int
        Of the weights.
    """
    from transformers import LlamaConfig

    config = LlamaConfig(
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=n_layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        rms_norm_eps=1e-5,
        vocab_size=320,
        initializer_range=0.1,
    )
    with tempfile.TemporaryDirectory() as temporary:
        write_byte_tokenizer(Path(temporary))
        return random_coach(
            config,
            Path(temporary),
            target,
            layers=LAYERS,
            feature_width=feature_width,
            seed=seed,
        )


def write_byte_tokenizer(folder: Path) -> None:
    """Write a ``tokenizer.json`` with the 256 bytes and the beginning of a text as tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {START: 0, **{letter: place + 1 for place, letter in enumerate(letters)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, 0)]
    )
    write_text_atomic(folder / FAST_FILE, tokenizer.to_str())
