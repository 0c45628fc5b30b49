"""What a generated motion does by simulation, and whether that is what was asked for.

T frames, N coordinates, M muscles
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from qevd_bio.arrays import FloatArray
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.measures import VASTI
from qevd_bio.motion.motion_sets import SetMotion, sliding_m_s
from qevd_bio.motion.plausibility import mean_acceleration_m_s2, mean_speed_m_s
from qevd_bio.muscles.prepared import PreparedModel
from qevd_bio.muscles.simulate import Options, Simulation, simulate
from qevd_bio.muscles.smooth import FILTERED_S

JOINTS = tuple(f"{n}_{s}" for n in ("femur", "tibia", "talus", "calcn", "toes") for s in "rl")
"""Bodies whose origins tell whether feet slide or sink."""

OUT_OF_RANGE = "an angle is beyond the range of its joint"
NO_FORCES = "no muscle and ground forces were found for a frame"
TOO_SHORT = "it is too short for the low-pass of the coordinates"
_PAIRS = ("hip_flexion", "knee_angle", "ankle_angle")
_LEAST_RAD = 1e-3
_LEAST_HZ = 30.0
"""Frames a second of a simulation: a slow repetition of 64 frames has fewer, too few for the
low-pass of the coordinates."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A motion that was simulated.

    Attributes
    ----------
    motion : SetMotion
        For the tables of sets.
    activations : ndarray (T, M)
        Of every muscle; NaN where it could not be simulated.
    measured : dict of str to float
        The measures that objectives are about.
    left_over : ndarray (T, 3)
        What nothing makes, as `muscles.simulate.Simulation.left_over`; NaN where it could not be
        simulated.
    doubts : tuple of str
        Why no body can move so; empty where one can.
    """

    motion: SetMotion
    activations: FloatArray
    measured: dict[str, float]
    left_over: FloatArray
    doubts: tuple[str, ...]


def simulated_motion(
    model: PreparedModel, q: FloatArray, time_s: FloatArray, passive_scale: float
) -> Simulated:
    """Simulate a motion (T, N) at even times (T,) that stands on the floor at height 0.

    Where it is too short, or no forces are found for a frame, activations are NaN and the doubts
    say so.
    """
    body = model.body
    low, high = body.ranges.T
    inside = (q >= low - _LEAST_RAD) & (q <= high + _LEAST_RAD)
    parts = max(1, int(np.ceil(_LEAST_HZ * np.diff(time_s).max())))
    fine_s = np.linspace(time_s[0], time_s[-1], parts * (len(time_s) - 1) + 1)
    fine = q if parts == 1 else CubicSpline(time_s, q)(fine_s)
    options = Options(passive_scale, floor_m=0.0, every=parts)
    activations = np.full((len(q), len(body.muscles)), np.nan)
    left_over = np.full((len(q), 3), np.nan)
    doubts: tuple[str, ...] = () if inside[:, body.rotational].all() else (OUT_OF_RANGE,)
    found = _forces(model, fine, fine_s, options)
    if isinstance(found, str):
        doubts += (found,)
    else:
        activations, left_over = found.activations, found.left_over()
        doubts += found.doubts()
    at = body.places(q, JOINTS)
    place = body.coordinates.index
    vasti = [body.muscles.index(name) for name in VASTI]
    motion = SetMotion(
        time_s=time_s,
        coordinates=q,
        is_angle=body.rotational,
        pairs=tuple((place(f"{name}_r"), place(f"{name}_l")) for name in _PAIRS),
        points_m=at.origins_m,
        pelvis_m=q[:, [place(f"pelvis_t{axis}") for axis in "xyz"]],
        centre_m=at.centre_m,
        tilt_deg=np.rad2deg(q[:, place("pelvis_tilt")]),
        activation=activations[:, vasti].max(axis=1),
    )
    knees = q[:, [place(f"knee_angle_{side}") for side in "rl"]]
    return Simulated(motion, activations, _measured(motion, knees), left_over, doubts)


def _forces(
    model: PreparedModel, q: FloatArray, time_s: FloatArray, options: Options
) -> Simulation | str:
    """Simulate; or say why nothing is found."""
    if time_s[-1] - time_s[0] < FILTERED_S:
        return f"{TOO_SHORT} ({time_s[-1] - time_s[0]:.2f} s)"
    try:
        return simulate(model.body, model.actuators, q, time_s, options)
    except ArithmeticError as error:
        return f"{NO_FORCES} ({error})"


def _measured(motion: SetMotion, knees: FloatArray) -> dict[str, float]:
    """Measure by the simulated motion what `measures.MEASURES` do by the surrogate."""
    flexions = motion.coordinates[:, [column for pair in motion.pairs for column in pair]]
    speed = np.abs(np.gradient(flexions, motion.time_s, axis=0)).mean()
    apart = [np.abs(motion.coordinates[:, a] - motion.coordinates[:, b]).mean()
             for a, b in motion.pairs]  # fmt: skip
    return {
        "depth": float(np.rad2deg(knees.mean(axis=1).max())),
        "vastus_medialis": float(motion.activation.max()),
        "tilt": float(motion.tilt_deg.min()),
        "asymmetry": float(np.rad2deg(np.mean(apart))),
        "angular_speed": float(np.rad2deg(speed)),
        "com_speed": mean_speed_m_s(motion.centre_m, motion.time_s),
        "com_acceleration": mean_acceleration_m_s2(motion.centre_m, motion.time_s),
        "sliding": sliding_m_s(motion.points_m, motion.time_s),
    }


def reasons_against(found: Simulated, objectives: Sequence[Objective]) -> list[str]:
    """Say why a simulated motion is not accepted; empty where it is."""
    reasons = [f"no body can do it: {doubt}" for doubt in found.doubts]
    for one in objectives:
        name, value = one.measure.replace("_", " "), found.measured[one.measure]
        if not np.isfinite(value):
            reasons.append(f"{name} was not measured by simulation")
        elif not one.low <= value <= one.high:
            reasons.append(
                f"{name} is {value:.3g} by simulation, asked for is {one.low:g} to {one.high:g}"
            )
    return reasons
