"""Squats that a body can do: how they differ from person to person and from one to the next."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.carriage import MIDLINE, TRUNK, Carriage, Range, random_arms, random_trunk
from qevd_bio.synthetic.standing import Footing
from qevd_bio.synthetic.there_and_back import Moved, Style, Tempo, performed

RANGES: Mapping[str, Range] = {
    "depth_deg": (40.0, 125.0),
    "top_deg": (2.0, 20.0),
    "down_s": (0.6, 2.6),
    "pause_s": (0.0, 0.8),
    "up_s": (0.5, 2.2),
    "width_m": (0.12, 0.60),
    "ahead_m": (-0.06, 0.06),
    "toes_out_deg": (-5.0, 35.0),
    "toes_up_deg": (-4.0, 4.0),
    "over_foot": (0.2, 0.75),
    "shift_m": (-0.10, 0.10),
}
"""From what a style is drawn; a half of all styles is symmetric, see `random_style`."""

TRUNK_TOP: Mapping[str, Range] = {
    "pelvis_tilt": (-15.0, 12.0),
    "lumbar_extension": (-20.0, 15.0),
    "pelvis_list": (-4.0, 4.0),
    "pelvis_rotation": (-4.0, 4.0),
    "lumbar_bending": (-5.0, 5.0),
    "lumbar_rotation": (-6.0, 6.0),
}
TRUNK_BOTTOM: Mapping[str, Range] = {
    "pelvis_tilt": (-55.0, -5.0),
    "lumbar_extension": (-40.0, 25.0),
    "pelvis_list": (-8.0, 8.0),
    "pelvis_rotation": (-8.0, 8.0),
    "lumbar_bending": (-12.0, 12.0),
    "lumbar_rotation": (-10.0, 10.0),
}
"""Degrees; forward tilt and a bent back are negative, as in the model."""

_NEARLY = 0.1


def random_style(rng: np.random.Generator, size: float) -> Style:
    """Draw a style; lengths are those of a body of this size (1 as the model)."""

    def drawn(name: str) -> float:
        return float(rng.uniform(*RANGES[name]))

    symmetric = bool(rng.random() < 0.5)
    sided = _NEARLY if symmetric else 1.0
    depth = drawn("depth_deg")
    start = random_trunk(rng, TRUNK_TOP, sided)
    end = random_trunk(rng, TRUNK_BOTTOM, sided)
    # the deeper, the more the pelvis tilts
    end["pelvis_tilt"] *= (depth / 100.0) ** 0.5
    arms = random_arms(rng, symmetric)
    out = drawn("toes_out_deg")
    shift = drawn("shift_m") * sided * size
    footing = Footing(
        drawn("width_m") * size,
        drawn("ahead_m") * sided * size,
        (out, out + float(rng.uniform(-10.0, 10.0)) * sided),
        (drawn("toes_up_deg"), drawn("toes_up_deg")),
        (drawn("toes_up_deg"), drawn("toes_up_deg")),
    )
    aside = rng.uniform(-1.0, 1.0, (2, len(TRUNK)))
    aside[:, len(MIDLINE) :] *= sided
    return Style(
        knees_deg=(drawn("top_deg"), depth),
        over_foot=(drawn("over_foot"), drawn("over_foot")),
        shift_m=(shift * float(rng.uniform(-0.3, 1.0)), shift),
        tempo=Tempo(drawn("down_s"), drawn("pause_s"), drawn("up_s")),
        footing=footing,
        carriage=Carriage(
            start | arms[0],
            end | arms[1],
            aside,
            float(rng.random()) ** 2,
            int(rng.integers(2**31)),
        ),
    )


def random_squat(
    body: Placing, foot_m: FloatArray, rng: np.random.Generator, size: float
) -> Moved | None:
    """Make a squat in a style that is drawn for a body of this size."""
    return performed(body, foot_m, random_style(rng, size))
