"""Real video against a reference: three cameras of a man who keeps his balance.

Run ``python -m benchmarks.real_reference --data DIR --cache DIR``; DIR of the data holds
pose2sim_demo, the demo session of Pose2Sim: videos, the triangulation of four cameras (.trc) and
OpenSim's inverse kinematics of it (.mot). The videos are captured as any video is; landmarks are
kept in the cache folder, which has to be emptied when the detector or the choice of the person
changes.

Each angle lies between the same joints on both sides: knee between hip and ankle, hip between
knee and shoulder, elbow between shoulder and wrist (0 straight), shoulder between elbow and hip
(0 hanging). Frames count that are valid and have a finite sigma, as others are not judged; their
share is told. The reference is markerless, too: the table of its two forms against each other
shows how far it can be trusted.

T frames, J = 24 joints
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.kept_landmarks import kept_landmarks
from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import MEDIAPIPE, SourceVideo
from qevd_bio.capture.captured import Captured
from qevd_bio.capture.recorded.backend import recorded_motion
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.choices import DetectorModel
from qevd_bio.errors import VideoError
from qevd_bio.files.opensim_mot import read_mot
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import JOINT_INDEX
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.measures import measure_sigmas
from qevd_bio.stages.backends import backend_named

CAMERAS = ("cam01", "cam02", "cam04")
JOINTS = {"Shoulder": "humerus", "Elbow": "ulna", "Wrist": "hand",
          "Hip": "femur", "Knee": "tibia", "Ankle": "talus"}  # fmt: skip
"""Names of the joints in the triangulation and in SKEL."""
ANGLES = {"knee": ("Hip", "Knee", "Ankle", True), "hip": ("Knee", "Hip", "Shoulder", True),
          "elbow": ("Shoulder", "Elbow", "Wrist", True),
          "shoulder": ("Elbow", "Shoulder", "Hip", False)}  # fmt: skip
"""Three joints of one side, and whether a straight limb has an angle of 0."""
MEASURES = {"knee": "knee_flexion", "hip": "hip_flexion", "elbow": "elbow_flexion",
            "shoulder": "shoulder_elevation"}  # fmt: skip
"""The measures whose stated noise is that of an angle."""
LONGEST_LAG_FRAMES = 6
LEAST_MOTION_DEG = 20.0
Points = dict[str, FloatArray]
Angles = dict[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Reference:
    """Both forms of the reference: times (T,) in seconds and angles (T,) in degrees by name."""

    time_s: FloatArray
    triangulated: Angles
    kinematics: Angles


def read_trc(path: Path) -> tuple[FloatArray, Points]:
    """Read times (T,) and points (T, 3) by name from a .trc file."""
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name.strip()]
    rows = [[float(cell) for cell in line.split("\t") if cell.strip()] for line in lines[5:]]
    table = np.array([row for row in rows if row])
    return table[:, 1], {name: table[:, 2 + 3 * i : 5 + 3 * i] for i, name in enumerate(names)}


def posed_points(motion: Motion) -> Points:
    """Pose the body of a motion, its points named as in the triangulation."""
    joints = forward_kinematics(motion.q, scaled_skeleton(motion.segment_lengths_m))[0]
    return {f"{side.upper()}{name}": joints[:, JOINT_INDEX[f"{joint}_{side}"]]
            for name, joint in JOINTS.items() for side in "rl"}  # fmt: skip


def angles_deg(points: Points) -> Angles:
    """Measure the angles between joints, right and left."""
    found = {}
    for name, (first, middle, last, straight_is_zero) in ANGLES.items():
        for side in "rl":
            at = points[f"{side.upper()}{middle}"]
            one, other = (points[f"{side.upper()}{end}"] - at for end in (first, last))
            lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
            cosine = np.clip((one * other).sum(axis=1) / lengths, -1.0, 1.0)
            between = np.rad2deg(np.arccos(cosine))
            found[f"{name}_{side}"] = 180.0 - between if straight_is_zero else between
    return found


def read_reference(folder: Path) -> Reference:
    """Read the triangulation and the inverse kinematics, both on the triangulation's times."""
    time_s, points = read_trc(folder / "tri_hpe.trc")
    file = folder / "tri_body25b.mot"
    motion = recorded_motion(file, read_mot(file).time_s).motion
    if not np.allclose(motion.time_s, time_s, atol=1e-3):
        raise ValueError("the two forms of the reference have other times")
    return Reference(time_s, angles_deg(points), angles_deg(posed_points(motion)))


def captured(video: Path, cache: Path, model: DetectorModel) -> Captured:
    """Capture one video as `run` does."""
    source = SourceVideo(video.stem, video, video.with_suffix(".npy"))
    backend = backend_named(MEDIAPIPE, detector_model=model)
    with kept_landmarks(cache / f"{video.stem}-{model}.npz"):
        return backend.capture(source, stored_times_s(video))


