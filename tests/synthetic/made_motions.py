"""A steady squat, and the feet of the model that tests stand on."""

from __future__ import annotations

import numpy as np

from qevd_bio.synthetic.carriage import TRUNK, Carriage
from qevd_bio.synthetic.standing import Footing
from qevd_bio.synthetic.there_and_back import Style, Tempo

FOOT_M = np.array([0.17881445, 0.17881445])
"""Of the model: heel to base of the toes."""

_UPRIGHT = dict.fromkeys(TRUNK, 0.0) | {"arm_flex_r": 80.0, "arm_flex_l": 80.0}


def steady_squat(depth_deg: float, tilt_deg: float, shift_m: float = 0.0) -> Style:
    return Style(
        knees_deg=(5.0, depth_deg),
        over_foot=(0.5, 0.5),
        shift_m=(0.0, shift_m),
        tempo=Tempo(1.2, 0.3, 1.0),
        footing=Footing(0.3, 0.0, (15.0, 15.0)),
        carriage=Carriage(_UPRIGHT, _UPRIGHT | {"pelvis_tilt": -tilt_deg}, np.zeros((2, 6))),
    )
