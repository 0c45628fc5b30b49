"""BERTScore with a model of the user's, read from a folder.

T tokens of a text, H width of the model
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from qevd_bio.errors import DataError, EnvironmentProblem

LAYER = 17
"""Of roberta-large, which ``lang="en"`` means."""


def bert_scorer(folder: Path, layer: int = LAYER) -> Callable[[str, str], float]:
    """Prepare BERTScore.

    Parameters
    ----------
    folder : Path
        A model of `transformers` with its tokenizer; roberta-large for published figures.
    layer : int
        Hidden states of this layer are compared; 17 for roberta-large.

    Returns
    -------
    callable
        Takes the true and the predicted text and returns F1.

    Raises
    ------
    EnvironmentProblem
        transformers is not installed.
    DataError
        The folder holds no such model, or one with fewer layers.

    Notes
    -----
    Greedy matching by cosine, no idf, no rescaling by a baseline; the tokens that begin and end a
    text do not count. Texts are given a leading space, as the published figures have.
    """
    try:
        from transformers import AutoModel, AutoTokenizer
    except ImportError as error:
        raise EnvironmentProblem(
            "transformers is not installed",
            where="BERTScore",
            next_step='pip install "qevd-bio[model]"',
        ) from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    except (OSError, ValueError) as error:
        raise _unusable(folder, str(error).splitlines()[0][:200]) from error
    if not 0 < layer <= model.config.num_hidden_layers:
        raise _unusable(folder, f"has {model.config.num_hidden_layers} layers, not {layer}")
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings - 2)

    @functools.cache
    @torch.inference_mode()
    def states(text: str) -> Tensor:
        """Return the hidden states (T, H), each of length 1."""
        given = tokenizer(
            f" {text.strip()}",
            return_tensors="pt",
            truncation=True,
            max_length=longest,
            return_special_tokens_mask=True,
        )
        inner = given.pop("special_tokens_mask")[0] == 0
        hidden = model(**given, output_hidden_states=True).hidden_states[layer][0, inner]
        return torch.nn.functional.normalize(hidden.float(), dim=-1)

    def score(true: str, predicted: str) -> float:
        one, other = states(true), states(predicted)
        if not len(one) or not len(other):
            return 0.0
        alike = one @ other.T
        recall = float(alike.max(dim=1).values.mean())
        precision = float(alike.max(dim=0).values.mean())
        return 2.0 * precision * recall / (precision + recall)

    return score


def _unusable(folder: Path, cause: str) -> DataError:
    return DataError(
        cause,
        where=str(folder),
        next_step="Give --bert the folder of roberta-large, or of a model with --bert-layer",
    )
