"""The motion of an OpenSim file at the times of a video, and its gaps.

T frames of the video, R rows of the file, C coordinates, D = 46 DoF
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray
from qevd_bio.capture.captured import Notes
from qevd_bio.errors import DataError, VideoError
from qevd_bio.files.opensim_mot import MotFile, read_mot
from qevd_bio.motion.angles import TURN_RAD, unwrap_angles
from qevd_bio.skeleton.opensim_map import COORDINATES, LUMBAR, PELVIS, from_opensim

HINGES = tuple(f"{name}_{side}" for name in ("knee_angle", "elbow_flex", "hip_flexion")
               for side in "rl")  # fmt: skip
"""Coordinates that no person turns by more than half a turn."""

_OF_VERTEBRAE = ("_Flex_Ext", "_Lat_Bending", "_axial_rotation")
_MOST_RAD = 20.0 * TURN_RAD
_BENT_BACKWARDS_RAD = np.deg2rad(-20.0)


@dataclass(frozen=True, slots=True)
class OpensimConfig:
    """Settings of reading OpenSim files.

    Attributes
    ----------
    spare_s : float
        A file may begin and end this much earlier or later than the video.
    longest_step_s : float
        Rows farther apart than this, and than two usual steps, have a gap between them.
    least_repeated_s : float
        A pose that is repeated to the last digit for this long is a filled gap, if a jump
        follows. Without the jump the person held still.
    jump_deg, jump_ratio : float
        A step is a jump when it is larger than `jump_deg` plus `jump_ratio` times the next step.
    """

    spare_s: float = 0.5
    longest_step_s: float = 0.1
    least_repeated_s: float = 0.2
    jump_deg: float = 1.0
    jump_ratio: float = 3.0


@dataclass(frozen=True, slots=True)
class OpensimMotion:
    """A file's motion at T times of a video.

    q (T, 46) in rad, unwrapped; valid (T,) where the file has a row; observed (46,); notes for
    the record of the unit; concerns, in words, about what the file holds.
    """

    q: FloatArray
    valid: BoolArray
    observed: BoolArray
    notes: Notes
    concerns: tuple[str, ...] = field(default=())


def opensim_motion(
    path: Path, since_s: FloatArray, gravity: FloatArray, config: OpensimConfig
) -> OpensimMotion:
    """Read a .mot or .sto file at the times of a video.

    Parameters
    ----------
    path : Path
        The file: coordinates of a model of the Rajagopal or LaiUhlrich family, of Pose2Sim's
        (whose vertebrae become one joint), or of gait2392 (whose knees bend negatively).
    since_s : ndarray (T,)
        Times of the video's frames, its first at 0 s, which is the file's 0 s.
    gravity : ndarray (3,)
        Unit vector pointing down in the camera frame wanted.
    config : OpensimConfig
        Settings.

    Raises
    ------
    DataError
        The file is malformed, of another kind of model or unit, or not of this video.
    VideoError
        No frame lies within its rows.
    """
    file = read_mot(path)
    _check_clock(file, since_s, path, config)
    angles = _coordinates_rad(file, path)
    table = np.stack(list(angles.values()), axis=1)
    finite = np.asarray(np.isfinite(table).all(axis=1))
    table = unwrap_angles(table, finite)
    repeated = repeated_rows(table, file.time_s, config)
    marked = marked_rows(file)
    sound = finite & ~repeated & ~marked
    if not sound.any():
        raise VideoError(
            "holds no row without NaN", where=str(path), next_step="Write the file again"
        )
    angles = dict(zip(angles, table[sound].T, strict=True))
    negated = _straighten_knees(angles)
    try:
        q, observed = from_opensim(angles, gravity)
    except ValueError as error:
        raise _other_model(path, str(error)) from error
    q = unwrap_angles(q, np.ones(len(q), dtype=bool))
    valid = covered(since_s, file.time_s[sound], config)
    if not valid.any():
        raise VideoError(
            "has no row near any frame of the video",
            where=str(path),
            next_step="Give the motion of this video",
        )
    at = np.stack([np.interp(since_s, file.time_s[sound], column) for column in q.T], axis=1)
    lasting = (since_s >= file.time_s[0]) & (since_s <= file.time_s[-1])
    concerns = (
        *_unit_concern(file, angles),
        *_gap_concern(valid[lasting], repeated, finite, marked),
    )
    notes: Notes = {"frames_in_file": len(file.time_s), "rows_repeated": int(repeated.sum())}
    if negated:
        notes["knees"] = "negated: they bend negatively in the file"
    return OpensimMotion(at, valid, observed, notes, concerns)


def covered(since_s: FloatArray, rows_s: FloatArray, config: OpensimConfig) -> BoolArray:
    """Find the times (T,) that lie on a row, or between two rows (R,) without a gap."""
    usual = float(np.median(np.diff(rows_s))) if len(rows_s) > 1 else config.longest_step_s
    longest_s = max(config.longest_step_s, 2.0 * usual)
    after = np.searchsorted(rows_s, since_s)
    before = np.clip(after - 1, 0, len(rows_s) - 1)
    following = np.clip(after, 0, len(rows_s) - 1)
    nearest_s = np.minimum(np.abs(since_s - rows_s[before]), np.abs(since_s - rows_s[following]))
    between = (since_s >= rows_s[0]) & (since_s <= rows_s[-1])
    close = rows_s[following] - rows_s[before] <= longest_s
    return np.asarray((nearest_s <= usual / 2.0) | (between & close))


def repeated_rows(table: FloatArray, time_s: FloatArray, config: OpensimConfig) -> BoolArray:
    """Find rows (R,) of a table (R, C) in rad that a writer repeated to fill a gap.

    Notes
    -----
    A measured pose never comes back to the last digit, a held one of a computed motion does; only
    after a filled gap the body jumps to where it has moved meanwhile.
    """
    found = np.zeros(len(table), dtype=bool)
    step = np.abs(np.diff(table, axis=0)).max(axis=1, initial=0.0)
    still = np.concatenate([[False], step == 0.0, [False]])
    edges = np.flatnonzero(np.diff(still)) + 1
    for begin, end in edges.reshape(-1, 2):
        lasts_s = time_s[end - 1] - time_s[begin - 1]
        if end >= len(table) or lasts_s < config.least_repeated_s:
            continue
        usual = step[end] if end < len(step) else 0.0
        if step[end - 1] > np.deg2rad(config.jump_deg) + config.jump_ratio * usual:
            found[begin:end] = True
    return found


def _check_clock(file: MotFile, since_s: FloatArray, path: Path, config: OpensimConfig) -> None:
    """Check that a file and a video last equally long."""
    first, last, video = float(file.time_s[0]), float(file.time_s[-1]), float(since_s[-1])
    if abs(first) <= config.spare_s and abs(last - video) <= config.spare_s:
        return
    milliseconds = abs(last / 1000.0 - video) <= config.spare_s and last > 10.0 * video
    raise DataError(
        f"lasts from {first:.2f} to {last:.2f} s, the video from 0 to {video:.2f} s",
        where=str(path),
        next_step="Write its time in seconds: these look like milliseconds"
        if milliseconds
        else f"Give the motion of this video; {config.spare_s:g} s may differ",
    )


def _coordinates_rad(file: MotFile, path: Path) -> dict[str, FloatArray]:
    """Pick the known rotations (R,) in rad; a spine of vertebrae becomes one joint."""
    scale = np.deg2rad(1.0) if file.in_degrees else 1.0
    angles = {
        name: values * scale
        for name, values in file.columns.items()
        if name in COORDINATES and np.isfinite(values).any()
    }
    if not angles:
        raise _other_model(path, "no known coordinate")
    if not any(name in angles for name in LUMBAR):
        for own, ending in zip(LUMBAR, _OF_VERTEBRAE, strict=True):
            parts = [values for n, values in file.columns.items() if n.endswith(ending)]
            if parts:
                angles[own] = np.sum(parts, axis=0) * scale
    if _largest_rad(angles, angles) > _MOST_RAD:
        raise DataError(
            f"turns a joint by {_largest_rad(angles, angles):.3g} radians",
            where=str(path),
            next_step="Write the angles that the inverse kinematics found",
        )
    largest = _largest_rad(angles, HINGES)
    if not file.in_degrees and largest > 2.0 * TURN_RAD:
        raise DataError(
            f"turns a joint by {largest:.0f} radians",
            where=str(path),
            next_step="Write inDegrees=yes into its header if these are degrees",
        )
    return angles


def _straighten_knees(angles: dict[str, FloatArray]) -> bool:
    """Negate the knees of models in which bending is negative; say whether they were.

    A single row (below 1 %) is no evidence, and nobody overextends a knee by 20 degrees.
    """
    knees = [name for name in ("knee_angle_r", "knee_angle_l") if name in angles]
    if not knees:
        return False
    low, high = np.percentile([angles[name] for name in knees], [1.0, 99.0])
    if low >= _BENT_BACKWARDS_RAD or -low <= high:
        return False
    angles.update({name: -angles[name] for name in knees})
    return True


def _unit_concern(file: MotFile, angles: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Suspect radians where no joint ever turns by as much as a full turn is in radians."""
    largest_deg = np.rad2deg(_largest_rad(angles, [n for n in angles if n not in PELVIS]))
    if not file.in_degrees or largest_deg >= TURN_RAD:
        return ()
    return (f"the largest joint angle is {largest_deg:.0f} degrees: is the file in radians, "
            "in spite of inDegrees=yes?",)  # fmt: skip


