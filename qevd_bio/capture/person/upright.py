"""Decide the quarter turn that puts the person upright.

Landmarks of a turned picture are those of the picture, turned: one look at each frame is enough.
Nothing in a floor exercise separates lying from standing: a push-up turned on its end is a person
who stands with the arms held out. So only clear standing, balanced over the feet, counts as
evidence; where the records name an exercise that is done prone, only clear support on the hands;
where they name one that is done standing, balance over the feet, whatever the arms do.
Without either the turn stays what is expected of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.expected import ExpectedExercise, posture_at
from qevd_bio.capture.person.pose_landmarker import (
    ANKLES,
    ELBOWS,
    HIPS,
    KNEES,
    SHOULDERS,
    TOES,
    WRISTS,
    PoseLandmarker,
)
from qevd_bio.capture.video.decode import RgbImage, SampledFrame, turned

TURNS_DEG = (0, 90, 180, 270)
_NOSE, _HEELS = 0, (29, 30)

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
    the trunk, an arm is held across it as in a push-up, or the weight is not over the feet.
    """
    turn = balanced_turn_deg(image_px, config)
    trunk = _middle(image_px, SHOULDERS) - _middle(image_px, HIPS)
    for shoulder, elbow, wrist in zip(SHOULDERS, ELBOWS, WRISTS, strict=True):
        for end in (elbow, wrist):
            along = abs(_cosine(trunk, image_px[end] - image_px[shoulder]))
            if along < config.least_arm_cosine:
                return None
    return turn


def balanced_turn_deg(image_px: FloatArray, config: TurnConfig) -> int | None:
    """Find the clockwise turn that puts the head above the feet and the weight over them.

    None where there is none, by landmarks (33, 2). A push-up with the feet near the middle of the
    body may look the same on its end, so this is evidence only for who is known to stand.
    """
    turn = _leg_turn_deg(image_px, config)
    return None if turn is None or overhang(image_px, turn) > config.most_overhang else turn


def prone_turn_deg(image_px: FloatArray, config: TurnConfig) -> int | None:
    """Find the clockwise turn that puts somebody on hands and feet upright, by landmarks (33, 2).

    None when the body is slanted, the legs do not go on from the trunk, or the arms do not
    point to one side of it.
    """
    turn = _leg_turn_deg(image_px, config)
    if turn is None:
        return None
    trunk = _middle(image_px, SHOULDERS) - _middle(image_px, HIPS)
    arms = _middle(image_px, WRISTS) - _middle(image_px, SHOULDERS)
    if abs(_cosine(trunk, arms)) > np.sin(np.deg2rad(config.slant_deg)):
        return None
    heading = np.rad2deg(np.arctan2(arms[0], arms[1])) % 360.0
    return int(90 * round(heading / 90.0)) % 360


def _no_turn(image_px: FloatArray, config: TurnConfig) -> int | None:
    """Find none: a body on its back does not show which way is up."""
    return None


def _leg_turn_deg(image_px: FloatArray, config: TurnConfig) -> int | None:
    """Find the turn that puts the head above the feet; None for a slanted or bent body."""
    shoulders, hips, ankles = (_middle(image_px, pair) for pair in (SHOULDERS, HIPS, ANKLES))
    trunk = shoulders - hips
    if _cosine(trunk, ankles - hips) > -np.cos(np.deg2rad(config.slant_deg)):
        return None
    heading = np.rad2deg(np.arctan2(trunk[0], -trunk[1])) % 360.0
    quarter = round(heading / 90.0)
    if abs(heading - 90.0 * quarter) > config.slant_deg:
        return None
    return int(-90 * quarter) % 360


def overhang(image_px: FloatArray, turn_deg: int) -> float:
    """How far the body's middle lies beyond the feet in a turned picture, in body lengths.

    Negative where it lies over them: somebody who stands free keeps her balance.
    """
    angle = np.deg2rad(turn_deg)
    sideways = image_px @ np.array([np.cos(angle), -np.sin(angle)])
    parts = (
        (0.08, (_NOSE,)), (0.5, (*SHOULDERS, *HIPS)), (0.2, (*HIPS, *KNEES)),
        (0.12, (*KNEES, *ANKLES)), (0.1, (*SHOULDERS, *WRISTS)),
    )  # fmt: skip
    middle = sum(share * float(sideways[list(places)].mean()) for share, places in parts)
    feet = sideways[[*ANKLES, *_HEELS, *TOES]]
    length = sum(
        float(np.linalg.norm(_middle(image_px, one) - _middle(image_px, other)))
        for one, other in ((SHOULDERS, HIPS), (HIPS, KNEES), (KNEES, ANKLES))
    )
    return max(float(feet.min()) - middle, middle - float(feet.max())) / max(length, 1e-6)


