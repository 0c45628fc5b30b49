"""The kind of a sentence by a vote of the examples that are nearest to it in meaning.

N sentences, M examples, K kinds, W width of the vectors
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from qevd_bio.annotate.kind_examples import KindExample
from qevd_bio.annotate.sentence_encoder import SentenceEncoder
from qevd_bio.arrays import FloatArray
from qevd_bio.feedback.kinds import KindName

NEIGHBOURS = 12
"""Examples that vote."""

SHARPNESS = 0.05
"""A neighbour that is nearer by this cosine has e times the weight."""

KINDS: tuple[KindName, ...] = get_args(KindName)


@dataclass(frozen=True, slots=True)
class Vote:
    """The kind with the largest share of the weights, and this share."""

    kind: KindName
    share: float


class NeighbourVote:
    """Examples whose vectors are known, for one list of sentences after the other.

    Notes
    -----
    `NEIGHBOURS` and `SHARPNESS` were chosen with one batch of the shipped examples left out after
    the other; macro-F1 is flat around them (benchmarks/RESULTS-kinds.md).
    """

    def __init__(self, examples: Sequence[KindExample], encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._vectors = encoder.encode([one.sentence for one in examples])
        self._kinds = np.array([KINDS.index(one.kind) for one in examples], dtype=np.int64)

    def votes(self, sentences: Sequence[str]) -> list[Vote]:
        """Let the nearest examples of each sentence vote."""
        shares = vote_shares(self._encoder.encode(sentences), self._vectors, self._kinds)
        best = shares.argmax(axis=1)
        return [Vote(KINDS[i], float(row[i])) for i, row in zip(best, shares, strict=True)]


def vote_shares(vectors: FloatArray, examples: FloatArray, kinds: np.ndarray) -> FloatArray:
    """Share the weight of the nearest examples among the kinds.

    Parameters
    ----------
    vectors : ndarray (N, W)
        Unit vectors of sentences.
    examples : ndarray (M, W)
        Unit vectors of examples.
    kinds : ndarray (M,)
        Place of the kind of each example in `KINDS`.

    Returns
    -------
    ndarray (N, K)
        Each row sums to 1. Of equally near examples the earlier ones vote.
    """
    likeness = vectors @ examples.T
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :NEIGHBOURS]
    chosen = np.take_along_axis(likeness, nearest, axis=1)
    weights = np.exp((chosen - chosen.max(axis=1, keepdims=True)) / SHARPNESS)
    shares = np.stack(
        [(weights * (kinds[nearest] == i)).sum(axis=1) for i in range(len(KINDS))], axis=1
    )
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
