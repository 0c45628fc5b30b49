"""Watch a single video file: measure it on the spot, without a work folder."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.video.decode import probe
from qevd_bio.errors import UsageError, VideoError
from qevd_bio.exercises.checking import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.names import rule_for
from qevd_bio.pipeline.pipeline import outside_of_source, reopen_pipeline
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.views.overlay import Watched, watched
from qevd_bio.views.overlay_marks import Part


def watched_video(video: str, work: Path, exercise: str | None, out: Path) -> Watched:
    """Take a video of a work folder by its id, or a video file with its exercise.

    Parameters
    ----------
    video : str
        Id, or path of a file.
    work : Path
        Work folder of an id; not looked at for a file.
    exercise : str or None
        Any name of a rule; needed by a file, and only by a file.
    out : Path
        Where the result will be written; neither the source data nor the video itself.

    Returns
    -------
    Watched

    Raises
    ------
    UsageError, DataError, VideoError
        The exercise is unknown, missing or superfluous, or the video cannot be used.
    """
    path = Path(video)
    if not path.is_file():
        if exercise is not None:
            raise UsageError(
                "the exercises of a work folder's video are known",
                where="--exercise",
                next_step=f"Leave it out; or name an existing file instead of '{video}'",
            )
        pipeline = reopen_pipeline(work)
        outside_of_source(out, pipeline.config.data_root)
        return watched(pipeline, video)
    if out.resolve() == path.resolve():
        raise UsageError("is the video itself", where=str(out), next_step="Choose another --out")
    if exercise is None:
        raise UsageError(
            "a file does not say which exercise it shows",
            where=video,
            next_step="Name it with --exercise; `qevd-bio rules list` lists them",
        )
    return watched_file(path, exercise)


def watched_file(path: Path, exercise: str) -> Watched:
    """Capture a video file and look for one exercise from its first frame to its last."""
    rules = load_rules()
    rule = rule_for(exercise, rules)
    if rule is None:
        raise UsageError(
            f"no exercise '{exercise}'", where="--exercise", next_step=f"Known: {', '.join(rules)}"
        )
    time_s = stored_times_s(path)
    # the file's name is no QEVD number that shows how it is stored
    config = MediaPipeConfig(video=VideoConfig(turn=TurnConfig(sideways_up_to_id=-1)))
    captured = capture_motion(path, time_s, video_id=path.stem, config=config)
    motion = captured.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = segment_cycles(motion, rule, 0, len(time_s), skeleton)
    cycles = tuple(one.cycle for one in found.cycles)
    findings = segment_findings(motion, rule, cycles, skeleton)
    part = Part(
        exercise=rule.title,
        frame_start=0,
        frame_end=len(time_s),
        rule=rule,
        cycles=cycles,
        findings=tuple(one for of_cycle in findings for one in of_cycle),
    )
    return Watched(path, int(captured.notes["turn_deg"]), motion, (part,))


def stored_times_s(path: Path) -> FloatArray:
    """Read the presentation time of every frame from the container.

    Parameters
    ----------
    path : Path
        The video file.

    Returns
    -------
    ndarray (T,)
        Seconds, strictly increasing.

    Raises
    ------
    VideoError
        The file is no video, or does not say when its frames are shown.
    """
    probe(path)
    stamps: list[float] = []
    try:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.size and packet.pts is not None and packet.time_base is not None:
                    stamps.append(float(packet.pts * packet.time_base))
    except av.error.FFmpegError as error:
        raise VideoError(
            f"its frame times cannot be read ({error.strerror})",
            where=str(path),
            next_step="Download or copy it again",
        ) from error
    time_s = np.sort(np.array(stamps, dtype=np.float64))
    if len(time_s) == 0 or np.any(np.diff(time_s) <= 0.0):
        raise VideoError(
            "does not say when its frames are shown",
            where=str(path),
            next_step="Convert it to mp4",
        )
    return time_s