def best_lag(found: Angles, reference: Angles, valid: BoolArray) -> int:
    """Find by how many frames a video is late: the least RMSE of all angles without their bias."""

    def spread(lag: int) -> float:
        rows = np.flatnonzero(valid)
        rows = rows[(rows - lag >= 0) & (rows - lag < len(reference["knee_r"]))]
        return float(sum(np.var(found[name][rows] - reference[name][rows - lag])
                         for name in reference))  # fmt: skip

    return min(range(-LONGEST_LAG_FRAMES, LONGEST_LAG_FRAMES + 1), key=spread)


def compared(found: FloatArray, known: FloatArray, sigma: FloatArray) -> list[str]:
    """RMSE, bias, RMSE without it, slope and r of one angle, and its stated sigma and coverage."""
    error = found - known
    cells = [np.sqrt(np.mean(error**2)), np.mean(error), np.std(error)]
    moves = np.ptp(known) >= LEAST_MOTION_DEG
    fit = [np.polyfit(known, found, 1)[0], np.corrcoef(known, found)[0, 1]] if moves else []
    return [
        *(f"{value:.1f}" for value in cells),
        *([f"{value:.2f}" for value in fit] or ["-", "-"]),
        f"{np.sqrt(np.mean(sigma**2)):.1f}",
        f"{np.mean(np.abs(error) <= sigma):.0%}",
    ]


def frame_sigmas_deg(motion: Motion, measure: str) -> FloatArray:
    """State the noise of a measure in each frame (T,), in degrees."""
    sigma = motion.frame_sigma_rad
    if sigma is None:
        sigma = np.tile(motion.sigma_rad, (len(motion.q), 1))
    wanted = [(measure, row) for row in range(len(motion.q))]
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    return measure_sigmas(wanted, motion.q, sigma, skeleton, motion.gravity)


def body_shape(points: Points) -> str:
    """State the widths of a body as shares of its trunk."""
    middle = {
        name: (points[f"R{name}"] + points[f"L{name}"]) / 2.0 for name in ("Shoulder", "Hip")
    }
    trunk = np.median(np.linalg.norm(middle["Shoulder"] - middle["Hip"], axis=1))
    widths = (np.median(np.linalg.norm(points[f"R{n}"] - points[f"L{n}"], axis=1)) / trunk
              for n in middle)  # fmt: skip
    shoulders, hips = widths
    return f"shoulders {shoulders:.2f}, hips {hips:.2f} of the trunk"


def report(name: str, found: Captured, reference: Reference) -> list[str]:
    """Lay out one camera: a row for each angle, over the frames in which it is judged."""
    motion = found.motion
    if len(motion.time_s) != len(reference.time_s):
        raise ValueError(f"{name} has {len(motion.time_s)} frames, the reference another number")
    angles = angles_deg(posed_points(motion))
    lag = best_lag(angles, reference.triangulated, motion.valid)
    frames = np.arange(len(motion.time_s))
    within = motion.valid & (frames >= lag) & (frames < len(frames) + lag)
    lines = []
    for angle, known in reference.triangulated.items():
        sigma = frame_sigmas_deg(motion, f"{MEASURES[angle[:-2]]}_{angle[-1]}")
        rows = np.flatnonzero(within & np.isfinite(sigma))
        judged = f"{np.mean(motion.valid & np.isfinite(sigma)):.0%}"
        cells = (compared(angles[angle][rows], known[rows - lag], sigma[rows])
                 if len(rows) else ["-"] * 7)  # fmt: skip
        lines.append(" | ".join(["| " + name, angle, *cells, f"{lag}", judged]) + " |")
    return lines


HEAD = """
| camera | angle | RMSE | bias | RMSE without bias | slope | r | sigma | in one sigma | late by frames | judged |
|---|---|---|---|---|---|---|---|---|---|---|"""  # noqa: E501
FORMS_HEAD = """
The inverse kinematics against the triangulation:

| angle | RMSE | bias | range of the triangulation |
|---|---|---|---|"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--detector-model", choices=get_args(DetectorModel), default="heavy")
    options = parser.parse_args()
    folder = options.data / "pose2sim_demo"
    reference = read_reference(folder)
    bodies = [f"- triangulation: {body_shape(read_trc(folder / 'tri_hpe.trc')[1])}"]
    print(HEAD)
    for name in CAMERAS:
        try:
            found = captured(folder / f"{name}.mp4", options.cache, options.detector_model)
        except VideoError as error:
            bodies.append(f"- {name}: refused: {error}")
            continue
        print("\n".join(report(name, found, reference)), flush=True)
        motion = found.motion
        confidence = float(np.median(motion.confidence[motion.valid]))
        bodies.append(f"- {name}: {body_shape(posed_points(motion))}; median confidence "
                      f"{confidence:.2f}, {motion.valid.mean():.0%} valid")  # fmt: skip
    print(FORMS_HEAD)
    for angle, known in reference.triangulated.items():
        error = reference.kinematics[angle] - known
        print(f"| {angle} | {np.sqrt(np.mean(error**2)):.1f} | {error.mean():.1f} "
              f"| {known.min():.0f} to {known.max():.0f} |")  # fmt: skip
    print("\nBodies:\n\n" + "\n".join(bodies))


if __name__ == "__main__":
    main()
