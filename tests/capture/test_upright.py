from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS
from qevd_bio.capture.person.upright import (
    TURNS_DEG,
    balanced_turn_deg,
    decide_turn,
    expected_turn_deg,
    find_upright,
    standing_turn_deg,
)
from qevd_bio.capture.video.decode import SampledFrame, sampled_frames, turned
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from tests.capture.stick_poses import marked

CONFIG = TurnConfig()

# x right and y down, pixels, around the hips; left and right pairs of MediaPipe's numbers
STANDING = {
    11: (10, -50), 12: (-10, -50), 13: (14, -25), 14: (-14, -25), 15: (16, 0), 16: (-16, 0),
    23: (6, 0), 24: (-6, 0), 25: (7, 40), 26: (-7, 40), 27: (8, 80), 28: (-8, 80),
}  # fmt: skip
ARMS_UP = STANDING | {13: (14, -75), 14: (-14, -75), 15: (12, -98), 16: (-12, -98)}
ARMS_OUT = STANDING | {13: (35, -50), 14: (-35, -50), 15: (60, -50), 16: (-60, -50)}
ARMS_FORWARD = STANDING | {13: (-25, -48), 14: (-25, -48), 15: (-48, -48), 16: (-48, -48)}
SITTING = STANDING | {25: (-40, 5), 26: (-40, 5), 27: (-45, 40), 28: (-45, 40)}
BENT_OVER = STANDING | {11: (-45, -20), 12: (-45, -20), 13: (-45, 0), 14: (-45, 0)}


def figure(points, turn_deg=0):
    """Landmarks of a figure, turned clockwise."""
    image_px = np.zeros((33, 2))
    angle = np.deg2rad(turn_deg)
    clockwise = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    heels_and_toes = {29: 27, 30: 28, 31: 27, 32: 28}
    feet = {number: points[ankle] for number, ankle in heels_and_toes.items()}
    head = {0: (points[11][0] * 1.2, points[11][1] - 20)}
    for number, point in (points | feet | head).items():
        image_px[number] = clockwise @ point + 200.0
    return image_px


@pytest.mark.parametrize("lies", TURNS_DEG)
@pytest.mark.parametrize("points", [STANDING, ARMS_UP], ids=["arms down", "arms up"])
def test_a_standing_figure_is_turned_upright(points, lies):
    assert standing_turn_deg(figure(points, lies), CONFIG) == (360 - lies) % 360


@pytest.mark.parametrize("lies", [0, 90])
@pytest.mark.parametrize(
    "points",
    [ARMS_OUT, ARMS_FORWARD, SITTING, BENT_OVER],
    ids=["arms out", "arms forward or a push-up", "sitting", "bent over"],
)
def test_what_may_be_something_else_is_no_evidence(points, lies):
    assert standing_turn_deg(figure(points, lies), CONFIG) is None


def test_a_slanted_figure_is_no_evidence():
    assert standing_turn_deg(figure(STANDING, 45), CONFIG) is None
    assert standing_turn_deg(figure(STANDING, 8), CONFIG) == 0


@pytest.mark.parametrize(
    ("video_id", "size", "expected"),
    [
        ("0007", (640, 360), 90),
        ("0145", (640, 360), 90),
        ("0146", (640, 360), 0),
        ("0007", (360, 640), 0),
        ("squats", (640, 360), 0),
    ],
)
def test_only_early_landscape_qevd_videos_are_expected_sideways(video_id, size, expected):
    assert expected_turn_deg(video_id, *size, CONFIG) == expected
    assert expected_turn_deg(video_id, *size, replace(CONFIG, sideways_up_to_id=-1)) == 0


def picture(lies, points_name):
    """A picture with a corner pixel that encodes orientation and activity of the person."""
    image = np.zeros((40, 60, 3), dtype=np.uint8)
    image[0, 0, 0], image[0, 0, 1] = 255, points_name
    return turned(image, lies)


