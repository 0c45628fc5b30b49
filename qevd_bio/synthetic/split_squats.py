"""Split squats (lunges on the spot) that a body can do: one foot far ahead, one heel up."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.carriage import TRUNK, Carriage, Range, random_arms, random_trunk
from qevd_bio.synthetic.standing import Footing
from qevd_bio.synthetic.there_and_back import Moved, Style, Tempo, performed

RANGES: Mapping[str, Range] = {
    "depth_deg": (50.0, 105.0),
    "top_deg": (20.0, 45.0),
    "down_s": (0.7, 2.4),
    "pause_s": (0.0, 0.8),
    "up_s": (0.6, 2.0),
    "length_m": (0.45, 0.80),
    "width_m": (0.06, 0.32),
    "toes_out_deg": (-8.0, 20.0),
    "heel_up_deg": (20.0, 42.0),
    "off_level_deg": (-3.0, 3.0),
    "over_foot": (-0.2, 1.0),
    "shift_m": (-0.04, 0.04),
}
"""Depth is the mean of both knees; the weight is told from between the heels, in feet."""

TRUNK_TOP: Mapping[str, Range] = {
    "pelvis_tilt": (-15.0, 10.0),
    "lumbar_extension": (-15.0, 15.0),
    "pelvis_list": (-4.0, 4.0),
    "pelvis_rotation": (-12.0, 12.0),
    "lumbar_bending": (-5.0, 5.0),
    "lumbar_rotation": (-10.0, 10.0),
}
TRUNK_BOTTOM: Mapping[str, Range] = {
    "pelvis_tilt": (-35.0, 5.0),
    "lumbar_extension": (-30.0, 20.0),
    "pelvis_list": (-8.0, 8.0),
    "pelvis_rotation": (-15.0, 15.0),
    "lumbar_bending": (-10.0, 10.0),
    "lumbar_rotation": (-12.0, 12.0),
}
"""Degrees; forward tilt and a bent back are negative, as in the model."""


def random_style(rng: np.random.Generator, size: float) -> Style:
    """Draw a style, right or left foot first; lengths are those of a body of this size."""

    def drawn(name: str) -> float:
        return float(rng.uniform(*RANGES[name]))

    rear = int(rng.integers(2))
    up = [drawn("off_level_deg"), drawn("off_level_deg")]
    heel_up = drawn("heel_up_deg")
    up[rear] = -heel_up
    footing = Footing(
        drawn("width_m") * size,
        drawn("length_m") * size * (1.0 if rear else -1.0),
        (drawn("toes_out_deg"), drawn("toes_out_deg")),
        (up[0], up[1]),
        (drawn("off_level_deg"), drawn("off_level_deg")),
    )
    start, end = random_trunk(rng, TRUNK_TOP, 1.0), random_trunk(rng, TRUNK_BOTTOM, 1.0)
    arms = random_arms(rng, bool(rng.random() < 0.7))
    toes = {f"mtp_angle_{'rl'[rear]}": -heel_up}
    carriage = Carriage(
        start | arms[0] | toes, end | arms[1] | toes,
        rng.uniform(-1.0, 1.0, (2, len(TRUNK))), float(rng.random()) ** 2,
        int(rng.integers(2**31)),
    )  # fmt: skip
    return Style(
        knees_deg=(drawn("top_deg"), drawn("depth_deg")),
        over_foot=(drawn("over_foot"), drawn("over_foot")),
        shift_m=(drawn("shift_m") * size, drawn("shift_m") * size),
        tempo=Tempo(drawn("down_s"), drawn("pause_s"), drawn("up_s")),
        footing=footing,
        carriage=carriage,
    )


def random_split_squat(
    body: Placing, foot_m: FloatArray, rng: np.random.Generator, size: float
) -> Moved | None:
    """Make a split squat in a style that is drawn for a body of this size."""
    return performed(body, foot_m, random_style(rng, size))
