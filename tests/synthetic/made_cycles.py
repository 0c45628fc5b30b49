"""Plain reference cycles for the tests of this room, made from angles one can picture."""

from __future__ import annotations

import numpy as np

from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q

POINTS = 101
HANGING = {
    "shoulder_r_x": 78,
    "shoulder_l_x": -78,
    "elbow_flexion_r": 15,
    "elbow_flexion_l": 15,
}


def pose(degrees: dict[str, float]) -> np.ndarray:
    q = np.zeros(46)
    for name, value in degrees.items():
        q[DOF_INDEX[name]] = np.deg2rad(value)
    return q


def both(degrees: dict[str, float]) -> dict[str, float]:
    return {f"{name}_{side}": value for name, value in degrees.items() for side in "rl"}


def there_and_back(start: dict[str, float], key: dict[str, float]) -> np.ndarray:
    share = 0.5 - 0.5 * np.cos(2 * np.pi * np.linspace(0, 1, POINTS))[:, None]
    return (1 - share) * pose(start) + share * pose(key)


def squat() -> np.ndarray:
    legs = both({"hip_flexion": 105, "knee_angle": 110, "ankle_angle": 22, "hip_adduction": -10})
    arms = {"shoulder_r_z": 30, "shoulder_l_z": 30}
    start = HANGING | both({"hip_adduction": -6})
    return there_and_back(start, HANGING | arms | legs | {"pelvis_tilt": -22})


def lunges() -> np.ndarray:
    key = HANGING | {
        "hip_flexion_r": 85,
        "knee_angle_r": 90,
        "hip_flexion_l": -15,
        "knee_angle_l": 90,
        "ankle_angle_l": 15,
        "mtp_angle_l": -35,
    }
    right = there_and_back(HANGING, key)
    return np.concatenate([right[:-1:2], mirror_q(right)[::2]])


def jumping_jack() -> np.ndarray:
    key = {"shoulder_r_x": -70, "shoulder_l_x": 70} | both(
        {"hip_adduction": -22, "elbow_flexion": 15}
    )
    return there_and_back(HANGING, key)


def pushup() -> np.ndarray:
    start = {"pelvis_tilt": -75} | both({"elbow_flexion": 5})
    start |= {"shoulder_r_z": 80, "shoulder_l_z": 80, "shoulder_r_x": 15, "shoulder_l_x": -15}
    key = {"pelvis_tilt": -85} | both({"elbow_flexion": 100})
    key |= {"shoulder_r_z": 5, "shoulder_l_z": 5, "shoulder_r_x": 35, "shoulder_l_x": -35}
    return there_and_back(start, key)


def plank() -> np.ndarray:
    held = {"pelvis_tilt": -85} | both({"elbow_flexion": 90})
    held |= {"shoulder_r_x": 11, "shoulder_r_y": -75, "shoulder_r_z": 84}
    held |= {"shoulder_l_x": -11, "shoulder_l_y": 75, "shoulder_l_z": 84}
    return there_and_back(held, held)


def references() -> dict[str, np.ndarray]:
    return {
        "squat": squat(),
        "walking_lunges": lunges(),
        "jumping_jack": jumping_jack(),
        "pushup": pushup(),
        "plank": plank(),
    }
