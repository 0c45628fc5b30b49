"""What HSMR's angles are worth: the network itself does not say.

F frames, D = 46 DoF
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.hsmr.person_track import Seen
from qevd_bio.skeleton.dofs import DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import joint_turn

EDGE_SHARE = 0.8
"""Confidence left for each edge of the picture that the person's box touches. Unverified."""

DOUBTFUL_RAD = np.deg2rad(30.0)
"""Disagreement of the mirrored crop at which the confidence is halved. Unverified."""

BEYOND_RAD = np.deg2rad(10.0)
"""An angle further than this beyond its range counts as impossible. Unverified."""

LARGE_JOINTS = (
    "pelvis", "femur_r", "femur_l", "tibia_r", "tibia_l", "lumbar_body", "thorax", "humerus_r",
    "humerus_l", "ulna_r", "ulna_l",
)  # fmt: skip
"""Joints whose agreement counts: of hands and toes a crop of 256 pixels shows little."""

_NORMAL_MEDIAN = 0.6745


def confidence(seen: Seen) -> FloatArray:
    """Say how far each frame can be trusted.

    Parameters
    ----------
    seen : Seen
        One person in F frames.

    Returns
    -------
    ndarray (F,)
        Between 0 and 1; 0 where the person is not found.

    Notes
    -----
    The product of the detector's score, the part of the crop that lies within the picture,
    `EDGE_SHARE` for each edge the person reaches, the agreement with the mirrored crop
    (interpolated between the frames where it was looked at) and the share of the angles that a
    body can have. A rule of thumb, fitted to nothing.
    """
    apart = disagreement(seen.q, seen.mirrored_q)
    looked = np.flatnonzero(np.isfinite(apart))
    agreement = np.ones(len(apart))
    if len(looked):
        everywhere = np.interp(np.arange(len(apart)), looked, apart[looked])
        agreement = 1.0 / (1.0 + (everywhere / DOUBTFUL_RAD) ** 2)
    trust = (
        np.clip(seen.score, 0.0, 1.0)
        * seen.inside
        * EDGE_SHARE**seen.edges
        * agreement
        * (1.0 - impossible(seen.q))
    )
    return np.where(seen.found, trust, 0.0)


def disagreement(q: FloatArray, mirrored_q: FloatArray) -> FloatArray:
    """Measure how far two estimates of a pose lie apart.

    Parameters
    ----------
    q, mirrored_q : ndarray (F, 46)
        Angles in rad; NaN where there is none.

    Returns
    -------
    ndarray (F,)
        Mean angle between the rotations of `LARGE_JOINTS`, rad; NaN where either is NaN.
    """
    apart = []
    for joint in LARGE_JOINTS:
        dofs = list(joint_dofs(joint))
        one, other = joint_turn(joint, q[:, dofs]), joint_turn(joint, mirrored_q[:, dofs])
        cosine = (np.einsum("ijt,ijt->t", one, other) - 1.0) / 2.0
        apart.append(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return np.asarray(np.mean(apart, axis=0))


def impossible(q: FloatArray) -> FloatArray:
    """Count the angles no body has.

    Parameters
    ----------
    q : ndarray (F, 46)
        Angles in rad, wrapped or not.

    Returns
    -------
    ndarray (F,)
        Share of the DoFs with a range that lie more than `BEYOND_RAD` outside of theirs.
    """
    low, high = np.array([(dof.low_rad, dof.high_rad) for dof in DOFS]).T
    ranged = np.isfinite(low) & np.isfinite(high)
    middle, reach = (low[ranged] + high[ranged]) / 2, (high[ranged] - low[ranged]) / 2
    away = np.abs(np.angle(np.exp(1j * (q[:, ranged] - middle))))
    return np.asarray((away > reach + BEYOND_RAD).mean(axis=1))


def flip_sigma(q: FloatArray, mirrored_q: FloatArray) -> FloatArray:
    """Estimate the noise of each angle from the mirrored crops.

    Parameters
    ----------
    q, mirrored_q : ndarray (F, 46)
        Angles in rad; NaN where there is none.

    Returns
    -------
    ndarray (46,)
        rad; 0 without a frame that has both.

    Notes
    -----
    As if both were off by as much and independently: the median difference over 0.6745 sqrt(2).
    What both get wrong alike does not show.
    """
    both = np.isfinite(q[:, 0]) & np.isfinite(mirrored_q[:, 0])
    if not both.any():
        return np.zeros(q.shape[1])
    apart = np.abs(np.angle(np.exp(1j * (q[both] - mirrored_q[both]))))
    return np.asarray(np.median(apart, axis=0) / (_NORMAL_MEDIAN * np.sqrt(2.0)))
