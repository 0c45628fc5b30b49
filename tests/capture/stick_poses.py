"""Poses with known angles as stick bodies and as landmarks."""

from __future__ import annotations

import numpy as np

from qevd_bio.capture.monocular.body_chain import landmark_offsets, pose_chain, state_from_angles
from qevd_bio.capture.monocular.config import LandmarkConfig
from qevd_bio.capture.monocular.stick_body import SKEL_JOINTS
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, N_DOFS
from qevd_bio.skeleton.kinematics import forward_kinematics


def stick(q: np.ndarray, skeleton=None) -> np.ndarray:
    return forward_kinematics(q, skeleton or generic_skeleton())[0][:, SKEL_JOINTS]


LENGTHS = np.array([0.42, 0.43, 0.16, 0.29, 0.26, 0.22, 0.38, 0.49])
OFFSETS = landmark_offsets(LandmarkConfig(), 0.85)


def marked(q: np.ndarray) -> np.ndarray:
    """Where a detector would put its landmarks: beside the joint centres."""
    place = np.zeros((len(q), 3))
    return pose_chain(state_from_angles(q, place), LENGTHS, OFFSETS).landmarks_m


def pose(frames: int = 1, **degrees) -> np.ndarray:
    """Stand upright facing the camera, arms hanging, except for what is given in degrees."""
    q = np.zeros((frames, N_DOFS))
    q[:, DOF_INDEX["pelvis_tilt"]] = np.pi
    q[:, DOF_INDEX["shoulder_r_x"]] = np.pi / 2
    q[:, DOF_INDEX["shoulder_l_x"]] = -np.pi / 2
    for name, value in degrees.items():
        q[:, DOF_INDEX[name]] = np.deg2rad(value)
    return q


def squats(frames: int, rate: float, azimuth_deg: float) -> np.ndarray:
    """Two seconds a squat, knees to 100 degrees, seen from the front (0) to the side (90)."""
    depth = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frames) / rate / 2.0)
    knee, lean, shank = 5 + 95 * depth, 30 * depth, 28 * depth
    q = pose(frames)
    q[:, 0] -= np.deg2rad(lean)
    q[:, 2] = np.deg2rad(azimuth_deg)
    for side in "rl":
        q[:, DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(knee)
        q[:, DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(knee - shank + lean)
        q[:, DOF_INDEX[f"ankle_angle_{side}"]] = np.deg2rad(shank)
        q[:, DOF_INDEX[f"hip_adduction_{side}"]] = np.deg2rad(-8.0)
        q[:, DOF_INDEX[f"elbow_flexion_{side}"]] = np.deg2rad(40.0)
    return q


def walking(frames: int, rate: float) -> np.ndarray:
    """Knees as in gait, one step after the other, a stride a second."""
    q, phase = pose(frames), 2 * np.pi * np.arange(frames) / rate
    for side, shift in (("r", 0.0), ("l", np.pi)):
        q[:, DOF_INDEX[f"knee_angle_{side}"]] = np.deg2rad(30 - 30 * np.cos(phase + shift))
        q[:, DOF_INDEX[f"hip_flexion_{side}"]] = np.deg2rad(25 * np.sin(phase + shift))
    return q


def landmarks(joints: np.ndarray, *, squeeze: float, noise_px: float, seed: int = 0):
    """See a stick body 3.3 m away in a 480 x 640 picture, depth squeezed as MediaPipe does.

    Returns image_px, world_m, visibility, size.
    """
    rng = np.random.default_rng(seed)
    feet = joints[:, [10, 11]].mean(axis=(1,), keepdims=True)
    placed = joints - feet + np.array([0.0, 0.9, 3.3])
    focal = 1.2 * 640
    image = placed[..., :2] / placed[..., 2:] * focal + np.array([240.0, 320.0])
    image = image + rng.normal(0.0, noise_px, image.shape)
    hips = joints[:, [6, 7]].mean(axis=1, keepdims=True)
    world = (joints - hips) * np.array([1.0, 1.0, squeeze])
    return image, world, np.ones(joints.shape[:2]), (480, 640)
