"""Correct a fitted body by the networks.

T frames, G grid times, F features, B = 13 bones, E networks, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.special import expit

from qevd_bio.arrays import Float32Array, FloatArray, IntArray
from qevd_bio.capture.monocular.correction.bone_directions import (
    directions,
    joints_from_directions,
    mirrored_directions,
)
from qevd_bio.capture.monocular.correction.features import FittedFrames, correction_features
from qevd_bio.capture.monocular.correction.network import (
    N_OBSERVED,
    CorrectionNetwork,
)
from qevd_bio.capture.monocular.correction.weights import CorrectionWeights
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES

RATE_HZ = 12.0
"""Frames a second that the networks were trained at."""

GUARD_S = 3.0
"""Time over which the guard judges whether it knows the motion."""

_SAME_TIME = 1e-6
"""Part of a sample by which times may differ and be the same."""

_PART_FRAMES = 256
"""Frames looked at together: the comparison with the known postures takes 48 kB for each."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the networks make of frames.

    Attributes
    ----------
    features : ndarray (T, F)
    fitted : ndarray (T, B, 3)
        Directions of the fit.
    steps : ndarray (E, T, B, 3)
        What each network adds to them.
    spread : ndarray (T, `N_SPREADS`)
        Logs of the errors that the networks expect, on average.
    unlike : ndarray (T,)
        Distance of the posture from the nearest one that the networks know.
    """

    features: FloatArray
    fitted: FloatArray
    steps: FloatArray
    spread: FloatArray
    unlike: FloatArray

    def bones(self, share: FloatArray) -> FloatArray:
        """Corrected directions (T, B, 3), of each step only a share (T, B)."""
        moved = self.fitted + share[..., None] * self.steps.mean(axis=0)
        return np.asarray(moved / np.linalg.norm(moved, axis=-1, keepdims=True))

    def disagreement(self) -> FloatArray:
        """Measure how far the networks' steps differ (T, B), one standard deviation; 0 of one."""
        off = self.steps - self.steps.mean(axis=0)
        return np.asarray(np.sqrt(np.sum(off**2, axis=(0, -1)) / max(len(self.steps) - 1, 1)))

    def evidence(self) -> FloatArray:
        """Put together what guard and sigma network look at (T, `EVIDENCE`)."""
        mean = self.steps.mean(axis=0)
        size = np.log(np.linalg.norm(mean, axis=-1) + 1e-3)
        along = np.sum(mean * self.fitted, axis=-1)
        apart = np.log(self.disagreement() + 1e-3)
        unlike = np.log(self.unlike + 1e-3)[:, None]
        return np.concatenate([self.features, size, apart, along, self.spread, unlike], axis=1)


def answers(
    seen: FittedFrames, networks: Sequence[CorrectionNetwork], known: Float32Array
) -> Answers:
    """Ask the networks about frames (T,) that are 1 / `RATE_HZ` apart, and their mirror image."""
    features, flipped = correction_features(seen), correction_features(seen.mirrored())
    return answers_about(features, flipped, directions(seen.joints_m), networks, known)


def answers_about(
    features: FloatArray,
    flipped: FloatArray,
    fitted: FloatArray,
    networks: Sequence[CorrectionNetwork],
    known: Float32Array,
) -> Answers:
    """Ask the networks about features (T, F), those of the mirror image, and fit (T, B, 3)."""
    steps, spreads = [], []
    for network in networks:
        (moved, spread), (mirrored, _) = network(features), network(flipped)
        steps.append((moved + mirrored_directions(mirrored)) / 2.0)
        spreads.append(spread)
    unlike = _distance_to_nearest(fitted.reshape(len(fitted), -1), known)
    return Answers(features, fitted, np.stack(steps), np.mean(spreads, axis=0), unlike)


def _distance_to_nearest(postures: FloatArray, known: Float32Array) -> FloatArray:
    """Return the distance (T,) of postures (T, B * 3) from the nearest known one (P, B * 3)."""
    nearest = []
    of_known = np.square(known).sum(axis=1)
    for first in range(0, len(postures), _PART_FRAMES):
        part = postures[first : first + _PART_FRAMES].astype(np.float32)
        beyond = (of_known - 2.0 * (part @ known.T)).min(axis=1)
        nearest.append(np.sqrt(np.maximum(np.square(part).sum(axis=1) + beyond, 0.0)))
    return np.concatenate(nearest).astype(np.float64)


