"""Measured motion against the known motion of rendered people.

T frames
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.demo.workout import SegmentTruth, VideoTruth
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.measures import measure_sigmas, measure_values
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.tables import cycles as cycle_table
from qevd_bio.tables.kinematics import read_motion
from qevd_bio.tables.parquet import read_parquet

LEVEL = np.array([0.0, 1.0, 0.0])
"""Gravity in the camera frame of rendered videos: the camera is level."""

LIMBS = ("knee_flexion", "hip_flexion", "elbow_flexion", "shoulder_elevation")
MOVING_DEG = 20.0


@dataclass(frozen=True, slots=True)
class AngleAccuracy:
    """How well one measure of one segment was measured.

    Attributes
    ----------
    video_id, exercise, view, measure : str
        What was measured, and from where it was filmed.
    frames : int
        Frames compared.
    rmse_deg, slope : float
        Root mean square error, and slope of measured on known.
    known_peak_deg, measured_peak_deg : float
        95th percentiles.
    sigma_deg : float
        Noise stated by the backend, at the median pose of the segment.
    """

    video_id: str
    exercise: str
    view: str
    measure: str
    frames: int
    rmse_deg: float
    slope: float
    known_peak_deg: float
    measured_peak_deg: float
    sigma_deg: float


@dataclass(frozen=True, slots=True)
class CountAccuracy:
    """Known and found repetitions of one segment, and how many lead with the known side."""

    video_id: str
    exercise: str
    view: str
    known: int
    found: int
    sides_right: int


def angle_accuracy(truth: VideoTruth, found: Mapping[str, Path]) -> list[AngleAccuracy]:
    """Compare the limb angles that move by `MOVING_DEG` or more in each segment.

    Parameters
    ----------
    truth : VideoTruth
        The known motion.
    found : mapping of stage to Path
        The video's artifacts; without kinematics there is nothing to compare.
    """
    if "kinematics" not in found:
        return []
    motion = read_motion(found["kinematics"])
    names = [f"{limb}_{side}" for limb in LIMBS for side in "rl"]
    known = measure_values(names, truth.q, load_body(truth.build).skeleton, LEVEL)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    measured = measure_values(names, motion.q, skeleton, motion.gravity)
    lines = []
    for segment in truth.segments:
        first, last = segment.repetitions[0].start_s, segment.repetitions[-1].end_s
        frames = (motion.time_s >= first) & (motion.time_s <= last) & motion.valid
        pose = np.median(motion.q[frames], axis=0)
        for name in names:
            right, read = known[name][frames], measured[name][frames]
            if np.ptp(right) < MOVING_DEG:
                continue
            noise_rad = motion.sigma_rad[None]
            sigmas = measure_sigmas([(name, 0)], pose[None], noise_rad, skeleton, motion.gravity)
            lines.append(
                AngleAccuracy(
                    video_id=truth.video_id,
                    exercise=segment.exercise,
                    view=segment.view,
                    measure=name,
                    frames=len(right),
                    rmse_deg=float(np.sqrt(np.mean((read - right) ** 2))),
                    slope=float(np.polyfit(right, read, 1)[0]),
                    known_peak_deg=float(np.percentile(right, 95)),
                    measured_peak_deg=float(np.percentile(read, 95)),
                    sigma_deg=float(sigmas[0]),
                )
            )
    return lines


def count_accuracy(truth: VideoTruth, found: Mapping[str, Path]) -> list[CountAccuracy]:
    """Compare the number of repetitions, or holds, of each segment."""
    if "cycles" not in found:
        return []
    rows = read_parquet(found["cycles"], cycle_table.SCHEMA).to_pylist()
    lines = []
    for index, segment in enumerate(truth.segments):
        own = [row for row in rows if row["segment_index"] == index]
        lines.append(
            CountAccuracy(
                truth.video_id,
                segment.exercise,
                segment.view,
                known=len(segment.repetitions),
                found=len(own),
                sides_right=sum(_known_side(segment, row["key_s"]) == row["side"] for row in own),
            )
        )
    return lines


def _known_side(segment: SegmentTruth, time_s: float) -> str | None:
    """Return the side that leads the repetition at a time, "none" outside of repetitions."""
    inside = [one for one in segment.repetitions if one.start_s <= time_s <= one.end_s]
    return inside[0].side if inside else "none"
