"""A fit that no body could have, or that misses its landmarks, is refused with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.capture.monocular import fit_check
from qevd_bio.capture.monocular.config import FitCheckConfig, LiftingConfig
from qevd_bio.capture.monocular.fit_check import (
    FitDoubts,
    checked_lift,
    frame_residuals,
    hidden_angles,
    wrong_proportions,
)
from qevd_bio.capture.monocular.lifting import ShotLandmarks, lift
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH, LENGTH_NAMES
from qevd_bio.skeleton.dofs import DOF_INDEX
from tests.capture.stick_poses import landmarks, marked, squats

CHECK, LIFTING = FitCheckConfig(), LiftingConfig()
FRAMES = 40


@pytest.fixture(scope="module")
def shot() -> ShotLandmarks:
    image, world, visibility, size = landmarks(
        marked(squats(FRAMES, 25.0, 30.0)), squeeze=0.7, noise_px=1.0
    )
    time_s, sections = np.arange(FRAMES) / 25.0, np.zeros(FRAMES, dtype=np.int64)
    return ShotLandmarks(image, world, visibility, time_s, sections, size)


def shrunk(lifted, name: str, share: float):
    return replace(lifted, lengths_m=lifted.lengths_m | {name: lifted.lengths_m[name] * share})


def test_a_good_fit_is_accepted_at_once(shot):
    checked = checked_lift(shot, LIFTING, CHECK)
    assert not checked.refusal and not checked.restarted and checked.explained.all()
    assert np.median(frame_residuals(shot, checked.lifted, LIFTING)) < 1.0


@pytest.mark.parametrize(("name", "ratio"), [("shoulder_width", 0.09), ("thigh", 0.4),
                                             ("trunk", 2.0), ("foot", 0.12)])  # fmt: skip
def test_impossible_proportions_are_named(name, ratio):
    ratios = np.ones(len(LENGTH_NAMES))
    assert wrong_proportions(ratios, CHECK) == ""
    ratios[LENGTH[name]] = ratio
    assert f"{name.replace('_', ' ')} {ratio:.2f}" in wrong_proportions(ratios, CHECK)
    ratios[LENGTH[name]] = np.nan
    assert "nan" in wrong_proportions(ratios, CHECK)


def test_an_impossible_fit_is_repeated_with_held_proportions(shot, monkeypatch):
    def collapsing(marks, config, held_sigma=None):
        lifted = lift(marks, config, held_sigma)
        return lifted if held_sigma else shrunk(lifted, "shoulder_width", 0.05)

    monkeypatch.setattr(fit_check, "lift", collapsing)
    checked = checked_lift(shot, LIFTING, CHECK)
    assert checked.restarted and not checked.refusal and checked.explained.all()
    notes = FitDoubts().with_fit(0, checked).notes()
    assert notes == {"fits_repeated": 1, "fits_refused": "", "frames_unexplained": 0}


def test_a_fit_that_stays_impossible_marks_no_frame_valid(shot, monkeypatch):
    monkeypatch.setattr(
        fit_check,
        "lift",
        lambda *args, **held: shrunk(lift(shot, LIFTING), "shoulder_width", 0.05),
    )
    checked = checked_lift(shot, LIFTING, CHECK)
    assert not checked.explained.any()
    assert "shoulder width 0.0" in FitDoubts().with_fit(3, checked).reason


def test_held_proportions_stay_near_those_of_an_average_body(shot):
    lengths = np.array(list(lift(shot, LIFTING, CHECK.held_sigma).lengths_m.values()))
    free = np.array(list(lift(shot, LIFTING).lengths_m.values()))
    usual = fit_check.usual_lengths(fit_check.standing_size_m(shot.world_m, shot.visibility))
    assert np.abs(lengths / usual - 1.0).max() < 0.12
    assert np.abs(lengths / usual - 1.0).mean() < np.abs(free / usual - 1.0).mean()


def test_frames_with_landmarks_elsewhere_are_not_explained(shot):
    image = shot.image_px.copy()
    lifted = lift(shot, LIFTING)
    image[10:13, [JOINT["knee_l"], JOINT["wrist_r"]]] += [150.0, -90.0]
    residuals = frame_residuals(replace(shot, image_px=image), lifted, LIFTING)
    assert np.flatnonzero(residuals > CHECK.most_residual).tolist() == [10, 11, 12]


def test_a_shrunken_body_gains_nothing(shot):
    lifted = lift(shot, LIFTING)
    half = {name: 0.5 * length for name, length in lifted.lengths_m.items()}
    state = replace(lifted.state, place_m=0.5 * lifted.state.place_m)
    small = frame_residuals(shot, replace(lifted, state=state, lengths_m=half), LIFTING)
    assert np.median(small) >= 0.9 * np.median(frame_residuals(shot, lifted, LIFTING))


def test_angles_of_hidden_bones_are_found():
    visibility = np.ones((30, len(JOINT)))
    visibility[:, JOINT["wrist_l"]] = 0.2
    visibility[10, JOINT["knee_r"]] = 0.0
    visibility[20:, JOINT["elbow_r"]] = 0.1
    hidden = hidden_angles(visibility, CHECK)
    assert hidden[:, DOF_INDEX["elbow_flexion_l"]].all()
    assert not hidden[:, DOF_INDEX["shoulder_l_x"]].any()
    assert not hidden[:, DOF_INDEX["knee_angle_r"]].any(), "one frame is a flicker"
    assert hidden[22:, DOF_INDEX["shoulder_r_y"]].all()
    assert not hidden[:18, DOF_INDEX["elbow_flexion_r"]].any()
