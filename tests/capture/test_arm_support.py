from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.arm_support import carrying_arms, elbows_alike
from qevd_bio.capture.monocular.config import SupportConfig
from qevd_bio.capture.monocular.stick_body import JOINT, K

CONFIG = SupportConfig()
RATE, SECONDS = 30.0, 6


def tracks(shoulder=0.15, hand=0.0, hand_below=True):
    """Slopes of a body with shoulders and hands that go up and down (0.3: a leg)."""
    time = np.arange(int(RATE * SECONDS)) / RATE
    swing = 0.5 - 0.5 * np.cos(2 * np.pi * time / 2.0)
    rays = np.zeros((len(time), K, 2))
    for side in "lr":
        rays[:, JOINT[f"shoulder_{side}"], 1] = shoulder * swing
        rays[:, JOINT[f"wrist_{side}"], 1] = (0.3 if hand_below else -0.3) + hand * swing
    return rays


def carrying(rays, visibility=None):
    frames = len(rays)
    seen = np.ones((frames, K)) if visibility is None else visibility
    return carrying_arms(
        rays, seen, np.full(frames, 1 / RATE), np.zeros(frames, dtype=np.int64), 0.3, CONFIG
    )


@pytest.mark.parametrize(
    ("rays", "expected"),
    [
        (tracks(), True),
        (tracks(hand=0.03), True),
        (tracks(hand=0.15), False),
        (tracks(shoulder=0.01), False),
        (tracks(hand_below=False), False),
    ],
    ids=["push-up", "jittering hand", "arm that goes along", "plank", "pull-up"],
)
def test_a_hand_that_stays_while_the_shoulder_travels_carries(rays, expected):
    assert (carrying(rays) == expected).all()


def test_a_hidden_hand_does_what_the_other_one_does():
    rays = tracks()
    rays[:, JOINT["wrist_r"]] += 0.3 * np.random.default_rng(0).normal(size=(len(rays), 2))
    shown, hidden = np.ones((len(rays), K)), np.ones((len(rays), K))
    hidden[:, JOINT["wrist_r"]] = 0.2
    assert carrying(rays, shown).all(axis=0).tolist() == [True, False]
    assert carrying(rays, hidden).all()


def test_stretches_are_looked_at_one_by_one():
    rays = np.concatenate([tracks(), tracks(hand=0.15)])
    sections = np.repeat([0, 1], len(rays) // 2)
    found = carrying_arms(
        rays, np.ones(rays.shape[:2]), np.full(len(rays), 1 / RATE), sections, 0.3, CONFIG
    )
    assert (found == (sections == 0)[:, None]).all()


@pytest.mark.parametrize(
    ("carries", "unseen", "sigma_deg"),
    [
        pytest.param([True, True], 0.0, np.inf, id="both in view"),
        pytest.param([True, True], 0.5, 10.0, id="one half hidden"),
        pytest.param([True, True], 1.0, 5.0, id="one hidden"),
        pytest.param([True, False], 1.0, np.inf, id="one arm carries"),
    ],
)
def test_the_hidden_one_of_two_carrying_arms_bends_as_the_other(carries, unseen, sigma_deg):
    visibility = np.ones((3, K))
    visibility[:, JOINT["elbow_r"]] = 1.0 - unseen
    with np.errstate(divide="ignore"):
        found = 1.0 / np.rad2deg(elbows_alike(np.tile(carries, (3, 1)), visibility, CONFIG) ** -1)
    np.testing.assert_allclose(found, 1.0 / sigma_deg)
