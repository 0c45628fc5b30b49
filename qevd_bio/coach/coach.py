"""Coach videos: which files, which exercise, and what comes out of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from qevd_bio.capture.video.video_files import video_files
from qevd_bio.coach.against import (
    GoldExecution,
    against_gold,
    check_has_way,
    gold_execution,
    gold_reference,
)
from qevd_bio.coach.analysis import ChosenRule, Failure, analysed, named_files
from qevd_bio.coach.coached import coached
from qevd_bio.coach.results import write_results
from qevd_bio.coach.settings import AUTO, REFERENCE, CoachSettings
from qevd_bio.engine.events import Event
from qevd_bio.errors import DataError, UsageError, VideoError
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.names import named_match
from qevd_bio.exercises.recognise import recognise_turned
from qevd_bio.exercises.recognition_model import family_of
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.rule_check import usable_rules
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import scaled_skeleton


@dataclass(frozen=True, slots=True)
class CoachResult:
    """Results by video as JSON values, and the videos that have none, with the reason."""

    videos: list[dict[str, Any]]
    failed: list[Failure]


def coach_videos(
    paths: Sequence[Path],
    settings: CoachSettings,
    *,
    on_event: Callable[[Event], None] = lambda _event: None,
    on_frame: Callable[[], None] = lambda: None,
) -> CoachResult:
    """Coach video files, and those of folders.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders of them.
    settings : CoachSettings
        What is asked for.
    on_event : callable
        Gets the events of the stages.
    on_frame : callable
        Called after each frame of an annotated video.

    Raises
    ------
    UsageError, DataError
        There is no video, no such exercise, or two videos would have one name.
    EnvironmentProblem
        A package that is needed is missing.
    """
    rules = usable_rules(settings.rules, settings.references)
    files = named_files(video_files(paths))
    choice: ChosenRule | Callable[[Motion, int], ChosenRule]
    golds: dict[str, list[GoldExecution]] = {}
    if settings.exercise == AUTO:
        choice = partial(recognised_rule, rules)
    else:
        choice = named_rule(settings.exercise, rules)
        golds[choice.rule.id] = _golds(settings, choice.rule, on_event)
    result = CoachResult([], [])
    for video_id, source in files.items():
        one = analysed(video_id, source, choice, settings, on_event)
        if isinstance(one, Failure):
            result.failed.append(one)
            continue
        video, rule = coached(one), one.chosen.rule
        try:
            if rule.id not in golds:
                golds[rule.id] = _golds(settings, rule, on_event)
            written = write_results(
                video,
                against_gold(video, golds[rule.id]) if golds[rule.id] else None,
                settings.out,
                longest_side_px=settings.longest_side,
                on_frame=on_frame,
            )
        except (DataError, UsageError, VideoError) as error:
            result.failed.append(Failure(video_id, source, str(error)))
        else:
            result.videos.append(written)
    return result


def _golds(
    settings: CoachSettings, rule: Rule, on_event: Callable[[Event], None]
) -> list[GoldExecution]:
    """Capture the gold executions; `DataError` where one cannot be used."""
    if settings.against:
        check_has_way(rule)
    files = [path for path in settings.against if str(path) != REFERENCE]
    golds = [gold_reference(rule)] if len(files) < len(settings.against) else []
    whole = replace(settings, start_s=None, end_s=None, height_m=None)
    for video_id, source in named_files(video_files(files)).items():
        one = analysed(f"gold-{video_id}", source, ChosenRule(rule), whole, on_event)
        if isinstance(one, Failure):
            raise DataError(
                one.reason, where=f"--against {source}", next_step="Give another gold video"
            )
        golds.append(gold_execution(coached(one)))
    return golds


def recognised_rule(rules: Mapping[str, Rule], motion: Motion, turn_deg: int) -> ChosenRule:
    """Recognise the exercise of a motion, and choose the rule that counts most of it.

    The picture was turned clockwise by so many degrees, which is wrong where somebody lies.

    Raises
    ------
    DataError
        It is none of the exercises, not surely enough, or none of its repetitions is found.
    """
    lying = {family_of(one.id) for one in rules.values() if one.posture != "standing"}
    found, motion = recognise_turned(motion, turn_deg, lying)
    own = [one for one in rules.values() if family_of(one.id) == found.exercise]
    if not own:
        likely = ", ".join(f"{name} {p:.2f}" for name, p in found.runners_up)
        raise DataError(
            f"no exercise is recognised (most likely: {likely or 'nothing is seen'})",
            where="--exercise auto",
            next_step="Name the exercise; `qevd-bio rules list` lists them",
        )
    skeleton, frames = scaled_skeleton(motion.segment_lengths_m), len(motion.time_s)
    cycles = [segment_cycles(motion, one, 0, frames, skeleton) for one in own]
    best = max(range(len(own)), key=lambda i: len(cycles[i].cycles))
    if not cycles[best].cycles:
        raise DataError(
            f"it looks like {own[best].title} ({found.probability:.2f}), but there is no "
            f"repetition of it: {cycles[best].reason}",
            where="--exercise auto",
            next_step="Name the exercise, or give a video of whole repetitions",
        )
    return ChosenRule(own[best], found)


def named_rule(exercise: str, rules: Mapping[str, Rule]) -> ChosenRule:
    """Find the rule of the exercise that the user names, in a spelling that may be only near.

    Raises
    ------
    UsageError
        There is none, or it was left to recognition, which needs a whole video.
    """
    if exercise == AUTO:
        raise UsageError(
            "a live exercise is not recognised",
            where="--exercise",
            next_step="Name the exercise; `qevd-bio rules list` lists them",
        )
    match = named_match(exercise, rules, where="--exercise")
    return ChosenRule(match.rule, taken_for=match.taken_for(exercise))
