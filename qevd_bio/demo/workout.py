"""Make a small folder like QEVD's of rendered people with known motion and form errors.

T frames, D = 46 DoF

Layout and clocks as in QEVD-FIT-COACH: one dense list of sentences a frame, one shifted second
an utterance, nanoseconds beside the video. The truth is written beside the folder, never in it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qevd_bio.arrays import ByteArray, FloatArray
from qevd_bio.demo.sessions import END_OF_SESSION, Exercise, Session
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import atomic_path, write_text_atomic
from qevd_bio.qevd.frame_times import frame_times_s
from qevd_bio.qevd.layout import RECORDS_FILE, SPLIT_FOLDERS
from qevd_bio.synthetic.body_mesh import load_body
from qevd_bio.synthetic.form_errors import FORM_ERRORS
from qevd_bio.synthetic.performance import Performance, Repetition, perform_exercise
from qevd_bio.synthetic.scene import (
    OUTFITS,
    VIEWS,
    camera_for,
    in_camera_frame,
    level_on_hands_and_feet,
    render_motion,
)
from qevd_bio.synthetic.video import frame_timestamps_ns, write_timestamps, write_video

RATE_HZ = 16
WIDTH_PX, HEIGHT_PX = 480, 640
LAST_SIDEWAYS_ID = 145
FIRST_NS = 1_690_000_000_000_000_000
LEAD_IN_S, TAIL_S, ENDING_S = 1.4, 0.7, 1.6
ANNOUNCED_AFTER_S, CLOSED_AFTER_S = 0.3, 0.3


@dataclass(frozen=True, slots=True)
class SegmentTruth:
    """One exercise of a video, on the data set's clock; ``change`` describes its form error."""

    rule: str
    exercise: str
    view: str
    start_s: float
    end_s: float
    repetitions: tuple[Repetition, ...]
    form_error: str
    change: str


@dataclass(frozen=True, slots=True)
class VideoTruth:
    """One video.

    Attributes
    ----------
    video_id, split, build : str
        Id, key of `SPLIT_FOLDERS`, build of the body (`load_body` gives its skeleton).
    sideways : bool
        The pixels are stored turned 90 degrees counter-clockwise.
    time_s : ndarray (T,)
        Frame times on the data set's clock.
    q : ndarray (T, 46)
        rad, q0..2 in the camera frame; gravity is (0, 1, 0) there.
    segments : tuple of SegmentTruth
        In order.
    """

    video_id: str
    split: str
    build: str
    sideways: bool
    time_s: FloatArray
    q: FloatArray
    segments: tuple[SegmentTruth, ...]


@dataclass(frozen=True, slots=True)
class DemoTruth:
    """What is known about the demo folder: its root, and the truth by video id."""

    root: Path
    videos: Mapping[str, VideoTruth]


@dataclass(frozen=True, slots=True)
class _Scheduled:
    """An exercise with its rule and performance, in seconds from the first frame."""

    exercise: Exercise
    rule: Rule
    performance: Performance
    begin_s: float

    @property
    def first_s(self) -> float:
        return self.begin_s + LEAD_IN_S

    @property
    def last_s(self) -> float:
        return self.first_s + float(self.performance.borders_s[-1])

    @property
    def finish_s(self) -> float:
        return self.last_s + TAIL_S


class _Utterance(NamedTuple):
    at_s: float
    text: str
    is_transition: bool


def make_demo_folder(root: Path, sessions: Sequence[Session], *, seed: int) -> DemoTruth:
    """Render sessions and write them in QEVD's layout.

    Parameters
    ----------
    root : Path
        Data root to make; the truth goes beside it as ``truth.json`` and ``truth.npz``.
    sessions : sequence of Session
        One video each.
    seed : int
        Of all natural variation; the same seed gives the same bytes.

    Returns
    -------
    DemoTruth
        The same truth as written.

    Raises
    ------
    UsageError
        A form error is unknown.
    """
    schedules = [_schedule(session, seed) for session in sessions]
    videos: dict[str, VideoTruth] = {}
    records: dict[str, list[dict[str, object]]] = {}
    for session, schedule in zip(sessions, schedules, strict=True):
        folder = SPLIT_FOLDERS[session.split]
        videos[session.video_id], record = _make_video(root / folder, session, schedule, seed)
        records.setdefault(folder, []).append(record)
    for folder, listed in records.items():
        text = json.dumps(listed, ensure_ascii=False, indent=1)
        write_text_atomic(root / folder / RECORDS_FILE, text + "\n")
    demo = DemoTruth(root=root, videos=videos)
    _write_truth(demo)
    return demo


def _rng(seed: int, session: Session, part: int) -> np.random.Generator:
    return np.random.default_rng([seed, int(session.video_id), part])


def _schedule(session: Session, seed: int) -> list[_Scheduled]:
    rules = load_rules()
    scheduled: list[_Scheduled] = []
    begin_s = 0.0
    for nth, exercise in enumerate(session.exercises):
        rule = rules[exercise.rule]
        performance = perform_exercise(
            rule,
            exercise.form_error,
            exercise.is_faulty,
            exercise.repetition_s,
            _rng(seed, session, nth + 1),
        )
        scheduled.append(_Scheduled(exercise, rule, performance, begin_s))
        begin_s = scheduled[-1].finish_s
    return scheduled


