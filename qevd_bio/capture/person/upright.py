"""Decide the quarter turn that puts the person upright.

Nothing in a floor exercise separates lying from standing: a push-up turned on its end is a person
who stands with the arms held out. So only clear standing counts as evidence, and without it the
turn stays what is expected of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.person.pose_landmarker import (
    ANKLES,
    ELBOWS,
    HIPS,
    SHOULDERS,
    WRISTS,
    PoseLandmarker,
)
from qevd_bio.capture.video.decode import RgbImage, turned

TURNS_DEG = (0, 90, 180, 270)

Look = Callable[[RgbImage], tuple[FloatArray, FloatArray, FloatArray] | None]
"""Finds landmarks in one picture, as `PoseLandmarker` does."""


@dataclass(frozen=True, slots=True)
class Upright:
    """The clockwise turn that puts the person upright, and why this one."""

    turn_deg: int
    reason: str


def expected_turn_deg(video_id: str, width_px: int, height_px: int, config: TurnConfig) -> int:
    """Give the turn expected of a file before its content is looked at.

    90 degrees clockwise for landscape videos with a number up to the configured one, else 0; the
    size is that after the rotation of the metadata. Source: the FitCoach code turns videos with
    id <= 145 by 90 degrees clockwise.
    """
    sideways = video_id.isdecimal() and int(video_id) <= config.sideways_up_to_id
    return 90 if sideways and width_px > height_px else 0


def standing_turn_deg(image_px: FloatArray, config: TurnConfig) -> int | None:
    """Find the clockwise turn that puts a clearly standing person upright, by landmarks (33, 2).

    None when the person does not clearly stand: the trunk is slanted, the legs do not go on from
    the trunk, or an arm is held across it as in a push-up.
    """
    shoulders, hips, ankles = (
        image_px[list(pair)].mean(axis=0) for pair in (SHOULDERS, HIPS, ANKLES)
    )
    trunk = shoulders - hips
    if _cosine(trunk, ankles - hips) > -np.cos(np.deg2rad(config.slant_deg)):
        return None
    for shoulder, elbow, wrist in zip(SHOULDERS, ELBOWS, WRISTS, strict=True):
        for end in (elbow, wrist):
            along = abs(_cosine(trunk, image_px[end] - image_px[shoulder]))
            if along < config.least_arm_cosine:
                return None
    heading = np.rad2deg(np.arctan2(trunk[0], -trunk[1])) % 360.0
    quarter = round(heading / 90.0)
    if abs(heading - 90.0 * quarter) > config.slant_deg:
        return None
    return int(-90 * quarter) % 360


def _cosine(a: FloatArray, b: FloatArray) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0


def decide_turn(
    images: Sequence[RgbImage], expected_deg: int, look: Look, config: TurnConfig
) -> Upright:
    """Decide the turn of a video from some of its frames, which are not turned.

    The expected turn is kept unless the content clearly contradicts it. It is tried on all frames
    first; enough standing frames that agree with it decide. Otherwise every frame is tried in all
    four turns; a frame's weight is shared between the turns in which somebody was found, by
    visibility.
    """
    ballots = [_ballot(image, expected_deg, look, config) for image in images]
    agreeing = sum(1 for ballot in ballots if ballot.get(expected_deg, 0.0) > 0.5)
    against = sum(1 for ballot in ballots for turn in ballot if turn != expected_deg)
    if agreeing >= config.agreeing and not against:
        return Upright(
            expected_deg,
            f"{agreeing} sampled frames show a person standing upright in the expected turn",
        )
    for turn in TURNS_DEG:
        if turn != expected_deg:
            for image, ballot in zip(images, ballots, strict=True):
                for upright, weight in _ballot(image, turn, look, config).items():
                    ballot[upright] = ballot.get(upright, 0.0) + weight
    normalised = [_normalised(ballot) for ballot in ballots]
    votes = {turn: sum(ballot.get(turn, 0.0) for ballot in normalised) for turn in TURNS_DEG}
    total = sum(votes.values())
    best = max(TURNS_DEG, key=lambda turn: (votes[turn], turn == expected_deg))
    needed = max(config.least_votes, config.least_share * total)
    if best != expected_deg and votes[best] >= needed:
        reason = f"{votes[best]:.1f} of {total:.1f} standing frames are upright in this turn"
        return Upright(best, reason)
    if total == 0.0:
        reason = "no sampled frame shows a clearly standing person: the expected turn is kept"
    else:
        reason = (
            f"{votes[expected_deg]:.1f} of {total:.1f} standing frames agree with what is expected"
        )
    return Upright(expected_deg, reason)


def _ballot(image: RgbImage, turn_deg: int, look: Look, config: TurnConfig) -> dict[int, float]:
    """Weight of each turn by one frame looked at in one turn: none or one entry."""
    found = look(turned(image, turn_deg))
    if found is None:
        return {}
    image_px, _, visibility = found
    extra = standing_turn_deg(image_px, config)
    if extra is None:
        return {}
    pairs = np.array([SHOULDERS, HIPS, ANKLES])
    return {(turn_deg + extra) % 360: float(visibility[pairs].max(axis=1).min())}


def _normalised(ballot: dict[int, float]) -> dict[int, float]:
    """Give a frame that shows a person in several turns one vote in all."""
    total = max(1.0, sum(ballot.values()))
    return {turn: weight / total for turn, weight in ballot.items()}


def find_upright(images: Sequence[RgbImage], video_id: str, config: VideoConfig) -> Upright:
    """Decide the turn of a video, or take the configured one, which needs no images.

    The expected turn stays where MediaPipe is not installed.
    """
    fixed_deg = config.turn.fixed_deg
    if fixed_deg is not None:
        if fixed_deg not in TURNS_DEG:
            raise ValueError(f"fixed_deg is {fixed_deg}, must be one of {TURNS_DEG}")
        return Upright(fixed_deg, "the turn is set in the configuration")
    if not images:
        return Upright(0, "no frame could be looked at")
    height, width = images[0].shape[:2]
    expected = expected_turn_deg(video_id, width, height, config.turn)
    if find_spec("mediapipe") is None:
        reason = "mediapipe is not installed to look at the pictures: the expected turn is kept"
        return Upright(expected, reason)
    with PoseLandmarker(config.person, follow=False) as look:
        return decide_turn(images, expected, look, config.turn)
