"""Ways to the angles of a rendered clip: the pipeline's own, and with parts of it made exact.

Each way is a function of a clip with its truth. Those that make something exact show where the
error arises: a part whose truth changes nothing is not to blame.

T frames, D = 46 DoF, K = 14 joints of the stick body, M = 33 landmarks
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from benchmarks.capture_clips import Seen
from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.backend import fit_landmarks, shot_landmarks
from qevd_bio.capture.monocular.body_chain import landmark_offsets, posed_points, state_from_angles
from qevd_bio.capture.monocular.config import LiftingConfig, MediaPipeConfig
from qevd_bio.capture.monocular.fit_check import checked_lift
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.stick_body import JOINT, SKEL_JOINTS, usual_lengths
from qevd_bio.capture.person.follow_person import Landmarks
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import Skeleton

Fit = Callable[[Seen], tuple[FloatArray, FloatArray, Skeleton]]

_BODY = list(BODY_LANDMARKS)
_HIPS = [JOINT["hip_l"], JOINT["hip_r"]]
_LEG_PER_SIZE = 0.637
"""Thigh and shank of the length of thigh, shank and trunk (the fit's adult proportions)."""


def fitted(seen: Seen) -> tuple[FloatArray, FloatArray, Skeleton]:
    """Angles, sigmas and body by this project's capture."""
    return _captured(seen, seen.landmarks, MediaPipeConfig())


def fitted_by_own_sigma(seen: Seen) -> tuple[FloatArray, FloatArray, Skeleton]:
    """Take the same without the sigma that is added for what real pictures do."""
    return _captured(seen, seen.landmarks, replace(MediaPipeConfig(), real_pictures_deg=0.0))


def fit_alone(seen: Seen) -> tuple[FloatArray, FloatArray, Skeleton]:
    """Leave the correction out; sigmas are NaN."""
    return _uncorrected(seen, seen.landmarks)


def exact_joints(seen: Seen) -> tuple[FloatArray, FloatArray, Skeleton]:
    """Read the true joints in space: what remains is the inverse kinematics' error."""
    share = LiftingConfig().spine_share_of_hips
    q = inverse_kinematics(seen.joints_m[:, SKEL_JOINTS], spine_share=share)
    return q, np.full(q.shape, np.nan), seen.skeleton


def with_truth(*, pictures: bool, depth: bool, corrected: bool) -> Fit:
    """Make a way that sees exact image landmarks, exact world landmarks, or both."""

    def fit(seen: Seen) -> tuple[FloatArray, FloatArray, Skeleton]:
        landmarks = exact_landmarks(seen, pictures=pictures, depth=depth)
        if corrected:
            return _captured(seen, landmarks, MediaPipeConfig())
        return _uncorrected(seen, landmarks)

    return fit


def exact_landmarks(seen: Seen, *, pictures: bool, depth: bool) -> Landmarks:
    """Put the body's landmarks where the fit expects them on the true body.

    Landmarks lie beside the joint centres by the offsets that the fit assumes, on the true
    posture; those of face and hands stay as they were found.
    """
    joints = seen.joints_m[:, SKEL_JOINTS]
    angles = inverse_kinematics(joints)
    state = state_from_angles(angles, np.zeros((len(angles), 3)))
    hips, knees, ankles = (joints[0, [JOINT[f"{n}_l"], JOINT[f"{n}_r"]]].mean(axis=0)
                           for n in ("hip", "knee", "ankle"))  # fmt: skip
    leg_m = float(np.linalg.norm(knees - hips) + np.linalg.norm(ankles - knees))
    offsets = landmark_offsets(LiftingConfig().landmarks, leg_m)
    posed, marks = posed_points(state, usual_lengths(leg_m / _LEG_PER_SIZE), offsets)
    true = joints + (marks - posed)
    image, world = seen.landmarks.image_px.copy(), seen.landmarks.world_m.copy()
    if pictures:
        middle = np.array(seen.landmarks.size_px) / 2.0
        image[:, _BODY] = true[..., :2] / true[..., 2:] * seen.camera_focal_px + middle
    if depth:
        world[:, _BODY] = true - true[:, _HIPS].mean(axis=1, keepdims=True)
    return replace(seen.landmarks, image_px=image, world_m=world)


def _captured(
    seen: Seen, landmarks: Landmarks, config: MediaPipeConfig
) -> tuple[FloatArray, FloatArray, Skeleton]:
    posture = fit_landmarks(landmarks, seen.time_s, landmarks.found, config)
    return posture.q, posture.sigma, scaled_skeleton(posture.lengths_m)


def _uncorrected(seen: Seen, landmarks: Landmarks) -> tuple[FloatArray, FloatArray, Skeleton]:
    config = MediaPipeConfig()
    take = np.flatnonzero(landmarks.found)
    marks = shot_landmarks(landmarks, seen.time_s, take, config)
    checked = checked_lift(marks, config.lifting, config.fit_check)
    share = config.lifting.spine_share_of_hips
    q = np.full((len(landmarks.found), 46), np.nan)
    q[take] = inverse_kinematics(checked.lifted.joints_m, spine_share=share)
    q[take[~checked.explained]] = np.nan
    return q, np.full(q.shape, np.nan), seen.skeleton


SOURCES: dict[str, Fit] = {
    "landmarks": fitted,
    "own-sigma": fitted_by_own_sigma,
    "fit-alone": fit_alone,
    "exact-joints": exact_joints,
    **{
        f"exact-{name}{'' if corrected else '-fit-alone'}": with_truth(
            pictures=name != "depth", depth=name != "pictures", corrected=corrected
        )
        for name in ("pictures", "depth", "both")
        for corrected in (True, False)
    },
}
