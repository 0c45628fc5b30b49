"""The confidence of HSMR's angles: the network itself gives none.

F frames, D = 46 DoF
"""

from __future__ import annotations

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.hsmr.config import ConfidenceConfig
from qevd_bio.capture.hsmr.person_track import PersonTrack
from qevd_bio.skeleton.dofs import DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import joint_turn

LARGE_JOINTS = (
    "pelvis", "femur_r", "femur_l", "tibia_r", "tibia_l", "lumbar_body", "thorax", "humerus_r",
    "humerus_l", "ulna_r", "ulna_l",
)  # fmt: skip
"""Joints compared with the mirrored crop: 256 pixels show little of hands and toes."""

_NORMAL_MEDIAN = 0.6745


def confidence(track: PersonTrack, config: ConfidenceConfig) -> FloatArray:
    """Estimate how far each frame can be trusted: 0 to 1 (F,); 0 where the person is not found.

    The product of the detector's score, the part of the crop that lies within the picture,
    `edge_share` for each edge the person reaches, the agreement with the mirrored crop
    (interpolated between the frames that have one) and the share of the angles that a body can
    have. A rule of thumb, not fitted to data.
    """
    apart = disagreement(track.q, track.mirrored_q)
    measured = np.flatnonzero(np.isfinite(apart))
    agreement = np.ones(len(apart))
    if len(measured):
        everywhere = np.interp(np.arange(len(apart)), measured, apart[measured])
        agreement = 1.0 / (1.0 + (everywhere / np.deg2rad(config.doubtful_deg)) ** 2)
    trust = (
        np.clip(track.score, 0.0, 1.0)
        * track.inside
        * config.edge_share**track.edges
        * agreement
        * (1.0 - impossible(track.q, config.beyond_deg))
    )
    return np.where(track.found, trust, 0.0)


def disagreement(q: FloatArray, mirrored_q: FloatArray) -> FloatArray:
    """Mean angle between the rotations of `LARGE_JOINTS` in two estimates (F, 46): rad (F,).

    NaN where either is NaN.
    """
    apart = []
    for joint in LARGE_JOINTS:
        dofs = list(joint_dofs(joint))
        one, other = joint_turn(joint, q[:, dofs]), joint_turn(joint, mirrored_q[:, dofs])
        cosine = (np.einsum("ijt,ijt->t", one, other) - 1.0) / 2.0
        apart.append(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return np.asarray(np.mean(apart, axis=0))


def impossible(q: FloatArray, beyond_deg: float) -> FloatArray:
    """Share of the ranged DoFs (F,) that are beyond their range by more than this.

    Angles q (F, 46) in rad may be wrapped or not.
    """
    low, high = np.array([(dof.low_rad, dof.high_rad) for dof in DOFS]).T
    ranged = np.isfinite(low) & np.isfinite(high)
    middle, reach = (low[ranged] + high[ranged]) / 2, (high[ranged] - low[ranged]) / 2
    away = np.abs(np.angle(np.exp(1j * (q[:, ranged] - middle))))
    return np.asarray((away > reach + np.deg2rad(beyond_deg)).mean(axis=1))


def flip_sigma(q: FloatArray, mirrored_q: FloatArray) -> FloatArray:
    """Estimate the noise of each angle (46,) in rad from the mirrored crops; 0 without any.

    As if both were off by as much and independently: the median difference over 0.6745 sqrt(2).
    An error that both share does not show.
    """
    both = np.isfinite(q[:, 0]) & np.isfinite(mirrored_q[:, 0])
    if not both.any():
        return np.zeros(q.shape[1])
    apart = np.abs(np.angle(np.exp(1j * (q[both] - mirrored_q[both]))))
    return np.asarray(np.median(apart, axis=0) / (_NORMAL_MEDIAN * np.sqrt(2.0)))
