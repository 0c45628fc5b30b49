"""The capture quality of one video, with concerns about it.

T frames, 46 DoF
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.centre_of_mass import centre_of_mass_m, contact_translation_m
from qevd_bio.motion.constraints import GUARD_SIGMAS
from qevd_bio.motion.measured_value import LEAST_CONFIDENCE
from qevd_bio.motion.plausibility import (
    LEG_PAIRS,
    angular_speed_deg_s,
    asymmetry_deg,
    feet_drift_m_s,
    floor_metrics,
    longest_gap_s,
    mean_acceleration_m_s2,
    mean_speed_m_s,
    pelvis_tilt_deg,
    range_excess_deg,
)
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.skeleton.kinematics import Skeleton, forward_kinematics

LEAST_VALID_SHARE = 0.8
LONGEST_GAP_S = 2.0
MOST_RANGE_EXCESS_SHARE = 0.05
MOST_ANGULAR_SPEED_DEG_S = 300.0
"""Limits of the concerns, all unverified; a concern excludes nothing. BIGE finds 90 to 96 degrees
per second in measured squats and 554 to 918 in implausible ones."""


@dataclass(frozen=True, slots=True)
class CaptureQuality:
    """One row of the quality table; None where there is nothing to measure.

    Attributes
    ----------
    frames, duration_s, valid_share, confidence_median, longest_gap_s
        How much of the person was captured; the confidence is that of the valid frames.
    pelvis_tilt_peak_deg : float or None
        The tilt furthest from upright; forward is negative.
    asymmetry_deg, angular_speed_deg_s : float or None
        Of the leg flexions that the backend observes.
    com_speed_m_s, com_acceleration_m_s2 : float or None
        Of the whole body's centre of mass, not smoothed.
    root_source : str
        ``backend``: the translation is measured; ``contact``: the lowest joint of each frame
        is assumed to stand still, see `centre_of_mass.contact_translation_m`.
    penetration_m, floating_m, foot_sliding_m_s : float or None
        None with ``contact``, where they are 0 by construction.
    feet_drift_m_s : float or None
        One planted foot against the other; needs no translation.
    range_excess_share : float or None
        Share of valid frames where an observed DoF lies beyond its range by more than noise.
    range_excess_deg, range_excess_dof : float or None, str or None
        The largest excess and its DoF; None when there is none.
    concerns : tuple of str
        Reasons to review the capture before its sentences are used.
    """

    frames: int
    duration_s: float
    valid_share: float
    confidence_median: float | None
    longest_gap_s: float
    pelvis_tilt_peak_deg: float | None
    asymmetry_deg: float | None
    angular_speed_deg_s: float | None
    com_speed_m_s: float | None
    com_acceleration_m_s2: float | None
    root_source: str
    penetration_m: float | None
    floating_m: float | None
    foot_sliding_m_s: float | None
    feet_drift_m_s: float | None
    range_excess_share: float | None
    range_excess_deg: float | None
    range_excess_dof: str | None
    concerns: tuple[str, ...]


def capture_quality(
    motion: Motion, skeleton: Skeleton, root_m: FloatArray | None = None
) -> CaptureQuality:
    """Measure the capture quality of a whole video.

    Parameters
    ----------
    motion : Motion
        T frames, at least one; frames that are not valid are ignored.
    skeleton : Skeleton
        Body of that person.
    root_m : ndarray (T, 3), optional
        Translation of the root in the camera frame, if the backend measures it and the camera
        stands still.
    """
    time_s, up = motion.time_s, -motion.gravity
    confidence = motion.confidence[motion.valid]
    q = np.where(motion.valid[:, None], motion.q, np.nan)
    joints, turned = forward_kinematics(q, skeleton)
    root = contact_translation_m(joints, up) if root_m is None else root_m
    mass = centre_of_mass_m(joints + root[:, None])
    floor = None if root_m is None else floor_metrics(joints + root[:, None], time_s, up)
    pairs = tuple(pair for pair in LEG_PAIRS if motion.observed[list(pair)].all())
    legs = [dof for pair in pairs for dof in pair]
    share, worst_deg, worst = _range_excess(q, motion)
    found = CaptureQuality(
        frames=len(time_s),
        duration_s=float(time_s[-1] - time_s[0]),
        valid_share=float(motion.valid.mean()),
        confidence_median=float(np.median(confidence)) if confidence.size else None,
        longest_gap_s=longest_gap_s(time_s, motion.valid),
        pelvis_tilt_peak_deg=_furthest(pelvis_tilt_deg(turned[:, 0], up)),
        asymmetry_deg=_known(asymmetry_deg(q, pairs)),
        angular_speed_deg_s=_known(angular_speed_deg_s(q[:, legs], time_s)),
        com_speed_m_s=_known(mean_speed_m_s(mass, time_s)),
        com_acceleration_m_s2=_known(mean_acceleration_m_s2(mass, time_s)),
        root_source="contact" if root_m is None else "backend",
        penetration_m=_known(floor.penetration_m) if floor else None,
        floating_m=_known(floor.floating_m) if floor else None,
        foot_sliding_m_s=_known(floor.sliding_m_s) if floor else None,
        feet_drift_m_s=_known(feet_drift_m_s(joints, time_s, up)),
        range_excess_share=share,
        range_excess_deg=worst_deg,
        range_excess_dof=worst,
        concerns=(),
    )
    return replace(found, concerns=_concerns(found))


def _range_excess(q: FloatArray, motion: Motion) -> tuple[float | None, float | None, str | None]:
    """Return the share of frames beyond range, the largest excess and its DoF."""
    if not motion.valid.any():
        return None, None, None
    excess = range_excess_deg(q[motion.valid])
    noise = np.rad2deg(np.where(motion.observed, motion.sigma_rad, np.inf))
    beyond = np.where(excess > GUARD_SIGMAS * noise, excess, 0.0)
    share = float((beyond > 0).any(axis=1).mean())
    if share == 0.0:
        return share, None, None
    worst = int(np.argmax(beyond.max(axis=0)))
    return share, float(beyond[:, worst].max()), DOF_NAMES[worst]


def _concerns(found: CaptureQuality) -> tuple[str, ...]:
    concerns = []
    if found.valid_share < LEAST_VALID_SHARE:
        concerns.append(f"nobody is seen in {1 - found.valid_share:.0%} of the frames")
    if found.longest_gap_s > LONGEST_GAP_S:
        concerns.append(f"nobody is seen for {found.longest_gap_s:.1f} s on end")
    if found.confidence_median is not None and found.confidence_median < LEAST_CONFIDENCE:
        concerns.append(f"the median confidence is {found.confidence_median:.2f}")
    if (found.range_excess_share or 0.0) > MOST_RANGE_EXCESS_SHARE:
        concerns.append(
            f"joints leave their range in {found.range_excess_share:.0%} of the frames, "
            f"{found.range_excess_dof} by up to {found.range_excess_deg:.0f} degrees"
        )
    if (found.angular_speed_deg_s or 0.0) > MOST_ANGULAR_SPEED_DEG_S:
        concerns.append(f"the legs turn {found.angular_speed_deg_s:.0f} degrees/s on average")
    return tuple(concerns)


def _furthest(values: FloatArray) -> float | None:
    known = values[np.isfinite(values)]
    return float(known[np.argmax(np.abs(known))]) if known.size else None


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
