"""The pipeline of a work folder: opened, planned, run and looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from qevd_bio.choices import suggestion
from qevd_bio.engine.events import Event, RunSummary
from qevd_bio.engine.plan import Action, PlannedUnit, current_artifacts, plan
from qevd_bio.engine.runs import RUN_FILE, RUNS_FOLDER, read_run, recorded_run
from qevd_bio.engine.sharding import Shard
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError, UsageError
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import dump_json, read_json
from qevd_bio.pipeline.config import PipelineConfig, config_from
from qevd_bio.pipeline.running import RunOptions, run_units
from qevd_bio.pipeline.stages import lay_out
from qevd_bio.pipeline.videos_csv import VideoFacts
from qevd_bio.stages.quality import QualityStage
from qevd_bio.stages.sessions import Sessions, chosen_videos

WORK_FILE = "work.json"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A data root, the stages and the store, ready to plan and run.

    Attributes
    ----------
    config : PipelineConfig
        What decides the results.
    sessions : Sessions
        The source data.
    facts : mapping of str to VideoFacts
        Rows of `videos.csv`, by video id.
    stages : tuple of Stage
        In the order they depend on each other.
    store : Store
        Where artifacts lie.
    """

    config: PipelineConfig
    sessions: Sessions
    facts: Mapping[str, VideoFacts]
    stages: tuple[Stage, ...]
    store: Store

    def chosen(self, videos: tuple[str, ...] = (), shard: Shard | None = None) -> tuple[str, ...]:
        """Pick videos by id, none named meaning all, and of these one part."""
        chosen = chosen_videos(self.sessions, videos)
        return shard.videos(chosen) if shard else chosen

    def plan(self, videos: tuple[str, ...] = (), shard: Shard | None = None) -> list[PlannedUnit]:
        """List each unit with what a run would do about it."""
        return plan(self.stages, self.chosen(videos, shard), self.store)

    def stage(self, name: str) -> Stage:
        """Return a stage by name.

        Raises
        ------
        UsageError
            There is no such stage.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        next_step = suggestion(name, [stage.name for stage in self.stages])
        raise UsageError("no such stage", where=f"stage {name}", next_step=next_step)

    def artifacts(self) -> dict[str, dict[str, Path]]:
        """Find the current artifacts by video and stage."""
        return current_artifacts(self.plan(), self.store)

    def concerns(self, videos: tuple[str, ...] = ()) -> dict[str, str]:
        """Name the videos with a suspicious capture, and why, by the stages up to `quality`."""
        found: dict[str, list[str]] = {}
        # Planning examines every unit: go no further than the stage of interest.
        names = [stage.name for stage in self.stages]
        stages = self.stages[: names.index(QualityStage.name) + 1]
        for unit in plan(stages, self.chosen(videos), self.store):
            noted = unit.record.notes.get("concerns") if unit.record else None
            if isinstance(noted, list) and noted:
                found.setdefault(unit.video_id, []).extend(str(one) for one in noted)
        return {video: "; ".join(reasons) for video, reasons in found.items()}

    def rejected(self) -> list[str]:
        """Name the source records that cannot be used."""
        return [
            f"{record.split} record {record.index} ({record.video_id or 'no id'}): {record.reason}"
            for record in self.sessions.loaded.rejected
        ]

    def source_issues(self) -> list[str]:
        """Name the issues of source records that are still used."""
        return [
            f"{unit}: {issue.message}"
            for unit, session in self.sessions.by_id.items()
            for issue in session.record.issues
        ]

    def unknown_videos(self) -> list[str]:
        """List the ids in `videos.csv` that no source record has."""
        return [video for video in self.facts if video not in self.sessions.by_id]

    def exercises_without_rule(self, videos: tuple[str, ...] = ()) -> dict[str, int]:
        """Count the segments of each exercise that no rule describes, the most frequent first."""
        return self.sessions.without_rule(self.chosen(videos))

    def taken_names(self, videos: tuple[str, ...] = ()) -> dict[str, str]:
        """Map each name that is only near one of a rule to the exercise it was taken for."""
        return self.sessions.taken_names(self.chosen(videos))

    def run(
        self,
        options: RunOptions | None = None,
        *,
        argv: Sequence[str],
        on_event: Callable[[Event], None],
        report: Callable[[str], None] = lambda _line: None,
    ) -> RunSummary:
        """Bring every unit up to date and record the run.

        Parameters
        ----------
        options : RunOptions, optional
            Which videos, and how; without it all videos in this process.
        argv : sequence of str
            The command line, for the record.
        on_event : callable
            Gets the start and the end of each unit.
        report : callable
            Gets other messages for the user, a line each.
        """
        options = options or RunOptions()
        videos = self.chosen(options.videos, options.shard)
        config = self.config.as_json()
        counts = {"videos": len(videos), "units": len(videos) * len(self.stages)}
        with recorded_run(
            self.store.root,
            argv=argv,
            config=config,
            execution={**counts, **options.as_json()},
            on_event=on_event,
            report=report,
        ) as run:
            text = dump_json(config, where=WORK_FILE, indent=1)
            write_text_atomic(self.store.root / WORK_FILE, text + "\n")
            return run_units(self.stages, videos, self.store, run, options, config=config)


def action_counts(planned: Sequence[PlannedUnit]) -> dict[str, dict[str, int]]:
    """Count the units of each stage by what a run would do about them."""
    counts = {unit.stage: dict.fromkeys(get_args(Action), 0) for unit in planned}
    for unit in planned:
        counts[unit.stage][unit.action] += 1
    return counts


def last_command(work: Path) -> list[str]:
    """Return the arguments of the last `run` of a work folder; empty where no record has any."""
    for path in sorted(work.glob(f"{RUNS_FOLDER}/*/{RUN_FILE}"), reverse=True):
        with suppress(DataError):
            argv = read_run(path.parent)["argv"]
            if isinstance(argv, list) and argv[1:2] == ["run"]:
                return [str(word) for word in argv[1:]]
    return []


def outside_of_source(path: Path, data_root: Path) -> None:
    """Refuse to write into the source data.

    Raises
    ------
    UsageError
        The path lies in the data root.
    """
    if path.resolve().is_relative_to(data_root.resolve()):
        raise UsageError(
            "lies in the source data, which is only read",
            where=str(path),
            next_step=f"Choose a place outside of {data_root}",
        )


def open_pipeline(config: PipelineConfig, work: Path) -> Pipeline:
    """Read rules and source data and lay out the stages.

    Parameters
    ----------
    config : PipelineConfig
        What decides the results.
    work : Path
        Folder for artifacts; made at the first run.

    Raises
    ------
    QevdBioError
        Source data, rules or a file that an option names cannot be used.
    """
    outside_of_source(work, config.data_root)
    sessions, facts, stages = lay_out(config)
    return Pipeline(config, sessions, facts, stages, Store(work))


def reopen_pipeline(work: Path) -> Pipeline:
    """Open the pipeline that a work folder was last run with.

    Raises
    ------
    DataError
        The folder holds no run, or the rules of the run are gone.
    """
    path = work / WORK_FILE
    if not path.is_file():
        raise DataError(
            "no run has been made in this work folder",
            where=str(work),
            next_step="Run `qevd-bio run --data-root QEVD --work WORK` first, or name its folder",
        )
    next_step = "Run `qevd-bio run` with its options again; finished units are kept"
    content = read_json(path, next_step=next_step)
    config = config_from(content, where=str(path))
    if config.rules and not config.rules.is_dir():
        raise DataError(
            f"names the folder of rules {config.rules}, which does not exist",
            where=str(path),
            next_step="Restore the folder, or name another by `qevd-bio run --rules DIR`",
        )
    return open_pipeline(config, work)
