from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.body_chain import state_from_angles
from qevd_bio.capture.monocular.config import PostureConfig
from qevd_bio.capture.monocular.fitting import BONE_ENDS, Problem, Shared, fit_chain
from qevd_bio.capture.monocular.normal_equations import bend_coefficients
from qevd_bio.capture.monocular.stick_body import K
from tests.capture.stick_poses import LENGTHS, OFFSETS, marked, pose

FRAMES = 3


def pull(alike_deg: float) -> float:
    """Fit a body that stretches its right arm before the camera, the left one bent.

    The image is trusted as little as a hidden arm's; returns the elbows' difference in degrees.
    """
    q = pose(FRAMES, elbow_flexion_l=80.0, elbow_flexion_r=20.0, pelvis_rotation=90.0)
    place = np.tile([0.0, 0.0, 3.0], (FRAMES, 1))
    marks = marked(q) + place[:, None]
    problem = Problem(
        rays=marks[..., :2] / marks[..., 2:],
        trust=np.full((FRAMES, K), 0.2 / 0.02),
        depth=np.diff(marks[:, BONE_ENDS, 2], axis=2)[..., 0],
        depth_trust=np.full((FRAMES, len(BONE_ENDS)), 1 / 0.2),
        speed=np.zeros((FRAMES, K, 3)),
        acceleration=np.zeros((FRAMES, K, 3)),
        bend=bend_coefficients(np.full(FRAMES, 0.04)),
        size_matrix=1e4 * np.eye(len(LENGTHS)),
        size_target=1e4 * LENGTHS,
        bias_trust=np.full(len(BONE_ENDS), 1e3),
        elbows_alike=np.full(FRAMES, 1.0 / np.deg2rad(alike_deg)),
        offsets_m=OFFSETS,
        posture=PostureConfig(),
        outlier=3.0,
    )
    start = state_from_angles(q, place)
    state, _ = fit_chain(problem, start, Shared(LENGTHS, np.zeros(len(BONE_ENDS))), 40)
    return float(np.rad2deg(state.hinges_rad["elbow_l"] - state.hinges_rad["elbow_r"])[1])


def test_elbows_taken_for_alike_come_together_and_only_then():
    assert pull(np.inf) == pytest.approx(60.0, abs=5.0)
    assert abs(pull(1.0)) < 0.3 * pull(20.0) < 0.3 * pull(np.inf)