def look(image):
    """Find the marked corner, and the orientation of the figure relative to it."""
    corners = {0: image[0, 0], 90: image[0, -1], 180: image[-1, -1], 270: image[-1, 0]}
    lies = next(turn for turn, pixel in corners.items() if pixel[0] == 255)
    points = {0: None, 1: STANDING, 2: ARMS_FORWARD}[int(corners[lies][1])]
    if points is None:
        return None
    return figure(points, lies), np.zeros((33, 3)), np.ones(33)


NOBODY, STANDS, PUSH_UP = 0, 1, 2


def filmed(lies, kinds):
    return [SampledFrame(i, picture(lies, kind)) for i, kind in enumerate(kinds)]


def exercise(posture):
    return [ExpectedExercise(0, 1000, "repetitive", posture, "elbow_flexion", 0.6, 5.0)]


@pytest.mark.parametrize("lies", TURNS_DEG)
def test_a_prone_exercise_that_is_named_is_turned_onto_hands_and_feet(lies):
    frames = filmed(lies, [PUSH_UP] * 8)
    decision = decide_turn(frames, 0, look, CONFIG, exercise("prone"))
    assert decision.turn_deg == (270 - lies) % 360


def test_standing_is_no_evidence_in_a_prone_exercise():
    decision = decide_turn(filmed(90, [STANDS] * 8), 0, look, CONFIG, exercise("prone"))
    assert decision.turn_deg == 0


@pytest.mark.parametrize("lies", TURNS_DEG)
def test_arms_held_out_are_no_doubt_where_a_standing_exercise_is_named(lies):
    frames = filmed(lies, [PUSH_UP] * 8)
    assert decide_turn(frames, 0, look, CONFIG).turn_deg == 0
    assert (
        decide_turn(frames, 0, look, CONFIG, exercise("standing")).turn_deg == (360 - lies) % 360
    )


def views_of(rule, pitches=(-40, -20, 0, 20, 40)):
    """Landmarks (N, 33, 2) of a rule's reference from all sides, from above and from below."""
    marks_m = marked(build_reference(rule)[::8]) * [1.0, -1.0, -1.0]  # y down, z away
    marks_m -= marks_m.mean(axis=(0, 1))
    image_px = []
    for pitch in pitches:
        for azimuth in range(0, 360, 30):
            look = Rotation.from_euler("yx", [azimuth, pitch], degrees=True).as_matrix()
            seen = marks_m @ look.T + [0.0, 0.0, 3.3]
            view = np.zeros((len(seen), 33, 2))
            view[:, list(BODY_LANDMARKS)] = 700.0 * seen[..., :2] / seen[..., 2:]
            shoulders, hips = view[:, [11, 12]].mean(axis=1), view[:, [23, 24]].mean(axis=1)
            view[:, 0] = shoulders + 0.4 * (shoulders - hips)
            view[:, [29, 30]] = view[:, [27, 28]]
            image_px.append(view)
    return image_px


@pytest.mark.parametrize(
    "rule", [one for one in load_rules().values() if one.posture == "standing"],
    ids=lambda one: one.id,
)  # fmt: skip
def test_a_named_standing_exercise_that_is_stored_right_is_never_turned(rule):
    """Burpees and floor touches among them; stored on its head each view is found out."""
    for frames in views_of(rule):
        votes = Counter(balanced_turn_deg(one, CONFIG) for one in frames)
        total = sum(votes[turn] for turn in TURNS_DEG)
        wrong = max(votes[turn] for turn in TURNS_DEG if turn)
        assert wrong < CONFIG.people_share * len(frames) and wrong <= CONFIG.least_share * total
        on_her_head = Counter(balanced_turn_deg(-one, CONFIG) for one in frames)
        assert on_her_head[180] == votes[0]


def test_somebody_who_leans_beyond_her_feet_does_not_stand():
    leaning = STANDING | {
        number: (x + 0.35 * (80 - y), y) for number, (x, y) in STANDING.items() if y < 80
    }
    assert standing_turn_deg(figure(leaning), CONFIG) is None


