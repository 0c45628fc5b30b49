"""A curve made of known numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from qevd_bio.views.curves import Curve, CycleTimes, Target
from tests.release.made_artifacts import START_S


def squat_curve(segment_index: int = 0, **changed: Any) -> Curve:
    """Knee flexion of ten squats of three seconds, 10 to 80 degrees, with a gap at 14 s."""
    seconds = np.arange(900) / 30.0
    flexion = 45.0 - 35.0 * np.cos(2.0 * np.pi * seconds / 3.0)
    begins = [START_S + 3.0 * i for i in range(9)]
    values = {
        "video_id": "0146",
        "segment_index": segment_index,
        "exercise": "squats",
        "measure": "knee_flexion_r",
        "label": "right knee flexion",
        "unit": "deg",
        "time_s": START_S + seconds,
        "values": np.where((seconds < 13.75) | (seconds > 14.5), flexion, np.nan),
        "cycles": tuple(CycleTimes(begin, begin + 1.5, begin + 3.0) for begin in begins),
        "utterances_s": (START_S + 4.7,),
        "target": Target(90.0, 120.0, tolerance=10.0),
    }
    return Curve(**{**values, **changed})
