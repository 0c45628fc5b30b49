"""Noise as captures show it: what is done to exact motion, and the sigma that is stated.

T frames, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.references import WORLD_GRAVITY
from qevd_bio.motion.record import Motion

RATE_HZ = 30.0
CORRELATED_FRAMES = 6
TAIL_FREEDOM = 3
"""Degrees of freedom of Student's distribution for heavy tails: its variance is just finite."""
OUTLIER_SHARE, OUTLIER_SIGMAS = 0.02, 10.0
GAP_FRAMES, GAPS_PER_S = (3, 12), 0.5


def exact_motion(q: FloatArray, sigma_deg: float) -> Motion:
    """Wrap angles (T, 46) in rad as a motion whose backend states a sigma in degrees."""
    frames = len(q)
    return Motion(
        q=q,
        time_s=np.arange(frames) / RATE_HZ,
        confidence=np.full(frames, 0.9),
        valid=np.ones(frames, dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(sigma_deg)),
        gravity=WORLD_GRAVITY,
        gravity_source="made",
        backend="made",
        betas=None,
        segment_lengths_m={},
    )


def white(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw independent normal noise of unit variance."""
    return np.asarray(rng.standard_normal(shape))


def correlated(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw noise of unit variance whose frames within 0.2 s are alike."""
    values = gaussian_filter1d(rng.standard_normal(shape), CORRELATED_FRAMES, axis=0)
    return np.asarray(values / values.std(axis=0))


def heavy_tailed(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Draw Student's noise of unit variance; two in a hundred values are ten times as large."""
    values = rng.standard_t(TAIL_FREEDOM, shape) / np.sqrt(TAIL_FREEDOM / (TAIL_FREEDOM - 2))
    is_outlier = rng.random(shape) < OUTLIER_SHARE
    return np.where(is_outlier, OUTLIER_SIGMAS * rng.standard_normal(shape), values)


def with_dropouts(motion: Motion, rng: np.random.Generator) -> Motion:
    """Lose the person for 0.1 to 0.4 s every other second; the last valid pose is repeated."""
    valid, frames = motion.valid.copy(), len(motion.time_s)
    for _ in range(round(GAPS_PER_S * frames / RATE_HZ)):
        start = int(rng.integers(1, frames))
        valid[start : start + int(rng.integers(*GAP_FRAMES))] = False
    last_valid = np.maximum.accumulate(np.where(valid, np.arange(frames), 0))
    return replace(
        motion, q=motion.q[last_valid], valid=valid, confidence=np.where(valid, 0.9, 0.0)
    )


@dataclass(frozen=True, slots=True)
class NoiseKind:
    """One kind of noise: its stated sigma, its shape, and whether frames are lost.

    `tempo` bounds the factor on the duration of each repetition.
    """

    name: str
    sigma_deg: float
    draw: Callable[[tuple[int, ...], np.random.Generator], FloatArray] = white
    drops: bool = False
    tempo: tuple[float, float] = (1.0, 1.0)

    def motion(self, q: FloatArray, rng: np.random.Generator) -> Motion:
        """Disturb exact angles (T, 46) in rad."""
        noisy = q + np.deg2rad(self.sigma_deg) * self.draw(q.shape, rng)
        motion = exact_motion(noisy, self.sigma_deg)
        return with_dropouts(motion, rng) if self.drops else motion


NOISE_KINDS = (
    NoiseKind("white 2", 2.0),
    NoiseKind("correlated 3", 3.0, correlated),
    NoiseKind("heavy-tailed 2, outliers", 2.0, heavy_tailed),
    NoiseKind("white 2, dropouts", 2.0, drops=True),
    NoiseKind("white 2, tempo x0.7-1.4", 2.0, tempo=(0.7, 1.4)),
)
