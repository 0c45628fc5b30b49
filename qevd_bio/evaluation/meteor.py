"""METEOR as Hugging Face's `evaluate` computes it: nltk's, on words of its tokenizer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from qevd_bio.evaluation.wordnet import load_wordnet


def meteor_scorer(wordnet: Path | None = None) -> Callable[[str, str], float]:
    """Prepare METEOR.

    Parameters
    ----------
    wordnet : Path, optional
        Folder of `qevd_bio.evaluation.wordnet.set_up_wordnet`.

    Returns
    -------
    callable
        Takes the true and the predicted text and returns their score in [0, 1].

    Raises
    ------
    EnvironmentProblem
        nltk or WordNet is missing.

    Notes
    -----
    Parameters of nltk: alpha 0.9, beta 3, gamma 0.5; lower case, Porter stems, WordNet synonyms.
    Equal texts do not reach 1. nltk's model of sentence ends (punkt) is a download and is not
    used: a sentence ends at each full stop before a space, so "e.g. ten" is split where the model
    knows the abbreviation.
    """
    reader = load_wordnet(wordnet)
    from nltk.translate.meteor_score import single_meteor_score

    @functools.cache
    def score(true: str, predicted: str) -> float:
        return float(single_meteor_score(words(true), words(predicted), wordnet=reader))

    return score


def words(text: str) -> list[str]:
    """Split a text as nltk's ``word_tokenize`` does: sentences first, words in each."""
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    tokenizer = NLTKWordTokenizer()
    sentences = PunktSentenceTokenizer().tokenize(text)
    return [word for sentence in sentences for word in tokenizer.tokenize(sentence)]
