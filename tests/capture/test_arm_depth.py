from __future__ import annotations

import itertools

import numpy as np

from qevd_bio.capture.arm_depth import _cheapest_path, _crossings


def test_the_path_is_the_cheapest_of_all():
    rng = np.random.default_rng(0)
    cost, fee = rng.uniform(size=(3, 6)), rng.uniform(size=(3, 3, 5))

    def total(path):
        steps = range(5)
        return sum(cost[s, t] for t, s in enumerate(path)) + sum(
            fee[path[t], path[t + 1], t] for t in steps
        )

    best = min(itertools.product(range(3), repeat=6), key=total)
    assert tuple(_cheapest_path(cost, fee)) == best


def test_candidates_lie_on_the_line_of_sight_at_the_bones_length():
    start = np.array([[0.1, -0.2, 3.0], [0.0, 0.0, 3.0]])
    sight = np.array([[0.05, 0.0, 1.0], [0.5, 0.0, 1.0]])
    near, far = _crossings(start, sight, 0.3)
    for point in (near, far):
        np.testing.assert_allclose(point[:, :2], point[:, 2:] * sight[:, :2])
        assert np.isclose(np.linalg.norm(point[0] - start[0]), 0.3)
    assert near[0, 2] < start[0, 2] < far[0, 2]
    np.testing.assert_allclose(near[1], far[1])  # out of reach: the nearest point of the line
