"""Quadratic kappa against a published table and by its definition; intervals by session."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.evaluation.agreement import quadratic_kappa
from qevd_bio.evaluation.bootstrap import ratio_interval


def by_definition(one, other):
    n = len(one)
    seen = np.zeros((6, 6))
    for a, b in zip(one, other, strict=True):
        seen[a, b] += 1
    chance = np.outer(seen.sum(1), seen.sum(0)) / n
    weights = (np.arange(6)[:, None] - np.arange(6)[None, :]) ** 2 / 25
    return 1 - (weights * seen).sum() / (weights * chance).sum()


def test_kappa_is_that_of_the_definition():
    random = np.random.default_rng(3)
    for _ in range(20):
        one = random.integers(1, 6, 50)
        other = np.clip(one + random.integers(-2, 3, 50), 1, 5)
        assert quadratic_kappa(one, other) == pytest.approx(by_definition(one, other), abs=1e-12)


def test_kappa_of_five_items_by_hand():
    # squared differences 0, 0, 1, 0, 4: mean 1; of the 25 pairs by chance: mean 3.4
    assert quadratic_kappa([1, 2, 3, 4, 5], [1, 2, 4, 4, 3]) == pytest.approx(1 - 1 / 3.4)


def test_kappa_at_its_ends():
    assert quadratic_kappa([1, 2, 5], [1, 2, 5]) == 1.0
    assert quadratic_kappa([1, 5], [5, 1]) == -1.0
    assert quadratic_kappa([], []) is None
    assert quadratic_kappa([3, 3], [3, 3]) is None


def test_the_interval_is_that_of_drawing_sessions():
    random = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        level = random.normal(3.0, 0.5, 40)
        counts = random.integers(5, 15, 40).astype(float)
        low, high = ratio_interval(level * counts, counts, seed=seed, draws=500)
        covered += low <= 3.0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_one_session_tells_nothing_of_others():
    assert ratio_interval(np.array([3.0]), np.array([1.0])) is None
    assert ratio_interval(np.zeros(3), np.zeros(3)) is None
    assert ratio_interval(np.array([1.0, 2.0]), np.ones(2), seed=4) == ratio_interval(
        np.array([1.0, 2.0]), np.ones(2), seed=4
    )
