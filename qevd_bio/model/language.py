"""A stock language model of LLaMA's shape, made from checked tensors.

H width, V rows of the two tables
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.open_regular import read_text_regular
from qevd_bio.files.strict_json import parse_json
from qevd_bio.weights.contents import layout_issues, listed

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
ROW_BLOCK = 64
"""The tables hold a multiple of this many rows, the last ones unused."""


def read_config(path: Path, *, vocabulary: int | None = None) -> LlamaConfig:
    """Read the ``config.json`` of a language model.

    Parameters
    ----------
    path : Path
        The file.
    vocabulary : int, optional
        V, where it is another one than in the file.

    Raises
    ------
    DataError
        The file is absent, damaged, or of a model of another shape than LLaMA's.
    EnvironmentProblem
        ``transformers`` is not installed.
    """
    try:
        held: Any = parse_json(read_text_regular(path, follow_links=True), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"cannot be read ({error})") from error
    kind = held.get("model_type") if isinstance(held, dict) else None
    if kind != "llama":
        raise _bad(path, f"describes a model of the type {kind!r} and not llama")
    own = {} if vocabulary is None else {"vocab_size": vocabulary}
    # The tables are not tied: rows for the action tokens differ between them.
    config_class, _, _ = _classes()
    from huggingface_hub.errors import StrictDataclassError

    try:
        config: LlamaConfig = config_class.from_dict(
            {**held, **own, "tie_word_embeddings": False, "dtype": None, "torch_dtype": None}
        )
    except (StrictDataclassError, ValueError, TypeError) as error:
        raise _bad(path, f"is no configuration of a LLaMA ({error})") from error
    return config


def language_from(
    tensors: Mapping[str, Tensor], config: LlamaConfig, *, where: str
) -> LlamaForCausalLM:
    """Make a language model that holds exactly these tensors.

    Raises
    ------
    DataError
        A tensor is missing, unknown, or of another shape than the configuration asks for.
    """
    language = empty_language(config)
    load_strictly(language, tensors, where=where)
    return language


def empty_language(config: LlamaConfig) -> LlamaForCausalLM:
    """Make a language model whose weights have shapes and no numbers."""
    _, model_class, rotary_class = _classes()
    with torch.device("meta"):
        language: LlamaForCausalLM = model_class(config)
    # Its table of frequencies is computed from the configuration and in no file.
    language.model.rotary_emb = rotary_class(config)
    return language


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], *, where: str) -> None:
    """Put tensors into a module that needs all of them and no other.

    Raises
    ------
    DataError
        A tensor is missing, unknown, or of another shape.
    """
    found = {key: ("tensor", tuple(one.shape)) for key, one in tensors.items()}
    expected = {key: ("tensor", tuple(one.shape)) for key, one in module.state_dict().items()}
    issues = layout_issues(found, expected)
    if issues:
        raise DataError(
            listed(issues).replace("tensor (", "("),
            where=where,
            next_step="Obtain the weights again, and check that all files are of one model",
        )
    module.load_state_dict(dict(tensors), strict=True, assign=True)


def check_vocabulary(rows: int, n_tokens: int, *, where: str) -> None:
    """Check that tables and tokenizer belong together.

    Raises
    ------
    DataError
        The tables have another number of rows than this many tokens need.
    """
    needed = padded_rows(n_tokens)
    if rows != needed:
        raise DataError(
            f"holds tables of {rows} rows, and the tokenizer's {n_tokens} tokens need {needed}",
            where=where,
            next_step="Take weights and tokenizer from the same folder",
        )


def padded_rows(n_tokens: int) -> int:
    """Return the rows of a table for so many tokens."""
    return -(-n_tokens // ROW_BLOCK) * ROW_BLOCK


def _classes() -> tuple[Any, Any, Any]:
    try:
        from transformers import LlamaConfig, LlamaForCausalLM
        from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
    except ImportError as error:
        raise EnvironmentProblem(
            f"cannot be used ({error})",
            where="transformers",
            next_step="Run pip install 'qevd-bio[model]'",
        ) from error
    return LlamaConfig, LlamaForCausalLM, LlamaRotaryEmbedding


def _bad(path: Path, cause: str) -> DataError:
    return DataError(
        " ".join(cause.split()),
        where=str(path),
        next_step="Give the config.json of a LLaMA-shaped language model",
    )
