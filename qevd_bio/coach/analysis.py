"""Videos through the pipeline's own stages: capture, cycles, quality, findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from qevd_bio.capture.monocular.backend import MediaPipeBackend
from qevd_bio.capture.video.video_files import video_id_of
from qevd_bio.coach.plain_session import PlainVideo, part_of_video, plain_session, sessions_of
from qevd_bio.coach.settings import CoachSettings
from qevd_bio.engine.events import Event, Tally
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.plan import PlannedUnit, current_artifacts, plan
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError, UsageError, VideoError
from qevd_bio.exercises.recognise import Recognised
from qevd_bio.exercises.rule import SIDES, Rule
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton
from qevd_bio.skeleton.kinematics import PosedSkeleton
from qevd_bio.stages.cycles import CyclesStage
from qevd_bio.stages.findings import FindingsStage
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.stages.quality import QualityStage
from qevd_bio.stages.sessions import Session
from qevd_bio.tables.kinematics import read_motion

WORK = "work"
"""Folder of the artifacts below the results; a second call with the same video finds them."""


MOST_SLANT_DEG = 30.0
"""Trunk or legs further from a quarter turn show no way up, as in `TurnConfig`."""
LEAST_CLEAR, LEAST_AGREEING = 0.1, 0.9
"""Share of frames that must show a way up, and of those the share that must agree (unverified)."""


@dataclass(frozen=True, slots=True)
class ChosenRule:
    """The rule of an exercise, and how it was recognised; None where the user named it.

    `taken_for` says where the user's spelling was only near.
    """

    rule: Rule
    recognised: Recognised | None = None
    taken_for: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """A video, the artifacts of the stages by name, and what makes the capture doubtful.

    `capture` are the notes of the capture: people in view, turn, whether the file breaks off.
    """

    video: PlainVideo
    session: Session
    chosen: ChosenRule
    artifacts: Mapping[str, Path]
    concerns: tuple[str, ...]
    capture: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Failure:
    """A video that cannot be coached, and why."""

    video_id: str
    source: Path
    reason: str


def named_files(files: Sequence[Path]) -> dict[str, Path]:
    """Name videos after their files; `DataError` where two would have one name."""
    named: dict[str, Path] = {}
    for file in files:
        video_id = video_id_of(file)
        if video_id in named:
            raise DataError(
                f"would be a second video '{video_id}'",
                where=str(file),
                next_step="Rename the file, or write to another --out",
            )
        named[video_id] = file
    return named


def analysed(
    video_id: str,
    source: Path,
    rule: ChosenRule | Callable[[Motion, int], ChosenRule],
    settings: CoachSettings,
    on_event: Callable[[Event], None],
) -> Analysis | Failure:
    """Bring a video through the stages, in this process.

    A rule that is chosen by the motion, and by how the picture was turned, is asked for after a
    capture that knows of no exercise; `DataError` of the choice is the failure of this video. A
    picture that cannot be the right way up for the exercise is captured again.
    `EnvironmentProblem` where the detector, or the folder of the results, cannot be used.
    """
    cut = settings.out / video_id / "part.mp4"
    store = Store(settings.out / WORK)
    try:
        video = part_of_video(video_id, source, settings.start_s, settings.end_s, cut)
        found = _captured(video, rule, settings, store, on_event)
        if isinstance(found, str):
            return Failure(video_id, source, found)
        capture, chosen = found
        session = plain_session(video, chosen.rule)
    except (VideoError, DataError, UsageError) as error:
        return Failure(video_id, source, str(error))
    sessions = sessions_of([session])
    stages = (capture, CyclesStage(sessions), QualityStage(sessions), FindingsStage(sessions))
    summary = run_local(stages, [video_id], store, Tally(on_event))
    if summary.failures:
        return Failure(video_id, source, summary.failures[0].reason)
    planned = plan(stages, [video_id], store)
    artifacts = current_artifacts(planned, store)[video_id]
    notes = planned[0].record.notes if planned[0].record else {}
    return Analysis(video, session, chosen, artifacts, _concerns(planned), notes)


def _captured(
    video: PlainVideo,
    rule: ChosenRule | Callable[[Motion, int], ChosenRule],
    settings: CoachSettings,
    store: Store,
    on_event: Callable[[Event], None],
) -> tuple[KinematicsStage, ChosenRule] | str:
    """Capture a video and choose its rule; the reason where it cannot be captured.

    It is captured again, once, where the turned picture shows somebody standing whose exercise is
    done lying, or somebody lying whose exercise is done standing.
    """
    named = rule.rule if isinstance(rule, ChosenRule) else None
    session = plain_session(video, named)
    capture = _capture(session, settings)
    for is_last in (False, True):
        summary = run_local([capture], [video.video_id], store, Tally(on_event))
        if summary.failures:
            return summary.failures[0].reason
        planned = plan([capture], [video.video_id], store)
        file = current_artifacts(planned, store)[video.video_id][capture.writes]
        motion, turn_deg = read_motion(file), _turn_deg(planned)
        chosen = rule if isinstance(rule, ChosenRule) else rule(motion, turn_deg)
        more_deg = turn_to_stand_deg(motion) if chosen.rule.posture == "standing" else 0
        was_stood_up = named is None and turn_deg != 0 and chosen.rule.posture != "standing"
        if is_last or not (more_deg or was_stood_up):
            break
        if was_stood_up:
            capture = _capture(plain_session(video, chosen.rule), settings)
        else:
            capture = _capture(session, settings, (turn_deg + more_deg) % 360)
    return capture, chosen


def turn_to_stand_deg(motion: Motion) -> int:
    """Return the clockwise turn (0, 90, 180, 270) that stands a person up who lies in a picture.

    0 as well where frames disagree, as in a burpee, or trunk and legs do, as in a bench dip, and
    where no frame shows a person.
    """
    if not motion.valid.any():
        return 0
    posed = PosedSkeleton(motion.q[motion.valid], scaled_skeleton(motion.segment_lengths_m))
    joints = ("humerus", "femur", "talus")
    ends = [np.mean([posed.place(f"{one}_{side}") for side in SIDES], axis=0) for one in joints]
    headings = [np.rad2deg(np.arctan2(*(low - high)[:2])) for high, low in pairwise(ends)]
    quarters = [np.round(heading / 90.0) for heading in headings]
    clear = quarters[0] % 4 == quarters[1] % 4
    for heading, quarter in zip(headings, quarters, strict=True):
        clear &= np.abs(heading - 90.0 * quarter) <= MOST_SLANT_DEG
    shares = np.bincount((quarters[0][clear] % 4).astype(np.int64), minlength=4) / len(clear)
    best = int(shares.argmax())
    agree = shares[best] >= max(LEAST_CLEAR, LEAST_AGREEING * shares.sum())
    return 90 * best if agree else 0


def _capture(
    session: Session, settings: CoachSettings, turn_deg: int | None = None
) -> KinematicsStage:
    """Set up the capture; with a turn, it is not looked for."""
    backend = MediaPipeBackend.with_detector(settings.detector_model)
    if turn_deg is not None:
        video = backend.config.video
        turned = replace(video, turn=replace(video.turn, fixed_deg=turn_deg))
        backend = MediaPipeBackend(replace(backend.config, video=turned))
    return KinematicsStage(sessions_of([session]), backend, settings.height_m)


def _turn_deg(units: Sequence[PlannedUnit]) -> int:
    """Return how far the capture has turned the picture clockwise."""
    noted = units[0].record.notes.get("turn_deg") if units[0].record else None
    return noted if isinstance(noted, int) else 0


def _concerns(units: Iterable[PlannedUnit]) -> tuple[str, ...]:
    """Return what the stages noted that makes a capture doubtful."""
    noted = [one.record.notes.get("concerns") for one in units if one.record]
    return tuple(str(one) for some in noted if isinstance(some, list) for one in some)
