"""Standing up from a seat and sitting down again, as a body can do it.

T frames, K nodes, N coordinates

The trunk leans forward until the weight is near the feet, then the seat is left; with more or
less haste, so with the weight before or behind the heels. The way down is the way up turned round
at its own tempo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.contact import seat_bones_m
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.carriage import (
    TRUNK,
    Carriage,
    Range,
    carried,
    random_arms,
    random_trunk,
)
from qevd_bio.synthetic.standing import (
    FEET,
    KNEES,
    Aim,
    Footing,
    Seated,
    Stance,
    places_of,
    stance_of,
    stand,
)
from qevd_bio.synthetic.standing_course import Course, followed, nodes, solved, standing
from qevd_bio.synthetic.there_and_back import (
    RATE_HZ,
    REST_S,
    Moved,
    Tempo,
    bent,
    check_numbers,
    there_and_back,
)

RANGES: Mapping[str, Range] = {
    "seat_m": (0.42, 0.58),
    "seated_knees_deg": (85.0, 115.0),
    "top_deg": (1.0, 12.0),
    "over_foot_leaving": (0.0, 0.5),
    "over_foot_top": (0.25, 0.6),
    "leaving": (0.3, 0.55),
    "shift_m": (-0.03, 0.03),
    "up_s": (1.1, 3.0),
    "pause_s": (0.1, 0.8),
    "down_s": (1.2, 3.4),
    "width_m": (0.12, 0.40),
    "ahead_m": (-0.05, 0.05),
    "toes_out_deg": (-5.0, 25.0),
    "off_level_deg": (-3.0, 3.0),
}
"""From what a style is drawn; `leaving` is the share of the way up at which the seat is left."""

TRUNK_SEATED: Mapping[str, Range] = {
    "pelvis_tilt": (-5.0, 20.0),
    "lumbar_extension": (-25.0, 0.0),
    "pelvis_list": (-2.0, 2.0),
    "pelvis_rotation": (-4.0, 4.0),
    "lumbar_bending": (-4.0, 4.0),
    "lumbar_rotation": (-5.0, 5.0),
}
TRUNK_TOP: Mapping[str, Range] = {
    "pelvis_tilt": (-12.0, 8.0),
    "lumbar_extension": (-15.0, 10.0),
    "pelvis_list": (-3.0, 3.0),
    "pelvis_rotation": (-4.0, 4.0),
    "lumbar_bending": (-4.0, 4.0),
    "lumbar_rotation": (-5.0, 5.0),
}
LEAVING_LUMBAR_DEG: Range = (-50.0, -10.0)
"""Degrees; forward tilt and a bent back are negative, as in the model."""

MOST_TILT_DEG, _TILTS = -60.0, 7
_SMOOTH_S = 0.1
_CARRIED = ("arm", "elbow", "pro_sup", "lumbar", "pelvis_list", "pelvis_rotation")


@dataclass(frozen=True, slots=True)
class Rising:
    """How someone stands up and sits down.

    Attributes
    ----------
    seat_m : float
        Height of the seat.
    knees_deg : tuple of float
        Mean flexion of the knees, seated and standing.
    over_foot : tuple of float
        Where the centre of mass is from heel (0) to the base of the toes (1), when the seat is
        left and standing.
    shift_m : float
        Centre of mass to the right, standing.
    leaving : float
        Share of the way up at which the seat is left.
    lumbar_deg : float
        Lumbar extension when the seat is left; the tilt of the pelvis follows.
    tempo : Tempo
        Up, standing, down.
    footing : Footing
        The feet.
    carriage : Carriage
        Trunk and arms, seated and standing.
    """

    seat_m: float
    knees_deg: tuple[float, float]
    over_foot: tuple[float, float]
    shift_m: float
    leaving: float
    lumbar_deg: float
    tempo: Tempo
    footing: Footing
    carriage: Carriage


def random_rising(rng: np.random.Generator, size: float) -> Rising:
    """Draw a style; lengths are those of a body of this size (1 as the model)."""

    def drawn(name: str) -> float:
        return float(rng.uniform(*RANGES[name]))

    seated, top = random_trunk(rng, TRUNK_SEATED, 1.0), random_trunk(rng, TRUNK_TOP, 1.0)
    arms = random_arms(rng, bool(rng.random() < 0.7))
    footing = Footing(
        drawn("width_m") * size,
        drawn("ahead_m") * size,
        (drawn("toes_out_deg"), drawn("toes_out_deg")),
        (drawn("off_level_deg"), drawn("off_level_deg")),
        (drawn("off_level_deg"), drawn("off_level_deg")),
    )
    return Rising(
        seat_m=drawn("seat_m") * size,
        knees_deg=(drawn("seated_knees_deg"), drawn("top_deg")),
        over_foot=(drawn("over_foot_leaving"), drawn("over_foot_top")),
        shift_m=drawn("shift_m") * size,
        leaving=drawn("leaving"),
        lumbar_deg=float(rng.uniform(*LEAVING_LUMBAR_DEG)),
        tempo=Tempo(drawn("up_s"), drawn("pause_s"), drawn("down_s")),
        footing=footing,
        carriage=Carriage(seated | arms[0], top | arms[1], np.zeros((2, len(TRUNK))),
                          float(rng.random()) ** 2, int(rng.integers(2**31))),
    )  # fmt: skip


def random_sit_to_stand(
    body: Placing, foot_m: FloatArray, rng: np.random.Generator, size: float
) -> Moved | None:
    """Make a rise and a descent in a style that is drawn for a body of this size."""
    return risen(body, foot_m, random_rising(rng, size))


def risen(
    body: Placing, foot_m: FloatArray, style: Rising, rate_hz: float = RATE_HZ
) -> Moved | None:
    """Make one rise from a seat, and the way back.

    Parameters
    ----------
    body : Placing
        The model.
    foot_m : ndarray (2,)
        Lengths of its feet, metres.
    style : Rising
        How it is done.
    rate_hz : float
        Frames a second.

    Returns
    -------
    Moved or None
        None where the body cannot sit or stand so, or cannot bring its weight over its feet.

    Raises
    ------
    UsageError
        The style holds what is no number.
    """
    check_numbers(style)
    stance = stance_of(body, foot_m, style.footing)
    tempo = style.tempo
    until_s = 2.0 * REST_S + tempo.down_s + tempo.pause_s + tempo.up_s
    at_s = nodes(until_s)
    share, is_back = there_and_back(tempo, at_s)
    posture = carried(body.coordinates, style.carriage, share, is_back, at_s)
    seat = _seated(body, foot_m, style, stance, posture[0])
    if seat is None:
        return None
    sitting, pose = seat
    heel = float(stance.origins_m[:, 0].mean())
    foot = float(foot_m.mean()) * np.cos(np.deg2rad(np.mean(style.footing.toes_out_deg)))
    over = [heel + one * foot for one in style.over_foot]
    straight = posture[0] + style.leaving * (posture[share.argmax()] - posture[0])
    leant = _leaning(body, stance, sitting, (pose, straight), over[0], style.lumbar_deg)
    if leant is None:
        return None
    # before and after the seat is left, trunk, knees and weight go straight on
    bow = np.where(share < style.leaving, share / style.leaving,
                   (1.0 - share) / (1.0 - style.leaving))  # fmt: skip
    trunk = places_of(body, TRUNK[:2])
    posture[:, trunk] += bow[:, None] * (leant - straight)[trunk]
    top_m = np.array([over[1], float(stance.origins_m[:, 2].mean()) + style.shift_m])
    aims = _aims(body, sitting, leant, share, style, top_m)
    poses = solved(body, Course(at_s, posture, stance, aims), pose)
    if not len(poses):
        return None
    rounded = gaussian_filter1d(poses, _SMOOTH_S / float(at_s[1]), axis=0, mode="nearest")
    knees = rounded[:, places_of(body, KNEES)].mean(axis=1)
    centre = gaussian_filter1d(
        body.places(poses, FEET).centre_m, _SMOOTH_S / float(at_s[1]), axis=0, mode="nearest"
    )
    course = Course(at_s, rounded, stance, standing(knees, centre[:, [0, 2]]))
    time_s = np.arange(round(until_s * rate_hz) + 1) / rate_hz
    q = followed(body, course, poses[0], time_s)
    return Moved(q, time_s, style.seat_m) if len(q) else None


def _seated(
    body: Placing, foot_m: FloatArray, style: Rising, stance: Stance, posture: FloatArray
) -> tuple[Seated, FloatArray] | None:
    """Sit down where the knees bend as they shall; the place on the seat, and the pose."""
    bones = seat_bones_m(foot_m).mean(axis=0)
    middle = float(stance.origins_m[:, 2].mean())
    knees = np.deg2rad(style.knees_deg[0])
    guess = bent(body, foot_m, knees)
    guess[body.coordinates.index("pelvis_ty")] = style.seat_m - bones[1]
    guess[body.coordinates.index("pelvis_tx")] = -2.5 * float(foot_m.mean())
    legs = [i for i, name in enumerate(body.coordinates) if name not in style.carriage.start_deg]
    pose = posture.copy()
    pose[legs] = guess[legs]
    found = stand(body, pose, stance, Seated(style.seat_m, middle, bones, knees_rad=knees))
    if found is None:
        return None
    at = body.places(found[None], ("pelvis",))
    ahead = float(at.origins_m[0, 0, 0] + (at.turns[0, 0] @ bones)[0])
    return Seated(style.seat_m, middle, bones, ahead_m=ahead), found


def _leaning(
    body: Placing,
    stance: Stance,
    sitting: Seated,
    poses: tuple[FloatArray, FloatArray],
    centre_m: float,
    lumbar_deg: float,
) -> FloatArray | None:
    """Lean forward on the seat until the centre of mass is at `centre_m`; the pose.

    `poses` are the seated one and the trunk and arms that a straight way would have.
    """
    seated, straight = poses
    tilt, lumbar = (body.coordinates.index(name) for name in TRUNK[:2])
    tilts = np.linspace(seated[tilt], np.deg2rad(MOST_TILT_DEG), _TILTS)
    pose = seated.copy()
    turning = [i for i, name in enumerate(body.coordinates) if name.startswith(_CARRIED)]
    pose[turning] = straight[turning]
    pose[lumbar] = np.deg2rad(lumbar_deg)
    before = np.inf
    for number, one in enumerate(tilts):
        pose[tilt] = one
        found = stand(body, pose, stance, sitting)
        if found is None:
            return None
        pose = found
        off = centre_m - float(body.places(pose[None], FEET).centre_m[0, 0])
        if off <= 0.0:
            if number == 0:
                return pose
            pose[tilt] = one + (tilts[number - 1] - one) * off / (off - before)
            return stand(body, pose, stance, sitting)
        before = off
    return None


def _aims(
    body: Placing,
    sitting: Seated,
    leant: FloatArray,
    share: FloatArray,
    style: Rising,
    top_m: FloatArray,
) -> list[Aim]:
    """Sit until the seat is left; then straighten the knees and bring the weight to `top_m`."""
    left = np.clip((share - style.leaving) / (1.0 - style.leaving), 0.0, 1.0)
    knees = float(leant[places_of(body, KNEES)].mean())
    centre = body.places(leant[None], FEET).centre_m[0, [0, 2]]
    upright = standing(
        knees + (np.deg2rad(style.knees_deg[1]) - knees) * left,
        centre + (top_m - centre) * left[:, None],
    )
    return [sitting if part <= style.leaving else aim
            for part, aim in zip(share, upright, strict=True)]  # fmt: skip
