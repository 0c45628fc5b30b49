"""The pose state: read off the angles, in words that a reader can picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.feedback.contexts import motion_context
from qevd_bio.feedback.pose import PoseAngle, angle_text, pose_of, pose_text
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, JOINT_NAMES
from qevd_bio.skeleton.kinematics import forward_kinematics
from tests.feedback.made_findings import knee, still

OBSERVED = np.ones(46, dtype=bool)
LEFT, UP, FORWARD = np.eye(3)
"""Of a person with all angles zero, standing with the arms out to the sides."""
RIGHT = -LEFT


def posed(**angles_deg: float) -> np.ndarray:
    q = np.zeros(46)
    for name, degrees in angles_deg.items():
        q[DOF_INDEX[name]] = np.deg2rad(degrees)
    return q


def pose_at(q, joints, observed=OBSERVED):
    return pose_of(q, observed, joints, skeleton=generic_skeleton(), gravity=-UP)


def test_joints_come_in_the_order_given_with_all_their_dofs():
    pose = pose_at(posed(knee_angle_r=85), ("tibia_r", "femur_l"))
    assert [angle.name for angle in pose] == [
        "knee_angle_r",
        "hip_flexion_l",
        "hip_adduction_l",
        "hip_rotation_l",
    ]
    assert pose_text(pose) == (
        "Pose state: right knee flexion 85°, left hip flexion 0°, left hip adduction 0°, left hip"
        " internal rotation 0°."
    )


def test_what_is_not_observed_and_the_pelvis_are_left_out():
    seen = OBSERVED.copy()
    seen[DOF_INDEX["hip_rotation_l"]] = False
    q = posed()
    q[DOF_INDEX["hip_adduction_l"]] = np.nan
    assert [a.name for a in pose_at(q, ("pelvis", "femur_l"), seen)] == ["hip_flexion_l"]
    assert pose_text(pose_at(q, ("pelvis",), seen)) == ""


def test_angles_run_from_minus_180_to_180():
    (angle,) = pose_at(posed(knee_angle_l=350), ("tibia_l",))
    assert angle.angle_deg == pytest.approx(-10.0)


@pytest.mark.parametrize(
    ("dof", "shown", "point", "goes"),
    [
        pytest.param("knee_angle_r", "knee flexion", "calcn_r", -FORWARD, id="heel back"),
        pytest.param("hip_flexion_l", "hip flexion", "tibia_l", FORWARD, id="knee forward"),
        pytest.param("hip_adduction_r", "hip adduction", "tibia_r", -RIGHT, id="right knee in"),
        pytest.param("hip_adduction_l", "hip adduction", "tibia_l", RIGHT, id="left knee in"),
        pytest.param("hip_rotation_r", "internal rotation", "toes_r", -RIGHT, id="right toes in"),
        pytest.param("hip_rotation_l", "internal rotation", "toes_l", RIGHT, id="left toes in"),
        pytest.param("ankle_angle_r", "dorsiflexion", "toes_r", UP, id="toes up"),
        pytest.param("lumbar_extension", "flexion", "head", FORWARD, id="bends forward"),
        pytest.param("lumbar_bending", "to the right", "head", RIGHT, id="bends right"),
        pytest.param("thorax_extension", "flexion", "head", FORWARD, id="chest forward"),
        pytest.param("thorax_twist", "to the left", "humerus_r", FORWARD, id="chest turns left"),
        pytest.param("elbow_flexion_l", "elbow flexion", "hand_l", FORWARD, id="hand forward"),
    ],
)
def test_the_words_mean_the_way_the_limb_goes(dof, shown, point, goes):
    """A pose with +20° of a movement in its text shows that movement."""
    text = angle_text(PoseAngle(dof, 20.0))
    assert shown in text
    raw = 20.0 if text.endswith(" 20°") else -20.0
    skeleton = generic_skeleton()
    rest, moved = (
        forward_kinematics(q[None], skeleton)[0][0, JOINT_INDEX[point]]
        for q in (posed(), posed(**{dof: raw}))
    )
    assert (moved - rest) @ goes > 0.01


def test_the_shoulder_is_described_by_the_arm():
    """All angles zero is a T-pose: the arms are raised by 90 degrees, out to the sides."""
    assert pose_text(pose_at(posed(), ("humerus_r",))) == (
        "Pose state: right shoulder elevation 90°, right shoulder horizontal adduction 0°."
    )
    unseen = OBSERVED.copy()
    unseen[DOF_INDEX["shoulder_l_y"]] = False
    assert pose_at(posed(), ("humerus_l",), unseen) == ()


def test_every_joint_has_words_and_names_its_side():
    pose = pose_at(posed(), JOINT_NAMES)
    assert len(pose) == 46 - 3 - 2
    for angle in pose:
        text = angle_text(angle)
        assert "_" not in text
        side = {"_r": "right ", "_l": "left "}.get(angle.name[-2:])
        assert text.startswith(side) if side else not text.startswith(("right ", "left "))


def test_motion_context_gives_pose_state_then_violations():
    pose = pose_at(posed(knee_angle_r=62, knee_angle_l=60.6), ("tibia_r", "tibia_l"))
    made = [knee(85, "r"), knee(95, "l"), still("lumbar_flexion", "lumbar spine", 3.0, "")]
    assert motion_context(made, pose) == (
        "Pose state: right knee flexion 62°, left knee flexion 61°. Violations: Right knee flexion"
        " 85° (target: 90°). Increase right knee flexion by 5° at the bottom phase."
    )
    assert motion_context([knee(95)], pose).endswith(" Violations: none.")
    unseen = knee(95, status="unmeasurable")
    assert motion_context([knee(95), replace(unseen, side="l")], pose).endswith(
        " Violations: none in what was measured. Not measured: left knee flexion."
    )
    assert motion_context([unseen], pose).endswith(" Violations: not measured.")
    assert motion_context(None, pose).endswith(" Violations: no completed cycle.")
    assert motion_context([unseen], ()) == ""
    assert motion_context(None, ()) == ""


def test_a_joint_that_skel_lacks_is_an_error():
    with pytest.raises(KeyError, match="no SKEL joint"):
        pose_at(posed(), ("knee",))