def _middle(image_px: FloatArray, places: Sequence[int]) -> FloatArray:
    return np.asarray(image_px[list(places)].mean(axis=0))


def _cosine(a: FloatArray, b: FloatArray) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0


@dataclass(slots=True)
class _Votes:
    """Evidence for each turn: weights of frames, and what all frames say of balance."""

    weight: dict[int, float]
    people: int = 0
    prone: int = 0
    confirmed: float = 0.0

    def total(self) -> float:
        return sum(self.weight.values())


def decide_turn(
    frames: Iterable[SampledFrame],
    expected_deg: int,
    look: Look,
    config: TurnConfig,
    exercises: Sequence[ExpectedExercise] = (),
) -> Upright:
    """Decide the turn of a video from some of its frames, which are not turned.

    The expected turn is kept unless the content clearly contradicts it, by `least_votes` frames,
    `least_share` of the votes and `people_share` of all frames with a person. No more frames are
    looked at than it takes to confirm the expected turn: somebody who is upright in it confirms
    it, with `doubtful_weight` where she does not clearly stand.
    """
    votes = _Votes(dict.fromkeys(TURNS_DEG, 0.0))
    for frame in frames:
        found = look(turned(frame.image, expected_deg))
        if found is None:
            continue
        _count(votes, found, posture_at(exercises, frame.number), expected_deg, config)
        against = votes.total() - votes.weight[expected_deg]
        if votes.confirmed >= config.agreeing and against == 0.0:
            reason = f"{votes.people} sampled frames show a person upright in the expected turn"
            return Upright(expected_deg, reason)
    return _verdict(votes, expected_deg, config)


def _count(
    votes: _Votes,
    found: tuple[FloatArray, FloatArray, FloatArray],
    posture: str,
    expected_deg: int,
    config: TurnConfig,
) -> None:
    """Add what one look at a frame, turned as expected, says."""
    image_px, _, visibility = found
    votes.people += 1
    votes.prone += posture == "prone"
    sought = {
        "prone": prone_turn_deg, "supine": _no_turn, "standing": balanced_turn_deg,
    }.get(posture, standing_turn_deg)  # fmt: skip
    extra = sought(image_px, config)
    if extra is not None:
        pairs = np.array([SHOULDERS, HIPS, ANKLES])
        turn = (expected_deg + extra) % 360
        votes.weight[turn] += float(visibility[pairs].max(axis=1).min())
        votes.confirmed += turn == expected_deg
    elif posture not in ("prone", "supine"):
        is_upright = _leg_turn_deg(image_px, config) == 0
        balanced = overhang(image_px, 0) <= config.most_overhang
        votes.confirmed += config.doubtful_weight * (is_upright and balanced)


def _verdict(votes: _Votes, expected_deg: int, config: TurnConfig) -> Upright:
    total = votes.total()
    best = max(TURNS_DEG, key=lambda turn: (votes.weight[turn], turn == expected_deg))
    needed = max(
        config.least_votes, config.least_share * total, config.people_share * votes.people
    )
    kind = "frames on hands and feet" if votes.prone > votes.people / 2 else "standing frames"
    if best != expected_deg and votes.weight[best] >= needed:
        return Upright(
            best, f"{votes.weight[best]:.1f} of {total:.1f} {kind} are upright in this turn"
        )
    if total == 0.0:
        reason = "no sampled frame clearly shows which way is up: the expected turn is kept"
    else:
        agree = votes.weight[expected_deg]
        reason = f"{agree:.1f} of {total:.1f} {kind} agree with what is expected"
    return Upright(expected_deg, reason)


def find_upright(
    frames: Iterable[SampledFrame],
    video_id: str,
    config: VideoConfig,
    exercises: Sequence[ExpectedExercise] = (),
) -> Upright:
    """Decide the turn of a video, or take the configured one, which needs no frames."""
    fixed_deg = config.turn.fixed_deg
    if fixed_deg is not None:
        if fixed_deg not in TURNS_DEG:
            raise ValueError(f"fixed_deg is {fixed_deg}, must be one of {TURNS_DEG}")
        return Upright(fixed_deg, "the turn is set in the configuration")
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        return Upright(0, "no frame could be looked at")
    height, width = first.image.shape[:2]
    expected = expected_turn_deg(video_id, width, height, config.turn)
    person = replace(config.person, detector_model=config.turn.detector_model)
    with PoseLandmarker(person, follow=False) as look:
        return decide_turn(chain([first], rest), expected, look, config.turn, exercises)
