"""What the correction looks at in a frame: landmarks, the fitted body, and where they disagree.

T frames, M = 33 landmarks, K = 14 joints, B = 13 bones, F features

All positions are relative to the fitted mid-hips and in leg lengths (thigh and shank), so that
neither the person's size nor the distance matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.monocular.correction.bone_directions import B, directions
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH_NAMES, K
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS, M

_MIRRORED_LANDMARKS = np.array(
    [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, *(i + 1 if i % 2 else i - 1 for i in range(11, 33))]
)
_MIRRORED_JOINTS = np.array([i + 1 if i % 2 == 0 else i - 1 for i in range(K)])
_FLIP = np.array([-1.0, 1.0, 1.0])
_FARTHEST = 4.0


@dataclass(frozen=True, slots=True)
class FittedFrames:
    """Frames of one person, as seen and as fitted.

    Attributes
    ----------
    image_px : ndarray (T, M, 2)
        Image landmarks.
    world_m : ndarray (T, M, 3)
        World landmarks.
    visibility : ndarray (T, M)
        Between 0 and 1.
    joints_m : ndarray (T, K, 3)
        Fitted joint centres, camera frame.
    sigma : ndarray (T, K)
        Standard deviation of the fitted joints along the line of sight, metres.
    lengths_m : ndarray (L,)
        In the order of `LENGTH_NAMES`.
    size_px : tuple of int
        Width and height of the pictures.
    focal_px : float
        Focal length the fit assumed.
    heavy : bool
        Whether the larger detector was used.
    """

    image_px: FloatArray
    world_m: FloatArray
    visibility: FloatArray
    joints_m: FloatArray
    sigma: FloatArray
    lengths_m: FloatArray
    size_px: tuple[int, int]
    focal_px: float
    heavy: bool

    def mirrored(self) -> FittedFrames:
        """Exchange left and right of picture and person."""
        image = self.image_px[:, _MIRRORED_LANDMARKS].copy()
        image[..., 0] = self.size_px[0] - image[..., 0]
        return FittedFrames(
            image_px=image,
            world_m=self.world_m[:, _MIRRORED_LANDMARKS] * _FLIP,
            visibility=self.visibility[:, _MIRRORED_LANDMARKS],
            joints_m=self.joints_m[:, _MIRRORED_JOINTS] * _FLIP,
            sigma=self.sigma[:, _MIRRORED_JOINTS],
            lengths_m=self.lengths_m,
            size_px=self.size_px,
            focal_px=self.focal_px,
            heavy=self.heavy,
        )

    def select(self, frames: IntArray) -> FittedFrames:
        """Pick frames."""
        return FittedFrames(
            self.image_px[frames], self.world_m[frames], self.visibility[frames],
            self.joints_m[frames], self.sigma[frames], self.lengths_m, self.size_px,
            self.focal_px, self.heavy,
        )  # fmt: skip


def mirrored_joints(joints_m: FloatArray) -> FloatArray:
    """Mirror joints (T, K, 3) of the camera frame."""
    return np.asarray(joints_m[:, _MIRRORED_JOINTS] * _FLIP)


PARTS: tuple[tuple[str, int, int], ...] = (
    ("image", M, 2), ("visibility", M, 1), ("world", M, 3), ("joints", K, 3), ("residual", K, 2),
    ("sigma", K, 1), ("directions", B, 3), ("bends", 8, 1), ("place", 1, 2),
    ("size", 2 + len(LENGTH_NAMES), 1),
)  # fmt: skip
"""Parts of the features in order: how many things, and coordinates of each (x right, y down)."""

F = sum(count * coordinates for _, count, coordinates in PARTS)
_BENDS = tuple(
    tuple(JOINT[f"{name}_{side}"] for name in chain)
    for side in "lr"
    for chain in (("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist"),
                  ("shoulder", "hip", "knee"), ("hip", "shoulder", "elbow"))
)  # fmt: skip


def correction_features(seen: FittedFrames) -> FloatArray:
    """Describe frames (T, F) to the network.

    In this order: image landmarks; their visibility; world landmarks; fitted joints; image
    landmarks minus the pictures of the fitted joints; depth uncertainty of the joints (log);
    bone directions; angles at knees, elbows, hips and shoulders (rad); mid-hips' direction from
    the camera, size in the picture, body proportions, detector.
    """
    frames = len(seen.joints_m)
    middle = np.array(seen.size_px) / 2.0
    legs = float(seen.lengths_m[0] + seen.lengths_m[1])
    root = seen.joints_m[:, [JOINT["hip_l"], JOINT["hip_r"]]].mean(axis=1)
    scale = seen.focal_px * legs / np.maximum(root[:, 2], 0.2)
    shown = seen.joints_m[..., :2] / np.maximum(seen.joints_m[..., 2:], 0.2)
    pictures = shown * seen.focal_px + middle
    root_px = root[:, :2] / np.maximum(root[:, 2:], 0.2) * seen.focal_px + middle
    image = (seen.image_px - root_px[:, None]) / scale[:, None, None]
    off = (seen.image_px[:, list(BODY_LANDMARKS)] - pictures) / scale[:, None, None]
    hips = [BODY_LANDMARKS[JOINT[f"hip_{side}"]] for side in "lr"]
    world = (seen.world_m - seen.world_m[:, hips].mean(axis=1, keepdims=True)) / legs
    joints = (seen.joints_m - root[:, None]) / legs
    proportions = np.tile(np.log(np.maximum(seen.lengths_m, 1e-3) / legs), (frames, 1))
    whole = np.concatenate(
        [
            (root_px - middle) / seen.focal_px, scale[:, None] / max(seen.size_px), proportions,
            np.full((frames, 1), float(seen.heavy)),
        ], axis=1,
    )  # fmt: skip
    parts = (
        image, seen.visibility, world, joints, off,
        np.log(np.clip(seen.sigma / legs, 1e-3, 1.0)), directions(seen.joints_m),
        _bends(seen.joints_m), whole,
    )  # fmt: skip
    described = np.concatenate([part.reshape(frames, -1) for part in parts], axis=1)
    return np.asarray(np.clip(described, -10.0, 10.0))


def _bends(joints_m: FloatArray) -> FloatArray:
    """Angles (T, 8) between the bones that meet at knees, elbows, hips and shoulders, rad."""
    out = []
    for chain in _BENDS:
        first, second = (joints_m[:, b] - joints_m[:, a] for a, b in pairwise(chain))
        across = np.linalg.norm(np.cross(first, second), axis=-1)
        out.append(np.arctan2(across, np.sum(first * second, axis=-1)))
    return np.stack(out, axis=1)
