"""Good cycles of a release as coordinates of a musculoskeletal model.

T frames, N = 33 coordinates
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.released.loading import load_table, videos_of
from qevd_bio.released.manifest import read_manifest
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.opensim_map import USED, opensim_path, to_opensim
from qevd_bio.tables.kinematics import motion_of_release

_LEAST_FRAMES = 8


@dataclass(frozen=True, slots=True)
class ReleasedCycle:
    """One cycle of a video.

    q (T, 33) holds the coordinates `skeleton.opensim_map.USED` in rad and metres, time_s (T,)
    seconds on the clock of the release.
    """

    video_id: str
    segment_index: int
    cycle_index: int
    q: FloatArray
    time_s: FloatArray


def released_cycles(release: Path, exercise: str, split: str = "train") -> list[ReleasedCycle]:
    """Read the cycles of an exercise that are whole, seen throughout, and without a violation.

    Parameters
    ----------
    release : Path
        Folder of a release.
    exercise : str
        Rule id.
    split : str
        Test videos must not train a generator.

    Raises
    ------
    UsageError, DataError
        As `qevd_bio.released.loading.load_table`.
    """
    violated = {
        (row["video_id"], row["segment_index"], row["cycle_index"])
        for row in load_table(split, release, "findings").to_pylist()
        if row["violated"]
    }
    wanted: dict[str, list[tuple[int, int, int, int]]] = {}
    for row in load_table(split, release, "cycles").to_pylist():
        key = (row["video_id"], row["segment_index"], row["cycle_index"])
        whole = row["counted"] == "full" and row["kind"] == "cycle"
        if row["exercise"] == exercise and whole and key not in violated:
            wanted.setdefault(row["video_id"], []).append(
                (*key[1:], row["frame_start"], row["frame_end"])
            )
    entries = read_manifest(release)["videos"]
    found: list[ReleasedCycle] = []
    for video, table in videos_of(split, release, "kinematics"):
        if video in wanted:
            motion = motion_of_release(table, entries[video]["kinematics"]["motion"])
            found += _cycles_of(video, motion, wanted[video])
    return found


def _cycles_of(
    video: str, motion: Motion, rows: list[tuple[int, int, int, int]]
) -> Iterator[ReleasedCycle]:
    q = unwrap_angles(motion.q, motion.valid)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    for segment, cycle, first, last in rows:
        some = slice(first, last + 1)
        if not motion.valid[some].all() or last + 1 - first < _LEAST_FRAMES:
            continue
        root = None if motion.root_m is None else motion.root_m[some]
        placed = to_opensim(q[some], motion.gravity) | opensim_path(
            q[some], motion.gravity, skeleton, root
        )
        coordinates = np.stack([placed[name] for name in USED], axis=1)
        yield ReleasedCycle(video, segment, cycle, coordinates, motion.time_s[some])
