"""Frame-to-frame noise, read off made angles."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import squats


@pytest.mark.parametrize("noise_deg", [0.5, 3.0])
def test_jitter_is_read_off_a_moving_angle(noise_deg):
    rng = np.random.default_rng(1)
    q = squats(600, 30.0, 0.0)
    still = jitter_sigma(q, np.zeros(600, dtype=np.int64))[DOF_INDEX["knee_angle_r"]]
    noisy = q + np.deg2rad(noise_deg) * rng.normal(size=q.shape)
    found = jitter_sigma(noisy, np.zeros(600, dtype=np.int64))
    assert np.rad2deg(still) < 0.2
    np.testing.assert_allclose(np.rad2deg(found), noise_deg, rtol=0.25)


def test_jitter_does_not_look_across_sections():
    q = np.zeros((40, 46))
    q[20:] = 1.0
    assert np.all(jitter_sigma(q, np.repeat([0, 1], 20)) == 0.0)
    assert np.all(jitter_sigma(q[:3], np.zeros(3, dtype=np.int64)) == 0.0)
