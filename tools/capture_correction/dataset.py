"""Fit every rendered clip as the pipeline does, and keep what the network learns from.

T frames, F features, B bones
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.monocular.backend import fitted_frames, shot_landmarks
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.monocular.correction.bone_directions import directions
from qevd_bio.capture.monocular.correction.features import (
    FittedFrames,
    correction_features,
    mirrored_joints,
)
from qevd_bio.capture.monocular.fit_check import checked_lift
from qevd_bio.capture.monocular.stick_body import SKEL_JOINTS
from qevd_bio.capture.person.follow_person import Landmarks


@dataclass(frozen=True, slots=True)
class Example:
    """One clip, or its mirror image: found frames only.

    Attributes
    ----------
    features : ndarray (T, F)
    fitted, true : ndarray (T, B, 3)
        Bone directions.
    """

    features: FloatArray
    fitted: FloatArray
    true: FloatArray


def example(path: Path, config: MediaPipeConfig) -> list[Example]:
    """Fit one clip; return it and its mirror image, nothing where hardly anybody was found."""
    found = fitted_clip(path, config)
    if found is None:
        return []
    seen, joints = found
    return [
        Example(correction_features(one), directions(one.joints_m), directions(true))
        for one, true in ((seen, joints), (seen.mirrored(), mirrored_joints(joints)))
    ]


def fitted_clip(
    path: Path, config: MediaPipeConfig, first: int | None = None
) -> tuple[FittedFrames, FloatArray] | None:
    """Fit the frames (T,) of a clip in which somebody was found, or only the `first` of them.

    Returns what the correction sees and the true joints (T, K, 3); None of fewer than 12 frames.
    """
    with np.load(path, allow_pickle=False) as stored:
        clip = {name: stored[name] for name in stored.files}
    found = np.isfinite(clip["image_px"][:, 0, 0])
    take = np.flatnonzero(found)[:first]
    if len(take) < 12:
        return None
    landmarks = Landmarks(
        image_px=clip["image_px"].astype(float), world_m=clip["world_m"].astype(float),
        visibility=np.clip(clip["visibility"].astype(float), 0, 1), found=found,
        somebody_else=np.zeros(len(found), bool), shot=np.zeros(len(found), np.int64),
        size_px=(int(clip["size_px"][0]), int(clip["size_px"][1])),
    )  # fmt: skip
    detector = json.loads(str(clip["meta"]))["detector"]
    model = replace(config.video.person, detector_model=detector)
    config = replace(config, video=replace(config.video, person=model))
    marks = shot_landmarks(landmarks, clip["time_s"].astype(float), take, config)
    checked = checked_lift(marks, config.lifting, config.fit_check)
    seen = fitted_frames(landmarks, take, checked.lifted, config)
    return seen, clip["joints_m"][take][:, SKEL_JOINTS].astype(float)
