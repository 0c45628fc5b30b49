"""One shape from many: which frames count."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.body.shape_average import average_shape

PERSON = np.array([1.2, -0.5, 0.3, 0.0, 0.1, -0.2, 0.4, 0.0, -0.1, 0.2])
STRANGER = PERSON + 2.0
TIME_S = 1.6e9 + np.arange(600) / 15.6


def shapes_of_frames(noise: float = 0.3, frames: int = 600, seed: int = 0) -> np.ndarray:
    return PERSON + np.random.default_rng(seed).normal(0.0, noise, (frames, 10))


def test_equal_shapes_average_to_themselves() -> None:
    found = average_shape(np.tile(PERSON, (600, 1)), TIME_S)
    np.testing.assert_allclose(found.betas, PERSON, rtol=1e-12)
    assert (found.frames, found.frames_left_out, found.windows) == (600, 0, 13)
    assert found.spread == pytest.approx(0.0, abs=1e-12)


def test_plain_noise_is_averaged_and_nothing_left_out() -> None:
    shapes = shapes_of_frames()
    found = average_shape(shapes, TIME_S)
    assert found.frames_left_out == 0
    np.testing.assert_allclose(found.betas, shapes.mean(axis=0), rtol=1e-10)
    # a window of 46.8 frames has the noise of one frame divided by its root
    assert found.spread == pytest.approx(0.3 / np.sqrt(46.8), rel=0.25)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(np.arange(0, 600, 3), id="every third frame"),
        pytest.param(np.arange(150, 400), id="five windows on end"),
        pytest.param(np.concatenate([np.arange(200), [333, 444]]), id="the first four windows"),
    ],
)
def test_a_stranger_counts_for_nothing(wrong: np.ndarray) -> None:
    shapes = shapes_of_frames()
    shapes[wrong] = STRANGER + np.random.default_rng(1).normal(0.0, 0.3, (len(wrong), 10))
    found = average_shape(shapes, TIME_S)
    assert found.frames_left_out >= len(wrong) - 60
    assert np.abs(found.betas - PERSON).max() < 0.08
    assert np.abs(shapes.mean(axis=0) - PERSON).max() > 0.6, "the plain mean is far off"


def test_frames_without_a_shape_do_not_count_and_time_need_not_be_even() -> None:
    shapes = shapes_of_frames()
    gone = np.random.default_rng(2).random(600) < 0.5
    shapes[gone] = np.nan
    shapes[5, 3] = np.inf
    found = average_shape(shapes, TIME_S)
    kept = np.isfinite(shapes).all(axis=1)
    assert found.frames == kept.sum() == 600 - (gone | (np.arange(600) == 5)).sum()
    np.testing.assert_allclose(found.betas, shapes[kept].mean(axis=0), rtol=1e-10)


def test_a_single_window_does_not_know_its_spread() -> None:
    found = average_shape(shapes_of_frames(frames=1), TIME_S[:1])
    assert (found.frames, found.windows, found.spread) == (1, 1, None)
    two = average_shape(np.stack([PERSON, STRANGER]), np.array([0.0, 1.0]))
    np.testing.assert_allclose(two.betas, (PERSON + STRANGER) / 2)


def test_shifting_and_scaling_the_shapes_shifts_and_scales_the_average() -> None:
    shapes = shapes_of_frames()
    shapes[::3] += 4.0
    plain = average_shape(shapes, TIME_S).betas
    moved = average_shape(2.0 * shapes - 1.0, TIME_S).betas
    np.testing.assert_allclose(moved, 2.0 * plain - 1.0, atol=1e-12)


@pytest.mark.parametrize(
    ("betas", "cause"),
    [
        (np.zeros((2, 9)), "need \\(2, 10\\)"),
        (np.zeros((3, 10)), "need \\(2, 10\\)"),
        (np.full((2, 10), np.nan), "no frame has a shape"),
    ],
    ids=["nine numbers", "a frame too many", "nobody"],
)
def test_what_is_no_shape_is_refused(betas: np.ndarray, cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        average_shape(betas, np.arange(2.0))
