from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import pytest

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS
from qevd_bio.capture.person.follow_person import Landmarks, detect
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS, M, PoseLandmarker
from qevd_bio.capture.video.cuts import shot_frames
from qevd_bio.errors import EnvironmentProblem

CONFIG = VideoConfig()


def scene(seed: int) -> np.ndarray:
    """A room of coloured patches."""
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((40, 40, 1))).astype(np.uint8)


def with_body(room: np.ndarray, x: int) -> np.ndarray:
    image = room.copy()
    image[60:220, x : x + 40] = 30
    return image


def cuts(images) -> list[int]:
    return [i for i, frame in enumerate(shot_frames(images, CONFIG)) if frame.begins]


def test_a_cut_between_two_rooms_is_found_where_it_is():
    images = [scene(0)] * 10 + [scene(1)] * 10 + [scene(2)] * 5
    assert cuts(images) == [10, 20]


def test_a_fast_body_is_no_cut():
    images = [with_body(scene(0), 20 + 12 * (i % 20)) for i in range(60)]
    assert cuts(images) == []


def test_a_wobbling_camera_and_a_lamp_are_no_cuts():
    rng = np.random.default_rng(3)
    images = [
        np.clip(np.roll(scene(0), rng.integers(-2, 3, 2), (0, 1)) + rng.integers(0, 8), 0, 255)
        for _ in range(40)
    ]
    assert cuts([image.astype(np.uint8) for image in images]) == []


def fade(seeds: tuple[int | None, ...], frames: int) -> list[np.ndarray]:
    """Rooms with somebody moving, each fading into the next; None is black."""
    rooms = [scene(seed) if seed is not None else np.zeros_like(scene(0)) for seed in seeds]
    images = [with_body(rooms[0], 20 + 2 * i) for i in range(30)]
    for before, after in pairwise(rooms):
        for share in np.linspace(0.0, 1.0, frames + 2)[1:-1]:
            images.append((before * (1.0 - share) + after * share).astype(np.uint8))
    return images + [with_body(rooms[-1], 20 + 2 * i) for i in range(30)]


@pytest.mark.parametrize("frames", [1, 4, 12, 25, 50])
@pytest.mark.parametrize("seeds", [(0, 1), (0, None, 1)], ids=["dissolve", "through black"])
def test_a_fade_is_one_cut_at_its_end(seeds, frames):
    images = fade(seeds, frames)
    begins = cuts(images)
    assert len(begins) == 1
    assert len(images) - 30 - frames / 3 <= begins[0] <= len(images) - 30 + 8


def test_the_frames_of_a_fade_are_named_as_mixed():
    (begin,) = [frame for frame in shot_frames(fade((0, 1), 12), CONFIG) if frame.begins]
    assert 11 <= begin.mixed_before <= 20


def test_a_flash_is_no_cut():
    white = np.full_like(scene(0), 250)
    assert cuts([scene(0)] * 10 + [white] * 2 + [scene(0)] * 10) == []


def test_no_frame_is_lost_or_moved():
    images = fade((0, 1), 6)
    given = [frame.image for frame in shot_frames(images, CONFIG)]
    assert len(given) == len(images)
    assert all(one is other for one, other in zip(given, images, strict=True))


def test_tiny_pictures_do_not_fail():
    rng = np.random.default_rng(4)
    one, other = (rng.integers(0, 255, (5, 7, 3), dtype=np.uint8) for _ in range(2))
    assert cuts([one] * 4 + [other] * 4) == [4]


def one_frame(visible: dict[int, float]) -> Landmarks:
    visibility = np.zeros((1, M))
    for landmark, value in visible.items():
        visibility[0, landmark] = value
    return Landmarks(
        np.zeros((1, M, 2)), np.zeros((1, M, 3)), visibility, np.ones(1, bool),
        np.zeros(1, bool), np.zeros(1, np.int64), (10, 10),
    )  # fmt: skip


def test_a_person_from_the_side_is_fully_visible():
    left = dict.fromkeys((11, 13, 15, 23, 25, 27), 0.9)
    assert one_frame(left).confidence()[0] == pytest.approx(0.9)


def test_a_head_alone_is_not_a_person():
    assert one_frame(dict.fromkeys(range(11), 1.0)).confidence()[0] == 0.0


def test_landmark_numbers_and_joint_names_go_together():
    assert len(BODY_LANDMARKS) == len(BODY_JOINTS)
    # MediaPipe numbers the left landmark of a pair oddly and the right one evenly
    for landmark, joint in zip(BODY_LANDMARKS, BODY_JOINTS, strict=True):
        assert (landmark % 2 == 1) == joint.endswith("_l")


def test_a_missing_runtime_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(EnvironmentProblem, match=r"pip install ai-edge-litert"):
        PoseLandmarker(CONFIG.person, follow=True)


def test_an_empty_room_holds_nobody_and_nothing_is_printed(capfd):
    landmarks = detect([np.full((120, 160, 3), 128, dtype=np.uint8)] * 3, CONFIG)
    assert not landmarks.found.any()
    assert np.isnan(landmarks.image_px).all()
    assert landmarks.confidence().tolist() == [0.0, 0.0, 0.0]
    assert landmarks.size_px == (160, 120)
    assert capfd.readouterr().err == ""


def test_no_frames_give_empty_arrays():
    landmarks = detect([], CONFIG)
    assert landmarks.image_px.shape == (0, M, 2)
    assert landmarks.found.shape == (0,)
