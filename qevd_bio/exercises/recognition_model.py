"""The shipped model that tells exercises by their features, in plain arrays.

N cycles or windows, F features, I inputs, K exercises, R trees, M nodes, L leaves

Two classifiers agree: a multinomial logistic regression and a forest of randomised trees. A tree
is rows of `feature` (-1 ends a branch), `threshold`, `below`, `above` and `leaf`; a
feature up to the threshold goes below. ``tools/recognition/train.py`` makes the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.exercises.recognition_features import CHANNELS, FEATURES, STATISTICS, is_still
from qevd_bio.files.restricted_numpy import load_npz

FILE = Path(__file__).with_name("recognition.npz")
FARTHEST = 4.0
"""Standard deviations beyond which a feature says no more."""

NONE_OF_THESE = ""
"""The class of everything that is no exercise of a rule."""

FORMAT = 2
_ARRAYS = {
    "format": 1, "features": 1, "classes": 1, "holds": 1, "centre": 1, "spread": 1, "weights": 2,
    "bias": 1, "feature": 2, "threshold": 2, "below": 2, "above": 2, "leaf": 2, "shares": 2,
    "temperature": 1, "none_prior": 1, "least_probability": 1,
}  # fmt: skip
"""Arrays of the file with their number of axes."""

LEAST_SHARE = 1e-3
"""No single cycle rules an exercise out by more than this."""


@dataclass(frozen=True, slots=True)
class RecognitionModel:
    """Two classifiers, the exercises they tell apart, and how sure they must be.

    Attributes
    ----------
    classes : tuple of str
        K families of rules; `NONE_OF_THESE` is one of them.
    holds : ndarray (K,) of bool
        Which of them keep a pose.
    centre, spread : ndarray (F,)
        Mean and deviation of each feature, of those who trained the model.
    weights, bias : ndarray (I, K) and (K,)
        The regression.
    feature, threshold, below, above, leaf : ndarray (R, M)
        The trees. `leaf` is the row of `shares` where a branch ends.
    shares : ndarray (L, K)
        What a leaf says of each class, adding up to 1.
    temperature : float
        Divides the logarithms of the pooled probabilities, so that they come true.
    none_prior : float
        Added to what the classifiers say of none of these, as a logarithm.
    least_probability : float
        An exercise below it is not named.
    """

    classes: tuple[str, ...]
    holds: BoolArray
    centre: FloatArray
    spread: FloatArray
    weights: FloatArray
    bias: FloatArray
    feature: NDArray[np.int64]
    threshold: FloatArray
    below: NDArray[np.int64]
    above: NDArray[np.int64]
    leaf: NDArray[np.int64]
    shares: FloatArray
    temperature: float
    none_prior: float
    least_probability: float

    def by_regression(self, inputs: FloatArray) -> FloatArray:
        """Return the probabilities (N, K) of the regression, given inputs (N, I)."""
        scores = inputs @ self.weights + self.bias
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def by_trees(self, inputs: FloatArray) -> FloatArray:
        """Return what the trees say of inputs (N, I), averaged: (N, K)."""
        known = inputs.astype(np.float32)
        trees = np.arange(len(self.feature))
        node = np.zeros((len(known), len(trees)), dtype=np.int64)
        rows = np.arange(len(known))[:, None]
        while True:
            feature = self.feature[trees, node]
            if (feature < 0).all():
                break
            goes_below = known[rows, np.maximum(feature, 0)] <= self.threshold[trees, node]
            step = np.where(goes_below, self.below[trees, node], self.above[trees, node])
            node = np.where(feature < 0, node, step)
        return np.asarray(self.shares[self.leaf[trees, node]].mean(axis=1))

    def pooled(self, features: FloatArray) -> FloatArray:
        """Return the probability (K,) of each exercise, given all cycles of one set (N, F)."""
        scaled = self.evidence(features) / self.temperature
        odds = np.exp(scaled - scaled.max())
        return np.asarray(odds / odds.sum())

    def evidence(self, features: FloatArray) -> FloatArray:
        """Return the mean logarithm (K,) of what both classifiers say of the cycles (N, F).

        Who keeps still may hold a pose or do nothing: no movement is left to be one of the others.
        """
        inputs = standardised(features, self.centre, self.spread)
        logs = [
            np.log(np.maximum(shares, LEAST_SHARE)).mean(axis=0)
            for shares in (self.by_regression(inputs), self.by_trees(inputs))
        ]
        evidence = (logs[0] + logs[1]) / 2.0
        evidence[self.classes.index(NONE_OF_THESE)] += self.none_prior
        if is_still(features):
            named = np.array([name != NONE_OF_THESE for name in self.classes])
            evidence = np.where(named & ~self.holds, np.log(LEAST_SHARE), evidence)
        return np.asarray(evidence)


def standardised(features: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """Turn features (N, F) into inputs (N, I): in deviations, and which channels are known.

    What is not known is put at the mean.
    """
    is_known = np.isfinite(features)
    deviations = np.clip((features - centre) / spread, -FARTHEST, FARTHEST)
    of_channel = is_known[:, : len(CHANNELS) * len(STATISTICS) : len(STATISTICS)]
    return np.hstack([np.where(is_known, deviations, 0.0), of_channel.astype(np.float64)])


@cache
def shipped_digest() -> str:
    """Return the SHA-256 of the model file that ships with the package."""
    return sha256(FILE.read_bytes()).hexdigest()


@cache
def shipped_model() -> RecognitionModel:
    """Load the model that ships with the package."""
    return read_model(FILE)


def read_model(path: Path) -> RecognitionModel:
    """Read a model file; `DataError` where it is none, or of other features."""
    arrays = load_npz(path, tuple(_ARRAYS))
    for name, axes in _ARRAYS.items():
        if name not in arrays or arrays[name].ndim != axes:
            raise _not_a_model(path, f"no '{name}' of {axes} axes")
    if arrays["format"].tolist() != [FORMAT]:
        raise _not_a_model(path, f"format {arrays['format'].tolist()} instead of {[FORMAT]}")
    if tuple(arrays["features"].tolist()) != FEATURES:
        raise _not_a_model(path, "trained on other features than this version computes")
    return RecognitionModel(
        classes=tuple(arrays["classes"].tolist()),
        holds=arrays["holds"].astype(np.bool_),
        **{
            name: arrays[name].astype(np.float64)
            for name in ("centre", "spread", "weights", "bias")
        },
        feature=arrays["feature"].astype(np.int64),
        threshold=arrays["threshold"].astype(np.float32),
        below=arrays["below"].astype(np.int64),
        above=arrays["above"].astype(np.int64),
        leaf=arrays["leaf"].astype(np.int64),
        shares=arrays["shares"].astype(np.float64) / 255.0,
        temperature=float(arrays["temperature"][0]),
        none_prior=float(arrays["none_prior"][0]),
        least_probability=float(arrays["least_probability"][0]),
    )


def _not_a_model(path: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(path), next_step="Train it again with tools/recognition/train.py"
    )


def family_of(rule_id: str) -> str:
    """Name the exercise without its side: ``quad_stretch_left`` is a ``quad_stretch``."""
    return rule_id.removesuffix("_left").removesuffix("_right")
