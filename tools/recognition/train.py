"""Train the model that recognises exercises, and write it as plain arrays.

    python -m tools.recognition.train [--data DATA --cache CACHE] [--out FILE] [--persons N]

Trained on performers of every rule (`tools.recognition.performers`), on people who do none of the
exercises, and, with DATA, on the development persons of HDM05 and CMU, whose licences allow it.
No other recording is used. The same versions and options give the same file.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks.labelled_recordings import ALLOWED, Labelled, read_labelled
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.recognition_features import FEATURES
from qevd_bio.exercises.recognition_model import (
    FILE,
    FORMAT,
    RecognitionModel,
    family_of,
    read_model,
    standardised,
)
from qevd_bio.exercises.rule import Rule
from tools.recognition.items import Items, items_of_made, items_of_recordings, joined
from tools.recognition.performers import Person, idler, performer

PERSONS, IDLERS = 60, 1000
TREES, MOST_LEAVES, LEAST_OF_A_LEAF, SHARE_OF_FEATURES = 80, 1000, 3, 0.15
STRENGTH = 0.1
"""Of the logistic regression: scikit-learn's C."""
NONE_WEIGHS = 3.0
"""How much more than an exercise those who do none count together."""
REPEATED = 4
"""How often each real recording counts."""
TEMPERATURE, NONE_PRIOR, LEAST_PROBABILITY = 1.2, 1.0, 0.15
"""Chosen on the development half of all recordings: the best balanced accuracy at which those who
do none of the exercises are refused as often as before (.7) and nobody is called something else
with 0.8 or more; with a temperature of 1.0 two are."""
SEED = 20261130


def made_people(per_family: int, idlers: int, seed: int) -> list[Person]:
    """Let people perform every family of rules, and others do none of them."""
    rules = list(load_rules().values())
    families: dict[str, list[Rule]] = {}
    for rule in rules:
        families.setdefault(family_of(rule.id), []).append(rule)
    people = []
    for own in families.values():
        for i in range(per_family):
            rng = np.random.default_rng([seed, len(people)])
            people.append(performer(own[i % len(own)], rules, rng))
    for _ in range(idlers):
        people.append(idler(rules, np.random.default_rng([seed, len(people)])))
    return people


def real_people(data: Path, cache: Path) -> list[Labelled]:
    """Read the development persons of the groups that may be trained on, with one label each."""
    return [
        one
        for one in read_labelled(data, cache)
        if one.group in ALLOWED and one.is_development and "|" not in one.label
    ]


def trained(items: Items, seed: int = SEED) -> RecognitionModel:
    """Fit the trees and the regression."""
    counts = Counter(items.labels.tolist())
    weight = np.array([1.0 / counts[label] for label in items.labels.tolist()])
    weight[items.labels == ""] *= NONE_WEIGHS
    weight /= weight.mean()
    centre = np.nanmean(items.features, axis=0)
    spread = np.nanstd(items.features, axis=0) + 1e-3
    inputs = standardised(items.features, centre, spread)
    line = LogisticRegression(C=STRENGTH, max_iter=80).fit(inputs, items.labels, weight)
    forest = ExtraTreesClassifier(
        TREES, max_leaf_nodes=MOST_LEAVES, min_samples_leaf=LEAST_OF_A_LEAF,
        max_features=SHARE_OF_FEATURES, random_state=seed,
    ).fit(inputs, items.labels, weight)  # fmt: skip
    holds = {family_of(rule.id) for rule in load_rules().values() if rule.kind == "hold"}
    return RecognitionModel(
        classes=tuple(map(str, forest.classes_)),
        holds=np.array([name in holds for name in forest.classes_]),
        centre=centre,
        spread=spread,
        weights=line.coef_.T,
        bias=line.intercept_,
        **_arrays_of(forest),
        temperature=TEMPERATURE,
        none_prior=NONE_PRIOR,
        least_probability=LEAST_PROBABILITY,
    )


def _arrays_of(forest: ExtraTreesClassifier) -> dict[str, NDArray[np.generic]]:
    """Lay the trees out as arrays of equal length, and quantise what their leaves say."""
    trees = [one.tree_ for one in forest.estimators_]
    most = max(tree.node_count for tree in trees)
    shape = (len(trees), most)
    found = {name: np.zeros(shape, dtype=np.int64) for name in ("below", "above", "leaf")}
    feature = np.full(shape, -1, dtype=np.int64)
    threshold = np.zeros(shape, dtype=np.float32)
    shares: list[FloatArray] = []
    for row, tree in enumerate(trees):
        count = tree.node_count
        is_leaf = tree.children_left < 0
        feature[row, :count] = np.where(is_leaf, -1, tree.feature)
        threshold[row, :count] = tree.threshold
        found["below"][row, :count] = np.where(is_leaf, 0, tree.children_left)
        found["above"][row, :count] = np.where(is_leaf, 0, tree.children_right)
        found["leaf"][row, :count][is_leaf] = len(shares) + np.arange(is_leaf.sum())
        values = tree.value[is_leaf, 0]
        shares += list(values / values.sum(axis=1, keepdims=True))
    quantised = np.round(255.0 * np.array(shares)) / 255.0
    return {**found, "feature": feature, "threshold": threshold, "shares": quantised}


def write_model(model: RecognitionModel, path: Path) -> None:
    """Write a model as an npz of plain arrays, which `read_model` reads."""
    np.savez_compressed(
        path,
        format=np.array([FORMAT]),
        features=np.array(FEATURES),
        classes=np.array(model.classes),
        holds=model.holds,
        centre=model.centre.astype(np.float32),
        spread=model.spread.astype(np.float32),
        weights=model.weights.astype(np.float32),
        bias=model.bias.astype(np.float32),
        feature=model.feature.astype(np.int16),
        threshold=model.threshold.astype(np.float32),
        below=model.below.astype(np.int16),
        above=model.above.astype(np.int16),
        leaf=model.leaf.astype(np.int32),
        shares=np.round(255.0 * model.shares).astype(np.uint8),
        temperature=np.array([model.temperature]),
        none_prior=np.array([model.none_prior]),
        least_probability=np.array([model.least_probability]),
    )


def main() -> None:
    """Train, write and read the model again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the recordings")
    parser.add_argument("--cache", type=Path, help="kept motions of benchmarks.counted_recordings")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--persons", type=int, default=PERSONS, help="performers of each family")
    parser.add_argument("--idlers", type=int, default=IDLERS)
    given = parser.parse_args()
    people = made_people(given.persons, given.idlers, SEED)
    real = real_people(given.data, given.cache) if given.data else []
    items = items_of_made(people, SEED)
    if real:
        recorded = items_of_recordings([(one.label, one.motion) for one in real])
        items = joined([items, *[recorded] * REPEATED])
    model = trained(items)
    write_model(model, given.out)
    kept = read_model(given.out)
    print(
        f"{given.out}: {given.out.stat().st_size} bytes, {len(kept.classes)} classes, "
        f"{len(people)} made people, {len(real)} recordings"
    )


if __name__ == "__main__":
    main()