def test_no_more_frames_are_looked_at_than_it_takes():
    looks = []

    def counting(image):
        looks.append(image)
        return look(image)

    decide_turn(filmed(0, [STANDS] * 12), 0, counting, CONFIG)
    assert len(looks) == CONFIG.agreeing


@pytest.mark.parametrize("lies", TURNS_DEG)
@pytest.mark.parametrize("expected", [0, 90])
def test_clear_standing_decides_whatever_is_expected(lies, expected):
    frames = filmed(lies, [STANDS] * 5 + [PUSH_UP] * 3 + [NOBODY])
    decision = decide_turn(frames, expected, look, CONFIG)
    assert decision.turn_deg == (360 - lies) % 360


@pytest.mark.parametrize("expected", [0, 90])
@pytest.mark.parametrize(
    "kinds",
    [[PUSH_UP] * 8, [NOBODY] * 8, [STANDS] + [PUSH_UP] * 7],
    ids=["push-ups only", "nobody", "one frame against"],
)
def test_without_enough_evidence_the_expected_turn_stays(kinds, expected):
    decision = decide_turn(filmed(180, kinds), expected, look, CONFIG)
    assert decision.turn_deg == expected
    assert decision.reason


def test_a_configured_turn_needs_no_look():
    assert find_upright([], "0007", VideoConfig(turn=TurnConfig(fixed_deg=270))).turn_deg == 270
    with pytest.raises(ValueError, match="must be one of"):
        find_upright([], "0007", VideoConfig(turn=TurnConfig(fixed_deg=45)))


SAMPLE = {
    "0007": "qevd_sample/QEVD-FIT-COACH/long_range_videos/0007.mp4",
    "0146": "qevd_sample/QEVD-FIT-COACH/long_range_videos/0146.mp4",
    "0150": "qevd_sample/QEVD-FIT-COACH-Benchmark/long_range_videos/0150.mp4",
}


@pytest.mark.data
@pytest.mark.parametrize(
    ("video_id", "path", "turn"),
    [
        ("0007", SAMPLE["0007"], 90),
        ("0146", SAMPLE["0146"], 0),
        ("0150", SAMPLE["0150"], 0),
        ("plank", "videos/plank_elbow_side.mp4", 0),
        ("push-ups", "videos/pushups_declined_side.mp4", 0),
        ("inclined", "videos2/v_inclined_pushups.mp4", 0),
    ],
)
def test_real_videos_are_put_upright(shared_data, video_id, path, turn):
    images = sampled_frames(shared_data / path, 12, longest_side_px=480)
    assert find_upright(images, video_id, VideoConfig()).turn_deg == turn


@pytest.mark.data
@pytest.mark.parametrize("stored", [90, 180])
def test_a_real_video_stored_on_its_side_is_found_out(shared_data, stored):
    images = list(sampled_frames(shared_data / SAMPLE["0146"], 12, longest_side_px=480))
    sideways = [SampledFrame(one.number, turned(one.image, stored)) for one in images]
    assert find_upright(sideways, "unknown", VideoConfig()).turn_deg == 360 - stored


@pytest.mark.data
@pytest.mark.parametrize(
    ("path", "posture", "is_turned"),
    [
        ("videos/squats_side_360p.mp4", "standing", True),
        ("videos2/h_squat.mp4", "standing", True),
        ("videos/squats_side_360p.mp4", "supine", False),
        ("videos/pushups_declined_side.mp4", "prone", True),
    ],
)
def test_a_named_exercise_decides_how_a_real_video_is_turned(
    shared_data, path, posture, is_turned
):
    for stored in (0, 90):
        images = sampled_frames(shared_data / path, 12, longest_side_px=480)
        frames = [SampledFrame(one.number, turned(one.image, stored)) for one in images]
        found = find_upright(frames, "unknown", VideoConfig(), exercise(posture))
        assert found.turn_deg == (360 - stored) % 360 * is_turned
