"""People keep their numbers when they cross, hide each other and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

import numpy as np
import pytest

from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.detector.landmarks import PoseLandmarks
from qevd_bio.capture.detector.sampling import Region
from qevd_bio.capture.person import follow_people
from qevd_bio.capture.person.follow_people import PeopleFollower
from tests.capture.test_upright import STANDING

RED, BLUE, GREY = (200, 45, 50), (40, 60, 190), (150, 150, 150)
Somebody = tuple[str, float, tuple[int, int, int]]
"""Name, place across the picture, and shirt; the last of a scene stands in front."""

FIGURE = np.zeros((33, 2))
for number, point in STANDING.items():
    FIGURE[number] = point


def picture(scene: list[Somebody]) -> np.ndarray:
    image = np.full((300, 640, 3), 230, dtype=np.uint8)
    for _, x, shirt in scene:
        image[100:150, max(0, int(x) - 14) : int(x) + 14] = shirt
    return image


class Seen:
    """Stands in for the landmarker: sees whoever is not hidden, and follows the nearest."""

    networks = None
    scene: ClassVar[list[Somebody]] = []

    def __init__(self, config: PersonConfig, **_: object) -> None:
        self._x = np.nan

    @classmethod
    def visible(cls) -> list[float]:
        places = [x for _, x, _ in cls.scene]
        return [
            x for i, x in enumerate(places)
            if 0 <= x < 640 and all(abs(x - front) > 18 for front in places[i + 1 :])
        ]  # fmt: skip

    def marks(self, x: float) -> PoseLandmarks:
        self._x = x
        image = FIGURE + np.array([x, 150.0])
        edge, region = np.array([[x, 150.0], [x, 60.0]]), Region(x, 150.0, 200.0)
        ones = np.ones(33)
        return PoseLandmarks(image, np.zeros((33, 3)), ones, ones, edge, region, 1.0)

    def regions(self, _: np.ndarray) -> Iterator[Region]:
        return iter([Region(x, 150.0, 200.0) for x in self.visible()])

    def landmarks_in(self, _: np.ndarray, region: Region) -> PoseLandmarks:
        return self.marks(region.x_px)

    def follow(self, marks: PoseLandmarks) -> None:
        self._x = marks.region.x_px

    def find(self, _: np.ndarray) -> PoseLandmarks | None:
        near = sorted(self.visible(), key=lambda x: abs(x - self._x))
        return self.marks(near[0]) if near and abs(near[0] - self._x) < 25 else None


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[int, dict[int, float]]]:
    """Return place by frame of everybody followed, by number."""
    monkeypatch.setattr(follow_people, "PoseLandmarker", Seen)

    def follow(scenes: list[list[Somebody]]) -> dict[int, dict[int, float]]:
        follower = PeopleFollower(PersonConfig())
        for scene in scenes:
            Seen.scene = scene
            follower(picture(scene))
        return {
            number: {frame: float(found.middle_px[0]) for frame, found in rows}
            for number, rows in follower.seen.items()
        }

    return follow


def crossing(shirt: tuple[int, int, int], frames: int = 200) -> list[list[Somebody]]:
    """The athlete stays at 320; a walker passes in front of her."""
    return [[("athlete", 320.0, RED), ("walker", 20.0 + 3.0 * i, shirt)] for i in range(frames)]


@pytest.mark.parametrize("shirt", [BLUE, RED], ids=["other shirt", "same shirt"])
def test_a_walker_in_front_takes_no_number_away(followed, shirt):
    people = followed(crossing(shirt))
    athlete, walker = people[0], people[1]
    assert len(people) == 2
    assert all(abs(x - 320) < 30 for x in athlete.values())
    assert all(abs(x - 20 - 3 * frame) < 30 for frame, x in walker.items())
    assert {0, 40, 150, 199} <= set(athlete) and {190} <= set(walker)
    assert len(athlete) > 170


def test_somebody_unseen_before_who_passes_is_not_taken_for_her(followed):
    """Between two searches the landmarks go along with a person whom nobody has seen."""
    scenes = [[("athlete", 320.0, RED)] for _ in range(31)]
    scenes += [[("athlete", 320.0, RED), ("walker", 300.0 + 3.0 * i, BLUE)] for i in range(100)]
    people = followed(scenes)
    assert all(abs(x - 320) < 30 for x in people[0].values())
    assert len(people[0]) > 100


def test_who_comes_back_is_known_and_a_stranger_is_not(followed):
    here, nobody = [("athlete", 320.0, RED)], []
    scenes = [here] * 40 + [nobody] * 40 + [[("athlete", 200.0, RED)]] * 40
    scenes += [nobody] * 200 + [[("other", 200.0, GREY)]] * 10
    people = followed(scenes)
    assert set(people) == {0, 1}
    assert {0, 100} <= set(people[0]) and min(people[1]) == 320


def test_of_a_crowd_no_more_are_followed_than_configured(followed):
    crowd = [(str(i), 60.0 + 100.0 * i, GREY) for i in range(6)]
    assert len(followed([crowd] * 3)) == PersonConfig().most_people


def test_a_search_for_others_costs_no_more_than_a_look_now_and_then(followed, monkeypatch):
    looks = []
    regions = Seen.regions
    monkeypatch.setattr(Seen, "regions", lambda self, i: looks.append(1) or regions(self, i))
    followed([[("athlete", 320.0, RED)]] * 300)
    assert len(looks) <= 300 / PersonConfig().recheck_frames + 2
