"""A pose detector finds the rendered person, and finds the joints where they are."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.config import PersonConfig
from qevd_bio.capture.person.pose_landmarker import PoseLandmarker
from qevd_bio.synthetic.body_mesh import load_body, pose_body
from qevd_bio.synthetic.render import project
from qevd_bio.synthetic.scene import (
    OUTFITS,
    VIEWS,
    camera_for,
    level_on_hands_and_feet,
    render_motion,
    stand_on_ground,
)
from tests.synthetic.made_cycles import jumping_jack, lunges, pushup, squat

# BlazePose's landmark and SKEL's joint: shoulders, elbows, wrists, hips, knees, ankles.
SAME_PLACE = ((11, 20), (12, 15), (13, 21), (14, 16), (15, 23), (16, 18))
SAME_PLACE += ((23, 6), (24, 1), (25, 7), (26, 2), (27, 8), (28, 3))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "cycle", "view"),
    [
        pytest.param(0, squat, "front", id="squat of the man from the front"),
        pytest.param(1, jumping_jack, "oblique45", id="jacks of the woman at 45 degrees"),
        pytest.param(2, lunges, "side", id="lunges of the heavy man from the side"),
        pytest.param(0, pushup, "floor_side", id="push-up on the floor"),
    ],
)
def test_detector_finds_the_joints(build: int, cycle: object, view: str) -> None:
    body = load_body(("man", "woman", "heavy")[build])
    camera, prone = camera_for(VIEWS[view], 480, 640), view == "floor_side"
    q = cycle()[:-1:5]  # type: ignore[operator]
    if prone:
        q = level_on_hands_and_feet(q, body)
    vertices, joints = pose_body(body, q)
    true_px, _ = project(joints + stand_on_ground(vertices, joints, prone)[:, None], camera)
    distances, frames = [], 0
    with PoseLandmarker(PersonConfig(), follow=True) as detector:
        for picture, true in zip(
            render_motion(q, body, OUTFITS[build], camera, prone=prone), true_px, strict=True
        ):
            frames += 1
            found = detector.find(np.ascontiguousarray(picture))
            if found is not None:
                gaps = [np.linalg.norm(found.image_px[a] - true[b]) for a, b in SAME_PLACE]
                distances.append(np.median(gaps))
    assert len(distances) >= 0.97 * frames
    assert np.median(distances) < 12.0
