"""Measure where the detector's landmarks lie beside joint centres, and how much depth they show.

``python -m tools.capture_correction.landmark_offsets CLIPS...`` on folders of `make_clips`.
Prints, per network, what `LandmarkConfig` states.

T frames, K = 14 joints of the stick body, B bones
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.monocular.body_chain import (
    SIDES,
    ChainState,
    pose_chain,
    state_from_angles,
)
from qevd_bio.capture.monocular.fitting import BONE_ENDS
from qevd_bio.capture.monocular.stick_body import (
    BODY_JOINTS,
    JOINT,
    LENGTH,
    SKEL_JOINTS,
    K,
    standing_size_m,
    usual_lengths,
)
from qevd_bio.capture.person.pose_landmarker import BODY_LANDMARKS

EVERY = 3
SHOWN = 0.7
FARTHEST_LEGS = 0.14


@dataclass(frozen=True, slots=True)
class SeenClip:
    """Some frames of a clip: truth and landmarks of the stick body's joints.

    Attributes
    ----------
    model : str
        Network that looked.
    q : ndarray (T, 46)
        rad, camera frame.
    joints_m, world_m : ndarray (T, K, 3)
        True joints, world landmarks.
    off_px : ndarray (T, K, 2)
        Landmarks from the middle of the picture.
    shown : ndarray (T, K) of bool
        Landmarks that are visible.
    visibility : ndarray (T, K)
    """

    model: str
    q: FloatArray
    joints_m: FloatArray
    world_m: FloatArray
    off_px: FloatArray
    shown: BoolArray
    visibility: FloatArray

    @property
    def leg_m(self) -> float:
        """Length of thigh and shank."""
        chain = self.joints_m[:, [JOINT[f"{name}_l"] for name in ("hip", "knee", "ankle")]]
        return float(np.median(np.linalg.norm(np.diff(chain, axis=1), axis=-1).sum(axis=1)))


def seen_clips(folders: list[Path]) -> Iterator[SeenClip]:
    """Read clips in which somebody was found."""
    body = list(BODY_LANDMARKS)
    for path in sorted(file for folder in folders for file in folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as clip:
            take = np.flatnonzero(np.isfinite(clip["image_px"][:, 0, 0]))[::EVERY]
            visibility = clip["visibility"][take][:, body].astype(float)
            if len(take) < 4 or (visibility > SHOWN).sum() < 50:
                continue
            yield SeenClip(
                json.loads(str(clip["meta"]))["detector"],
                clip["q"][take].astype(float),
                clip["joints_m"][take][:, SKEL_JOINTS].astype(float),
                clip["world_m"][take][:, body].astype(float),
                clip["image_px"][take][:, body].astype(float) - clip["size_px"] / 2.0,
                visibility > SHOWN,
                visibility,
            )


def robust_solution(matrix: FloatArray, target: FloatArray, floor: float) -> FloatArray:
    """Solve least absolute deviations by reweighting; residuals below `floor` count squared."""
    weight, solution = np.ones(len(target)), np.zeros(matrix.shape[1])
    for _ in range(10):
        solution = np.linalg.lstsq(matrix * weight[:, None], target * weight, rcond=None)[0]
        weight = 1.0 / np.sqrt(np.maximum(np.abs(target - matrix @ solution), floor))
    return solution


def offset_rows(clip: SeenClip) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Relate a landmark's offset (3,), in legs, to its distance from its joint's picture.

    Per kind of joint: a matrix (rows, 3) and the distances (rows,), metres at the joint's depth.
    The focal length is the one that fits the clip's landmarks to its joints.
    """
    slopes = clip.joints_m[..., :2] / clip.joints_m[..., 2:]
    flat, marks = slopes[clip.shown].ravel(), clip.off_px[clip.shown].ravel()
    focal = float(robust_solution(flat[:, None], marks, floor=2.0)[0])
    off_m = (clip.off_px / focal - slopes) * clip.joints_m[..., 2:]
    state = state_from_angles(clip.q, np.zeros((len(clip.q), 3)))
    frames = np.stack([_moved(state, axis) for axis in range(3)], axis=-1)
    rows = {}
    for name in dict.fromkeys(name[:-2] for name in BODY_JOINTS):
        matrices, targets = [], []
        for side in SIDES:
            joint = JOINT[f"{name}_{side}"]
            near = np.linalg.norm(off_m[:, joint], axis=1) < FARTHEST_LEGS * clip.leg_m
            good = clip.shown[:, joint] & near
            frame = frames[good, joint] * ([1.0, 1.0, -1.0] if side == "l" else 1.0)
            matrix = frame[:, :2] - slopes[good, joint][:, :, None] * frame[:, 2:]
            matrices.append(matrix.reshape(-1, 3) * clip.leg_m)
            targets.append(off_m[good, joint].ravel())
        rows[name] = np.concatenate(matrices), np.concatenate(targets)
    return rows


def _moved(state: ChainState, axis: int) -> FloatArray:
    """Direction (T, K, 3) in which an axis of each landmark's segment points."""
    offsets = np.zeros((K, 3))
    offsets[:, axis] = 1.0
    posed = pose_chain(state, usual_lengths(2.0), offsets)
    return np.asarray(posed.landmarks_m - posed.joints_m)


def depth_rows(clip: SeenClip) -> Iterator[tuple[str, FloatArray]]:
    """Pair each bone's true and shown depth (T, 2), in legs."""
    usual = usual_lengths(standing_size_m(clip.world_m, clip.visibility))
    shown_leg = float(usual[LENGTH["thigh"]] + usual[LENGTH["shank"]])
    for first, second in BONE_ENDS:
        good = clip.shown[:, first] & clip.shown[:, second]
        true, shown = (
            (points[good, second, 2] - points[good, first, 2]) / leg
            for points, leg in ((clip.joints_m, clip.leg_m), (clip.world_m, shown_leg))
        )
        yield (
            f"{BODY_JOINTS[first][:-2]} to {BODY_JOINTS[second][:-2]}",
            np.stack([true, shown], 1),
        )


def main() -> None:
    """Print offsets, shares of depth and leans, per network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="+")
    offsets: dict[str, dict[str, list[tuple[FloatArray, FloatArray]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    depths: dict[str, dict[str, list[FloatArray]]] = defaultdict(lambda: defaultdict(list))
    for clip in seen_clips(parser.parse_args().clips):
        for name, rows in offset_rows(clip).items():
            offsets[clip.model][name].append(rows)
        for name, pairs in depth_rows(clip):
            depths[clip.model][name].append(pairs)
    for model in sorted(offsets):
        print(f"{model}: offset forward, up, outwards in legs")
        for name, found in offsets[model].items():
            matrix, target = (np.concatenate(part) for part in zip(*found, strict=True))
            print(f"  {name:9s} {np.round(robust_solution(matrix, target, floor=0.01), 3)}")
        print(f"{model}: share of depth shown, lean in legs")
        for name, pairs in depths[model].items():
            true, shown = np.concatenate(pairs).T
            matrix = np.stack([true, np.ones(len(true))], axis=1)
            print(f"  {name:22s} {np.round(robust_solution(matrix, shown, floor=0.02), 2)}")


if __name__ == "__main__":
    main()
