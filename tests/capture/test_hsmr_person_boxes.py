from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.hsmr.person_boxes import boxed_frames
from tests.capture.hsmr_scenes import BLUE, GREEN, RED, ColourDetector, picture

# somebody who fills a third of the picture and vanishes is no cut
NO_CUTS = VideoConfig(cut_difference=60.0)


def walked(frames, detector=None, every=4, together=2, most=3):
    """All frames with the boxes of their people."""
    person = replace(NO_CUTS.person, most_people=most)
    video = replace(NO_CUTS, person=person)
    config = HsmrConfig(detect_every=every, detect_together=together, video=video)
    return [one for some in boxed_frames(frames, detector or ColourDetector(), config)
            for one in some]  # fmt: skip


def boxes(found, number=0):
    return np.array([one.people[number].box_px for one in found])


def numbers(found):
    return [sorted(one.people) for one in found]


def test_boxes_without_a_pixel_are_nobody():
    nowhere = [(200.0, 20.0, 200.0, 140.0), (5.0, 5.0, 5.5, 90.0), (np.nan,) * 4]

    def detector(images):
        return [Detected(np.array(nowhere), np.full(3, 0.9)) for _ in images]

    assert numbers(walked([picture() for _ in range(9)], detector)) == [[]] * 9


def moving(i):
    return (20 + 3 * i, 20, 60 + 3 * i, 140)


def test_boxes_between_detections_lie_where_the_person_is():
    detector = ColourDetector()
    found = walked([picture((moving(i), RED)) for i in range(23)], detector)
    assert sum(detector.calls) == 7, "frames 0, 4, ... 20 and the last one"
    np.testing.assert_allclose(boxes(found), [moving(i) for i in range(23)])
    assert {one.shot for one in found} == {0}
    assert all(one.people[0].score == pytest.approx(0.9) for one in found)


@pytest.mark.parametrize(("every", "together"), [(1, 1), (1, 5), (3, 1), (5, 4), (50, 2)])
def test_every_frame_comes_once_and_in_order(every, together):
    frames = [picture((moving(i), RED)) for i in range(17)]
    found = walked(frames, None, every, together)
    assert [one.image is frame for one, frame in zip(found, frames, strict=True)] == [True] * 17


def test_frames_are_held_no_longer_than_the_detector_needs_them():
    taken = 0

    def frames():
        nonlocal taken
        for i in range(60):
            taken += 1
            yield picture((moving(i % 10), RED))

    yielded = 0
    config = HsmrConfig(detect_every=4, detect_together=2)
    for boxed in boxed_frames(frames(), ColourDetector(), config):
        yielded += len(boxed)
        assert taken - yielded <= 2, "one frame is held back to tell a cut from a fade"


def test_somebody_who_comes_and_goes_is_there_for_the_nearer_half():
    # looked at in frames 0, 4, 8 ...; there from frame 4 up to 8
    frames = [picture((moving(i), RED)) if 4 <= i <= 8 else picture() for i in range(13)]
    assert numbers(walked(frames)) == [[0] if 2 < i <= 10 else [] for i in range(13)]


def test_an_unsure_detection_is_nobody():
    frames = [picture((moving(0), RED))] * 5
    assert numbers(walked(frames, ColourDetector(score=0.4))) == [[]] * 5


def test_everybody_is_followed_whatever_the_order_of_the_boxes():
    large, small = (20, 10, 80, 150), (120, 60, 150, 130)
    for colours in ((RED, BLUE), (BLUE, RED)):
        frames = [picture((large, RED), (small, BLUE))] * 9
        found = walked(frames, ColourDetector(*colours))
        red = colours.index(RED)
        np.testing.assert_allclose(boxes(found, red), [large] * 9)
        np.testing.assert_allclose(boxes(found, 1 - red), [small] * 9)


def test_of_more_people_than_are_followed_the_largest_are():
    places = (20, 10, 60, 150), (80, 40, 110, 130), (130, 10, 170, 150)
    frames = [picture(*zip(places, (RED, BLUE, GREEN), strict=True))] * 9
    found = walked(frames, most=2)
    np.testing.assert_allclose(boxes(found, 0), [places[0]] * 9)
    np.testing.assert_allclose(boxes(found, 1), [places[2]] * 9)
    assert numbers(found) == [[0, 1]] * 9 and numbers(walked(frames)) == [[0, 1, 2]] * 9


def test_two_who_cross_keep_their_names():
    def at(i):
        return (10 + 4 * i, 20, 60 + 4 * i, 150), (130 - 4 * i, 30, 172 - 4 * i, 150)

    frames = [picture((at(i)[1], BLUE), (at(i)[0], RED)) for i in range(30)]
    red = np.array([at(i)[0] for i in range(30)])
    np.testing.assert_allclose(boxes(walked(frames, every=2)), red, atol=1.0)


def test_somebody_who_passes_while_the_person_is_away_is_another_one():
    frames = [picture(((20, 10, 80, 150), RED))] * 16
    frames += [picture(((120, 60, 150, 130), BLUE))] * 8
    frames += [picture(((100, 10, 160, 150), RED))] * 16
    found = numbers(walked(frames))
    assert found[:14] == [[0]] * 14 and found[18:22] == [[1]] * 4 and found[26:] == [[0]] * 14


def test_somebody_who_returns_elsewhere_is_known_by_size_and_colour():
    frames = [picture(((10, 10, 60, 150), RED))] * 8
    frames += [picture()] * 8
    frames += [picture(((130, 12, 180, 150), RED), ((20, 30, 60, 140), GREEN))] * 8
    found = walked(frames)
    np.testing.assert_allclose(boxes(found[-6:]), [(130, 12, 180, 150)] * 6)
    assert numbers(found)[0] == [0] and numbers(found)[-1] == [0, 1]


def test_a_cut_begins_a_shot_and_no_box_moves_across_it():
    dark, bright = 40, 220
    before, after = (20, 10, 80, 150), (110, 20, 170, 150)
    frames = [picture((before, RED), ground=dark)] * 10
    frames += [picture((after, BLUE), ground=bright)] * 7
    found = walked(frames)
    assert [one.shot for one in found] == [0] * 10 + [1] * 7
    np.testing.assert_allclose(boxes(found), [before] * 10 + [after] * 7)
