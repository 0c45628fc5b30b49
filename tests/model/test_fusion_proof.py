from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.fusion_proof import FILLERS, MEANING, examples, held_out, outcome, seeing_coach

TOKENS = (257, 258, 259)


def test_the_two_classes_of_pairing_differ_in_nothing_else() -> None:
    own = examples("pairing", 400, TOKENS, seed=3)
    for label in (0, 1):
        words = np.concatenate([one.morphology for one in own[label::2]])
        assert set(words) & set(MEANING) == set(MEANING[2 * label : 2 * label + 2])
        assert set(words) - set(MEANING) == set(FILLERS)
    assert {one.ids[-1] for one in own} == {60, 61}
    with_label = [np.mean([one.frames.mean() for one in own[label::2]]) for label in (0, 1)]
    assert abs(with_label[0] - with_label[1]) < 0.02


@pytest.mark.slow
def test_only_attention_over_words_where_frames_are_read_learns(tmp_path: Path) -> None:
    coach = seeing_coach(tmp_path, seed=5, steps=150)
    table = coach.language.model.embed_tokens.weight
    for pair in (MEANING[:2], MEANING[2:]):
        assert table[list(pair)].sum(dim=0).abs().max() < 1e-6
    assert held_out(coach, "pattern", seed=5) >= 0.95
    paper = outcome(coach, "pairing", "the paper's", seed=5, steps=150)
    assert paper.accuracy >= 0.95 and paper.gradient > 1e-3
    for scheme in ("one pooled key", "fused on text steps", "as released: both, with norms"):
        released = outcome(coach, "pairing", scheme, seed=5, steps=60)
        assert 0.42 < released.accuracy < 0.58 and released.gradient < 1e-6
