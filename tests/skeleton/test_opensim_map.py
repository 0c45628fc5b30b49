"""SKEL angles against OpenSim's coordinates: round trips, and the model's own joints."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, N_DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import forward_kinematics, joint_rotations
from qevd_bio.skeleton.opensim_map import (
    COORDINATES,
    COPIED,
    PELVIS,
    continuous_zxy,
    from_opensim,
    ground_axes,
    to_opensim,
)

DOWN = np.array([0.0, 1.0, 0.0])
RULES = load_rules()


def standing(frames: int = 1) -> np.ndarray:
    """Arms hanging, facing the camera."""
    zeros = {name: np.zeros(frames) for name in COORDINATES}
    return from_opensim(zeros, DOWN)[0]


def reference(name: str) -> np.ndarray:
    q = build_reference(RULES[name])
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    return q


def test_all_zeros_is_a_person_standing_with_hanging_arms_facing_the_camera() -> None:
    joints = forward_kinematics(standing(), generic_skeleton())[0][0]
    at = {name: joints[index] for name, index in JOINT_INDEX.items()}
    assert at["head"][1] < at["pelvis"][1] < at["tibia_r"][1] < at["talus_r"][1], "y is down"
    assert at["femur_r"][0] < 0 < at["femur_l"][0], "the person's right is the picture's left"
    assert at["toes_r"][2] < at["talus_r"][2], "toes to the camera"
    for side in "rl":
        upper = at[f"ulna_{side}"] - at[f"humerus_{side}"]
        assert upper / np.linalg.norm(upper) == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)


@pytest.mark.parametrize(
    ("coordinate", "sign", "joint", "end", "direction"),
    [
        ("hip_flexion_r", 1, "femur_r", "tibia_r", (0, 0, -1)),
        ("hip_flexion_l", 1, "femur_l", "tibia_l", (0, 0, -1)),
        ("hip_adduction_r", 1, "femur_r", "tibia_r", (1, 0, 0)),
        ("hip_adduction_l", 1, "femur_l", "tibia_l", (-1, 0, 0)),
        ("arm_flex_r", 1, "humerus_r", "ulna_r", (0, 0, -1)),
        ("arm_flex_l", 1, "humerus_l", "ulna_l", (0, 0, -1)),
        ("arm_add_r", -1, "humerus_r", "ulna_r", (-1, 0, 0)),
        ("arm_add_l", -1, "humerus_l", "ulna_l", (1, 0, 0)),
        ("knee_angle_r", 1, "tibia_r", "talus_r", (0, 0, 1)),
        ("elbow_flex_l", 1, "ulna_l", "hand_l", (0, 0, -1)),
        ("pelvis_tilt", -1, "pelvis", "thorax", (0, 0, -1)),
        ("pelvis_list", 1, "pelvis", "thorax", (-1, 0, 0)),
        ("lumbar_extension", -1, "thorax", "head", (0, 0, -1)),
        ("lumbar_bending", 1, "thorax", "head", (-1, 0, 0)),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
def test_a_positive_coordinate_moves_the_bone_as_in_opensim(
    coordinate, sign, joint, end, direction
) -> None:
    given_rad = {name: np.zeros(1) for name in COORDINATES}
    given_rad[coordinate] = np.array([0.5 * sign])
    q = from_opensim(given_rad, DOWN)[0]
    joints = forward_kinematics(np.vstack([standing(), q]), generic_skeleton())[0]
    bones = joints[:, JOINT_INDEX[end]] - joints[:, JOINT_INDEX[joint]]
    moved = bones[1] - bones[0]
    assert moved @ np.array(direction) > 0.6 * np.linalg.norm(moved)


@pytest.mark.parametrize("name", ["squat", "walking_lunges", "pushup", "jumping_jack"])
def test_there_and_back_keeps_every_rotation(name) -> None:
    q = reference(name)
    back, _ = from_opensim(to_opensim(q, DOWN), DOWN)
    kept = ["pelvis", "femur_r", "femur_l"]
    for joint in kept:
        index = JOINT_INDEX[joint]
        assert np.allclose(joint_rotations(back)[:, index], joint_rotations(q)[:, index])
    for coordinate, dof in COPIED.items():
        if not coordinate.startswith("pro_sup"):
            assert np.allclose(back[:, DOF_INDEX[dof]], np.unwrap(q[:, DOF_INDEX[dof]]))
    # spine and shoulder are distributed differently, their sum stays
    shared = [("lumbar_body", "thorax")]
    for parts in shared + [(f"scapula_{side}", f"humerus_{side}") for side in "rl"]:
        rest = generic_skeleton().frames
        total = []
        for pose in (q, back):
            turn = joint_rotations(pose)
            total.append(np.eye(3))
            for part in parts:
                frame = rest[JOINT_INDEX[part]]
                total[-1] = total[-1] @ frame @ turn[:, JOINT_INDEX[part]] @ frame.T
        assert np.allclose(*total)


@given(st.lists(st.floats(-1.5, 1.5), min_size=len(COORDINATES), max_size=len(COORDINATES)))
def test_back_and_there_gives_the_same_coordinates(values) -> None:
    given_rad = {n: np.array([v]) for n, v in zip(COORDINATES, values, strict=True)}
    q, observed = from_opensim(given_rad, DOWN)
    again = to_opensim(q, DOWN)
    for name in COORDINATES:
        if not name.startswith("pro_sup"):
            assert again[name] == pytest.approx(given_rad[name], abs=1e-6)
    assert observed[DOF_INDEX["knee_angle_r"]] and not observed[DOF_INDEX["pro_sup_r"]]
    assert not observed[list(joint_dofs("lumbar_body") + joint_dofs("head"))].any()


def test_a_tilted_camera_does_not_tilt_the_person() -> None:
    tilted = np.array([0.0, np.cos(0.4), np.sin(0.4)])
    zeros = {name: np.zeros(1) for name in COORDINATES}
    q = from_opensim(zeros, tilted)[0]
    assert all(np.allclose(v, 0.0, atol=1e-9) for v in to_opensim(q, tilted).values())
    assert abs(to_opensim(q, DOWN)["pelvis_tilt"][0]) == pytest.approx(0.4)
    with pytest.raises(ValueError, match="along gravity"):
        ground_axes(np.array([0.0, 0.0, 1.0]))


def test_an_arm_raised_sideways_past_the_horizontal_counts_on() -> None:
    raised = np.linspace(0.0, -np.deg2rad(170.0), 60)
    angles = np.column_stack([0 * raised, raised, 0 * raised])
    again = continuous_zxy(Rotation.from_euler("ZXY", angles).as_matrix())
    assert np.allclose(again, angles, atol=1e-9)


@pytest.mark.parametrize(
    ("names", "words"),
    [(("ankle",), "no known"), (PELVIS[:2], "without pelvis_rotation"), ((), "no known")],
    ids=["strange", "half a joint", "none"],
)
def test_incomplete_coordinates_are_refused(names, words) -> None:
    with pytest.raises(ValueError, match=words):
        from_opensim({name: np.zeros(3) for name in names}, DOWN)


def test_what_is_not_given_is_not_observed() -> None:
    _, observed = from_opensim({"knee_angle_r": np.zeros(3)}, DOWN)
    assert np.flatnonzero(observed).tolist() == [DOF_INDEX["knee_angle_r"]]
    assert len(observed) == N_DOFS


# the model itself, posed by its own file


def posed(model: Path, values: dict[str, float]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Rotation and place of each body of an .osim model: a second implementation."""

    def numbers(element: ET.Element, tag: str) -> np.ndarray:
        return np.array([float(cell) for cell in (element.findtext(tag) or "0 0 0").split()])

    def function(axis: ET.Element, value: float) -> float:
        held = axis.find("function")
        kind = (held if held is not None else axis).find("./*[coefficients]")
        if kind is None:
            constant = axis.find(".//Constant/value")
            return float(constant.text or 0.0) if constant is not None else 0.0
        return float(np.polyval([float(c) for c in kind.findtext("coefficients", "").split()],
                                value))  # fmt: skip

    bodies = {"/ground": (np.eye(3), np.zeros(3))}
    for joint in ET.parse(model).getroot().find(".//JointSet/objects") or ():
        if joint.get("name", "").startswith("patello"):
            continue
        frames = {f.get("name"): f for f in joint.iter("PhysicalOffsetFrame")}
        parent, child = (frames[joint.findtext(f"socket_{end}_frame")]
                         for end in ("parent", "child"))  # fmt: skip
        turn, shift = np.eye(3), np.zeros(3)
        if joint.tag == "PinJoint":
            name = joint.find(".//Coordinate").get("name")
            turn = Rotation.from_rotvec([0, 0, values.get(name, 0.0)]).as_matrix()
        for axis in joint.iter("TransformAxis"):
            name = (axis.findtext("coordinates") or "").strip()
            amount = function(axis, values.get(name, 0.0)) if name else 0.0
            direction = numbers(axis, "axis")
            if axis.get("name", "").startswith("rotation"):
                turn = turn @ Rotation.from_rotvec(direction * amount).as_matrix()
            else:
                shift = shift + direction * amount
        above, place = bodies[parent.findtext("socket_parent")]
        ends = [
            (Rotation.from_euler("XYZ", numbers(f, "orientation")).as_matrix(),
             numbers(f, "translation"))
            for f in (parent, child)
        ]  # fmt: skip
        (turn_in, shift_in), (turn_out, shift_out) = ends
        own = above @ turn_in @ turn @ turn_out.T
        at = place + above @ (shift_in + turn_in @ shift) - own @ shift_out
        bodies[child.findtext("socket_parent")] = (own, at)
    return {name.split("/")[-1]: found for name, found in bodies.items()}


