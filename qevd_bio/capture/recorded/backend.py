"""Motion from files that others have measured: dumps of HSMR and SKEL-CF, OpenSim's files.

T frames of the video, F frames of the file, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.backend import RECORDED, Backend, SourceVideo, digests
from qevd_bio.capture.captured import ASSUMED_HEIGHT_M, Captured, Notes, last_valid, stretches
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.performer import people_notes
from qevd_bio.capture.recorded.dump import Dump, DumpFrame, read_dump
from qevd_bio.capture.recorded.follow_person import FollowingConfig, follow
from qevd_bio.capture.recorded.opensim_motion import OpensimConfig, opensim_motion
from qevd_bio.errors import DataError, VideoError
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.noise import jitter_sigma
from qevd_bio.motion.record import N_BETAS, Motion
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from qevd_bio.skeleton.dofs import N_DOFS

HSMR, SKEL_CF, OPENSIM, OPENCAP_MONOCULAR = "hsmr", "skel-cf", "opensim", "opencap-monocular"
PATTERNS: Mapping[str, str] = {
    "HSMR-{id}.npy": HSMR,
    "HSMR-{id}.npz": HSMR,
    "SKEL-CF-{id}.npy": SKEL_CF,
    "SKEL-CF-{id}.npz": SKEL_CF,
    "OpenCap-Monocular-{id}.mot": OPENCAP_MONOCULAR,
    "{id}.mot": OPENSIM,
    "{id}.sto": OPENSIM,
    "{id}.npy": HSMR,
    "{id}.npz": HSMR,
}
"""Names of the files of a video, and what measured the motion in each."""

_DOWN = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class RecordedConfig:
    """Settings of the recorded backend; part of the identity of its artifacts.

    Attributes
    ----------
    network_sigma_deg : float
        Standard deviation of an angle of HSMR or SKEL-CF. Unverified: dumps hold no uncertainty.
    opensim_sigma_deg : float
        The same for inverse kinematics of markers. Unverified.
    opencap_monocular_sigma_deg : float
        The same for OpenCap Monocular: 1.25 times its authors' mean absolute error of 4.8 degrees
        (arXiv 2603.24733: walking, squats, standing up), as of a normal distribution.
    spare_frames : int
        A dump may have this many frames more or less than the video has timestamps: decoders
        disagree about the last frames. Missing ones are not valid, further ones are dropped;
        times are never stretched.
    opensim : OpensimConfig
        How OpenSim's files are read.
    following : FollowingConfig
        Who is who among several people.
    """

    network_sigma_deg: float = 6.0
    opensim_sigma_deg: float = 3.0
    opencap_monocular_sigma_deg: float = 6.0
    spare_frames: int = 2
    opensim: OpensimConfig = field(default_factory=OpensimConfig)
    following: FollowingConfig = field(default_factory=FollowingConfig)

    def sigma_deg(self, source: str) -> float:
        """Return the standard deviation of an angle by what measured it."""
        of_files = {OPENSIM: self.opensim_sigma_deg,
                    OPENCAP_MONOCULAR: self.opencap_monocular_sigma_deg}  # fmt: skip
        return of_files.get(source, self.network_sigma_deg)


@dataclass(frozen=True)
class RecordedBackend(Backend):
    """Motion from a file in a folder, named after the video."""

    root: Path
    config: RecordedConfig = field(default_factory=RecordedConfig)
    name: str = RECORDED
    version: int = 5
    gpus: int = 0

    def depends(self, video: SourceVideo) -> Mapping[str, str]:
        """Name the recorded file, the frame times, the exercises and the configuration."""
        files = (recorded_file(self.root, video.video_id),)
        named = {"exercises": video.exercises_digest(), **video.times_digest()}
        return {**digests(asdict(self.config), files), **named}

    def capture(self, video: SourceVideo, time_s: FloatArray) -> Captured:
        """Read the motion of one video."""
        path = recorded_file(self.root, video.video_id)
        return recorded_motion(path, time_s, self.config, video.exercises)


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


def source_of(path: Path) -> str:
    """Name what measured the motion in a file, by the file's name."""
    for pattern, source in PATTERNS.items():
        before, after = pattern.split("{id}")
        if path.name.startswith(before) and path.name.endswith(after):
            return source
    raise DataError(
        "is no file of motion",
        where=str(path),
        next_step=f"Name it as one of {', '.join(PATTERNS)}",
    )


