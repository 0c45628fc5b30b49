"""How far fitted joints may lie off along the line of sight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qevd_bio.capture.monocular.config import LiftingConfig
from qevd_bio.capture.monocular.lifting import ShotLandmarks, lift
from tests.capture.stick_poses import landmarks, marked, squats

CONFIG = LiftingConfig()


def depth_sigma_m(config: LiftingConfig, frames: int = 60) -> np.ndarray:
    """Of squats seen from 30 degrees."""
    image, world, visibility, size = landmarks(
        marked(squats(frames, 25.0, 30.0)), squeeze=0.7, noise_px=1.0
    )
    sections = np.zeros(frames, dtype=np.int64)
    shot = ShotLandmarks(image, world, visibility, np.arange(frames) / 25, sections, size)
    return lift(shot, config).depth_sigma_m


def test_blurred_landmarks_make_depth_uncertain():
    usual = depth_sigma_m(CONFIG)
    assert np.all((usual > 0.002) & (usual < 0.3))
    blurred = depth_sigma_m(replace(CONFIG, image_sigma_m=2 * CONFIG.image_sigma_m))
    # the frames beside it hold a joint as well, so not twice as uncertain
    assert np.all(blurred > 0.99 * usual)
    assert 1.03 < np.median(blurred / usual) < 2.0


def test_a_long_shot_is_as_certain_in_parts_frame_by_frame():
    whole = depth_sigma_m(CONFIG, frames=320)
    parts = depth_sigma_m(replace(CONFIG, chunk_frames=180), frames=320)
    assert parts.shape == whole.shape
    within = np.abs(np.log(parts / whole)) < np.log(1.15)
    assert within.mean() > 0.95
    # it varies over each squat, so frames of parts in a wrong order would not follow it
    knees = [one[:, 8] - one[:, 8].mean() for one in (parts, whole)]
    assert np.corrcoef(*knees)[0, 1] > 0.95
