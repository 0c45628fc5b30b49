"""Known form errors: each a stated change of a reference cycle.

P phase points, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from qevd_bio.arrays import FloatArray
from qevd_bio.choices import nearest
from qevd_bio.errors import UsageError
from qevd_bio.skeleton.dofs import DOF_INDEX, DOFS


@dataclass(frozen=True, slots=True)
class FormError:
    """One way to do an exercise wrong.

    Attributes
    ----------
    name : str
        Identifier.
    exercise : str
        Rule id of the exercise.
    change : str
        What is done to the reference.
    apply : callable
        Reference (P, 46) rad to faulty reference (P, 46) rad. An error of a repeated exercise
        keeps the pose of point 0, so that a faulty repetition joins a correct one.
    """

    name: str
    exercise: str
    change: str
    apply: Callable[[FloatArray], FloatArray]


def excursion(reference: FloatArray) -> FloatArray:
    """Measure how far each pose of a cycle is from its first pose.

    Parameters
    ----------
    reference : ndarray (P, 46)
        rad.

    Returns
    -------
    ndarray (P,)
        Root of the summed squared angle differences over all DoFs, rad.
    """
    return np.asarray(np.linalg.norm(reference - reference[0], axis=1))


def scaled(reference: FloatArray, share: float, joints: tuple[str, ...] = ()) -> FloatArray:
    """Keep a share of the motion away from the first pose.

    Parameters
    ----------
    reference : ndarray (P, 46)
        rad.
    share : float
        1 changes nothing, 0 freezes.
    joints : tuple of str
        Joints (without side) to scale; none given means all.

    Returns
    -------
    ndarray (P, 46)
        rad.
    """
    chosen = [
        not joints or dof.joint.removesuffix("_r").removesuffix("_l") in joints for dof in DOFS
    ]
    shares = np.where(chosen, share, 1.0)
    return np.asarray(reference[0] + shares * (reference - reference[0]))


def with_offsets(
    reference: FloatArray, offsets_deg: Mapping[str, float], weight: FloatArray
) -> FloatArray:
    """Add angles, weighted over the cycle.

    Parameters
    ----------
    reference : ndarray (P, 46)
        rad.
    offsets_deg : mapping of str to float
        DoF name to degrees.
    weight : ndarray (P,)
        Share of the offset at each phase point.

    Returns
    -------
    ndarray (P, 46)
        rad.
    """
    changed = reference.copy()
    for name, degrees in offsets_deg.items():
        changed[:, DOF_INDEX[name]] += np.deg2rad(degrees) * weight
    return changed


def _leaning_forward(reference: FloatArray) -> FloatArray:
    far = excursion(reference)
    offsets = {"pelvis_tilt": -28.0, "hip_flexion_r": 28.0, "hip_flexion_l": 28.0}
    return with_offsets(reference, offsets, far / far.max())


def _arms_pitched(reference: FloatArray, degrees: float) -> FloatArray:
    """Turn both arms about the trunk's left-right axis; positive carries raised arms down."""
    changed = reference.copy()
    for side, sign in (("r", 1.0), ("l", -1.0)):
        columns = [DOF_INDEX[f"shoulder_{side}_{axis}"] for axis in "xyz"]
        # the shoulder's Y axis points to the person's left on the right arm, right on the left
        pitch = Rotation.from_euler("y", sign * degrees, degrees=True)
        turned = pitch * Rotation.from_euler("xyz", reference[:, columns])
        changed[:, columns] = turned.as_euler("xyz")
    return changed


def _hips_sagging(reference: FloatArray) -> FloatArray:
    offsets = {"hip_flexion_r": -22.0, "hip_flexion_l": -22.0, "lumbar_extension": 12.0}
    sagging = with_offsets(reference, offsets, np.ones(len(reference)))
    return _arms_pitched(sagging, 20.0)


FORM_ERRORS: dict[str, FormError] = {
    error.name: error
    for error in (
        FormError(
            "too_shallow",
            "squat",
            "55 % of the reference's way down, all joints",
            lambda reference: scaled(reference, 0.55),
        ),
        FormError(
            "half_way_down",
            "pushup",
            "50 % of the reference's way down, all joints",
            lambda reference: scaled(reference, 0.50),
        ),
        FormError(
            "arms_low",
            "jumping_jack",
            "55 % of the arms' way up, legs as in the reference",
            lambda reference: scaled(reference, 0.55, ("scapula", "humerus", "ulna")),
        ),
        FormError(
            "leaning_forward",
            "walking_lunges",
            "pelvis 28 degrees farther forward at the bottom, thighs where they were",
            _leaning_forward,
        ),
        FormError(
            "hips_sagging",
            "plank",
            "hips extended by 22 and lumbar spine by 12 degrees, arms 20 degrees lower to stay "
            "on the floor; sets in early in the hold",
            _hips_sagging,
        ),
    )
}


def form_error_named(name: str, exercise: str) -> FormError:
    """Look up a form error of an exercise (rule id); `UsageError` where it has no such error."""
    known = {key: one for key, one in FORM_ERRORS.items() if one.exercise == exercise}
    if name not in known:
        listed = "; ".join(f"{key} ({one.change})" for key, one in known.items())
        raise UsageError(
            f"{exercise} has no form error '{name}'",
            where="synthetic person",
            next_step=nearest(name, known)
            or f"Use one of: {listed or 'none is known for this exercise'}",
        )
    return known[name]