def marked_rows(file: MotFile) -> BoolArray:
    """Find rows (R,) in gaps that the file says were filled."""
    found = np.zeros(len(file.time_s), dtype=bool)
    for first, last in file.filled_s:
        found |= (file.time_s >= first - 1e-6) & (file.time_s <= last + 1e-6)
    return found


def _gap_concern(
    valid: BoolArray, repeated: BoolArray, finite: BoolArray, marked: BoolArray
) -> tuple[str, ...]:
    """Tell of the frames without a row between the first row and the last."""
    if valid.all():
        return ()
    causes = [
        f"{count} rows {what}"
        for count, what in (
            (int(repeated.sum()), "repeat the one before until the body jumps"),
            (int((~finite).sum()), "hold NaN"),
            (int(marked.sum()), "are marked as filled"),
        )
        if count
    ]
    cause = f" ({', '.join(causes)})" if causes else ""
    return (f"{int((~valid).sum())} of {len(valid)} frames lie in gaps of the file{cause}",)


def _largest_rad(angles: Mapping[str, FloatArray], names: Iterable[str]) -> float:
    known = [np.abs(angles[name]).max(where=np.isfinite(angles[name]), initial=0.0)
             for name in names if name in angles]  # fmt: skip
    return float(max(known, default=0.0))


def _other_model(path: Path, cause: str) -> DataError:
    return DataError(
        f"is not of an OpenSim full-body model ({cause})",
        where=str(path),
        next_step="Give the coordinates of the Rajagopal or LaiUhlrich model",
    )
