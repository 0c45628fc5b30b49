"""A coach that speaks while a video plays says what it says about the whole video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.choices import SpeakingMode
from qevd_bio.evaluation.live import PlayedVideo, play
from qevd_bio.evaluation.predicting import PredictionConfig
from qevd_bio.exercises.salience import salience_of_rule
from qevd_bio.feedback.context_stream import SegmentFacts, segment_contexts
from qevd_bio.feedback.style import style_of
from qevd_bio.model.coach_folder import Coach
from qevd_bio.model.generate import GenerationConfig, generate
from qevd_bio.model.segment import CoachingSegment, ContextRow, MotionContexts, VisualFeatures
from qevd_bio.motion.record import Motion
from qevd_bio.qevd.segments import Segment
from qevd_bio.skeleton.bodies import segment_lengths_for_height
from tests.exercises.performed import RULES, as_motion, performed
from tests.model.coaches import C, speaking_coach

pytest.importorskip("transformers", reason="the coach needs transformers")


@pytest.fixture(scope="module")
def coach(tmp_path_factory: pytest.TempPathFactory) -> Coach:
    return speaking_coach(tmp_path_factory.mktemp("speaking"), seed=8)


@pytest.fixture(scope="module")
def played() -> PlayedVideo:
    """Squats in two exercises that share half a second of frames."""
    rule = RULES["squat"]
    motion = as_motion(performed(rule, 6), segment_lengths_m=segment_lengths_for_height(1.75))
    frames = len(motion.time_s)
    facts = SegmentFacts(rule, salience_of_rule(rule), {"height": 1.75}, style_of(rule))
    times_s = motion.time_s[7::8]
    colours = np.random.default_rng(1).uniform(0, 6, (len(times_s), C, 1, 1))
    maps = np.broadcast_to(colours, (len(times_s), C, 7, 5)).astype(np.float16)
    segments = tuple(
        (Segment(index, "squats", start, stop, None, None, ()), facts)
        for index, (start, stop) in enumerate([(0, frames // 2 + 15), (frames // 2, frames)])
    )
    return PlayedVideo(motion, segments, VisualFeatures("0001", maps, times_s, "made"))


def at_once(
    coach: Coach, motion: Motion, video: PlayedVideo, config: PredictionConfig
) -> list[tuple[tuple[float, str], ...]]:
    said = []
    for segment, facts in video.segments:
        known = segment_contexts(motion, segment.frame_start, segment.frame_end, facts)
        rows = tuple(ContextRow(one.time_s, one.motion, one.cycle_count) for one in known)
        asked = CoachingSegment(
            "0001", "1.0.0", "squats",
            float(motion.time_s[segment.frame_start]),
            float(motion.time_s[segment.frame_end - 1]),
            morphology="Height 1.75 m.", segment_index=segment.index,
        )  # fmt: skip
        contexts = MotionContexts("0001", "1.0.0", rows, segment.index)
        found = generate(coach, asked, video.features, contexts, config.generation)
        said.append(tuple((one.time_s, one.text) for one in found.feedbacks))
    return said


@pytest.mark.parametrize("mode", ["fixed", pytest.param("official", marks=pytest.mark.slow)])
def test_it_says_what_it_says_about_the_whole_video(
    coach: Coach, played: PlayedVideo, mode: SpeakingMode
) -> None:
    config = PredictionConfig(generation=GenerationConfig(mode=mode, most_tokens=10))
    events = list(play(coach, played, config))
    whole = [one.whole for one in events if one.spoken is None]
    assert whole == at_once(coach, played.motion, played, config)
    assert all(whole) and sum(map(len, whole)) > 3
    for one in events:
        assert one.spoken is None or one.spoken.time_s <= one.now_s
    if mode == "fixed":
        spoken = [(one.key.segment_index, one.spoken) for one in events if one.spoken]
        assert spoken == [(index, one) for index, own in enumerate(whole) for one in own]


def test_what_is_spoken_does_not_depend_on_later_frames(coach: Coach, played: PlayedVideo) -> None:
    config = PredictionConfig(generation=GenerationConfig(most_tokens=10))
    first = next(one for one in play(coach, played, config) if one.spoken)
    after = played.motion.time_s > first.now_s
    q = played.motion.q.copy()
    q[after] += 0.3
    maps = played.features.maps.copy()
    maps[played.features.times_s > first.now_s] = 0
    other = replace(
        played,
        motion=replace(played.motion, q=q),
        features=replace(played.features, maps=maps),
    )
    assert next(one for one in play(coach, other, config) if one.spoken) == first