def _make_video(
    split: Path, session: Session, schedule: list[_Scheduled], seed: int
) -> tuple[VideoTruth, dict[str, object]]:
    frames = math.ceil((schedule[-1].finish_s + ENDING_S) * RATE_HZ)
    start_ns = FIRST_NS + int(session.video_id) * 86_400_000_000_000
    timestamps_ns = frame_timestamps_ns(frames, RATE_HZ, start_ns, _rng(seed, session, 0))
    time_s = frame_times_s(timestamps_ns, where=session.video_id)
    since_s = (timestamps_ns - timestamps_ns[0]) / 1e9
    folder = split / "long_range_videos"
    sideways = int(session.video_id) <= LAST_SIDEWAYS_ID
    q_parts: list[FloatArray] = []
    pictures = _pictures(session, schedule, since_s, q_parts)
    write_video(folder / f"{session.video_id}.mp4", pictures, RATE_HZ, sideways=sideways)
    write_timestamps(folder / f"{session.video_id}_timestamps.npy", timestamps_ns)
    truth = VideoTruth(
        video_id=session.video_id,
        split=session.split,
        build=session.build,
        sideways=sideways,
        time_s=time_s,
        q=np.concatenate(q_parts),
        segments=tuple(_segment_truth(part, float(time_s[0])) for part in schedule),
    )
    return truth, _record(session.video_id, schedule, since_s, time_s)


def _pictures(
    session: Session,
    schedule: list[_Scheduled],
    since_s: FloatArray,
    q_parts: list[FloatArray],
) -> Iterator[ByteArray]:
    """Draw a session; the motion in the camera frame is appended to `q_parts`."""
    body = load_body(session.build)
    limits = [part.begin_s for part in schedule[1:]] + [np.inf]
    for part, limit_s in zip(schedule, limits, strict=True):
        camera = camera_for(VIEWS[part.exercise.view], WIDTH_PX, HEIGHT_PX)
        prone = part.rule.posture == "prone"
        inside = (since_s >= part.begin_s) & (since_s < limit_s)
        q = part.performance.q(since_s[inside] - part.first_s)
        if prone:
            q = level_on_hands_and_feet(q, body)
        q_parts.append(in_camera_frame(q, camera))
        yield from render_motion(q, body, OUTFITS[session.outfit], camera, prone=prone)


def _segment_truth(part: _Scheduled, zero_s: float) -> SegmentTruth:
    exercise = part.exercise
    return SegmentTruth(
        rule=exercise.rule,
        exercise=exercise.spoken,
        view=exercise.view,
        start_s=zero_s + part.first_s,
        end_s=zero_s + part.last_s,
        repetitions=part.performance.repetitions(zero_s + part.first_s),
        form_error=exercise.form_error,
        change=FORM_ERRORS[exercise.form_error].change,
    )


def _utterances(schedule: list[_Scheduled]) -> list[_Utterance]:
    said: list[_Utterance] = []
    for nth, part in enumerate(schedule):
        opening = "Moving on to" if nth else "First up are"
        announced = f"{opening} {part.exercise.spoken}!"
        said.append(_Utterance(part.begin_s + ANNOUNCED_AFTER_S, announced, True))
        borders = part.performance.borders_s
        for line in part.exercise.lines:
            at_s = float(np.interp(line.after, np.arange(len(borders)), borders))
            said.append(_Utterance(part.first_s + at_s, line.text, False))
    said.append(_Utterance(schedule[-1].finish_s + CLOSED_AFTER_S, END_OF_SESSION, True))
    return said


def _record(
    video_id: str, schedule: list[_Scheduled], since_s: FloatArray, time_s: FloatArray
) -> dict[str, object]:
    """One entry of the records file: an utterance lasts as long as it takes to read."""
    said = _utterances(schedule)
    starts = np.searchsorted(since_s, [u.at_s for u in said])
    limits = [*(int(s) - 1 for s in starts[1:]), len(since_s)]
    feedbacks = [""] * len(since_s)
    for utterance, start, limit in zip(said, starts, limits, strict=True):
        reading = round((0.6 + 0.035 * len(utterance.text)) * RATE_HZ)
        for frame in range(int(start), min(int(start) + reading, limit)):
            feedbacks[frame] = utterance.text
    return {
        "long_range_video_file": f"./long_range_videos/{video_id}.mp4",
        "video_timestamps": f"./long_range_videos/{video_id}_timestamps.npy",
        "feedbacks": feedbacks,
        "is_transition": [u.is_transition for u in said],
        "feedback_timestamps": [float(time_s[start]) for start in starts],
    }


def _write_truth(demo: DemoTruth) -> None:
    arrays: dict[str, FloatArray] = {}
    listed = {}
    for video_id, truth in demo.videos.items():
        arrays[f"{video_id}_q"], arrays[f"{video_id}_time_s"] = truth.q, truth.time_s
        listed[video_id] = {
            "split": truth.split,
            "build": truth.build,
            "sideways": truth.sideways,
            "frames": len(truth.q),
            "segments": [asdict(segment) for segment in truth.segments],
        }
    beside = demo.root.parent
    with atomic_path(beside / "truth.npz") as temporary, temporary.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    write_text_atomic(
        beside / "truth.json", json.dumps(listed, ensure_ascii=False, indent=1) + "\n"
    )
