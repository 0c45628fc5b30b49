"""The pipeline from a data root to annotations: the stages, their order and their store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from qevd_bio.capture.body_size import checked_height_m
from qevd_bio.engine.events import Event, RunSummary
from qevd_bio.engine.execute.limits import Limits, sensible_workers
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.execute.ray_run import run_on_ray
from qevd_bio.engine.execute.stage_factory import stage_factory_of
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.plan import PlannedUnit, current_artifacts, plan
from qevd_bio.engine.runs import recorded_run
from qevd_bio.engine.sharding import Shard
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import DataError, UsageError
from qevd_bio.exercises.load import load_rules
from qevd_bio.files.atomic import write_text_atomic
from qevd_bio.files.strict_json import JsonValue, dump_json, parse_json
from qevd_bio.pipeline.config import PipelineConfig, config_from
from qevd_bio.stages.annotations import AnnotationsStage
from qevd_bio.stages.backends import backend_named
from qevd_bio.stages.body_sources import checked_sources
from qevd_bio.stages.cycles import CyclesStage
from qevd_bio.stages.findings import FindingsStage
from qevd_bio.stages.kinematics import KinematicsStage
from qevd_bio.stages.morphometrics import MorphometricsStage
from qevd_bio.stages.quality import QualityStage
from qevd_bio.stages.sessions import Sessions, chosen_videos, load_sessions

WORK_FILE = "work.json"
PLACES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A data root, the stages and the store, ready to plan and run.

    Attributes
    ----------
    config : PipelineConfig
        What was asked for.
    sessions : Sessions
        The source data.
    stages : tuple of Stage
        In the order they depend on each other.
    store : Store
        Where artifacts lie.
    """

    config: PipelineConfig
    sessions: Sessions
    stages: tuple[Stage, ...]
    store: Store

    def chosen(self, videos: tuple[str, ...] = (), shard: Shard | None = None) -> tuple[str, ...]:
        """Pick videos by id, none named meaning all, and of these one part."""
        chosen = chosen_videos(self.sessions, videos)
        return shard.videos(chosen) if shard else chosen

    def plan(self, videos: tuple[str, ...] = ()) -> list[PlannedUnit]:
        """Say what a run would do."""
        return plan(self.stages, chosen_videos(self.sessions, videos), self.store)

    def artifacts(self) -> dict[str, dict[str, Path]]:
        """Find the current artifacts by video and stage."""
        return current_artifacts(self.plan(), self.store)

    def concerns(self, videos: tuple[str, ...] = ()) -> dict[str, str]:
        """Name the videos whose capture deserves a look, and why."""
        found = {}
        # Planning costs a look at every unit: go no further than the stage that is asked.
        names = [stage.name for stage in self.stages]
        stages = self.stages[: names.index(QualityStage.name) + 1]
        for unit in plan(stages, chosen_videos(self.sessions, videos), self.store):
            noted = unit.record.notes.get("concerns") if unit.record else None
            if unit.stage == QualityStage.name and isinstance(noted, list) and noted:
                found[unit.video_id] = "; ".join(str(one) for one in noted)
        return found

    def rejected(self) -> list[str]:
        """Name the source records that cannot be used."""
        return [
            f"{record.split} record {record.index} ({record.video_id or 'no id'}): {record.reason}"
            for record in self.sessions.loaded.rejected
        ]

    def faults(self) -> list[str]:
        """Name what is wrong with source records that are used all the same."""
        return [
            f"{unit}: {fault.message}"
            for unit, session in self.sessions.by_id.items()
            for fault in session.record.issues
        ]

    def run(
        self,
        videos: tuple[str, ...],
        *,
        argv: Sequence[str],
        on_event: Callable[[Event], None],
        report: Callable[[str], None] = lambda _message: None,
        shard: Shard | None = None,
        workers: int | None = 0,
        limits: Limits | None = None,
        on: str = "local",
        address: str | None = None,
    ) -> RunSummary:
        """Bring every unit up to date and record the run.

        Parameters
        ----------
        videos : tuple of str
            Only these; none means all.
        argv : sequence of str
            The command line, for the record.
        on_event : callable
            Called at each unit's start and end.
        report : callable
            Called with messages of one line for the user.
        shard : Shard, optional
            Only this part of the videos.
        workers : int or None
            Worker processes; 0 works in this process, one unit after the other; None is as
            many as the machine, or the cluster, has room for.
        limits : Limits, optional
            What a worker may take.
        on : str
            ``local``, or ``ray`` for the machines of a Ray cluster.
        address : str, optional
            Of the Ray cluster.

        Returns
        -------
        RunSummary
        """
        check_place(on, workers, address)
        chosen = self.chosen(videos, shard)
        config = self.config.as_json()
        limits = limits or Limits()
        execution: dict[str, JsonValue] = {
            "videos": len(chosen),
            "units": len(chosen) * len(self.stages),
            "shard": str(shard) if shard else None,
            "on": on,
            "workers": workers,
            "limits": asdict(limits),
        }
        with recorded_run(
            self.store.root,
            argv=argv,
            config=config,
            execution=execution,
            on_event=on_event,
            report=report,
        ) as run:
            text = dump_json(config, where=WORK_FILE, indent=1)
            write_text_atomic(self.store.root / WORK_FILE, text + "\n")
            if workers == 0:
                return run_local(self.stages, chosen, self.store, run.tally, run_id=run.run_id)
            run_there = (
                partial(run_on_ray, address=address, workers=workers)
                if on == "ray"
                else partial(run_supervised, workers=workers or sensible_workers(self.stages))
            )
            return run_there(
                stage_factory_of(
                    pipeline_stages, config=config, work=str(self.store.root.absolute())
                ),
                self.stages,
                chosen,
                self.store,
                run,
                limits=limits,
            )


