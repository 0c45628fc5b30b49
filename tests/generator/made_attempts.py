"""Attempts without a model: knees that bend and a muscle that works with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qevd_bio.generator.attempts import Attempt
from qevd_bio.generator.measures import MEASURES


@dataclass(frozen=True)
class Named:
    """Names of a body."""

    coordinates: tuple[str, ...] = ("pelvis_tilt", "knee_angle_r", "knee_angle_l")
    muscles: tuple[str, ...] = (
        "vasmed_r", "vasmed_l", "glmax1_r", "bflh_r", "recfem_r", "soleus_r",
    )  # fmt: skip


def attempt(number: int, depth_deg: float, reasons: tuple[str, ...] = ()) -> Attempt:
    """Bend the knees so far and back in two seconds."""
    time_s = np.linspace(0.0, 2.0, 64)
    down = 0.5 - 0.5 * np.cos(np.pi * time_s)
    q = np.deg2rad(np.stack([-30.0 * down, depth_deg * down, depth_deg * down - 1.0], axis=1))
    activations = 0.05 + down[:, None] * np.linspace(0.1, 0.5, 6)
    told = dict.fromkeys(MEASURES, 0.4) | {"depth": depth_deg, "tilt": -30.0}
    return Attempt(number, q, time_s, activations, told, dict(told), reasons)
