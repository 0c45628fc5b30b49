from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.normal_equations import (
    banded_matrix,
    bend_coefficients,
    first_difference,
    first_difference_transposed,
    neighbour_masks,
    second_difference,
    second_difference_transposed,
    solve_with_shared,
)


def difference_matrices(frames):
    eye = np.eye(frames)
    steps = np.random.default_rng(frames).uniform(0.5, 2.0, frames)
    bend = bend_coefficients(steps)
    return first_difference(eye), second_difference(eye, bend), bend


def dense(blocks, following, after, damping):
    """The same matrix, put together block by block."""
    frames, size, _ = blocks.shape
    whole = np.zeros((frames, size, frames, size))
    for t in range(frames):
        whole[t, :, t] = blocks[t] + damping * np.eye(size)
        for step, part in ((1, following), (2, after)):
            if t + step < frames:
                whole[t + step, :, t] = part[t]
                whole[t, :, t + step] = part[t].T
    return whole.reshape(frames * size, frames * size)


def problem(frames, size=4, seed=0):
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(frames, size, size))
    blocks = half @ np.swapaxes(half, 1, 2) + 8.0 * np.eye(size)
    following, after = rng.uniform(-0.5, 0.5, (2, frames, size, size))
    return blocks, following, after


def test_differences_match_their_names():
    x = np.array([[1.0], [2.0], [4.0], [7.0]])
    np.testing.assert_array_equal(first_difference(x).ravel(), [1, 2, 3, 0])
    bend = bend_coefficients(np.ones(4))
    np.testing.assert_array_equal(second_difference(x, bend).ravel(), [0, 1, 1, 0])


def test_uneven_steps_do_not_look_like_acceleration():
    time = np.array([0.0, 1.0, 1.5, 4.0, 4.1])
    bend = bend_coefficients(np.diff(time, append=5.0))
    steady = second_difference((3.0 + 2.0 * time)[:, None], bend)
    np.testing.assert_allclose(steady, 0.0, atol=1e-12)
    mean_step = (time[2:] - time[:-2]) / 2.0
    parabola = second_difference((0.5 * 7.0 * time**2)[:, None], bend)[1:-1, 0]
    np.testing.assert_allclose(parabola, 7.0 * mean_step**2)


@pytest.mark.parametrize("frames", [1, 2, 3, 9])
def test_transposes_are_the_transposes(frames):
    rng = np.random.default_rng(frames)
    first, second, bend = difference_matrices(frames)
    y = rng.normal(size=(frames, 3))
    inner = y.copy()
    y[-1] = 0.0
    np.testing.assert_allclose(first_difference_transposed(y), first.T @ y)
    np.testing.assert_allclose(second_difference_transposed(inner, bend), second.T @ inner)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 12])
def test_band_holds_the_dense_matrix(frames):
    parts = problem(frames)
    band = banded_matrix(*parts, 0.5)
    whole = dense(*parts, 0.5)
    assert band.shape == (3 * 4, 4 * frames)
    for k, row in enumerate(band):
        diagonal = np.diagonal(whole, offset=-k)
        np.testing.assert_allclose(row[: len(diagonal)], diagonal, atol=1e-12)


def test_step_equals_the_dense_solution():
    parts = problem(10, seed=4)
    rng = np.random.default_rng(5)
    count, shared_count = 40, 3
    whole = dense(*parts, 1.0)
    coupling = 0.1 * rng.normal(size=(count, shared_count))
    shared = 10.0 * np.eye(shared_count)
    gradient, shared_gradient = rng.normal(size=count), rng.normal(size=shared_count)
    matrix = np.block([[whole, coupling], [coupling.T, shared]])
    expected = -np.linalg.solve(matrix, np.concatenate([gradient, shared_gradient]))
    band = banded_matrix(*parts, 1.0)
    step, stretch = solve_with_shared(band, coupling, shared, gradient, shared_gradient)
    np.testing.assert_allclose(np.concatenate([step, stretch]), expected, atol=1e-10)


def test_neighbours_stop_at_the_end_of_a_section():
    followed, between = neighbour_masks(np.array([0, 0, 0, 1, 1, 2]))
    assert followed.tolist() == [True, True, False, True, False, False]
    assert between.tolist() == [False, True, False, False, False, False]
