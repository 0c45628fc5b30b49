"""Motions that a capture may hand over: people lost, angles unobserved, numbers that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.dofs import DOF_INDEX

Change = Callable[[Motion], Motion]


def angle(motion: Motion, name: str, change: Callable[[Any], Any]) -> Motion:
    q = motion.q.copy()
    q[:, DOF_INDEX[name]] = change(q[:, DOF_INDEX[name]])
    return replace(motion, q=q)


def lost_for_a_while(motion: Motion) -> Motion:
    valid = motion.valid.copy()
    valid[120:160] = False
    q = motion.q.copy()
    q[120:160] = q[119]
    return replace(motion, q=q, valid=valid, confidence=np.where(valid, 0.9, 0.0))


def as_seen_by_one_camera(motion: Motion) -> Motion:
    """Some angles unobserved, a spine that is assumed, noise a frame, a place."""
    hidden = ("head_twist", "lumbar_extension", "thorax_extension", "pro_sup_r", "pro_sup_l")
    observed = motion.observed.copy()
    observed[[DOF_INDEX[name] for name in hidden]] = False
    q = np.where(observed, motion.q, 0.0)
    bend = 0.1 * np.sin(np.arange(len(q)) / 20.0)
    for name in ("lumbar_extension", "thorax_extension"):
        q[:, DOF_INDEX[name]] = bend
    sigma = np.where(observed, 0.04, np.inf) * np.ones((len(q), 1))
    sigma[50:60, DOF_INDEX["knee_angle_r"]] = np.inf
    return replace(
        motion,
        q=q,
        observed=observed,
        sigma_rad=np.where(observed, 0.04, np.inf),
        frame_sigma_rad=sigma,
        root_m=np.tile([0.2, 0.1, 3.0], (len(q), 1)),
        focal_share=1.2,
    )


def with_a_shape(motion: Motion) -> Motion:
    betas = np.random.default_rng(0).normal(0.3, 0.05, (len(motion.q), 10))
    betas[:40] = np.nan
    return replace(motion, betas=betas)


MOTIONS: dict[str, Change] = {
    "lost for a while": lost_for_a_while,
    "one camera": as_seen_by_one_camera,
    "a shape": with_a_shape,
    "five turns of a shoulder": lambda m: angle(m, "shoulder_r_x", lambda q: q + 10.0 * np.pi),
    "a shoulder that winds up": lambda m: angle(
        m, "shoulder_l_z", lambda q: q + np.linspace(0.0, 31.4, len(q))
    ),
    "angles that are no numbers": lambda m: angle(
        m, "ankle_angle_r", lambda q: np.where(np.arange(len(q)) % 50 == 7, np.nan, q)
    ),
    "nobody at all": lambda m: replace(m, valid=np.zeros_like(m.valid), confidence=0.0 * m.time_s),
    "a place behind the moon": lambda m: replace(
        as_seen_by_one_camera(m),
        root_m=np.where(np.arange(len(m.q))[:, None] < 5, 1e6, [0.2, 0.1, 3.0]),
    ),
}
