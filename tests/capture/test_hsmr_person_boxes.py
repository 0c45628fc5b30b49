from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.detector import Detected
from qevd_bio.capture.hsmr.person_boxes import boxed_frames
from tests.capture.hsmr_scenes import BLUE, GREEN, RED, ColourDetector, picture

# somebody who fills a third of the picture and vanishes is no cut
NO_CUTS = VideoConfig(cut_difference=60.0)


def walked(frames, detector=None, every=4, together=2):
    """All frames with their boxes, and the number of the person of each shot."""
    config = HsmrConfig(detect_every=every, detect_together=together, video=NO_CUTS)
    found, mains = [], {}
    for boxed, people in boxed_frames(frames, detector or ColourDetector(), config):
        found += boxed
        mains[boxed[0].shot] = people.main
    return found, {shot: main() for shot, main in mains.items()}


def of_main(found, mains):
    return [one.number == mains[one.shot] for one in found]


def test_boxes_without_a_pixel_are_nobody():
    nowhere = [(200.0, 20.0, 200.0, 140.0), (5.0, 5.0, 5.5, 90.0), (np.nan,) * 4]

    def detector(images):
        return [Detected(np.array(nowhere), np.full(3, 0.9)) for _ in images]

    found, mains = walked([picture() for _ in range(9)], detector)
    assert all(one.number == -1 and np.isnan(one.box_px).all() for one in found)
    assert mains == {0: -1}


def moving(i):
    return (20 + 3 * i, 20, 60 + 3 * i, 140)


def test_boxes_between_detections_lie_where_the_person_is():
    detector = ColourDetector()
    found, mains = walked([picture((moving(i), RED)) for i in range(23)], detector)
    assert sum(detector.calls) == 7, "frames 0, 4, ... 20 and the last one"
    np.testing.assert_allclose([one.box_px for one in found], [moving(i) for i in range(23)])
    assert all(of_main(found, mains)) and {one.shot for one in found} == {0}
    assert all(one.score == pytest.approx(0.9) for one in found)


@pytest.mark.parametrize(("every", "together"), [(1, 1), (1, 5), (3, 1), (5, 4), (50, 2)])
def test_every_frame_comes_once_and_in_order(every, together):
    frames = [picture((moving(i), RED)) for i in range(17)]
    found, _ = walked(frames, None, every, together)
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
    for boxed, _ in boxed_frames(frames(), ColourDetector(), config):
        yielded += len(boxed)
        assert taken - yielded <= 2, "one frame is held back to tell a cut from a fade"


def test_somebody_who_comes_and_goes_is_there_for_the_nearer_half():
    # looked at in frames 0, 4, 8 ...; there from frame 4 up to 8
    frames = [picture((moving(i), RED)) if 4 <= i <= 8 else picture() for i in range(13)]
    found, _ = walked(frames)
    assert [one.number >= 0 for one in found] == [2 < i <= 10 for i in range(13)]
    gone = found[0]
    assert np.isnan(gone.box_px).all() and gone.score == 0.0


def test_an_unsure_detection_is_nobody():
    found, _ = walked([picture((moving(0), RED))] * 5, ColourDetector(score=0.4))
    assert all(one.number == -1 for one in found)


def test_the_larger_of_two_is_followed_whatever_their_order():
    large, small = (20, 10, 80, 150), (120, 60, 150, 130)
    for colours in ((RED, BLUE), (BLUE, RED)):
        frames = [picture((large, RED), (small, BLUE))] * 9
        found, mains = walked(frames, ColourDetector(*colours))
        np.testing.assert_allclose([one.box_px for one in found], [large] * 9)
        assert all(of_main(found, mains))


def test_two_who_cross_keep_their_names():
    def at(i):
        return (10 + 4 * i, 20, 60 + 4 * i, 150), (130 - 4 * i, 30, 172 - 4 * i, 150)

    frames = [picture((at(i)[1], BLUE), (at(i)[0], RED)) for i in range(30)]
    found, mains = walked(frames, every=2)
    red = np.array([at(i)[0] for i in range(30)])
    np.testing.assert_allclose([one.box_px for one in found], red, atol=1.0)
    assert all(of_main(found, mains))


def test_somebody_who_passes_while_the_person_is_away_is_another_one():
    frames = [picture(((20, 10, 80, 150), RED))] * 16
    frames += [picture(((120, 60, 150, 130), BLUE))] * 8
    frames += [picture(((100, 10, 160, 150), RED))] * 16
    found, mains = walked(frames)
    right = of_main(found, mains)
    assert all(right[:14]) and all(right[26:])
    assert not any(right[18:22]) and all(one.number >= 0 for one in found[18:22])


def test_somebody_who_returns_elsewhere_is_known_by_size_and_colour():
    frames = [picture(((10, 10, 60, 150), RED))] * 8
    frames += [picture()] * 8
    frames += [picture(((130, 12, 180, 150), RED), ((20, 30, 60, 140), GREEN))] * 8
    found, mains = walked(frames)
    assert found[0].number == found[-1].number == mains[0]


def test_a_cut_begins_a_shot_and_no_box_moves_across_it():
    dark, bright = 40, 220
    before, after = (20, 10, 80, 150), (110, 20, 170, 150)
    frames = [picture((before, RED), ground=dark)] * 10
    frames += [picture((after, BLUE), ground=bright)] * 7
    found, mains = walked(frames)
    assert [one.shot for one in found] == [0] * 10 + [1] * 7
    np.testing.assert_allclose([one.box_px for one in found], [before] * 10 + [after] * 7)
    assert all(of_main(found, mains)) and len(mains) == 2
