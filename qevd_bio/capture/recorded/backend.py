"""Motion from files that others have measured: HSMR's dumps and OpenSim's .mot.

T frames of the video, F frames of the file, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import RECORDED, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, Notes, last_valid, stretches
from qevd_bio.capture.recorded.dump import DumpFrame, read_dump
from qevd_bio.capture.recorded.follow_person import FollowingConfig, follow
from qevd_bio.errors import DataError, VideoError
from qevd_bio.files.opensim_mot import MotFile, read_mot
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.motion.record import N_BETAS, Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.skeleton.opensim_map import COORDINATES, from_opensim

PATTERNS = ("HSMR-{id}.npy", "HSMR-{id}.npz", "{id}.mot", "{id}.npy", "{id}.npz")
"""Names looked for, in this order."""

_DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class RecordedConfig:
    """Settings of the recorded backend; part of the identity of its artifacts.

    Attributes
    ----------
    hsmr_sigma_deg : float
        Standard deviation of an HSMR angle. Unverified: the dump holds no uncertainty.
    mot_sigma_deg : float
        The same for inverse kinematics of markers. Unverified.
    spare_frames : int
        A dump may have this many frames more or less than the video has timestamps: decoders
        disagree about the last frames. Missing ones are not valid, further ones are dropped;
        times are never stretched.
    spare_s : float
        A .mot file may begin and end this much earlier or later than the video.
    following : FollowingConfig
        Who is who among several people.
    """

    hsmr_sigma_deg: float = 6.0
    mot_sigma_deg: float = 3.0
    spare_frames: int = 2
    spare_s: float = 0.5
    following: FollowingConfig = field(default_factory=FollowingConfig)


@dataclass(frozen=True)
class RecordedBackend(Backend):
    """Motion from a file in a folder, named after the video."""

    root: Path
    config: RecordedConfig = field(default_factory=RecordedConfig)
    name: str = RECORDED
    version: int = 2
    gpus: int = 0

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the recorded file, the frame times and the configuration."""
        files = (recorded_file(self.root, video.video_id), video.timestamps_file)
        return digests(asdict(self.config), files)

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Read the motion of one video."""
        return recorded_motion(recorded_file(self.root, video.video_id), time_s, self.config)


def recorded_file(root: Path, video_id: str) -> Path:
    """Find the file of a video by its id; `DataError` where there is none, or several."""
    names = [pattern.format(id=video_id) for pattern in PATTERNS]
    found = [root / name for name in names if (root / name).is_file()]
    if len(found) != 1:
        held = ", ".join(path.name for path in found)
        raise DataError(
            f"holds several files of video {video_id}: {held}"
            if found
            else f"holds no file of video {video_id}",
            where=str(root),
            next_step=f"Put one of {', '.join(names)} there",
        )
    return found[0]


def recorded_motion(
    path: Path, time_s: FloatArray, config: RecordedConfig | None = None
) -> Captured:
    """Read the motion of one video.

    Parameters
    ----------
    path : Path
        A .mot file, an HSMR dump .npy, an array .npy (T, 46), or an HSMR .npz of the time
        before its dumps were by frame.
    time_s : ndarray (T,)
        Frame times of the video, strictly increasing.
    config : RecordedConfig, optional
        Settings.

    Returns
    -------
    Captured
        As `Backend.capture`. Angles are unwrapped over each stretch of one person and otherwise
        as in the file: nothing is clamped to a range.

    Raises
    ------
    DataError
        The file is malformed, holds anything but numbers, or is not of this video.
    VideoError
        It holds nobody.

    Notes
    -----
    HSMR gives no uncertainty: its confidence is 1 where it found the person. All its 46 DoFs
    count as observed. Its angles are of the camera frame and gravity is assumed to be the image's
    down. Segment lengths are those of an average adult of 1.75 m: neither file holds them.
    """
    settings = config or RecordedConfig()
    time_s = np.asarray(time_s, dtype=np.float64)
    read = _from_mot if path.suffix == ".mot" else _from_dump
    return read(path, time_s, settings)


def _from_dump(path: Path, time_s: FloatArray, config: RecordedConfig) -> Captured:
    frames = read_dump(path)
    count, wanted = len(frames), len(time_s)
    if abs(count - wanted) > config.spare_frames:
        raise DataError(
            f"has {count} frames, the video {wanted} timestamps",
            where=str(path),
            next_step=f"Dump this video again; up to {config.spare_frames} frames may differ",
        )
    frames = [*frames[:wanted], *[DumpFrame(np.empty((0, N_DOFS)))] * (wanted - count)]
    poses, boxes = [one.poses for one in frames], [one.boxes for one in frames]
    followed = follow(poses, boxes, time_s, config.following)
    valid = followed.row >= 0
    if not valid.any():
        raise VideoError(
            "holds nobody", where=str(path), next_step="Dump this video again, or leave it out"
        )
    q, betas = np.full((wanted, N_DOFS), np.nan), np.full((wanted, N_BETAS), np.nan)
    for i in np.flatnonzero(valid):
        q[i] = poses[i][followed.row[i]]
        shapes = frames[i].betas
        if shapes is not None:
            betas[i] = shapes[followed.row[i]]
    for track in np.unique(followed.track[valid]):
        q[followed.track == track] = np.unwrap(q[followed.track == track], axis=0)
    motion = _motion(
        q, valid, time_s, np.ones(N_DOFS, dtype=bool), config.hsmr_sigma_deg, "hsmr", "camera",
        betas=betas if np.isfinite(betas).any() else None,
    )  # fmt: skip
    return Captured(
        motion,
        {
            **_common_notes(path, motion),
            "frames_in_file": count,
            "people": followed.people,
            "stretches": int(followed.track.max()) + 1,
        },
    )


def _from_mot(path: Path, time_s: FloatArray, config: RecordedConfig) -> Captured:
    file = read_mot(path)
    scale = np.deg2rad(1.0) if file.in_degrees else 1.0
    angles = {n: values * scale for n, values in file.columns.items() if n in COORDINATES}
    for side in "rl":
        knee = angles.get(f"knee_angle_{side}")
        if knee is not None and np.median(knee) < -np.deg2rad(20.0):
            raise DataError(
                f"knee_angle_{side} is negative when bent",
                where=str(path),
                next_step="Give a motion of the Rajagopal or LaiUhlrich model; gait2392 differs",
            )
    try:
        q, observed = from_opensim(angles, _DOWN)
    except ValueError as error:
        raise DataError(
            f"is not of an OpenSim full-body model ({error})",
            where=str(path),
            next_step="Give the coordinates of the Rajagopal or LaiUhlrich model",
        ) from error
    since, valid = _on_the_same_clock(file, time_s, path, config)
    at = np.stack([np.interp(since, file.time_s, column) for column in q.T], axis=1)
    motion = _motion(at, valid, time_s, observed, config.mot_sigma_deg, "opensim", "ground")
    return Captured(motion, {**_common_notes(path, motion), "frames_in_file": len(file.time_s)})


def _on_the_same_clock(
    file: MotFile, time_s: FloatArray, path: Path, config: RecordedConfig
) -> tuple[FloatArray, BoolArray]:
    """Put the video's first frame at the file's 0 s; find the frames that the file covers."""
    since = time_s - time_s[0]
    first, last = float(file.time_s[0]), float(file.time_s[-1])
    if abs(first) > config.spare_s or abs(last - since[-1]) > config.spare_s:
        raise DataError(
            f"lasts from {first:.2f} to {last:.2f} s, the video from 0 to {since[-1]:.2f} s",
            where=str(path),
            next_step=f"Give the motion of this video; {config.spare_s:g} s may differ",
        )
    half_frame = float(np.median(np.diff(file.time_s))) / 2.0
    return since, (since >= first - half_frame) & (since <= last + half_frame)


def _motion(
    q: FloatArray,
    valid: BoolArray,
    time_s: FloatArray,
    observed: BoolArray,
    sigma_deg: float,
    backend: str,
    gravity_source: str,
    *,
    betas: FloatArray | None = None,
) -> Motion:
    filled = last_valid(q, valid)
    noise = jitter_sigma(filled[valid], stretches(np.flatnonzero(valid)))
    sigma = np.hypot(np.deg2rad(sigma_deg), noise)
    return Motion(
        q=filled,
        time_s=time_s,
        confidence=valid.astype(np.float64),
        valid=valid,
        observed=observed,
        sigma_rad=np.where(observed, sigma, np.inf),
        gravity=_DOWN,
        gravity_source=gravity_source,
        backend=backend,
        betas=betas,
        segment_lengths_m=segment_lengths_for_height(ASSUMED_HEIGHT_M),
    )


def _common_notes(path: Path, motion: Motion) -> Notes:
    return {
        "file": path.name,
        "turn_deg": 0,
        "frames_expected": len(motion.time_s),
        "frames_valid": int(motion.valid.sum()),
        "mean_confidence": round(float(motion.confidence.mean()), 4),
    }
