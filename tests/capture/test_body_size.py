"""Heights and ratios of a body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.capture.body_size import segment_ratios, stature_m, with_height
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS


@pytest.mark.parametrize("height_m", [1.2, 1.75, 2.1])
def test_an_average_adult_s_segments_give_the_height_back(height_m: float) -> None:
    assert stature_m(segment_lengths_for_height(height_m)) == pytest.approx(height_m)


def motion() -> Motion:
    lengths = segment_lengths_for_height(1.75) | {"upper_arm": 0.40}
    return Motion(
        q=np.zeros((2, N_DOFS)),
        time_s=np.arange(2.0),
        confidence=np.ones(2),
        valid=np.ones(2, dtype=bool),
        observed=np.ones(N_DOFS, dtype=bool),
        sigma_rad=np.ones(N_DOFS),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m=lengths,
        root_m=np.array([[0.5, 0.1, 3.0], [0.6, 0.1, 3.0]]),
        focal_share=1.2,
    )


def test_a_height_changes_metres_and_neither_proportions_nor_the_picture() -> None:
    before, after = motion(), with_height(motion(), 2.1)
    assert stature_m(after.segment_lengths_m) == pytest.approx(2.1) and after.height_m == 2.1
    assert after.segment_lengths_m["upper_arm"] == pytest.approx(0.40 * 1.2)
    assert segment_ratios(after.segment_lengths_m) == pytest.approx(
        segment_ratios(before.segment_lengths_m)
    )
    assert after.root_m is not None and before.root_m is not None
    flat = [m[:, :2] / m[:, 2:] for m in (before.root_m, after.root_m)]
    assert np.allclose(*flat) and np.allclose(after.root_m, 1.2 * before.root_m)
    assert with_height(replace(before, root_m=None), 1.6).root_m is None


def test_ratios_are_shares_of_legs_and_trunk() -> None:
    ratios = segment_ratios({"thigh": 1.0, "shank": 1.0, "trunk": 2.0, "foot": 0.5})
    assert ratios == {"foot": 0.125, "shank": 0.25, "thigh": 0.25, "trunk": 0.5}
