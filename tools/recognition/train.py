"""Train the model that recognises exercises, and write it as plain arrays.

    python -m tools.recognition.train [--data DATA --cache CACHE] [--out FILE] [--persons N]

Trained on performers of every rule (`tools.recognition.performers`), on people who do none of the
exercises, and, with DATA, on the development persons of HDM05 and CMU, whose licences allow it.
No other recording is used. The same versions and options give the same file.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from benchmarks.labelled_recordings import ALLOWED, Labelled, read_labelled
from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.recognise import answer_of, set_curves
from qevd_bio.exercises.recognition_features import FEATURES, features_of_curves
from qevd_bio.exercises.recognition_model import (
    FILE,
    FORMAT,
    RecognitionModel,
    family_of,
    read_model,
    standardised,
)
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.record import Motion
from tools.recognition.performers import Person, idler, performer

PERSONS, IDLERS, CALIBRATING = 50, 500, 6
CYCLES_OF_A_PERSON = 3
TREES, MOST_LEAVES, LEAST_OF_A_LEAF, SHARE_OF_FEATURES = 80, 400, 3, 0.15
STRENGTH = 0.05
"""Of the logistic regression: scikit-learn's C."""
NONE_WEIGHS = 3.0
"""How much more than an exercise those who do none count together."""
REPEATED = 4
"""How often each real recording counts."""
TEMPERATURES = np.geomspace(0.3, 6.0, 40)
SEED = 20261130


@dataclass(frozen=True, slots=True)
class Items:
    """Cycles and windows: features (N, F), the class and the person of each."""

    features: FloatArray
    labels: NDArray[np.str_]
    persons: NDArray[np.int64]


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


def items_of(people: Sequence[tuple[str, Motion]]) -> Items:
    """Cut people's motions into cycles, and into windows as where no cycle is found."""
    rows, labels, persons = [], [], []
    for number, (label, motion) in enumerate(people):
        frames = len(motion.time_s)
        cycles = set_curves(motion, 0, frames)
        windows = set_curves(motion, 0, frames, cycles=False)
        step = max(len(cycles) // CYCLES_OF_A_PERSON, 1)
        for curves, seconds in cycles[::step] + windows[:2]:
            rows.append(features_of_curves(curves, seconds))
            labels.append(label)
            persons.append(number)
    return Items(np.array(rows), np.array(labels), np.array(persons))


def joined(parts: Sequence[Items]) -> Items:
    """Put items together; persons of different parts are different ones."""
    return Items(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.persons + 10_000 * i for i, part in enumerate(parts)]),
    )


def real_people(data: Path, cache: Path) -> list[Labelled]:
    """Read the development persons of the groups that may be trained on, with one label each."""
    return [
        one
        for one in read_labelled(data, cache)
        if one.group in ALLOWED and one.is_development and "|" not in one.label
    ]


def trained(items: Items, seed: int = SEED) -> RecognitionModel:
    """Fit the trees and the regression; neither calibrated nor with a bound yet."""
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
    return RecognitionModel(
        classes=tuple(map(str, forest.classes_)),
        centre=centre,
        spread=spread,
        weights=line.coef_.T,
        bias=line.intercept_,
        **_arrays_of(forest),
        temperature=1.0,
        least_probability=0.0,
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


def calibrated(
    model: RecognitionModel, people: Sequence[tuple[str, Motion]], refused: float
) -> RecognitionModel:
    """Choose the temperature by likelihood, and the bound that refuses so many who do none."""
    sets = [(label, _set(motion)) for label, motion in people]
    labels = [label for label, rows in sets if len(rows)]
    evidence = np.array([model.evidence(rows) for _, rows in sets if len(rows)])
    true = [model.classes.index(label) for label in labels]

    def likelihood(temperature: float) -> float:
        odds = softmax(evidence / temperature, axis=1)
        return float(np.log(np.maximum(odds[np.arange(len(true)), true], 1e-6)).sum())

    best = replace(model, temperature=float(max(TEMPERATURES, key=likelihood)))
    said = sorted(
        answer.probability if answer.exercise else 0.0
        for label, odds in zip(labels, softmax(evidence / best.temperature, axis=1), strict=True)
        if not label
        for answer in [answer_of(odds, best)]
    )
    bound = said[min(int(refused * len(said)), len(said) - 1)]
    return replace(best, least_probability=round(max(bound, 0.3), 3))


def _set(motion: Motion) -> FloatArray:
    pieces = set_curves(motion, 0, len(motion.time_s))
    return np.array([features_of_curves(curves, seconds) for curves, seconds in pieces])


def write_model(model: RecognitionModel, path: Path) -> None:
    """Write a model as an npz of plain arrays, which `read_model` reads."""
    np.savez_compressed(
        path,
        format=np.array([FORMAT]),
        features=np.array(FEATURES),
        classes=np.array(model.classes),
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
        least_probability=np.array([model.least_probability]),
    )


def main() -> None:
    """Train, calibrate, write and read the model again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the recordings")
    parser.add_argument("--cache", type=Path, help="kept motions of benchmarks.counted_recordings")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--persons", type=int, default=PERSONS, help="performers of each family")
    parser.add_argument("--idlers", type=int, default=IDLERS)
    parser.add_argument("--refused", type=float, default=0.95, help="share of idlers refused")
    given = parser.parse_args()
    people = [(p.label, p.motion) for p in made_people(given.persons, given.idlers, SEED)]
    real = real_people(given.data, given.cache) if given.data else []
    items = items_of(people)
    if real:
        items = joined([items, *[items_of([(one.label, one.motion) for one in real])] * REPEATED])
    model = trained(items)
    others = made_people(CALIBRATING, CALIBRATING * 40, SEED + 1)
    model = calibrated(model, [(p.label, p.motion) for p in others], given.refused)
    write_model(model, given.out)
    kept = read_model(given.out)
    print(
        f"{given.out}: {given.out.stat().st_size} bytes, {len(kept.classes)} classes, "
        f"temperature {kept.temperature:.2f}, least probability {kept.least_probability:g}, "
        f"{len(people)} people, {len(real)} of them real"
    )


if __name__ == "__main__":
    main()
