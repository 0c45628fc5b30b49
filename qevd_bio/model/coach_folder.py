"""A coach as a folder: settings, tokenizer, language model, cross-attention, fusion.

coach.json              what it is made of, with the digest of each file of weights
tokenizer.*             with the three action tokens
config.json             of the stock language model
language.safetensors    its tensors, low-rank additions merged
cross_attention.safetensors, fusion.safetensors
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from qevd_bio.errors import DataError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.new_folder import new_folder
from qevd_bio.model.coach import CoachModel
from qevd_bio.model.coach_settings import SETTINGS_FILE, CoachSettings, read_settings
from qevd_bio.model.coach_tokenizer import TOKENIZER_FILES, CoachTokenizer, load_tokenizer
from qevd_bio.model.cross_attention import VisualCrossAttention
from qevd_bio.model.fusion import MorphologyFusion
from qevd_bio.model.language import (
    EMBEDDING,
    check_vocabulary,
    language_from,
    load_strictly,
    read_config,
)
from qevd_bio.model.low_rank import plain_state

CONFIG_FILE = "config.json"
LANGUAGE_FILE = "language.safetensors"
VISUAL_FILE = "cross_attention.safetensors"
FUSION_FILE = "fusion.safetensors"


@dataclass(frozen=True, slots=True)
class Coach:
    """A loaded coach.

    Attributes
    ----------
    model : CoachModel
        In evaluation mode, all parameters frozen.
    tokenizer : CoachTokenizer
        Its tokenizer.
    settings : CoachSettings
        What it is made of.
    folder : Path
        Where it was loaded from; its tokenizer files are copied from there.
    """

    model: CoachModel
    tokenizer: CoachTokenizer
    settings: CoachSettings
    folder: Path

    def description(self) -> str:
        """Describe it in lines to print: action tokens, layers, fusion, notes."""
        settings, language = self.settings, self.model.language.config
        lines = [
            f"action tokens: {self.tokenizer.tokens}",
            f"language model: {language.num_hidden_layers} layers of {language.hidden_size}, "
            f"vocabulary {language.vocab_size} for {len(self.tokenizer)} tokens",
            f"cross-attention after layers {', '.join(map(str, settings.layers))}",
            f"fusion: {'none' if settings.fusion is None else settings.fusion}",
            *settings.notes,
        ]
        return "\n".join(lines)


def load_coach(
    folder: Path, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu"
) -> Coach:
    """Load a coach and check that its parts are whole and belong together.

    Parameters
    ----------
    folder : Path
        As `save_coach` writes it.
    dtype : torch.dtype
        Of language model and cross-attention; the fusion stays in float32.
    device
        Where to.

    Raises
    ------
    DataError
        A file is damaged, cut short or of another coach, a tensor is missing or unknown, the
        tables do not fit the tokenizer, or the action tokens are not three distinct new ones.
    EnvironmentProblem
        A package is missing.
    """
    settings = read_settings(folder / SETTINGS_FILE)
    tokenizer = load_tokenizer(folder)
    if tokenizer.tokens.numbers() != settings.tokens:
        raise DataError(
            f"the tokenizer has {tokenizer.tokens}, the coach was made with {settings.tokens}",
            where=str(folder),
            next_step="Take the tokenizer from the folder of this coach",
        )
    tensors = _tensors(folder / LANGUAGE_FILE, settings)
    rows = len(tensors[EMBEDDING]) if EMBEDDING in tensors else 0
    check_vocabulary(rows, len(tokenizer), where=str(folder / LANGUAGE_FILE))
    config = read_config(folder / CONFIG_FILE)
    # Tensors are converted, not modules: the table of rotary frequencies must stay in float32.
    language = language_from(_as(dtype, tensors), config, where=str(folder / LANGUAGE_FILE))
    model = CoachModel(
        language,
        _cross_attention(folder, settings, language.config.hidden_size, dtype),
        tokenizer.tokens,
        _fusion(folder, settings),
    )
    model.to(device).eval().requires_grad_(False)
    return Coach(model, tokenizer, settings, folder)


def save_coach(target: Path, coach: Coach) -> Coach:
    """Write a coach to a new folder, complete or not at all.

    Low-rank additions and action rows are merged into the written weights; the model in memory
    stays as it is. Digests and the shape of the fusion are taken from what is written.

    Raises
    ------
    UsageError
        The folder exists.
    """
    from safetensors.torch import save_file

    model = coach.model
    parts = {
        LANGUAGE_FILE: plain_state(model.language, model.action_rows),
        VISUAL_FILE: model.cross_attention.state_dict(),
    }
    if model.fusion is not None:
        parts[FUSION_FILE] = model.fusion.state_dict()
    with new_folder(target) as temporary:
        for name, tensors in parts.items():
            whole = {key: one.detach().cpu().contiguous() for key, one in tensors.items()}
            save_file(whole, temporary / name)
        config = model.language.config
        config.dtype = None
        write_text_atomic(temporary / CONFIG_FILE, config.to_json_string())
        for name in TOKENIZER_FILES:
            if (coach.folder / name).is_file():
                shutil.copyfile(coach.folder / name, temporary / name)
        settings = replace(
            coach.settings,
            fusion=None if model.fusion is None else model.fusion.config,
            digests=_digests(temporary, parts),
        )
        text = settings.to_json(where=SETTINGS_FILE)
        write_text_atomic(temporary / SETTINGS_FILE, text)
    return replace(coach, settings=settings, folder=target)


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    return {name: sha256_file(folder / name) for name in names}


def _tensors(path: Path, settings: CoachSettings) -> dict[str, Tensor]:
    """Read a file of weights after checking that it is the one the coach was saved with."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if sha256_file(path) != settings.digests.get(path.name):
        raise DataError(
            "is not the file that the coach was saved with, or it is cut short",
            where=str(path),
            next_step="Copy the whole folder of the coach again",
        )
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(
            f"cannot be read ({error})",
            where=str(path),
            next_step="Copy the whole folder of the coach again",
        ) from error


def _cross_attention(
    folder: Path, settings: CoachSettings, width: int, dtype: torch.dtype
) -> dict[int, VisualCrossAttention]:
    tensors = _as(dtype, _tensors(folder / VISUAL_FILE, settings))
    with torch.device("meta"):
        layers = {
            place: VisualCrossAttention(width, settings.feature_width, settings.heads)
            for place in settings.layers
        }
    held = nn.ModuleDict({str(place): layer for place, layer in layers.items()})
    load_strictly(held, tensors, where=str(folder / VISUAL_FILE))
    return layers


def _fusion(folder: Path, settings: CoachSettings) -> MorphologyFusion | None:
    if settings.fusion is None:
        return None
    path = folder / FUSION_FILE
    fusion = MorphologyFusion(settings.fusion)
    load_strictly(fusion, _as(torch.float32, _tensors(path, settings)), where=str(path))
    return fusion


def _as(dtype: torch.dtype, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: one.to(dtype) for key, one in tensors.items()}
