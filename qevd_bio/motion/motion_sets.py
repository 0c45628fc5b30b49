"""How sets of motions compare with a reference set: tables 2 and 3 of BIGE, in two forms.

T frames, K coordinates, J points, n motions

BIGE: Maheshwari et al., "BIGE: Biomechanics-informed GenAI for Exercise Science", sections 3.3
and 4.3. `printed_row` follows the print. Where the print misleads, `corrected_row` differs:

fidelity      squared differences of degrees and metres are added up -> in standard deviations of
              the reference, averaged over coordinates
diversity     bins are not stated -> `BINS` between the ends of each reference coordinate
floor         one floor for all samples, at the median of lowest points -> each motion's own
sliding       the lowest joint may be another one in the next frame, and their distance counts as
              sliding -> the joint that was lowest is followed, along the floor
angular       all angles -> flexions of the legs, which is what its table 3 holds
"COM"         the pelvis -> the centre of mass
constraint    mean distance of all frames from the range -> share of motions whose peak is in it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.motion.angles import wrap_angle
from qevd_bio.motion.plausibility import (
    angular_speed_deg_s,
    mean_acceleration_m_s2,
    mean_speed_m_s,
)

BINS = 20
VARIES = 1e-3
"""Coordinates whose spread in the reference is smaller, rad or m, are left out of comparisons."""

_UP = 1


@dataclass(frozen=True, slots=True)
class SetMotion:
    """One motion of a set.

    Attributes
    ----------
    time_s : ndarray (T,)
        Strictly increasing seconds.
    coordinates : ndarray (T, K)
        Angles in rad and translations in metres.
    is_angle : ndarray (K,) of bool
        Which coordinates are angles.
    pairs : tuple of pairs of int
        Right and left flexions of the legs among the coordinates.
    points_m : ndarray (T, J, 3)
        Joint centres, y up.
    pelvis_m, centre_m : ndarray (T, 3)
        Pelvis and centre of mass.
    tilt_deg : ndarray (T,)
        Tilt of the pelvis, forward is negative.
    activation : ndarray (T,)
        The activation that is constrained, the larger side.
    """

    time_s: FloatArray
    coordinates: FloatArray
    is_angle: BoolArray
    pairs: tuple[tuple[int, int], ...]
    points_m: FloatArray
    pelvis_m: FloatArray
    centre_m: FloatArray
    tilt_deg: FloatArray
    activation: FloatArray


@dataclass(frozen=True, slots=True)
class SetRow:
    """One row of both tables: means over the motions of a set.

    fidelity and diversity (nats) compare distributions; penetration and floating in cm, sliding
    in m/s; tilt at the highest activation and asymmetry in degrees; angular speed in deg/s;
    speed and acceleration of the centre in m/s and m/s^2; constraint as the form defines it.
    """

    fidelity: float
    diversity: float
    penetration_cm: float
    floating_cm: float
    sliding_m_s: float
    tilt_deg: float
    asymmetry_deg: float
    angular_speed_deg_s: float
    centre_speed_m_s: float
    centre_acceleration_m_s2: float
    constraint: float


def printed_row(
    motions: Sequence[SetMotion], reference: Sequence[SetMotion], low: float, high: float
) -> SetRow:
    """Measure a set as the paper prints it; `low` and `high` bound the constrained activation."""
    values, wanted = _degrees(motions), _degrees(reference)
    squared = (values.mean(0) - wanted.mean(0)) ** 2 + (values.std(0) - wanted.std(0)) ** 2
    floor = float(np.median(np.concatenate([_lowest_m(one) for one in motions])))
    beyond = [np.maximum(np.maximum(one.activation - high, low - one.activation), 0.0).mean()
              for one in motions]  # fmt: skip
    return SetRow(
        fidelity=float(squared.sum()),
        diversity=_entropy(np.histogram(values, BINS)[0]),
        penetration_cm=_mean([_below_cm(floor - _lowest_m(one)) for one in motions]),
        floating_cm=_mean([_below_cm(_lowest_m(one) - floor) for one in motions]),
        sliding_m_s=_mean([mean_speed_m_s(_lowest_point(one), one.time_s) for one in motions]),
        angular_speed_deg_s=_mean([
            angular_speed_deg_s(one.coordinates[:, one.is_angle], one.time_s)
            for one in motions
        ]),
        centre_speed_m_s=_mean([mean_speed_m_s(one.pelvis_m, one.time_s) for one in motions]),
        centre_acceleration_m_s2=_mean(
            [mean_acceleration_m_s2(one.pelvis_m, one.time_s) for one in motions]
        ),
        constraint=_mean([float(value) for value in beyond]),
        **_shared(motions),
    )  # fmt: skip


def corrected_row(
    motions: Sequence[SetMotion], reference: Sequence[SetMotion], low: float, high: float
) -> SetRow:
    """Measure a set in the corrected form; arguments as in `printed_row`."""
    floors = [float(np.median(_lowest_m(one))) for one in motions]
    flexions = [one.coordinates[:, [c for pair in one.pairs for c in pair]] for one in motions]
    peaks = np.array([one.activation.max() for one in motions])
    return SetRow(
        fidelity=fidelity(motions, reference),
        diversity=diversity(motions, reference),
        penetration_cm=_mean(
            [_below_cm(at - _lowest_m(one)) for one, at in zip(motions, floors, strict=True)]
        ),
        floating_cm=_mean(
            [_below_cm(_lowest_m(one) - at) for one, at in zip(motions, floors, strict=True)]
        ),
        sliding_m_s=_mean([sliding_m_s(one.points_m, one.time_s) for one in motions]),
        angular_speed_deg_s=_mean([
            angular_speed_deg_s(angles, one.time_s)
            for angles, one in zip(flexions, motions, strict=True)
        ]),
        centre_speed_m_s=_mean([mean_speed_m_s(one.centre_m, one.time_s) for one in motions]),
        centre_acceleration_m_s2=_mean(
            [mean_acceleration_m_s2(one.centre_m, one.time_s) for one in motions]
        ),
        constraint=float(((peaks >= low) & (peaks <= high)).mean()),
        **_shared(motions),
    )  # fmt: skip


def fidelity(motions: Sequence[SetMotion], reference: Sequence[SetMotion]) -> float:
    """Compute the squared 2-Wasserstein distance of normals, without unit.

    Each coordinate in standard deviations of the reference; the mean over coordinates that vary
    there. Compare it with `noise_floor`.
    """
    values, wanted = _all(motions), _all(reference)
    spread = wanted.std(axis=0)
    varies = spread > VARIES
    shift = (values.mean(axis=0) - wanted.mean(axis=0))[varies] / spread[varies]
    wider = (values.std(axis=0) - spread)[varies] / spread[varies]
    return float((shift**2 + wider**2).mean())


def noise_floor(reference: Sequence[SetMotion]) -> float:
    """Compute the fidelity of every second reference motion against the others."""
    return fidelity(reference[::2], reference[1::2])


def diversity(motions: Sequence[SetMotion], reference: Sequence[SetMotion]) -> float:
    """Compute the mean Shannon entropy (nats) of coordinates that vary in the reference.

    `BINS` bins between lowest and highest reference value; values beyond count in the last bins.
    """
    values, wanted = _all(motions), _all(reference)
    found = []
    for column, own in zip(values.T, wanted.T, strict=True):
        low, high = float(own.min()), float(own.max())
        if own.std() > VARIES:
            counts, _ = np.histogram(np.clip(column, low, high), BINS, (low, high))
            found.append(_entropy(counts))
    return _mean(found)


def sliding_m_s(points_m: FloatArray, time_s: FloatArray) -> float:
    """Average how fast the lowest point moves along the floor until the next frame, in m/s.

    `points_m` (T, J, 3) in metres, y up; `time_s` (T,) strictly increasing seconds.
    """
    lowest = points_m[:-1, :, _UP].argmin(axis=1)
    row = np.arange(len(lowest))
    step = points_m[1:][row, lowest] - points_m[:-1][row, lowest]
    return float((np.hypot(step[:, 0], step[:, 2]) / np.diff(time_s)).mean())


def _shared(motions: Sequence[SetMotion]) -> dict[str, float]:
    """Measure what both forms share: tilt at the highest activation, and asymmetry."""
    sides = [
        np.abs(wrap_angle(one.coordinates[:, right] - one.coordinates[:, left])).mean()
        for one in motions
        for right, left in one.pairs
    ]
    return {
        "tilt_deg": _mean([float(one.tilt_deg[one.activation.argmax()]) for one in motions]),
        "asymmetry_deg": float(np.rad2deg(np.mean(sides))),
    }


def _all(motions: Sequence[SetMotion]) -> FloatArray:
    return np.concatenate([one.coordinates for one in motions])


def _degrees(motions: Sequence[SetMotion]) -> FloatArray:
    """Return all frames (F, K), angles in degrees as the paper has them."""
    angle = motions[0].is_angle
    return np.where(angle, np.rad2deg(_all(motions)), _all(motions))


def _lowest_m(motion: SetMotion) -> FloatArray:
    return np.asarray(motion.points_m[..., _UP].min(axis=1))


def _lowest_point(motion: SetMotion) -> FloatArray:
    lowest = motion.points_m[..., _UP].argmin(axis=1)
    return np.asarray(motion.points_m[np.arange(len(lowest)), lowest])


def _below_cm(depth_m: FloatArray) -> float:
    return float(100.0 * np.maximum(depth_m, 0.0).mean())


def _entropy(counts: FloatArray) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log(share)).sum())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
