"""A coach that speaks while a video plays: frames and motion contexts arrive one by one."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from qevd_bio.errors import DataError
from qevd_bio.evaluation.pairs import SegmentKey, Utterance
from qevd_bio.evaluation.predicting import PredictionConfig
from qevd_bio.feedback.context_stream import ContextStream, SegmentFacts
from qevd_bio.feedback.morphology import morphology_context, reportable_measurements
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.generate import Speaker, decoder_of, generated, new_speaker, step
from qevd_bio.model.segment import CoachingSegment, ContextRow, GrowingContexts, VisualFeatures
from qevd_bio.model.visual_features import features_of_work
from qevd_bio.motion.growing_motion import frames_of, without_frames
from qevd_bio.motion.record import Motion
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.qevd.segments import Segment
from qevd_bio.stages.contexts import ContextsStage
from qevd_bio.stages.salience import salience_for
from qevd_bio.stages.sessions import chosen_videos
from qevd_bio.tables import kinematics as kinematics_table
from qevd_bio.tables import morphometrics as morphometrics_table
from qevd_bio.tables.features import network_identity
from qevd_bio.tables.kinematics import motion_from_table
from qevd_bio.tables.parquet import read_parquet

_ENDLESS = sys.maxsize
"""While a video plays, nobody knows how many frames follow."""


@dataclass(frozen=True, slots=True)
class PlayedVideo:
    """A finished video of a work folder, ready to be played.

    Attributes
    ----------
    motion : Motion
        One row a frame.
    segments : mapping of Segment to SegmentFacts
        Its exercises, with what is known before each.
    features : VisualFeatures
        Of the whole video.
    """

    motion: Motion
    segments: tuple[tuple[Segment, SegmentFacts], ...]
    features: VisualFeatures


@dataclass(frozen=True, slots=True)
class Said:
    """One thing that happened while a video played.

    Attributes
    ----------
    key : SegmentKey
        The exercise.
    now_s : float
        Time of the newest frame, on the clock of the source.
    spoken : Utterance or None
        A sentence as soon as it is complete, at the time when it began; None at the end of an
        exercise.
    whole : tuple of Utterance
        At the end of an exercise all that was said, with the times of the mode; else empty.
    """

    key: SegmentKey
    now_s: float
    spoken: Utterance | None
    whole: tuple[Utterance, ...] = ()


def open_video(pipeline: Pipeline, video: str) -> PlayedVideo:
    """Read what a video needs to be played; `DataError` where a stage is not finished."""
    chosen_videos(pipeline.sessions, (video,))
    inputs = pipeline.artifacts().get(video, {})
    missing = [name for name in ("kinematics", "morphometrics") if name not in inputs]
    if missing:
        raise DataError(
            f"its {missing[0]} are not finished",
            where=f"video {video}",
            next_step="Run `qevd-bio run` first; `qevd-bio plan --why` lists what is open",
        )
    session = pipeline.sessions.by_id[video]
    stage = pipeline.stage("contexts")
    assert isinstance(stage, ContextsStage)  # noqa: S101
    motion = motion_from_table(read_parquet(inputs["kinematics"], kinematics_table.SCHEMA))
    bodies = read_parquet(inputs["morphometrics"], morphometrics_table.SCHEMA).to_pylist()
    body, salient = reportable_measurements(bodies[0]), salience_for(session, inputs)
    found = features_of_work(pipeline).read(video)
    return PlayedVideo(
        motion,
        tuple(
            (one, stage.facts(session, one, body, salient.get(one.index)))
            for one in session.segments
        ),
        VisualFeatures(video, found.values, found.time_s, network_identity(found.about)),
    )


def play(coach: Coach, video: PlayedVideo, config: PredictionConfig) -> Iterator[Said]:
    """Speak about a video frame by frame.

    At each frame the coach knows this frame and those before it, and decodes until it needs the
    next one. What is said is what `predict` says about the same exercises.
    """
    coach.settings.check_network(video.features.network)
    for segment, facts in video.segments:
        yield from _played(coach, video, segment, facts, config)


def _played(
    coach: Coach,
    video: PlayedVideo,
    segment: Segment,
    facts: SegmentFacts,
    config: PredictionConfig,
) -> Iterator[Said]:
    motion, times_s = video.motion, video.motion.time_s
    first, stop = segment.frame_start, min(segment.frame_end, len(times_s))
    if first >= stop:
        return
    asked = _asked(video, segment, facts, config)
    key = SegmentKey(asked.video_id, segment.index)
    contexts = GrowingContexts() if config.motion_context else None
    speaker = new_speaker(coach, asked, _ENDLESS, config.generation, contexts)
    decoder = decoder_of(coach, [speaker], [asked])
    stream = ContextStream(facts, without_frames(motion), first)
    maps, map_times_s = video.features.between(asked.start_s, asked.end_s)
    shown = reported = 0
    for frame in frames_of(motion, first, stop):
        row = stream.push(frame)
        if row is not None and contexts is not None:
            contexts.add(ContextRow(row.time_s, row.motion, row.cycle_count))
        while shown < len(maps) and map_times_s[shown] <= frame.time_s:
            speaker.add_frame(torch.from_numpy(maps[shown]), float(map_times_s[shown]))
            shown += 1
        while not speaker.turns.ended and speaker.can_go_on():
            step(decoder, [speaker])
        for time_s, text in _complete(coach, speaker)[reported:]:
            reported += 1
            yield Said(key, frame.time_s, Utterance(time_s, text))
    whole = generated(coach, asked, speaker, config.generation).feedbacks
    said = tuple(Utterance(one.time_s, one.text) for one in whole)
    yield Said(key, float(times_s[stop - 1]), None, said)


def _asked(
    video: PlayedVideo, segment: Segment, facts: SegmentFacts, config: PredictionConfig
) -> CoachingSegment:
    last = min(segment.frame_end, len(video.motion.time_s)) - 1
    return CoachingSegment(
        video_id=video.features.video_id,
        release="",
        exercise=segment.exercise_text,
        start_s=float(video.motion.time_s[segment.frame_start]),
        end_s=float(video.motion.time_s[last]),
        morphology=_body(facts.body) if config.morphology else "",
        segment_index=segment.index,
    )


def _body(body: Mapping[str, float]) -> str:
    return morphology_context(body, low_confidence=False).strip()


def _complete(coach: Coach, speaker: Speaker) -> list[tuple[float, str]]:
    """List the feedback that has ended, with the time of the frame at which each began."""
    done = speaker.begun[:-1] if speaker.turns.speaking else speaker.begun
    texts = [(time_s, coach.tokenizer.decode(ids)) for time_s, ids in done]
    return [(time_s, text) for time_s, text in texts if text]
