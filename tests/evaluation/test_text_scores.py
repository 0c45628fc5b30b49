"""METEOR and ROUGE-L against nltk's and rouge-score's results on 15 pairs of sentences."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.evaluation import wordnet
from qevd_bio.evaluation.meteor import meteor_scorer, words
from qevd_bio.evaluation.rouge_l import rouge_l

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "evaluation"
ROWS = json.loads((GOLDEN / "text_scores.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def wordnet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """WordNet of this machine, without network."""
    if wordnet.is_complete(wordnet.default_folder()):
        return wordnet.default_folder()
    if not Path("/usr/share/wordnet").is_dir():
        if os.environ.get("CI"):
            pytest.fail("no WordNet: .ci/run installs it")
        pytest.skip("no WordNet: install Debian's wordnet-base or run qevd-bio evaluate wordnet")
    return wordnet.set_up_wordnet(tmp_path_factory.mktemp("wordnet") / "wordnet")


@pytest.mark.slow
def test_meteor_is_that_of_nltk_with_its_own_tokenizer(wordnet_folder: Path) -> None:
    """One test for all pairs: WordNet takes seconds to load."""
    score = meteor_scorer(wordnet_folder)
    for row in ROWS:
        assert score(row["ref"], row["pred"]) == pytest.approx(row["meteor"], abs=1e-6), row
    assert len(ROWS) == 15
    assert score("", "Go lower") == score("Go lower", "") == 0.0


def test_rouge_l_is_that_of_rouge_score() -> None:
    rows = [row for row in ROWS if "rouge_l" in row]
    assert len(rows) == 14
    for row in rows:
        assert rouge_l(row["ref"], row["pred"]) == pytest.approx(row["rouge_l"], abs=1e-6), row
    assert rouge_l("!", "?") == 0.0


def test_words_are_split_within_sentences() -> None:
    assert words("Good job. Don't stop!") == ["Good", "job", ".", "Do", "n't", "stop", "!"]
    assert words("Bend to 90°. Hold") == ["Bend", "to", "90°", ".", "Hold"]


def test_a_folder_without_wordnet_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="evaluate wordnet"):
        meteor_scorer(tmp_path)
    with pytest.raises(DataError, match=r"lacks data\.noun"):
        wordnet.set_up_wordnet(tmp_path / "out", tmp_path)


def test_another_version_of_wordnet_is_refused(tmp_path: Path) -> None:
    for kind in ("data", "index"):
        for part in ("noun", "verb", "adj", "adv"):
            (tmp_path / f"{kind}.{part}").write_text("  1 WordNet 3.1 Copyright\n")
            (tmp_path / f"{part}.exc").write_text("")
    with pytest.raises(DataError, match=r"not WordNet 3\.0"):
        wordnet.set_up_wordnet(tmp_path / "out", tmp_path)
