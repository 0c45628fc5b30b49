"""Analyse a single video file on the spot, without a work folder."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.monocular.backend import capture_motion
from qevd_bio.capture.monocular.config import MediaPipeConfig
from qevd_bio.capture.video.stored_times import stored_times_s
from qevd_bio.errors import UsageError
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.expected import expected_exercise
from qevd_bio.exercises.names import rule_named
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.rule_check import usable_rules
from qevd_bio.pipeline.pipeline import outside_of_source, reopen_pipeline
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.views.analysed_video import AnalysedSegment, AnalysedVideo, finished_video


def video_or_file(
    video: str, work: Path, exercise: str | None, out: Path, user_rules: Path | None = None
) -> AnalysedVideo:
    """Read a video of a work folder by its id, or analyse a video file with its exercise.

    The work folder is not read for a file, and knows its own rules: `user_rules` are for a file.
    The exercise, any name of a rule, is needed by a file, and only by a file. `out`, where the
    result will be written, is neither the source data nor the video itself. `UsageError`,
    `DataError` or `VideoError` where the exercise is unknown, missing or superfluous, or the video
    cannot be used.
    """
    path = Path(video)
    if not path.is_file():
        if exercise is not None or user_rules is not None:
            raise UsageError(
                "the exercises and rules of a work folder's video are known",
                where="--rules" if exercise is None else "--exercise",
                next_step=f"Leave it out; or name an existing file instead of '{video}'",
            )
        pipeline = reopen_pipeline(work)
        outside_of_source(out, pipeline.config.data_root)
        return finished_video(pipeline, video)
    if out.resolve() == path.resolve():
        raise UsageError("is the video itself", where=str(out), next_step="Choose another --out")
    if exercise is None:
        raise UsageError(
            "the exercise of a video file is unknown",
            where=video,
            next_step="Name it with --exercise; `qevd-bio rules list` lists them",
        )
    rule = rule_named(exercise, usable_rules(user_rules), where="--exercise")
    return analyse_file(path, rule)


def analyse_file(path: Path, rule: Rule) -> AnalysedVideo:
    """Capture a video file and check one exercise from its first frame to its last."""
    time_s = stored_times_s(path)
    # the file's name is no QEVD number that shows how it is stored
    config = MediaPipeConfig(video=VideoConfig(turn=TurnConfig(sideways_up_to_id=-1)))
    exercises = [expected_exercise(rule, 0, len(time_s))]
    captured = capture_motion(path, time_s, video_id=path.stem, config=config, exercises=exercises)
    motion = captured.motion
    skeleton = scaled_skeleton(motion.segment_lengths_m)
    found = segment_cycles(motion, rule, 0, len(time_s), skeleton)
    cycles = tuple(one.cycle for one in found.cycles)
    findings = segment_findings(motion, rule, cycles, skeleton)
    segment = AnalysedSegment(
        index=0,
        exercise=rule.title,
        frame_start=0,
        frame_end=len(time_s),
        rule=rule,
        cycles=cycles,
        findings=tuple(one for of_cycle in findings for one in of_cycle),
    )
    return AnalysedVideo(path.stem, path, int(captured.notes["turn_deg"]), motion, (segment,))
