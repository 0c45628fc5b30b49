"""HSMR's pipeline with several people: the one who exercises is measured, not the largest.

A stand-in for the network reads the knee off the green of each crop.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.hsmr.batches import CropBatches
from qevd_bio.capture.hsmr.config import HsmrConfig
from qevd_bio.capture.hsmr.device import HsmrOnDevice
from qevd_bio.capture.hsmr.estimate import estimate_person
from qevd_bio.capture.hsmr.predict import Prediction
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.hsmr_scenes import ColourDetector, picture, small_network
from tests.capture.stick_poses import pose

CONFIG = HsmrConfig(
    precision="fp32", detect_every=2, detect_together=2, flip_every=0,
    video=VideoConfig(cut_difference=60.0),
)  # fmt: skip
RATE, FRAMES = 10.0, 80
KNEE = DOF_INDEX["knee_angle_r"]
LEFT, RIGHT = (20, 30, 70, 150), (120, 30, 170, 150)
STANDING = np.zeros(FRAMES)


def squats(frames: int = FRAMES, period_s: float = 2.0) -> np.ndarray:
    """Knee flexion in degrees."""
    return 50 - 50 * np.cos(2 * np.pi * np.arange(frames) / RATE / period_s)


def her(box, knee_deg):
    """Somebody in red whose green says how far the knees are bent."""
    return box, (220, round(10 + 0.5 * knee_deg), 30)


def him(box, knee_deg=0.0):
    return box, (30, round(10 + 0.5 * knee_deg), 220)


def read_knees(crops: torch.Tensor) -> Prediction:
    green = crops[:, 60:100, 118:138, 1].float().mean(dim=(1, 2))
    q = torch.from_numpy(pose(len(crops))).float()
    for side in "rl":
        q[:, DOF_INDEX[f"knee_angle_{side}"]] = torch.deg2rad((green - 10.0) / 0.5)
    zeros = torch.zeros(len(crops), 10)
    return Prediction(q, zeros, zeros[:, :3], torch.ones(len(crops), dtype=torch.bool))


def measured(frames, *, exercises=(), colours=((220, 35, 30), (30, 35, 220))):
    hsmr = HsmrOnDevice(small_network(), CONFIG, "cpu")
    hsmr.batches = CropBatches(read_knees, 1, shared=True)
    detector = ColourDetector(*colours)
    time_s = np.arange(len(frames)) / RATE
    return estimate_person(iter(frames), detector, hsmr, CONFIG, time_s, exercises)


def named_squats(frames: int = FRAMES):
    return (ExpectedExercise(0, frames, "repetitive", "standing", "knee_flexion", 0.7, 5.0),)


def grown(box, scale):
    left, top, right, bottom = box
    half = scale * (right - left) / 2
    middle = (left + right) / 2
    return middle - half, bottom - scale * (bottom - top), middle + half, bottom


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
@pytest.mark.parametrize("places", [(LEFT, RIGHT), (RIGHT, LEFT)], ids=["left", "right"])
@pytest.mark.parametrize("scale", [1.0, 1.2], ids=["as large", "nearer"])
def test_somebody_who_stands_by_is_left(named, places, scale):
    here, there = places
    frames = [picture(him(grown(there, scale)), her(here, knee)) for knee in squats()]
    seen = measured(frames, exercises=named_squats() if named else ())
    assert seen.found.all() and not seen.somebody_else.any()
    np.testing.assert_allclose(np.rad2deg(seen.q[:, KNEE]), squats(), atol=2.0)
    assert seen.people == 2 and seen.changes == () and (seen.shot == 0).all()


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
def test_somebody_who_walks_through_is_left(named):
    """In front of her, larger, with knees that move."""
    frames = []
    for i, knee in enumerate(squats()):
        at = -120 + 14 * (i - 20)
        step = 30 - 30 * np.cos(2 * np.pi * i / RATE)
        walker = [him((at, 10, at + 60, 155), step)] if 20 <= i < 44 else []
        frames.append(picture(her((75, 30, 125, 150), knee), *walker))
    seen = measured(frames, exercises=named_squats() if named else ())
    assert seen.people == 2 and seen.changes == ()
    assert (seen.square_px[seen.found, 2] < 125.0).all(), "no frame shows the walker, 145 high"
    assert seen.found[:20].all() and seen.found[44:].all() and seen.found.sum() >= 65


def test_turns_at_exercising_are_told_and_begin_a_number():
    knees = np.concatenate([squats(100), np.zeros(100)])
    frames = [picture(her(LEFT, a), him(RIGHT, b))
              for a, b in zip(knees, knees[::-1], strict=True)]  # fmt: skip
    seen = measured(frames)
    (change,) = seen.changes
    assert abs(change - 100) < 2.5 * RATE and seen.found.all()
    assert seen.shot.tolist() == [0] * change + [1] * (200 - change)
    on_her = seen.square_px[:, 0] < 95.0
    assert on_her[:change].all() and not on_her[change:].any()


def test_frames_that_show_only_somebody_else_are_not_hers():
    frames = [picture(her(LEFT, knee)) for knee in squats(50)] + [picture(him(RIGHT))] * 20
    seen = measured(frames)
    assert seen.found[:50].all() and not seen.found[52:].any()
    assert seen.somebody_else[52:].all() and np.isnan(seen.q[52:]).all()


def test_a_cut_to_another_person_is_no_change_of_mind():
    frames = [picture(her(LEFT, knee), ground=40) for knee in squats(30)]
    frames += [picture(him(RIGHT, knee), ground=220) for knee in squats(30)]
    seen = measured(frames)
    assert seen.found.all() and seen.changes == () and seen.people == 1
    assert seen.shot.tolist() == [0] * 30 + [1] * 30


def test_a_video_without_frames_shows_nobody():
    """What a file that breaks in its first frame gives; `Footage.check_decoded` tells why."""
    seen = measured([])
    assert seen.found.shape == (0,) and seen.people == 0 and seen.changes == ()
