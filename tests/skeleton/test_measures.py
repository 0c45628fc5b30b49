"""Measures: poses with known angles, signs by the position of a limb, noise by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS, mirror_q
from qevd_bio.skeleton.measures import CATALOGUE, measure_sigmas, measure_values

DOWN = np.array([0.0, 1.0, 0.0])
SKELETON = generic_skeleton()


def standing(**degrees: float) -> np.ndarray:
    """Stand upright facing the camera, arms hanging, then add angles."""
    q = np.zeros((1, N_DOFS))
    q[0, DOF_INDEX["pelvis_tilt"]] = np.pi
    q[0, DOF_INDEX["shoulder_r_x"]] = np.pi / 2
    q[0, DOF_INDEX["shoulder_l_x"]] = -np.pi / 2
    for name, value in degrees.items():
        q[0, DOF_INDEX[name]] += np.deg2rad(value)
    return q


def value(name: str, q: np.ndarray) -> float:
    return float(measure_values([name], q, SKELETON, DOWN)[name][0])


def sigma_of(name: str, q: np.ndarray, sigma_rad: np.ndarray) -> float:
    return float(measure_sigmas([(name, 0)], q, sigma_rad[None], SKELETON, DOWN)[0])


def both(**degrees: float) -> dict[str, float]:
    return {f"{name}_{side}": angle for name, angle in degrees.items() for side in "rl"}


ARMS_SIDEWAYS = {"shoulder_r_x": -90, "shoulder_l_x": 90}


@pytest.mark.parametrize(
    ("pose", "measure", "expected"),
    [
        ({}, "trunk_forward_lean", 0),
        ({}, "body_line", 180),
        ({}, "stance_width", 1),
        ({}, "shoulder_elevation_r", 0),
        ({"pelvis_tilt": -25}, "trunk_forward_lean", 25),
        ({"pelvis_tilt": 10}, "trunk_forward_lean", -10),
        ({"pelvis_tilt": -25, "pelvis_rotation": 70}, "trunk_forward_lean", 25),
        ({"shoulder_r_x": -90}, "shoulder_elevation_r", 90),
        ({"shoulder_l_x": 170}, "shoulder_elevation_l", 170),
        (both(hip_flexion=30), "body_line", 150),
        (both(hip_flexion=-15), "body_line", 195),
        ({"pelvis_tilt": -90}, "body_line", 180),
        ({"knee_angle_r": 85}, "knee_flexion_r", 85),
        ({"hip_adduction_l": -20}, "hip_abduction_l", 20),
        ({"lumbar_extension": -12}, "lumbar_flexion", 12),
        ({"elbow_flexion_l": 90}, "elbow_flexion_l", 90),
        ({"ankle_angle_r": 20}, "ankle_dorsiflexion_r", 20),
        ({"hip_flexion_r": 80, "hip_flexion_l": 10}, "thigh_split_r", 70),
        ({"hip_flexion_r": 80, "hip_flexion_l": 10}, "thigh_split_l", -70),
        (ARMS_SIDEWAYS, "shoulder_horizontal_adduction_r", 0),
        (ARMS_SIDEWAYS, "shoulder_horizontal_adduction_l", 0),
        (ARMS_SIDEWAYS | {"shoulder_r_z": 60}, "shoulder_horizontal_adduction_r", 60),
        (ARMS_SIDEWAYS | {"shoulder_l_z": 60}, "shoulder_horizontal_adduction_l", 60),
        (ARMS_SIDEWAYS | {"shoulder_r_z": -20}, "shoulder_horizontal_adduction_r", -20),
        (
            ARMS_SIDEWAYS | {"pelvis_tilt": -80, "shoulder_r_z": 60},
            "shoulder_horizontal_adduction_r",
            60,
        ),
        ({}, "shoulder_horizontal_adduction_r", np.nan),
    ],
)
def test_known_poses(pose: dict[str, float], measure: str, expected: float) -> None:
    assert value(measure, standing(**pose)) == pytest.approx(expected, abs=1e-6, nan_ok=True)


@pytest.mark.parametrize(
    ("pose", "measure", "sign"),
    [
        (both(hip_adduction=-15), "stance_width", 1),
        (both(hip_adduction=3), "stance_width", -1),
        ({"hip_rotation_r": 25, "hip_flexion_r": 60, "knee_angle_r": 60}, "knee_valgus_r", 1),
        ({"hip_rotation_l": 25, "hip_flexion_l": 60, "knee_angle_l": 60}, "knee_valgus_l", 1),
        ({"hip_rotation_r": -25, "hip_flexion_r": 60, "knee_angle_r": 60}, "knee_valgus_r", -1),
        ({"pelvis_list": -15}, "trunk_side_lean", 1),
    ],
)
def test_signs_follow_the_limb(pose: dict[str, float], measure: str, sign: int) -> None:
    change = value(measure, standing(**pose)) - value(measure, standing())
    assert sign * change > 0.1


def test_leaning_right_brings_the_head_to_the_person_s_right() -> None:
    from qevd_bio.skeleton.dofs import JOINT_INDEX
    from qevd_bio.skeleton.kinematics import forward_kinematics

    q = standing(pelvis_list=-15)
    head = forward_kinematics(q, SKELETON)[0][0, JOINT_INDEX["head"]]
    # facing the camera, the person's right is on the image's left
    assert head[0] < -0.05
    assert value("trunk_side_lean", q) == pytest.approx(15, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name.endswith("_r")])
def test_mirroring_swaps_the_sides(name: str) -> None:
    rng = np.random.default_rng(5)
    q = standing() + rng.uniform(-0.3, 0.3, size=(8, N_DOFS))
    other = name[:-1] + "l"
    mirrored = measure_values([other], mirror_q(q), SKELETON, DOWN)[other]
    assert np.allclose(
        mirrored, measure_values([name], q, SKELETON, DOWN)[name], atol=1e-6, equal_nan=True
    )


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_noise_propagation_agrees_with_simulation(name: str) -> None:
    bent = both(hip_flexion=60, knee_angle=70)
    pose = standing(**bent, pelvis_tilt=-20, shoulder_r_x=-60, shoulder_l_x=60)
    sigma = np.full(N_DOFS, np.deg2rad(0.5))
    rng = np.random.default_rng(7)
    noisy = np.repeat(pose, 4000, axis=0) + rng.normal(0, sigma, size=(4000, N_DOFS))
    simulated = float(np.std(measure_values([name], noisy, SKELETON, DOWN)[name]))
    propagated = sigma_of(name, pose, sigma)
    assert propagated == pytest.approx(simulated, rel=0.08)


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_an_unobserved_dof_makes_the_noise_infinite(name: str) -> None:
    sigma = np.full(N_DOFS, 0.01)
    sigma[DOF_INDEX[CATALOGUE[name].needs[-1]]] = np.inf
    assert sigma_of(name, standing(), sigma) == np.inf


TRUNK_LINE = ("trunk_forward_lean", "trunk_side_lean", "body_line")


@pytest.mark.parametrize(
    "name", [n for n in CATALOGUE if n not in TRUNK_LINE and not n.startswith("shoulder")]
)
def test_the_needs_are_complete(name: str) -> None:
    """No DoF outside ``needs`` moves the measure: unobserved DoFs have no influence.

    Measures on the trunk line are left out: a backend that cannot split the spine keeps it
    straight and puts the whole trunk into the pelvis.
    """
    rng = np.random.default_rng(11)
    q = standing(**both(hip_flexion=40, knee_angle=50), pelvis_tilt=-15, shoulder_r_x=-50)
    free = [i for i in range(N_DOFS) if i not in {DOF_INDEX[d] for d in CATALOGUE[name].needs}]
    moved = q.copy()
    moved[0, free] += rng.uniform(-0.2, 0.2, size=len(free))
    assert value(name, moved) == pytest.approx(value(name, q), abs=1e-9)


def test_a_lying_person_has_no_invented_lean() -> None:
    on_the_side = standing(pelvis_list=90)
    assert np.isnan(value("trunk_forward_lean", on_the_side))


def test_unknown_names_and_bad_gravity_are_refused() -> None:
    with pytest.raises(KeyError, match="no measure"):
        measure_values(["knee"], standing(), SKELETON, DOWN)
    with pytest.raises(ValueError, match="unit vector"):
        measure_values(["body_line"], standing(), SKELETON, 2 * DOWN)


@pytest.mark.parametrize(("side", "inwards"), [("r", 1.0), ("l", -1.0)])
def test_an_arm_across_the_chest_has_its_elbow_inside_its_shoulder(
    side: str, inwards: float
) -> None:
    from qevd_bio.skeleton.dofs import JOINT_INDEX
    from qevd_bio.skeleton.kinematics import forward_kinematics

    q = np.zeros((1, N_DOFS))
    q[0, DOF_INDEX[f"shoulder_{side}_z"]] = np.pi / 2
    q[0, DOF_INDEX[f"scapula_abduction_{side}"]] = inwards * np.deg2rad(30)
    joints = forward_kinematics(q, SKELETON)[0][0]
    across = joints[JOINT_INDEX[f"ulna_{side}"], 0] - joints[JOINT_INDEX[f"humerus_{side}"], 0]
    assert inwards * across > 0.05
    assert value(f"shoulder_horizontal_adduction_{side}", q) > 100
