"""Coach videos: which files, which exercise, and what comes out of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qevd_bio.capture.video.video_files import video_files
from qevd_bio.coach.against import (
    GoldExecution,
    against_gold,
    gold_execution,
    gold_reference,
)
from qevd_bio.coach.analysis import Failure, analysed, named_files
from qevd_bio.coach.coached import coached
from qevd_bio.coach.results import write_results
from qevd_bio.coach.settings import AUTO, REFERENCE, CoachSettings
from qevd_bio.engine.events import Event
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.names import rule_named
from qevd_bio.exercises.rule import Rule
from qevd_bio.feedback.rule_check import usable_rules


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
    rules = usable_rules(settings.rules)
    files = named_files(video_files(paths))
    rule = rule_of(settings.exercise, rules)
    golds = _golds(settings, rule, on_event)
    result = CoachResult([], [])
    for video_id, source in files.items():
        one = analysed(video_id, source, rule, settings, on_event)
        if isinstance(one, Failure):
            result.failed.append(one)
            continue
        video = coached(one, rule)
        written = write_results(
            video,
            against_gold(video, golds) if golds else None,
            settings.out,
            longest_side_px=settings.longest_side,
            on_frame=on_frame,
        )
        result.videos.append(written)
    return result


def _golds(
    settings: CoachSettings, rule: Rule, on_event: Callable[[Event], None]
) -> list[GoldExecution]:
    """Capture the gold executions; `DataError` where one cannot be used."""
    files = [path for path in settings.against if str(path) != REFERENCE]
    golds = [gold_reference(rule)] if len(files) < len(settings.against) else []
    whole = replace(settings, start_s=None, end_s=None, height_m=None)
    for video_id, source in named_files(video_files(files)).items():
        one = analysed(f"gold-{video_id}", source, rule, whole, on_event)
        if isinstance(one, Failure):
            raise DataError(
                one.reason, where=f"--against {source}", next_step="Give another gold video"
            )
        golds.append(gold_execution(coached(one, rule)))
    return golds


def rule_of(exercise: str, rules: Mapping[str, Rule]) -> Rule:
    """Find the rule of the exercise that the user names.

    Raises
    ------
    UsageError
        There is none, or it was left to recognition, which this version does not have.
    """
    if exercise == AUTO:
        raise UsageError(
            "exercises are not recognised in this version",
            where="--exercise",
            next_step="Name the exercise; `qevd-bio rules list` lists them",
        )
    return rule_named(exercise, rules, where="--exercise")