def correct(
    seen: FittedFrames, time_s: FloatArray, sections: IntArray, weights: CorrectionWeights
) -> tuple[FloatArray, FloatArray]:
    """Correct the joints of one shot.

    Frames are sampled at `RATE_HZ` within each uninterrupted stretch; steps and sigmas are
    interpolated linearly in between. Of weights that look only back the last sample is taken:
    directions and sigma of a frame then depend on nothing that comes after it.

    Returns
    -------
    joints_m : ndarray (T, K, 3)
        With the fitted lengths and mid-hips.
    sigma : ndarray (T, 21)
        Standard deviation of the observed DoFs, rad.
    """
    bones = directions(seen.joints_m)
    sigma = np.empty((len(time_s), N_OBSERVED))
    for frames, grid in grid_frames(time_s, sections, causal=weights.causal):
        steps, logits, log_sigma = _judged(seen, grid, weights)
        at = time_s[frames[0]] + np.arange(len(grid)) / RATE_HZ
        place = np.interp(time_s[frames], at, np.arange(len(grid)))
        if weights.causal:
            place = np.floor(place + _SAME_TIME)
        taken = steady_shares(logits, causal=weights.causal)[..., None] * steps
        bones[frames] += _interpolated(place, taken)
        sigma[frames] = np.exp(_interpolated(place, log_sigma))
    bones /= np.linalg.norm(bones, axis=-1, keepdims=True)
    return corrected_joints(seen, bones), sigma


def _judged(
    seen: FittedFrames, grid: IntArray, weights: CorrectionWeights
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Ask about frames (G,) of a stretch, some at a time, each with all that its answer sees.

    Returns the mean steps (G, B, 3), the guard's logits (G, B) and logs of sigmas (G, 21).
    """
    reach = max(network.shape.span for network in weights.networks) - 1
    parts = []
    for first in range(0, len(grid), _PART_FRAMES):
        low, last = max(0, first - reach), min(first + _PART_FRAMES, len(grid))
        found = answers(seen.select(grid[low : last + reach]), weights.networks, weights.known)
        evidence = found.evidence()[first - low : last - low]
        steps = found.steps.mean(axis=0)[first - low : last - low]
        parts.append((steps, weights.guard(evidence), weights.sigma(evidence)))
    steps, logits, log_sigma = (np.concatenate(part) for part in zip(*parts, strict=True))
    return steps, logits, log_sigma


def steady_shares(logits: FloatArray, *, causal: bool = False) -> FloatArray:
    """Return the share (T, B) of each step that is taken, from the guard's logits (T, B).

    Whether a motion is known shows over some seconds: logits are averaged over `GUARD_S`, which
    lie about the frame, or end with it.
    """
    wide = round(GUARD_S * RATE_HZ)
    back = (wide - 1) // 2 if causal else 0
    steady = uniform_filter1d(logits, wide, axis=0, mode="nearest", origin=back)
    return np.asarray(expit(steady))


def corrected_joints(seen: FittedFrames, bones: FloatArray) -> FloatArray:
    """Build joints (T, K, 3) of the fitted lengths, root and trunk from directions (T, B, 3)."""
    lengths = dict(zip(LENGTH_NAMES, map(float, seen.lengths_m), strict=True))
    hips, shoulders = (
        seen.joints_m[:, [JOINT[f"{name}_{side}"] for side in "lr"]].mean(axis=1)
        for name in ("hip", "shoulder")
    )
    trunk = float(np.median(np.linalg.norm(shoulders - hips, axis=-1)))
    return joints_from_directions(bones, {**lengths, "trunk": trunk}, hips)


def grid_frames(
    time_s: FloatArray, sections: IntArray, *, causal: bool = False
) -> Iterator[tuple[IntArray, IntArray]]:
    """Sample each uninterrupted stretch of frames evenly in time.

    Yields the frames of a stretch, and the frames (G,) nearest to times `RATE_HZ` apart, from its
    first on, or the last ones not after these times.
    """
    for section in np.unique(sections):
        frames = np.flatnonzero(sections == section)
        times = time_s[frames]
        ahead = _SAME_TIME if causal else 0.5
        count = int(np.floor((times[-1] - times[0]) * RATE_HZ + ahead)) + 1
        wanted = times[0] + np.arange(count) / RATE_HZ
        if causal:
            last = np.searchsorted(times, wanted + _SAME_TIME / RATE_HZ, side="right") - 1
            yield frames, frames[last]
            continue
        after = np.clip(np.searchsorted(times, wanted), 0, len(times) - 1)
        before = np.maximum(after - 1, 0)
        nearer = np.abs(wanted - times[before]) <= np.abs(times[after] - wanted)
        yield frames, frames[np.where(nearer, before, after)]


def _interpolated(place: FloatArray, values: FloatArray) -> FloatArray:
    """Interpolate values (G, ...) linearly at places (T,) among them."""
    place = np.clip(place, 0, len(values) - 1)
    before = np.minimum(place.astype(np.int64), max(len(values) - 2, 0))
    share = (place - before).reshape(-1, *(1,) * (values.ndim - 1))
    after = np.minimum(before + 1, len(values) - 1)
    return np.asarray((1.0 - share) * values[before] + share * values[after])
