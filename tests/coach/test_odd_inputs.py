"""Ten files that are no usual video of one person: a stated outcome each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.coach.analysis import Analysis, ChosenRule, Failure, analysed
from qevd_bio.coach.coached import CoachedVideo, coached
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.exercises.load import load_rules
from tests.coach import odd_inputs
from tests.coach.odd_inputs import REPETITIONS, Pictures, written

pytestmark = pytest.mark.slow

SQUAT = load_rules()["squat"]

Make = Callable[[Path, Pictures], Path]


@dataclass(frozen=True)
class Person:
    """The pictures of a rendered person, and a folder for what is made of them."""

    pictures: Pictures
    folder: Path

    def outcome(self, make: Make) -> CoachedVideo | str:
        """Coach a file that is made of the pictures; return the reason where it cannot be."""
        settings = CoachSettings(out=self.folder / "out", detector_model="full")
        file = make(self.folder, self.pictures)
        found = analysed(file.stem, file, ChosenRule(SQUAT), settings, lambda event: None)
        if isinstance(found, Failure):
            return found.reason
        assert isinstance(found, Analysis)
        return coached(found)


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    folder = tmp_path_factory.mktemp("odd")
    pictures = [picture[::2, ::2] for picture in odd_inputs.rendered_squats(folder)]
    return Person(pictures, folder)


def photograph(folder: Path, pictures: Pictures) -> Path:
    return odd_inputs.photograph(folder / "photograph.jpg", pictures[0])


def cartoon(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "cartoon.mp4", odd_inputs.cartoon())


def crowd(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "crowd.mp4", odd_inputs.crowd(pictures))


def black(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "black.mp4", [np.zeros((240, 320, 3), np.uint8)] * 24)


def three_frames(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "three.mp4", pictures[:3])


def eight_k(folder: Path, pictures: Pictures) -> Path:
    large = [odd_inputs.eight_k(picture) for picture in pictures[10:17]]
    return written(folder / "eight_k.mp4", large)


def sideways(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "sideways.mp4", [np.rot90(picture) for picture in pictures])


def slideshow(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "slideshow.mp4", pictures[::16], shown_s=3.0)


def webm(folder: Path, pictures: Pictures) -> Path:
    return written(folder / "a.webm", pictures, codec="libvpx")


def animated_gif(folder: Path, pictures: Pictures) -> Path:
    return odd_inputs.gif(folder / "moving.gif", pictures)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (photograph, "is a picture, no video"),
        (cartoon, "nobody is seen"),
        (black, "nobody is seen"),
        (three_frames, "has 3 frames and lasts 0.17 s: no repetition fits into it"),
    ],
)
def test_what_shows_nobody_moving_is_refused_with_the_cause(
    person: Person, make: Make, reason: str
) -> None:
    found = person.outcome(make)
    assert isinstance(found, str) and reason in found


@pytest.mark.parametrize("make", [webm, animated_gif, sideways, crowd])
def test_repetitions_are_counted_whatever_holds_them(person: Person, make: Make) -> None:
    found = person.outcome(make)
    assert isinstance(found, CoachedVideo) and len(found.repetitions) == REPETITIONS
    said = " ".join(found.remarks)
    assert ("people are in view" in said) == (make is crowd)
    assert ("turned clockwise by 90 degrees" in said) == (make is sideways)


def test_a_slideshow_shows_no_repetition_whole(person: Person) -> None:
    found = person.outcome(slideshow)
    assert isinstance(found, CoachedVideo) and found.repetitions == ()
    assert "no repetition of it is seen whole" in found.reason and found.errors == ()


def test_the_pictures_of_8k_are_scaled_down_and_seen(person: Person) -> None:
    found = person.outcome(eight_k)
    assert isinstance(found, CoachedVideo) and found.analysed.motion.valid.all()
    assert found.repetitions == () and "knee flexion moves by" in found.reason
