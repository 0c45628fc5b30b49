"""Sentences as unit vectors, by a model in a local sentence-transformers folder.

N sentences, W width of the vectors
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from qevd_bio.arrays import FloatArray
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.strict_json import read_json

MODULES, WEIGHTS = "modules.json", "model.safetensors"
BATCH = 64
_POOLED, _FINISHED = "Pooling", "Normalize"
_MEAN, _FIRST = "pooling_mode_mean_tokens", "pooling_mode_cls_token"


class SentenceEncoder(Protocol):
    """Turns sentences into unit vectors."""

    @property
    def name(self) -> str:
        """What made the vectors, with a digest of its weights."""
        ...

    def encode(self, sentences: Sequence[str]) -> FloatArray:
        """Return the vectors (N, W), each of length 1."""
        ...


@dataclass(frozen=True)
class FolderEncoder:
    """The model of a sentence-transformers folder; `load_encoder` makes one.

    Attributes
    ----------
    name : str
        Name of the folder and the beginning of the digest of its weights.
    tokenizer, model
        Of the transformers library.
    is_mean : bool
        Whether the vectors of all tokens are averaged; else that of the first counts.
    most_tokens : int
        Longer sentences are cut.
    """

    name: str
    tokenizer: Any
    model: Any
    is_mean: bool
    most_tokens: int

    @torch.inference_mode()
    def encode(self, sentences: Sequence[str]) -> FloatArray:
        """Return the vectors (N, W), each of length 1."""
        if not sentences:
            return np.zeros((0, self.model.config.hidden_size))
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        found: dict[int, FloatArray] = {}
        for first in range(0, len(order), BATCH):
            batch = order[first : first + BATCH]
            found |= zip(batch, self._vectors([sentences[i] for i in batch]), strict=True)
        return np.array([found[i] for i in range(len(sentences))])

    def _vectors(self, sentences: Sequence[str]) -> FloatArray:
        tokens = self.tokenizer(
            list(sentences),
            padding=True,
            truncation=True,
            max_length=self.most_tokens,
            return_tensors="pt",
        )
        states = self.model(**tokens).last_hidden_state
        seen = tokens["attention_mask"][..., None].to(states.dtype)
        pooled = (states * seen).sum(1) / seen.sum(1) if self.is_mean else states[:, 0]
        return np.asarray(functional.normalize(pooled, dim=1).double().numpy())


def load_encoder(folder: Path) -> FolderEncoder:
    """Load a sentence-transformers folder.

    Nothing is downloaded, no code of the folder is run, and only safetensors are read.

    Raises
    ------
    EnvironmentProblem
        The package transformers is not installed.
    DataError
        The folder holds no such model, or one that is not a transformer, a mean or first token,
        and a length of 1.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise EnvironmentProblem(
            "the package transformers is not installed",
            where=f"sentence encoder {folder}",
            next_step="pip install 'qevd-bio[model]'",
        ) from error
    is_mean, most_tokens = _how_pooled(folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
        model = AutoModel.from_pretrained(folder, use_safetensors=True, **local)
    except (OSError, ValueError, KeyError) as error:
        raise _bad(folder, f"cannot be loaded by transformers ({error})") from error
    model.eval().requires_grad_(False)
    name = f"{folder.resolve().name} {sha256_file(folder / WEIGHTS, follow_links=True)[:16]}"
    return FolderEncoder(name, tokenizer, model, is_mean, most_tokens)


def _how_pooled(folder: Path) -> tuple[bool, int]:
    """Read whether the tokens are averaged, and how many are read."""
    modules = _read(folder, MODULES)
    parts = [one for one in modules if isinstance(one, Mapping)] if _is_list(modules) else []
    kinds = [str(one.get("type", "")).rpartition(".")[2] for one in parts]
    if kinds[:2] != ["Transformer", _POOLED] or kinds[2:] not in ([], [_FINISHED]):
        raise _bad(folder, f"{MODULES} lists {', '.join(kinds) or 'nothing'}")
    if parts[0].get("path"):
        raise _bad(folder, f"{MODULES} keeps the transformer in a folder of its own")
    pooling = _read(folder, f"{parts[1].get('path')}/config.json")
    chosen = [key for key, on in pooling.items() if key.startswith("pooling_mode") and on is True]
    if chosen not in ([_MEAN], [_FIRST]):
        raise _bad(folder, f"it pools by {', '.join(chosen) or 'nothing'}")
    limit = _read(folder, "sentence_bert_config.json").get("max_seq_length")
    return chosen == [_MEAN], limit if isinstance(limit, int) and limit > 0 else 256


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _read(folder: Path, name: str) -> Any:  # noqa: ANN401 - JSON
    path = folder / name
    if not path.is_file():
        raise _bad(folder, f"lacks {name}")
    return read_json(path, follow_links=True)


def _bad(folder: Path, cause: str) -> DataError:
    return DataError(
        f"is no sentence encoder that is read here: {cause}",
        where=str(folder),
        next_step="Name a sentence-transformers folder such as that of all-MiniLM-L6-v2",
    )
