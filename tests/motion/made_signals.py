"""Angle curves with known repetitions."""

from __future__ import annotations

import numpy as np

from qevd_bio.motion.repetitions.cycles import CycleSettings
from qevd_bio.motion.repetitions.detection import detect_cycles

SETTINGS = CycleSettings()


def repetitions(
    periods_s: list[float], *, rest_s: float = 1.0, height: float = 1.6, rate_hz: float = 30.0
) -> tuple[np.ndarray, np.ndarray, list[tuple[float, float, float]]]:
    """Raised cosines between rests: curve, times, and (start, key, end) of each in seconds."""
    truth, at = [], rest_s
    for period in periods_s:
        truth.append((at, at + period / 2, at + period))
        at += period + rest_s
    time_s = np.arange(round(at * rate_hz)) / rate_hz
    curve = np.zeros(len(time_s))
    for start, _, end in truth:
        inside = (time_s >= start) & (time_s <= end)
        phase = (time_s[inside] - start) / (end - start)
        curve[inside] = height * (0.5 - 0.5 * np.cos(2 * np.pi * phase))
    return curve, time_s, truth


def found(curve, time_s, settings=SETTINGS, valid=None):
    known = np.ones(len(curve), dtype=bool) if valid is None else valid
    return detect_cycles(curve, time_s, known, settings=settings)


def noise(size: int, degrees: float, seed: int = 0) -> np.ndarray:
    return np.deg2rad(degrees) * np.random.default_rng(seed).standard_normal(size)
