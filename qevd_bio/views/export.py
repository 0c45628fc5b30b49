"""The motion of a finished video in the formats of other tools: OpenSim .mot and rerun .rrd.

T frames, J = 24 joints
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.choices import ExportFormat
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.motion.angles import unwrap_angles
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.dofs import JOINT_NAMES, PARENTS
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.measures import measure_values
from qevd_bio.skeleton.opensim_map import opensim_path, to_opensim
from qevd_bio.views.analysed_video import AnalysedVideo
from qevd_bio.views.formatting import measure_words
from qevd_bio.views.overlay.shown_measures import shown_measures


def export_motion(video: AnalysedVideo, path: Path, to: ExportFormat) -> None:
    """Write a video's motion for another tool, in one of `FORMATS`.

    Raises
    ------
    EnvironmentProblem
        The format needs a package that is not installed.
    """
    FORMATS[to](video, path)


def _write_mot(video: AnalysedVideo, path: Path) -> None:
    motion = video.motion
    since_s = motion.time_s - motion.time_s[0]
    write_mot(path, since_s, opensim_columns(motion), filled_gaps_s(motion))


def filled_gaps_s(motion: Motion) -> list[tuple[float, float]]:
    """List the gaps of a motion that a .mot fills with the last pose: first and last time (s)."""
    since_s = motion.time_s - motion.time_s[0]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ~motion.valid, [False]])))
    return [(float(since_s[a]), float(since_s[b - 1])) for a, b in edges.reshape(-1, 2)]


def gap_note(motion: Motion, to: ExportFormat) -> str:
    """Say which frames of an export were not measured; empty where all were."""
    gaps, frames = filled_gaps_s(motion), int((~motion.valid).sum())
    if not gaps:
        return ""
    first = ", ".join(f"{a:.2f}-{b:.2f} s" for a, b in gaps[:5])
    more = f" and {len(gaps) - 5} more" if len(gaps) > 5 else ""
    what = "repeat the last pose, which the header marks" if to == "mot" else "are left out"
    return f"{frames} of {len(motion.valid)} frames were not measured ({first}{more}) and {what}"


def opensim_columns(motion: Motion) -> dict[str, FloatArray]:
    """Lay a motion out in the coordinates of OpenSim's full-body models.

    Parameters
    ----------
    motion : Motion
        T frames.

    Returns
    -------
    dict of str to ndarray (T,)
        Rotations in degrees, then the pelvis' translations in metres by the motion's own scale;
        `skeleton.opensim_map` documents both. Held frames repeat the last pose;
        `filled_gaps_s` names them.

    Notes
    -----
    DoFs that are not observed keep the value of the motion, in most cases 0.
    """
    q = unwrap_angles(motion.q, motion.valid)
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    rotations = to_opensim(q, motion.gravity)
    return {
        **{name: np.rad2deg(values) for name, values in rotations.items()},
        **opensim_path(q, motion.gravity, skeleton, motion.root_m),
    }


def _rerun() -> Any:  # noqa: ANN401  rerun is not always there to be typed
    try:
        import rerun
    except ImportError as error:
        raise EnvironmentProblem(
            f".rrd files need rerun-sdk ({error})",
            where="export",
            next_step='Run: pip install "qevd-bio[rerun]"',
        ) from error
    return rerun


def _write_rrd(video: AnalysedVideo, path: Path) -> None:
    """Write the skeleton over time and the curves of the salient measures.

    Camera axes (x right, y down, z away), metres by the motion's scale. Held frames have no
    points. The file holds the time of writing: equal motions do not give equal bytes.
    """
    rr = _rerun()
    motion = video.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    joints = forward_kinematics(motion.q, skeleton)[0]
    if motion.root_m is not None:
        joints = joints + motion.root_m[:, None]
    bones = [(parent, joint) for joint, parent in enumerate(PARENTS) if parent >= 0]
    with atomic_path(path) as temporary:
        stream = rr.RecordingStream("qevd_bio")
        rr.save(temporary, recording=stream)
        rr.log("body", rr.ViewCoordinates.RDF, static=True, recording=stream)
        for frame in np.flatnonzero(motion.valid):
            _at(rr, stream, motion, int(frame))
            at = joints[frame]
            rr.log("body/joints", rr.Points3D(at, labels=list(JOINT_NAMES), show_labels=False),
                   recording=stream)  # fmt: skip
            rr.log("body/bones", rr.LineStrips3D(at[np.array(bones)]), recording=stream)
        for part in video.segments:
            if part.rule is None:
                continue
            some = slice(part.frame_start, min(part.frame_end, len(motion.q)))
            curves = measure_values(
                shown_measures(part.rule, motion), motion.q[some], skeleton, motion.gravity
            )
            for offset in np.flatnonzero(motion.valid[some]):
                _at(rr, stream, motion, part.frame_start + int(offset))
                for name, values in curves.items():
                    if np.isfinite(values[offset]):
                        place = f"measures/{measure_words(name)}"
                        rr.log(place, rr.Scalars(float(values[offset])), recording=stream)
        rr.disconnect(recording=stream)
        if temporary.stat().st_size == 0:
            raise DataError(
                "rerun wrote nothing", where=str(path), next_step="Report this with --debug"
            )


def _at(rr: Any, stream: Any, motion: Motion, frame: int) -> None:  # noqa: ANN401
    rr.set_time("time", duration=float(motion.time_s[frame] - motion.time_s[0]), recording=stream)
    rr.set_time("frame", sequence=frame, recording=stream)


FORMATS: Mapping[ExportFormat, Callable[[AnalysedVideo, Path], None]] = {
    "mot": _write_mot,
    "rrd": _write_rrd,
}
