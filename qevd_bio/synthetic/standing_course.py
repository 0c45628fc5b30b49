"""Motions of a body on its feet: trunk, arms and aims over time; legs follow.

T frames, K nodes, N coordinates
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from qevd_bio.arrays import FloatArray
from qevd_bio.muscles.frames import Placing
from qevd_bio.synthetic.standing import SOLVED, Aim, Stance, Wanted, places_of, stand

NODE_S = 0.08


@dataclass(frozen=True, slots=True)
class Course:
    """What is asked of a body at each node.

    Attributes
    ----------
    time_s : ndarray (K,)
        Strictly increasing seconds.
    posture : ndarray (K, N)
        Trunk and arms, rad; what legs and pelvis' place are here does not matter.
    stance : Stance
        The feet, which rest.
    aims : sequence of Aim
        K of them.
    """

    time_s: FloatArray
    posture: FloatArray
    stance: Stance
    aims: Sequence[Aim]


def nodes(until_s: float) -> FloatArray:
    """Return times of nodes from 0 to the end."""
    return np.linspace(0.0, until_s, max(round(until_s / NODE_S), 3) + 1)


def standing(knees_rad: FloatArray, centre_m: FloatArray) -> list[Aim]:
    """Return the aims of a course on which knees (K,) and centre of mass (K, 2) are given."""
    return [Wanted(float(knees), at) for knees, at in zip(knees_rad, centre_m, strict=True)]


def followed(body: Placing, course: Course, guess: FloatArray, time_s: FloatArray) -> FloatArray:
    """Solve every node and run a curve through them.

    Parameters
    ----------
    body : Placing
        The model.
    course : Course
        What is asked.
    guess : ndarray (N,)
        Legs and place of the pelvis near those of the first node.
    time_s : ndarray (T,)
        When the motion is wanted.

    Returns
    -------
    ndarray (T, N)
        Coordinates, rad and metres; no rows where the body has no such pose on the way.
    """
    poses = solved(body, course, guess)
    if not len(poses):
        return poses
    return np.asarray(CubicSpline(course.time_s, poses, axis=0)(time_s))


def solved(body: Placing, course: Course, guess: FloatArray) -> FloatArray:
    """Solve every node (K, N), each from the one before; no rows where one has no pose."""
    legs = places_of(body, SOLVED)
    poses: list[FloatArray] = []
    for posture, aim in zip(course.posture, course.aims, strict=True):
        pose = posture.copy()
        pose[legs] = guess[legs] if not poses else poses[-1][legs]
        if len(poses) > 1:
            pose[legs] += poses[-1][legs] - poses[-2][legs]
        found = stand(body, pose, course.stance, aim)
        if found is None:
            return np.empty((0, len(guess)))
        poses.append(found)
    return np.stack(poses)
