from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.config import LegSwapConfig
from qevd_bio.capture.monocular.side_swaps import swap_legs, swapped_legs
from qevd_bio.capture.monocular.stick_body import JOINT
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import landmarks, pose, squats, stick

CONFIG = LegSwapConfig()


def lunges(frames=90, rate=25.0, azimuth_deg=90.0):
    """Legs go to and fro against each other, knees bend in turn."""
    phase = 2 * np.pi * np.arange(frames) / rate / 3.0
    q = pose(frames, pelvis_rotation=azimuth_deg)
    for side, sign in (("r", 1.0), ("l", -1.0)):
        ahead = np.deg2rad(40.0) * np.maximum(sign * np.sin(phase), 0.0) ** 2
        q[:, DOF_INDEX[f"hip_flexion_{side}"]] = 2.0 * ahead
        q[:, DOF_INDEX[f"knee_angle_{side}"]] = 2.0 * ahead
    return q


def seen(q):
    image, world, _, _ = landmarks(stick(q), squeeze=0.6, noise_px=1.5)
    return image, world


MOVES = [
    pytest.param(lunges(), id="lunges from the side"),
    pytest.param(lunges(azimuth_deg=45.0), id="lunges at 45 degrees"),
    pytest.param(squats(90, 25.0, 0.0), id="squats from the front"),
]


@pytest.mark.parametrize("q", MOVES)
def test_legs_that_never_changed_places_are_left_alone(q):
    image, world = seen(q)
    assert not swapped_legs(image, world, np.zeros(len(q), dtype=int), CONFIG).any()


@pytest.mark.parametrize("first", [12, 50])
@pytest.mark.parametrize("count", [1, 3, 8])
def test_legs_that_change_places_for_a_while_are_put_back(first, count):
    image, world = seen(lunges())
    wrong = np.zeros(len(image), dtype=bool)
    wrong[first : first + count] = True
    spoilt = swap_legs(image, wrong), swap_legs(world, wrong)
    found = swapped_legs(*spoilt, np.zeros(len(image), dtype=int), CONFIG)
    apart = np.abs(np.diff(image[:, [JOINT["ankle_l"], JOINT["ankle_r"]]], axis=1)).max(
        axis=(1, 2)
    )
    clear = apart > 40.0
    np.testing.assert_array_equal(found[clear], wrong[clear])


def test_putting_back_twice_changes_nothing_and_once_only_the_legs():
    image, _ = seen(lunges(frames=10))
    some = np.arange(10) % 3 == 0
    once = swap_legs(image, some)
    np.testing.assert_array_equal(swap_legs(once, some), image)
    legs = [i for name, i in JOINT.items() if name[:-2] in ("knee", "ankle", "toe")]
    others = np.delete(np.arange(len(JOINT)), legs)
    np.testing.assert_array_equal(once[:, others], image[:, others])
    assert (once[some][:, legs] != image[some][:, legs]).all()


def test_a_cut_is_no_swap():
    image, world = seen(lunges())
    turned = np.concatenate([image[:30], swap_legs(image, np.ones(len(image), bool))[50:]])
    flat = np.concatenate([world[:30], swap_legs(world, np.ones(len(world), bool))[50:]])
    sections = np.repeat([0, 1], [30, len(image) - 50])
    assert not swapped_legs(turned, flat, sections, CONFIG).any()