BONES = {
    "femur": (("femur", "tibia"), ("femur", "tibia")),
    "tibia": (("tibia", "talus"), ("tibia", "talus")),
    "humerus": (("humerus", "ulna"), ("humerus", "ulna")),
}


@pytest.mark.data
@pytest.mark.parametrize("file", ["subject4_squats1_ik.mot", "squats1_videoAndMocap.mot"])
def test_bones_point_where_the_model_file_puts_them(shared_data: Path, file: str) -> None:
    folder = shared_data / "opencap_opensim"
    motion = read_mot(folder / file)
    scale = np.deg2rad(1.0) if motion.in_degrees else 1.0
    given_rad = {n: v[::100] * scale for n, v in motion.columns.items() if n in COORDINATES}
    q, _ = from_opensim(given_rad, DOWN)
    joints = forward_kinematics(q, generic_skeleton())[0] @ ground_axes(DOWN)
    worst: dict[str, float] = {}
    for frame in range(len(q)):
        bodies = posed(
            folder / "LaiUhlrich2022.osim", {n: float(v[frame]) for n, v in given_rad.items()}
        )
        for side in "rl":
            for bone, ((start, end), (own_start, own_end)) in BONES.items():
                model = bodies[f"{end}_{side}"][1] - bodies[f"{start}_{side}"][1]
                own = (joints[frame, JOINT_INDEX[f"{own_end}_{side}"]]
                       - joints[frame, JOINT_INDEX[f"{own_start}_{side}"]])  # fmt: skip
                cosine = model @ own / np.linalg.norm(model) / np.linalg.norm(own)
                angle = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
                worst[bone] = max(worst.get(bone, 0.0), float(angle))
        # the trunk as a whole body: its turn, not a line between points
        torso = bodies["torso"][0]
        turn = joint_rotations(q[frame : frame + 1])[0]
        pelvis = bodies["pelvis"][0]
        spine = turn[JOINT_INDEX["lumbar_body"]] @ turn[JOINT_INDEX["thorax"]]
        assert np.allclose(pelvis @ spine, torso, atol=1e-6)
    assert worst["femur"] < 3.0, worst  # the model's femur is not straight down its own frame
    assert worst["humerus"] < 4.0, worst
    assert worst["tibia"] < 6.0, worst  # the model's knee rolls and slides as it bends
