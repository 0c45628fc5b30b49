"""Where coaches come from: Stream-VLM's checkpoint, any LLaMA-shaped model, or nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from qevd_bio.errors import DataError, UsageError
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_folder import CONFIG_FILE, Coach, save_coach
from qevd_bio.model.coach_settings import CoachSettings
from qevd_bio.model.coach_tokenizer import (
    ACTIONS,
    CoachTokenizer,
    add_action_tokens,
    load_tokenizer,
)
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.language import (
    EMBEDDING,
    HEAD,
    check_vocabulary,
    language_from,
    padded_rows,
    read_config,
)
from qevd_bio.model.stream_vlm import CHECKPOINT_FILE, OFFICIAL_SCALE, read_stream_vlm

if TYPE_CHECKING:
    from transformers import LlamaConfig

OFFICIAL_LAYERS = (6, 8, 10, 12, 14, 16, 18, 20, 22)
_NOISE = 0.01


def import_stream_vlm(
    checkpoint: Path,
    language_config: Path,
    target: Path,
    *,
    scale: float = OFFICIAL_SCALE,
    heads: int = 1,
) -> Coach:
    """Turn the checkpoint of Stream-VLM into the folder of a coach.

    Parameters
    ----------
    checkpoint : Path
        Folder with ``state_dict.pth.tar`` and the tokenizer that belongs to it.
    language_config : Path
        ``config.json`` of the language model it was made from (LLaMA-2-7B).
    target : Path
        The new folder.
    scale, heads
        As in `read_stream_vlm`.

    Raises
    ------
    DataError
        The checkpoint is damaged or not whole, or tokenizer and weights do not belong together.
    UsageError
        The target exists.
    """
    path = checkpoint / CHECKPOINT_FILE
    tokenizer = load_tokenizer(checkpoint)
    held = read_stream_vlm(path, scale=scale, heads=heads)
    rows = len(held.language.get(EMBEDDING, ()))
    check_vocabulary(rows, len(tokenizer), where=str(path))
    config = read_config(language_config, vocabulary=rows)
    language = language_from(held.language, config, where=str(path))
    model = CoachModel(language, held.cross_attention, tokenizer.tokens)
    first = next(iter(held.cross_attention.values()))
    settings = CoachSettings(
        layers=tuple(held.cross_attention),
        heads=heads,
        feature_width=first.feat_attn_keys_fc.in_features,
        tokens=tokenizer.tokens.numbers(),
        notes=("imported from the checkpoint of Stream-VLM", *held.notes),
    )
    return save_coach(target, Coach(_still(model), tokenizer, settings, checkpoint))


def make_coach(
    language_folder: Path,
    target: Path,
    *,
    layers: Sequence[int],
    feature_width: int = 1280,
    seed: int = 0,
    like: Sequence[str] = (),
) -> Coach:
    """Make a coach from a LLaMA-shaped language model, for `lm-adapter` to train.

    Parameters
    ----------
    language_folder : Path
        ``config.json``, ``*.safetensors`` and tokenizer, as Hugging Face models have them.
    target : Path
        The new folder.
    layers : sequence of int
        Decoder layers after which a cross-attention is put.
    feature_width : int
        Of the visual features.
    seed : int
        Of the new weights.
    like : sequence of str
        A token of the language model for each action token, whose rows the new rows begin as. An
        adapter that trains upper layers only needs such rows: it cannot change the embedding.

    Raises
    ------
    DataError
        The language model is damaged or of another shape than LLaMA's, or knows the tokens.
    UsageError
        The target exists.

    Notes
    -----
    The tables get rows for the action tokens: the mean of all rows, or those of `like`, with a
    little noise, so that the three differ. The new layers add nothing at first, because their
    last weight is 0.
    """
    tensors = _language_tensors(language_folder)
    config = read_config(language_folder / CONFIG_FILE)
    visual = (tuple(layers), feature_width, seed)
    return _made(tensors, config, language_folder, target, visual, trained=True, like=like)


def random_coach(
    config: LlamaConfig,
    tokenizer_folder: Path,
    target: Path,
    *,
    layers: Sequence[int],
    feature_width: int = 1280,
    seed: int = 0,
) -> Coach:
    """Make a coach with random weights of any size, as `make_coach` with an untrained model."""
    from transformers import LlamaForCausalLM

    config.tie_word_embeddings = False
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        tensors = LlamaForCausalLM(config).state_dict()
    visual = (tuple(layers), feature_width, seed)
    return _made(tensors, config, tokenizer_folder, target, visual, trained=False)


def _made(
    tensors: dict[str, Tensor],
    config: LlamaConfig,
    tokenizer_folder: Path,
    target: Path,
    visual: tuple[tuple[int, ...], int, int],
    *,
    trained: bool,
    like: Sequence[str] = (),
) -> Coach:
    layers, feature_width, seed = visual
    with tempfile.TemporaryDirectory() as temporary:
        add_action_tokens(tokenizer_folder, Path(temporary))
        tokenizer = load_tokenizer(Path(temporary))
        rows = padded_rows(len(tokenizer))
        generator = torch.Generator().manual_seed(seed)
        tensors = dict(tensors)
        tensors.setdefault(HEAD, tensors[EMBEDDING])
        # Beyond its tokens, a trained table holds rows that were never used.
        known = len(tokenizer) - len(ACTIONS) if trained else rows
        first = _rows_of(like, tokenizer, tokenizer_folder)
        for key in (EMBEDDING, HEAD):
            if trained and len(tensors[key]) < known:
                raise _bad(
                    tokenizer_folder,
                    f"its tokenizer has {known} tokens, and its {key} {len(tensors[key])} rows",
                )
            tensors[key] = _extended(tensors[key][:known], rows, generator, first)
        config.vocab_size = rows
        language = language_from(tensors, config, where=str(tokenizer_folder))
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            attention = {
                place: VisualCrossAttention(config.hidden_size, feature_width) for place in layers
            }
        for layer in attention.values():
            nn.init.zeros_(layer.out_fc.weight)
        settings = CoachSettings(
            layers=layers,
            heads=1,
            feature_width=feature_width,
            tokens=tokenizer.tokens.numbers(),
            notes=("made from a language model; its cross-attention is not trained",),
        )
        model = _still(CoachModel(language, attention, tokenizer.tokens))
        return save_coach(target, Coach(model, tokenizer, settings, Path(temporary)))


def _rows_of(
    like: Sequence[str], tokenizer: CoachTokenizer, where: Path
) -> Sequence[tuple[int, int]]:
    """Pair the number of each action token with that of the token it begins as."""
    pairs = []
    for number, text in zip(tokenizer.tokens.numbers(), like, strict=True) if like else ():
        ids = tokenizer.encode(text)
        if len(ids) != 1:
            raise UsageError(
                f"{text!r} is {len(ids)} tokens of it and not one",
                where=str(where),
                next_step="Name three texts that are one token each",
            )
        pairs.append((number, ids[0]))
    return pairs


def _extended(
    table: Tensor, rows: int, generator: torch.Generator, like: Sequence[tuple[int, int]]
) -> Tensor:
    """Lengthen a table (V, H) to so many rows."""
    known = table.float()
    mean, spread = known.mean(dim=0).expand(rows - len(known), -1).clone(), known.std()
    for number, other in like:
        mean[number - len(known)] = known[other]
    noise = torch.randn(rows - len(known), known.shape[1], generator=generator)
    return torch.cat([known, mean + _NOISE * spread * noise]).to(table.dtype)


def _language_tensors(folder: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise _bad(folder, "holds no *.safetensors")
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            held = load_file(file)
        except (SafetensorError, OSError) as error:
            raise _bad(file, f"cannot be read ({error})") from error
        twice = sorted(set(held) & set(tensors))
        if twice:
            raise _bad(file, f"holds {twice[0]}, which another file holds, too")
        tensors |= held
    if EMBEDDING not in tensors:
        raise _bad(folder, f"holds no {EMBEDDING}")
    return tensors


def _still(model: CoachModel) -> CoachModel:
    return model.eval().requires_grad_(False)


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Give the folder of a LLaMA-shaped language model"
    )
