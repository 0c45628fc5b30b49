"""UI-PRMD's Vicon angles as a motion of this project.

T frames, K = 14 joints of the stick body

The recordings hold Cardan angles of joints, no positions. A stick body is posed with them and
read by the same inverse kinematics as a video's landmarks: measures mean here what they mean
there. Positive are flexion, adduction and inward rotation, the clinical signs; `feet_sway`
confirms them without labels: of all signs they keep both feet best in place during squats.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics, observed_mask
from qevd_bio.capture.monocular.stick_body import BODY_JOINTS
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import BODY_AXES, segment_lengths_for_height
from qevd_bio.skeleton.dofs import DOF_NAMES
from qevd_bio.skeleton.kinematics import axis_rotation

DOWN = np.array([0.0, -1.0, 0.0])
HEIGHT_M = 1.75
SIGMA_DEG = 2.0
"""Taken for the noise of every angle (unverified)."""
STRAIGHTEST = 0.05
"""Share of a subject's frames that define upright standing."""
X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Recording:
    """One file: angles by column, and the label of its authors."""

    name: str
    movement: str
    subject: str
    correct: bool
    rate_hz: float
    angles_rad: dict[str, FloatArray]
    repetitions: int

    def angle(self, joint: str, axis: str, side: str = "") -> FloatArray:
        """Return one column (T,) in rad."""
        return self.angles_rad["_".join(part for part in (joint, side, axis) if part)]

    def knees(self) -> FloatArray:
        """Return the mean flexion of both knees (T,)."""
        return (self.angle("knee", "x", "r") + self.angle("knee", "x", "l")) / 2.0


def read_recordings(folder: Path) -> list[Recording]:
    """Read all Vicon files of a folder, in order of their names."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        movement, subject, label = path.stem.split("_")
        with np.load(path) as data:
            angles = np.deg2rad(data["angles_deg"].astype(np.float64))
            columns = [str(name) for name in data["columns"]]
            found.append(
                Recording(
                    name=path.stem,
                    movement=movement,
                    subject=subject,
                    correct=label == "correct",
                    rate_hz=float(data["fps"]),
                    angles_rad=dict(zip(columns, angles.T, strict=True)),
                    repetitions=len(data["rep_start"]),
                )
            )
    return found


def upright_rad(recordings: list[Recording]) -> dict[str, float]:
    """Find the trunk's angle in each subject's straightest standing.

    The markers' trunk and pelvis planes are not vertical in a person who stands upright. All
    recordings of a subject are pooled, so no label has an influence.
    """
    neutral = {}
    for subject in sorted({one.subject for one in recordings}):
        own = [one for one in recordings if one.subject == subject]
        knees = np.concatenate([one.knees() for one in own])
        lean = np.concatenate([one.angle("pelvis", "y") + one.angle("spine", "x") for one in own])
        neutral[subject] = float(np.median(lean[knees <= np.quantile(knees, STRAIGHTEST)]))
    return neutral


def stick_joints_m(one: Recording, upright: float) -> FloatArray:
    """Pose the stick body (T, K, 3), in the resting frame of the skeleton: x left, y up."""
    size = segment_lengths_for_height(HEIGHT_M)
    pelvis = (
        BODY_AXES
        @ axis_rotation(Z, -one.angle("pelvis", "y"))
        @ axis_rotation(X, one.angle("pelvis", "x"))
        @ axis_rotation(Y, one.angle("pelvis", "z"))
    )
    trunk = pelvis @ axis_rotation(Z, upright - one.angle("spine", "x"))
    place: dict[str, FloatArray] = {}
    for side, out in (("r", 1.0), ("l", -1.0)):
        thigh = pelvis @ _cardan(one, "hip", side, 1.0, out)
        shank = thigh @ _cardan(one, "knee", side, -1.0, out)
        foot = shank @ axis_rotation(Z, one.angle("ankle", "x", side))
        hip = pelvis[:, :, 2] * out * size["hip_width"] / 2.0
        place[f"hip_{side}"] = hip
        place[f"knee_{side}"] = hip - thigh[:, :, 1] * size["thigh"]
        place[f"ankle_{side}"] = place[f"knee_{side}"] - shank[:, :, 1] * size["shank"]
        toe = foot @ np.array([0.60, -0.20, 0.0]) * size["foot"]
        place[f"toe_{side}"] = place[f"ankle_{side}"] + toe
        shoulder = trunk @ np.array([0.0, size["trunk"], out * size["shoulder_width"] / 2.0])
        place[f"shoulder_{side}"] = shoulder
        place[f"elbow_{side}"] = shoulder - trunk[:, :, 1] * size["upper_arm"]
        place[f"wrist_{side}"] = place[f"elbow_{side}"] - trunk[:, :, 1] * size["forearm"]
    return np.stack([place[name] for name in BODY_JOINTS], axis=1)


def _cardan(one: Recording, joint: str, side: str, bend: float, out: float) -> FloatArray:
    """Flexion, then adduction, then inward rotation, each about the turned axes."""
    return np.asarray(
        axis_rotation(Z, bend * one.angle(joint, "x", side))
        @ axis_rotation(X, out * one.angle(joint, "y", side))
        @ axis_rotation(Y, out * one.angle(joint, "z", side))
    )


def feet_sway(one: Recording, upright: float) -> float:
    """Spread of the distance between the ankles over a recording, in hip widths."""
    joints = stick_joints_m(one, upright)
    right, left = (joints[:, BODY_JOINTS.index(f"ankle_{side}")] for side in "rl")
    apart = np.linalg.norm(right - left, axis=1)
    return float(np.std(apart) / segment_lengths_for_height(HEIGHT_M)["hip_width"])


def vicon_motion(one: Recording, upright: float) -> Motion:
    """Read a recording as a motion; arms are unobserved, they are not posed."""
    q = inverse_kinematics(stick_joints_m(one, upright))
    arms = np.array(["shoulder" in name or "elbow" in name for name in DOF_NAMES])
    legs = observed_mask() & ~arms
    frames = len(q)
    return Motion(
        q=q,
        time_s=np.arange(frames) / one.rate_hz,
        confidence=np.ones(frames),
        valid=np.ones(frames, dtype=bool),
        observed=legs,
        sigma_rad=np.where(legs, np.deg2rad(SIGMA_DEG), np.inf),
        gravity=DOWN,
        gravity_source="laboratory",
        backend="Vicon",
        betas=None,
        segment_lengths_m=segment_lengths_for_height(HEIGHT_M),
    )
