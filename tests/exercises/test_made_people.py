"""Made people who train the recogniser: what a camera changes in them, and where they are cut."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.capture.monocular.stick_body import JOINT, SKEL_JOINTS
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.recognition_features import FEATURES
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics
from tests.exercises.performed import RULES, performed
from tools.recognition import cameras
from tools.recognition.items import items_of_made
from tools.recognition.performers import idler, performer

ALL = list(load_rules().values())


def squatting_joints():
    q = performed(RULES["squat"], 2)
    return forward_kinematics(q, generic_skeleton())[0][:, list(SKEL_JOINTS)]


def test_guessed_depth_leaves_the_picture_as_it_is():
    joints = squatting_joints()
    wrong = cameras._with_guessed_depth(joints, np.random.default_rng(4))
    assert np.array_equal(wrong[..., :2], joints[..., :2])
    assert np.abs(wrong[..., 2] - joints[..., 2]).max() > 0.02


def test_interior_angles_are_those_between_the_bones():
    joints = squatting_joints()
    motion = cameras._of_interior_angles(joints, np.random.default_rng(0))
    hip, knee, ankle = (joints[:, JOINT[f"{name}_r"]] for name in ("hip", "knee", "ankle"))
    thigh, shank = hip - knee, ankle - knee
    cosine = (thigh * shank).sum(axis=1)
    cosine /= np.linalg.norm(thigh, axis=1) * np.linalg.norm(shank, axis=1)
    assert motion.observed[DOF_INDEX["knee_angle_r"]]
    assert np.allclose(motion.q[:, DOF_INDEX["knee_angle_r"]], np.pi - np.arccos(cosine))
    assert not motion.observed[DOF_INDEX["pelvis_tilt"]]


@pytest.mark.parametrize("seed", range(6))
def test_repetitions_lie_in_the_recording(seed):
    person = performer(RULES["lateral_lunge"], ALL, np.random.default_rng(seed))
    last = len(person.motion.time_s) - 1
    assert all(0 <= start < end <= last for start, end in person.cycles)
    assert np.isfinite(person.motion.q).all()


def test_the_same_seed_gives_the_same_pieces():
    def made():
        people = [performer(RULES["squat"], ALL, np.random.default_rng(1))]
        people.append(idler(ALL, np.random.default_rng(2)))
        return items_of_made(people, 3)

    one, again = made(), made()
    assert np.array_equal(one.features, again.features, equal_nan=True)
    assert one.features.shape == (len(one.labels), len(FEATURES))
    assert set(one.labels) == {"squat", ""}