def check_place(on: str, workers: int | None, address: str | None) -> None:
    """Check that the place of a run and its options belong together.

    Raises
    ------
    UsageError
        There is no such place, or an option has no meaning there.
    """
    if on not in PLACES:
        cause, next_step = "no such place", f"Use one of {', '.join(PLACES)}"
    elif on == "ray" and workers == 0:
        cause, next_step = "needs workers", "Leave --workers out, or give at least 1"
    elif on == "local" and address is not None:
        cause, next_step = "has no address", "Give --on ray as well"
    else:
        return
    raise UsageError(cause, where=f"run on {on}", next_step=next_step)


def pipeline_stages(config: Mapping[str, JsonValue], work: str) -> tuple[Stage, ...]:
    """Lay the stages out in a worker process, from what `PipelineConfig.as_json` wrote.

    Raises
    ------
    DataError, RuleError
        Source data or rules cannot be used.
    """
    return open_pipeline(config_from(config, where="configuration of the run"), Path(work)).stages


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
        What to do.
    work : Path
        Folder for artifacts; made at the first run.

    Returns
    -------
    Pipeline

    Raises
    ------
    DataError, RuleError
        Source data or rules cannot be used.
    """
    backend = backend_named(config.backend, recorded_root=config.recorded_root, hsmr=config.hsmr)
    if config.height_m is not None:
        checked_height_m(config.height_m)
    outside_of_source(work, config.data_root)
    sessions = load_sessions(config.data_root, load_rules(), config.salient_joints)
    stages: tuple[Stage, ...] = (
        KinematicsStage(sessions, backend, config.height_m),
        QualityStage(),
        MorphometricsStage(sessions, checked_sources(config.bodies)),
        CyclesStage(sessions),
        FindingsStage(sessions),
        AnnotationsStage(sessions, policy=config.policy, variants=config.variants),
    )
    return Pipeline(config, sessions, stages, Store(work))


def reopen_pipeline(work: Path) -> Pipeline:
    """Open the pipeline that a work folder was last run with.

    Raises
    ------
    DataError
        The folder holds no run.
    """
    path = work / WORK_FILE
    if not path.is_file():
        raise DataError(
            "no run has been made in this work folder",
            where=str(work),
            next_step="Run `qevd-bio run --data-root QEVD --work WORK` first, or name its folder",
        )
    try:
        content = parse_json(path.read_text(encoding="utf-8"), where=str(path))
    except (DataError, UnicodeDecodeError) as error:
        raise DataError(
            error.message if isinstance(error, DataError) else "is no text",
            where=str(path),
            next_step="Run `qevd-bio run` with its options again; finished units stay",
        ) from error
    return open_pipeline(config_from(content, where=str(path)), work)