def recorded_motion(
    path: Path,
    time_s: FloatArray,
    config: RecordedConfig | None = None,
    exercises: Sequence[ExpectedExercise] = (),
) -> Captured:
    """Read the motion of one video.

    Parameters
    ----------
    path : Path
        A .mot or .sto file of OpenSim, a dump .npy or .npz (`dump.read_dump`), or an array .npy
        (T, 46).
    time_s : ndarray (T,)
        Frame times of the video, strictly increasing.
    config : RecordedConfig, optional
        Settings.
    exercises : sequence of ExpectedExercise
        Those that are named; they show who of several people in a dump exercises.

    Returns
    -------
    Captured
        As `Backend.capture`. Angles are unwrapped over each stretch of one person, whole turns
        too many are taken off, and otherwise they are as in the file: nothing is clamped to a
        range.

    Raises
    ------
    DataError
        The file is malformed, holds anything but numbers, or is not of this video.
    VideoError
        It holds nobody.

    Notes
    -----
    A dump holds no uncertainty: its confidence is 1 where it found the person. All its 46 DoFs
    count as observed. Its angles are of the camera frame and gravity is assumed to be the image's
    down. Segment lengths are those of an average adult of 1.75 m: neither file holds them.
    """
    settings = config or RecordedConfig()
    time_s = np.asarray(time_s, dtype=np.float64)
    source = source_of(path)
    if source in (OPENSIM, OPENCAP_MONOCULAR):
        return _from_opensim(path, time_s, source, settings)
    return _from_dump(path, time_s, source, settings, exercises)


def _from_dump(
    path: Path, time_s: FloatArray, source: str, config: RecordedConfig,
    exercises: Sequence[ExpectedExercise],
) -> Captured:  # fmt: skip
    dump, wanted = read_dump(path), len(time_s)
    frames = _on_frames(dump, wanted, path, config)
    poses, boxes = [one.poses for one in frames], [one.boxes for one in frames]
    followed = follow(poses, boxes, time_s, config.following, exercises)
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
        own = followed.track == track
        q[own] = unwrap_angles(q[own], np.ones(int(own.sum()), dtype=bool))
    motion = _motion(
        q, valid, time_s, np.ones(N_DOFS, dtype=bool), config.sigma_deg(source), source, "camera",
        betas=betas if np.isfinite(betas).any() else None,
    )  # fmt: skip
    return Captured(
        motion,
        {
            **_common_notes(path, motion),
            "frames_in_file": len(dump.frames),
            **people_notes(followed.people, followed.changes),
            "stretches": int(followed.track.max()) + 1,
        },
    )


def _on_frames(dump: Dump, wanted: int, path: Path, config: RecordedConfig) -> list[DumpFrame]:
    """Lay a dump on the frames of a video; `DataError` where it has another length."""
    count, spare = len(dump.frames), config.spare_frames
    if count > wanted + spare or (count < wanted - spare and not dump.numbered):
        raise DataError(
            f"has {count} frames, the video {wanted} timestamps",
            where=str(path),
            next_step=f"Dump this video again; up to {spare} frames may differ",
        )
    nobody = DumpFrame(np.empty((0, N_DOFS)))
    return [*dump.frames[:wanted], *[nobody] * (wanted - count)]


def _from_opensim(path: Path, time_s: FloatArray, source: str, config: RecordedConfig) -> Captured:
    found = opensim_motion(path, time_s - time_s[0], _DOWN, config.opensim)
    motion = _motion(
        found.q, found.valid, time_s, found.observed, config.sigma_deg(source), source, "ground"
    )
    return Captured(motion, {**_common_notes(path, motion), **found.notes}, found.concerns)


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
