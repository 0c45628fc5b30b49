"""BERTScore of a model with random weights against the formula written out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from qevd_bio.errors import DataError
from qevd_bio.evaluation.bert_score import bert_scorer
from qevd_bio.model.tiny import write_byte_tokenizer


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    folder = tmp_path_factory.mktemp("roberta")
    write_byte_tokenizer(folder)
    PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), bos_token="<s>", pad_token="<s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=300, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=80,
    )  # fmt: skip
    RobertaModel(config).save_pretrained(folder)
    return folder


def by_hand(folder: Path, true: str, predicted: str, layer: int) -> float:
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    hidden = []
    for text in (true, predicted):
        given = tokenizer(f" {text}", return_tensors="pt")
        with torch.no_grad():
            states = model(**given, output_hidden_states=True).hidden_states[layer][0]
        hidden.append(states[1:])  # the token that begins each text
    best = [[torch.cosine_similarity(a, b, dim=0) for b in hidden[1]] for a in hidden[0]]
    recall = sum(max(row) for row in best) / len(best)
    precision = sum(max(column) for column in zip(*best, strict=True)) / len(best[0])
    return float(2 * recall * precision / (recall + precision))


def test_it_is_the_formula_of_greedy_matching(model_folder: Path) -> None:
    score = bert_scorer(model_folder, layer=1)
    for pair in (("Go lower", "Lower your hips"), ("Nice", "Nice work!")):
        assert score(*pair) == pytest.approx(by_hand(model_folder, *pair, 1), abs=1e-5)
    assert score("Go lower", "Go lower") == pytest.approx(1.0)
    assert score("Go lower", "") < 1.0
    assert score("a" * 500, "a") > 0, "what is too long is cut"


def test_another_model_than_asked_for_is_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 2 layers, not 17"):
        bert_scorer(model_folder)
    with pytest.raises(DataError, match="--bert"):
        bert_scorer(tmp_path / "nothing", layer=1)
