"""Render training clips and look at them with the pose detector; resumable.

``python -m tools.capture_correction.make_clips DIR --bodies bodies.npz --recordings HDM05`` with
``--last 4500 --minutes 90``. A clip is a function of its number, so parts can be made side by
side (``--first 0 --step 2``, ``--first 1 --step 2``); clips already in DIR are kept.

T frames, D = 46 DoF, J = 24 joints, M = 33 landmarks
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from qevd_bio.arrays import FloatArray
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.synthetic.body_mesh import Body, pose_body
from qevd_bio.synthetic.render import Camera, project
from qevd_bio.synthetic.scene import in_camera_frame, level_on_hands_and_feet, stand_on_ground
from tools.capture_correction.bodies import Bodies, ShippedBodies
from tools.capture_correction.detectors import Detector
from tools.capture_correction.motions import RATE_HZ, Library, Moved
from tools.capture_correction.scenes import draw_camera, draw_scene, pictures

HELD_OUT_BODIES = 40
"""The last bodies of the file are never trained on."""
FRAMES = (28, 45)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where clips come from."""

    motions: Library
    bodies: Bodies | ShippedBodies
    seed: int

    def clip(self, number: int, detector: Detector) -> dict[str, np.ndarray]:
        """Make one clip: its landmarks and its truth."""
        rng = np.random.default_rng([self.seed, number])
        frames = int(rng.integers(*FRAMES))
        moved = self.motions.draw(rng, frames)
        index = int(rng.integers(max(1, len(self.bodies) - HELD_OUT_BODIES)))
        body = self.bodies.body(index)
        q, vertices_low, vertices_high = _placed_box(moved, body, rng)
        camera, azimuth = draw_camera(rng, vertices_low, vertices_high)
        joints, box, shift = _placed_joints(q, body, moved.prone, camera, rng)
        scene = draw_scene(rng, body, camera, person_box=box)
        vertices = pose_body(scene.body, q)[0] + shift[:, None]
        found = detector(pictures(scene, vertices, rng))
        meta = {
            "kind": moved.kind, "sources": moved.sources, "body": index, "azimuth": azimuth,
            "prone": moved.prone, "detector": detector.name, "number": number,
        }  # fmt: skip
        return {
            "time_s": np.arange(frames) / RATE_HZ,
            "q": in_camera_frame(q, camera),
            "joints_m": (joints - camera.position_m) @ camera.rotation.T,
            "size_px": np.array([camera.width, camera.height]),
            "meta": np.array(json.dumps(meta)),
            **found,
        }


def _placed_box(
    moved: Moved, body: Body, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Level a prone motion; return it and the box its joints need in the world."""
    q = level_on_hands_and_feet(moved.q, body) if _can_level(moved) else moved.q.copy()
    if moved.prone and rng.random() < 0.35:
        q[:, 0] += np.deg2rad(rng.normal(0.0, 14.0))  # hands or feet on a bench
    vertices, joints = pose_body(body, q[::6])
    vertices = vertices + stand_on_ground(vertices, joints, moved.prone)[:, None]
    return q, vertices.min(axis=(0, 1)), vertices.max(axis=(0, 1))


def _can_level(moved: Moved) -> bool:
    return moved.prone and moved.kind == "exercise"


def _placed_joints(
    q: FloatArray, body: Body, prone: bool, camera: Camera, rng: np.random.Generator
) -> tuple[FloatArray, tuple[float, ...], FloatArray]:
    """Joints in the world (T, 24, 3), the person's box in pixels, the shift of each frame."""
    vertices, joints = pose_body(body, q)
    shift = stand_on_ground(vertices, joints, prone)
    if rng.random() < 0.25 and not prone:
        sway = np.cumsum(rng.normal(0.0, 0.02, (len(q), 3)), axis=0)
        sway[:, 1] = 0.25 * np.maximum(np.sin(np.arange(len(q)) * rng.uniform(0.1, 0.9)), 0.0) \
            * (rng.random() < 0.4)  # fmt: skip
        shift = shift + sway
    joints = joints + shift[:, None]
    flat = project(joints[:, list(JOINT_INDEX.values())], camera)[0]
    low, high = np.nanmin(flat, axis=(0, 1)), np.nanmax(flat, axis=(0, 1))
    return joints, (low[0], low[1], high[0], high[1]), shift


def _bodies(file: Path | None) -> Bodies | ShippedBodies:
    return Bodies(file) if file else ShippedBodies()


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the clips that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bodies", type=Path, help="the three that ship, if not given")
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=1500)
    parser.add_argument("--step", type=int, default=1, help="of several processes, with --first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--heavy", type=int, default=2, help="of five clips; the others by 'full'")
    parser.add_argument("--minutes", type=float, default=90.0)
    chosen = parser.parse_args(arguments)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(Library(chosen.recordings), _bodies(chosen.bodies), chosen.seed)
    detectors = {name: Detector(name) for name in ("heavy", "full")}
    ends = time.monotonic() + 60.0 * chosen.minutes
    for number in tqdm(range(chosen.first, chosen.last, chosen.step), unit="clip"):
        path = chosen.folder / f"{number:06d}.npz"
        if path.exists() or time.monotonic() > ends:
            continue
        name = "heavy" if number // 2 % 5 < chosen.heavy else "full"
        arrays = recipe.clip(number, detectors[name])
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **{k: v.astype(np.float32) if v.dtype == float else v
                              for k, v in arrays.items()})  # fmt: skip
        part.replace(path)


if __name__ == "__main__":
    main()
