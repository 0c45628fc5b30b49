"""Decide the quarter turn that puts the person upright.

Nothing in a floor exercise tells lying from standing: a push-up turned on its end is a person who
stands with the arms held out. So only clear standing counts as evidence, and without it the turn
stays what is expected of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.person.landmarks import (
    ANKLES,
    ELBOWS,
    HIPS,
    SHOULDERS,
    WRISTS,
    PoseLandmarker,
)
from qevd_bio.capture.video.decode import RgbImage, turned

TURNS_DEG = (0, 90, 180, 270)

_LEAST_VOTES = 2.0
_LEAST_SHARE = 0.7
_ENOUGH_AGREEING = 4
_SLANT_DEG = 30.0


@dataclass(frozen=True, slots=True)
class Upright:
    """A decision about the turn of a video.

    Attributes
    ----------
    turn_deg : int
        Clockwise turn that puts the person upright.
    expected_deg : int
        What was expected before looking.
    votes : dict of int to float
        Weight of the frames in which a person stands upright after each turn.
    reason : str
        Why this turn.
    """

    turn_deg: int
    expected_deg: int
    votes: dict[int, float]
    reason: str


def expected_turn_deg(video_id: str, width_px: int, height_px: int, config: CaptureConfig) -> int:
    """Say what turn is expected of a file before looking at its content.

    Parameters
    ----------
    video_id : str
        QEVD ids are numbers.
    width_px, height_px : int
        Size of the pictures, rotation of the metadata applied.
    config : CaptureConfig
        `sideways_up_to_id`.

    Returns
    -------
    int
        90 for landscape videos with a number up to the configured one, else 0.

    Notes
    -----
    Source: the FitCoach code turns videos with id <= 145 by 90 degrees clockwise.
    """
    sideways = video_id.isdecimal() and int(video_id) <= config.sideways_up_to_id
    return 90 if sideways and width_px > height_px else 0


def standing_turn_deg(image_px: FloatArray) -> int | None:
    """Tell how a picture must be turned for a clearly standing person to be upright.

    Parameters
    ----------
    image_px : ndarray (33, 2)
        Image landmarks.

    Returns
    -------
    int or None
        Clockwise turn; None when the person does not clearly stand: the trunk is slanted, the
        legs do not go on from the trunk, or an arm is held across it as in a push-up.
    """
    middle = {
        name: image_px[list(pair)].mean(axis=0)
        for name, pair in (("shoulder", SHOULDERS), ("hip", HIPS), ("ankle", ANKLES))
    }
    trunk = middle["shoulder"] - middle["hip"]
    legs = middle["ankle"] - middle["hip"]
    if _cosine(trunk, legs) > -np.cos(np.deg2rad(_SLANT_DEG)):
        return None
    for shoulder, elbow, wrist in zip(SHOULDERS, ELBOWS, WRISTS, strict=True):
        for end in (elbow, wrist):
            if abs(_cosine(trunk, image_px[end] - image_px[shoulder])) < 0.5:
                return None
    heading = np.rad2deg(np.arctan2(trunk[0], -trunk[1])) % 360.0
    quarter = round(heading / 90.0)
    if abs(heading - 90.0 * quarter) > _SLANT_DEG:
        return None
    return int(-90 * quarter) % 360


def _cosine(a: FloatArray, b: FloatArray) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0


Look = Callable[[RgbImage], tuple[FloatArray, FloatArray, FloatArray] | None]


def decide_turn(images: Sequence[RgbImage], expected_deg: int, look: Look) -> Upright:
    """Decide the turn of a video from some of its frames.

    Parameters
    ----------
    images : sequence of ndarray (H, W, 3)
        Frames spread over the video, not turned.
    expected_deg : int
        The turn to keep unless the content clearly speaks against it.
    look : callable
        Finds landmarks in one picture, as `PoseLandmarker` does.

    Returns
    -------
    Upright
        The turn with votes and reason.

    Notes
    -----
    The expected turn is tried on all frames first; four standing frames that agree with it
    settle the matter. Otherwise every frame is tried in all four turns; a frame's weight is
    shared between the turns in which somebody was found, by visibility. Another turn wins
    with at least 2 frames' weight and 70 % of all.
    """
    seen = [_ballot(image, expected_deg, look) for image in images]
    agreeing = sum(1 for ballot in seen if ballot.get(expected_deg, 0.0) > 0.5)
    against = sum(1 for ballot in seen for turn in ballot if turn != expected_deg)
    votes = _summed(seen)
    if agreeing >= _ENOUGH_AGREEING and not against:
        return Upright(
            expected_deg, expected_deg, votes,
            f"{agreeing} sampled frames show a person standing upright in the expected turn",
        )  # fmt: skip
    for turn in TURNS_DEG:
        if turn != expected_deg:
            for image, ballot in zip(images, seen, strict=True):
                for upright, weight in _ballot(image, turn, look).items():
                    ballot[upright] = ballot.get(upright, 0.0) + weight
    votes = _summed([_normalised(ballot) for ballot in seen])
    total = sum(votes.values())
    best = max(TURNS_DEG, key=lambda turn: (votes[turn], turn == expected_deg))
    if best != expected_deg and votes[best] >= max(_LEAST_VOTES, _LEAST_SHARE * total):
        reason = f"{votes[best]:.1f} of {total:.1f} standing frames are upright in this turn"
        return Upright(best, expected_deg, votes, reason)
    if total == 0.0:
        reason = "no sampled frame shows a clearly standing person: the expected turn is kept"
    else:
        reason = (
            f"{votes[expected_deg]:.1f} of {total:.1f} standing frames agree with what is expected"
        )
    return Upright(expected_deg, expected_deg, votes, reason)


def _ballot(image: RgbImage, turn_deg: int, look: Look) -> dict[int, float]:
    """Weight of each turn by one frame looked at in one turn: none or one entry."""
    found = look(turned(image, turn_deg))
    if found is None:
        return {}
    image_px, _, visibility = found
    extra = standing_turn_deg(image_px)
    if extra is None:
        return {}
    pairs = np.array([SHOULDERS, HIPS, ANKLES])
    return {(turn_deg + extra) % 360: float(visibility[pairs].max(axis=1).min())}


def _normalised(ballot: dict[int, float]) -> dict[int, float]:
    """Give a frame that shows a person in several turns one vote in all."""
    total = max(1.0, sum(ballot.values()))
    return {turn: weight / total for turn, weight in ballot.items()}


def _summed(ballots: Sequence[dict[int, float]]) -> dict[int, float]:
    return {turn: sum(ballot.get(turn, 0.0) for ballot in ballots) for turn in TURNS_DEG}


def find_upright(images: Sequence[RgbImage], video_id: str, config: CaptureConfig) -> Upright:
    """Decide the turn of a video, or take the configured one.

    Parameters
    ----------
    images : sequence of ndarray (H, W, 3)
        Frames spread over the video; may be empty when `config.turn_deg` is set.
    video_id : str
        For what is expected of the file.
    config : CaptureConfig
        Turn, thresholds.

    Returns
    -------
    Upright
        The turn with votes and reason.
    """
    if config.turn_deg is not None:
        if config.turn_deg not in TURNS_DEG:
            raise ValueError(f"turn_deg is {config.turn_deg}, must be one of {TURNS_DEG}")
        return Upright(
            config.turn_deg, config.turn_deg, _summed([]), "the turn is set in the configuration"
        )
    if not images:
        return Upright(0, 0, _summed([]), "no frame could be looked at")
    height, width = images[0].shape[:2]
    expected = expected_turn_deg(video_id, width, height, config)
    with PoseLandmarker(config, follow=False) as look:
        return decide_turn(images, expected, look)
