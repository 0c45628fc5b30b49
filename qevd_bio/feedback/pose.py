"""The pose of the salient joints at one moment, as numbers and in words.

D = 46 DoF
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.errors import RuleError
from qevd_bio.exercises.motion_parts import sideless
from qevd_bio.feedback.prompt_files import load_prompt
from qevd_bio.feedback.quantities import SENTENCES, quantity_words, rounded
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS, joint_dofs
from qevd_bio.skeleton.kinematics import Skeleton
from qevd_bio.skeleton.measures import CATALOGUE, measure_values

_NUMBER = "\0"
"""Stands for the number while the words around it are looked up."""


@dataclass(frozen=True, slots=True)
class PoseAngle:
    """One joint angle at one moment, in degrees.

    Attributes
    ----------
    name : str
        A SKEL degree of freedom; for the shoulder a measure of the catalogue.
    angle_deg : float
        From -180 to 180, in the direction of the degree of freedom or measure.
    """

    name: str
    angle_deg: float


def pose_of(
    q: FloatArray,
    observed: BoolArray,
    joints: Sequence[str],
    *,
    skeleton: Skeleton,
    gravity: FloatArray,
) -> tuple[PoseAngle, ...]:
    """Read the angles of joints off one pose.

    Parameters
    ----------
    q : ndarray (46,)
        Angles in rad.
    observed : ndarray (46,)
        Whether each DoF was measured.
    joints : sequence of str
        SKEL joints.
    skeleton, gravity
        As in `qevd_bio.skeleton.measures.measure_values`.

    Returns
    -------
    tuple of PoseAngle
        All observed DoFs of each joint, joint by joint; what is not a number is
        left out.

    Notes
    -----
    The shoulder's three DoFs count from a T-pose and are no anatomical angles one by one, so
    its elevation and horizontal adduction are given. The pelvis is left out: its angles turn
    the body in the camera frame and bend no joint.
    """
    angles = _angles_deg(q[None], observed, joints, skeleton, gravity)
    found = (PoseAngle(name, float(value)) for name, (value,) in angles.items())
    return tuple(angle for angle in found if math.isfinite(angle.angle_deg))


def pose_texts(
    q: FloatArray,
    observed: BoolArray,
    joints: Sequence[str],
    *,
    skeleton: Skeleton,
    gravity: FloatArray,
) -> list[str]:
    """Write poses q (T, 46) in rad: `pose_text` of `pose_of` of each, column by column."""
    angles = _angles_deg(q, observed, joints, skeleton, gravity)
    written = []
    for name, values in angles.items():
        before, after, sign = _angle_words(name)
        known = np.isfinite(values)
        whole = _rounded_half_away(sign * np.where(known, values, 0.0)).tolist()
        pairs = zip(whole, known.tolist(), strict=True)
        written.append([f"{before}{n}{after}" if is_known else "" for n, is_known in pairs])
    if not written:
        return [""] * len(q)
    return [_pose_state([text for text in row if text]) for row in zip(*written, strict=True)]


def _angles_deg(
    q: FloatArray,
    observed: BoolArray,
    joints: Sequence[str],
    skeleton: Skeleton,
    gravity: FloatArray,
) -> dict[str, FloatArray]:
    """Read the observed angles of joints off poses q (T, 46): (T,) in degrees each."""
    needs = {
        name: CATALOGUE[name].needs if name not in DOF_INDEX else (name,)
        for joint in joints
        for name in angle_names(joint)
    }
    known = [name for name, dofs in needs.items() if all(observed[DOF_INDEX[dof]] for dof in dofs)]
    measures = [name for name in known if name not in DOF_INDEX]
    values = measure_values(measures, q, skeleton, gravity) if measures else {}
    turned = np.rad2deg(np.arctan2(np.sin(q), np.cos(q)))
    return {name: values.get(name, turned[:, DOF_INDEX.get(name, 0)]) for name in known}


def _rounded_half_away(values: FloatArray) -> IntArray:
    """Round (T,) as `quantities.rounded` does with no decimals."""
    whole = np.trunc(values)
    away = (np.abs(values - whole) >= 0.5) * np.sign(values)
    return (whole + away).astype(np.int64)


def unproved_angles(
    observed: BoolArray, joints: Sequence[str], skeleton: Skeleton
) -> tuple[str, ...]:
    """Name, in words, the angles of joints that depend on DoFs not observed.

    A capture has assumed values for these (the bend of a spine that it does not see), a release
    has none: it cannot give the angle again.
    """
    measures = [name for joint in joints for name in angle_names(joint) if name not in DOF_INDEX]
    if not measures:
        return ()
    q = np.where(observed, 0.0, np.nan)[None]
    values = measure_values(measures, q, skeleton, np.array([0.0, -1.0, 0.0]))
    lost = [name for name in measures if not np.isfinite(values[name]).all()]
    return tuple(angle_text(PoseAngle(name, 0.0)).rpartition(" ")[0] for name in lost)


def angle_names(joint: str) -> tuple[str, ...]:
    """Name the angles that a pose gives of a joint: DoFs, measures for the shoulder."""
    if joint == "pelvis":
        return ()
    if joint.startswith("humerus_"):
        side = joint[-1]
        return f"shoulder_elevation_{side}", f"shoulder_horizontal_adduction_{side}"
    return tuple(DOFS[dof].name for dof in joint_dofs(joint))


def pose_text(pose: Sequence[PoseAngle]) -> str:
    """Write a pose, if any: "Pose state: right knee flexion 85°, left knee flexion 84°."."""
    if not pose:
        return ""
    return _pose_state([angle_text(angle) for angle in pose])


def _pose_state(angles: Sequence[str]) -> str:
    form: str = load_prompt(SENTENCES)["forms"]["pose_state"]
    return form.format(angles=", ".join(angles)) if angles else ""


def angle_text(angle: PoseAngle) -> str:
    """Write one angle: "right knee flexion 85°"; RuleError where it has no words."""
    before, after, sign = _angle_words(angle.name)
    return f"{before}{rounded(sign * angle.angle_deg, 0)}{after}"


@functools.cache
def _angle_words(name: str) -> tuple[str, str, int]:
    """Find the words before and after the number of an angle, and its sign in words."""
    prompt = load_prompt(SENTENCES)
    side = name[-1] if name.endswith(("_r", "_l")) else None
    stem = sideless(name)
    if name not in DOF_INDEX:
        term, sign = quantity_words(stem, where=f"pose angle {name}")["term"], 1
    elif stem in prompt["degrees_of_freedom"]:
        words = prompt["degrees_of_freedom"][stem]
        # a left angle reads as its mirror image on the right
        mirrored = DOFS[DOF_INDEX[name]].mirror_sign if side == "l" else 1
        term, sign = words["term"], words["sign"] * mirrored
    else:
        raise RuleError(
            f"the degree of freedom '{stem}' has no words",
            where=f"pose angle {name}",
            next_step=f"Add it to 'degrees_of_freedom' of prompts/{SENTENCES}",
        )
    text: str = prompt["forms"]["pose_angle"].format(
        side=prompt["sides"][side] if side else "",
        term=term,
        n=_NUMBER,
    )
    before, _, after = text.strip().partition(_NUMBER)
    return before, after, sign
