"""Of several people in the picture, one is followed: the one who exercises in front."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from qevd_bio.capture.config import PersonConfig, VideoConfig
from qevd_bio.capture.person.people import Person, Tracks, is_alike, is_same_place
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.scene import OUTFITS, VIEWS, camera_for, empty_room, render_motion

CONFIG = PersonConfig(detector_model="full")
FULL = VideoConfig(person=CONFIG)
WIDTH, HEIGHT = 300, 400
FRONT = camera_for(VIEWS["front"], WIDTH, HEIGHT)
RED, GREY = (200.0, 45.0, 50.0), (90.0, 90.0, 95.0)


def somebody(left: float, top: float, size: float, colour: tuple[float, ...] = RED) -> Person:
    box = np.array([left, top, left + size, top + 3 * size])
    return Person(box, np.array(colour), size)


@pytest.mark.parametrize(
    ("now", "same"),
    [
        pytest.param(somebody(104, 52, 60), True, id="a step on"),
        pytest.param(somebody(100, 110, 60), True, id="a squat down"),
        pytest.param(somebody(300, 50, 60), False, id="at the other end of the room"),
        pytest.param(somebody(100, 50, 30), False, id="half the size, in front of her"),
    ],
)
def test_boxes_of_one_person_overlap(now: Person, same: bool) -> None:
    assert is_same_place(somebody(100, 50, 60), now, CONFIG) == same


@pytest.mark.parametrize(
    ("now", "alike"),
    [
        pytest.param(somebody(300, 50, 66), True, id="elsewhere, same shirt"),
        pytest.param(somebody(300, 50, 60, GREY), False, id="other shirt"),
        pytest.param(somebody(100, 50, 30), False, id="far away"),
    ],
)
def test_a_person_who_returns_is_known_by_size_and_shirt(now: Person, alike: bool) -> None:
    assert is_alike(somebody(100, 50, 60), now, CONFIG) == alike


def test_a_person_who_comes_back_keeps_her_number() -> None:
    tracks = Tracks(CONFIG)
    for person in (somebody(0, 0, 60), somebody(200, 0, 30, GREY), somebody(90, 0, 62)):
        tracks.add(tracks.number_of(person), person)
    assert tracks.number_of(somebody(50, 0, 61)) == 0
    assert tracks.number_of(somebody(50, 0, 61, (20.0, 200.0, 20.0))) == 2


def squatting(build: str, outfit: int, frames: int) -> Iterator[np.ndarray]:
    q = build_reference(load_rules()["squat"])[np.arange(frames) * 4 % 100]
    return render_motion(q, load_body(build), OUTFITS[outfit], FRONT, prone=False)


def two_people(frames: int, person: set[int], bystander: set[int]) -> Iterator[np.ndarray]:
    """A person on the left; a bystander of 0.6 of her size on the right.

    Frames without her begin and end with a walk out of the picture, 50 pixels a frame.
    """
    room = empty_room(FRONT, mat=False)
    wall = np.concatenate([room, room[:, ::-1]], axis=1)
    rows = np.linspace(0, HEIGHT - 1, int(0.6 * HEIGHT)).astype(int)
    columns = np.linspace(0, WIDTH - 1, int(0.6 * WIDTH)).astype(int)
    near, far = squatting("woman", 0, frames), squatting("man", 1, frames)
    for frame, (large, small) in enumerate(zip(near, far, strict=True)):
        picture = wall.copy()
        out_px = min(WIDTH, 50 * min((abs(frame - there) for there in person), default=WIDTH))
        picture[:, : WIDTH - out_px] = large[:, out_px:]
        if frame in bystander:
            inset = small[np.ix_(rows, columns)]
            stands = (inset != room[np.ix_(rows, columns)]).any(axis=-1)
            place = picture[60 : 60 + len(rows), WIDTH + 60 : WIDTH + 60 + len(columns)]
            place[stands] = inset[stands]
        yield picture


EVER = set(range(60))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("person", "bystander", "followed"),
    [
        pytest.param(EVER, EVER, EVER, id="both all the time"),
        pytest.param(EVER - set(range(20, 40)), EVER, EVER - set(range(20, 40)), id="she leaves"),
        pytest.param(EVER, set(range(30, 60)), EVER, id="he comes in later"),
        pytest.param(EVER, set(), EVER, id="she is alone"),
    ],
)
def test_the_person_in_front_is_followed(
    person: set[int], bystander: set[int], followed: set[int]
) -> None:
    from qevd_bio.capture.person.follow_person import detect

    landmarks = detect(two_people(60, person, bystander), FULL)
    on_her = landmarks.found & (landmarks.image_px[:, [11, 12, 23, 24], 0].mean(axis=1) < WIDTH)
    assert not (landmarks.found & ~on_her).any(), "the bystander's pose was taken for hers"
    assert len(followed - set(np.flatnonzero(on_her))) <= 5


@pytest.mark.slow
def test_a_bystander_who_was_there_first_is_left_for_the_person() -> None:
    from qevd_bio.capture.person.follow_person import detect

    come = 10
    frames = CONFIG.recheck_frames + 50
    pictures = two_people(frames, set(range(come, frames)), set(range(frames)))
    landmarks = detect(pictures, FULL)
    x = landmarks.image_px[:, [11, 12, 23, 24], 0].mean(axis=1)
    later = np.arange(frames) > come + CONFIG.recheck_frames
    assert landmarks.found[later].mean() > 0.95
    assert (x[landmarks.found] < WIDTH).mean() == 1.0 or landmarks.somebody_else[:come].all()
    assert (x[later & landmarks.found] < WIDTH).all()
