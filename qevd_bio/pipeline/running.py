"""How a run is carried out: which videos, how many workers, where; none of it changes a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial

from qevd_bio.choices import Place
from qevd_bio.engine.events import RunSummary
from qevd_bio.engine.execute.local import run_local
from qevd_bio.engine.execute.ray_run import run_on_ray
from qevd_bio.engine.execute.stage_factory import stage_factory_of
from qevd_bio.engine.execute.supervisor import run_supervised
from qevd_bio.engine.limits import Limits, sensible_workers
from qevd_bio.engine.runs import OpenRun
from qevd_bio.engine.sharding import Shard, shard_named
from qevd_bio.engine.stage import Stage
from qevd_bio.engine.store import Store
from qevd_bio.errors import UsageError
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.pipeline.settings import Settings
from qevd_bio.pipeline.stages import worker_stages


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a run is carried out.

    Attributes
    ----------
    videos : tuple of str
        Only these; none means all.
    shard : Shard or None
        Only this part of the videos.
    workers : int or None
        Worker processes; 0 works in this process, one unit after the other; None is as many as
        the machine, or the cluster, has room for.
    limits : Limits
        What a worker may use.
    on : str
        ``local``, or ``ray`` for the machines of a Ray cluster.
    address : str or None
        Of the Ray cluster.

    Raises
    ------
    UsageError
        An option has no meaning in the place of the run.
    """

    videos: tuple[str, ...] = ()
    shard: Shard | None = None
    workers: int | None = 0
    limits: Limits = field(default_factory=Limits)
    on: Place = "local"
    address: str | None = None

    def __post_init__(self) -> None:
        if self.on == "ray" and self.workers == 0:
            cause, next_step = "needs workers", "Leave --workers out, or give at least 1"
        elif self.on == "local" and self.address is not None:
            cause, next_step = "has no address", "Give --on ray as well"
        else:
            return
        raise UsageError(cause, where=f"run on {self.on}", next_step=next_step)

    def as_json(self) -> dict[str, JsonValue]:
        """Return what the record of the run keeps."""
        return {
            "shard": str(self.shard) if self.shard else None,
            "on": self.on,
            "workers": self.workers,
            "limits": asdict(self.limits),
        }


def run_options_of(settings: Settings) -> RunOptions:
    """Choose the run that the user's settings ask for.

    Raises
    ------
    UsageError
        An option makes no sense.
    """
    memory = None if settings.memory_gb is None else round(settings.memory_gb * 1e9)
    return RunOptions(
        videos=settings.video,
        shard=shard_named(settings.shard) if settings.shard else None,
        workers=settings.workers,
        limits=Limits(
            settings.unit_timeout_s,
            settings.start_timeout_s,
            memory,
            settings.recycle,
            settings.in_hand,
        ),
        on=settings.on,
        address=settings.address,
    )


def run_units(
    stages: Sequence[Stage],
    videos: Sequence[str],
    store: Store,
    run: OpenRun,
    options: RunOptions,
    *,
    config: Mapping[str, JsonValue],
) -> RunSummary:
    """Bring the units of some videos up to date, in this process, in workers or on Ray.

    Workers lay the stages out from the configuration, which is `PipelineConfig.as_json`.
    """
    if options.workers == 0:
        return run_local(stages, videos, store, run.tally, run_id=run.run_id)
    run_there = (
        partial(run_on_ray, address=options.address, workers=options.workers)
        if options.on == "ray"
        else partial(run_supervised, workers=options.workers or sensible_workers(stages))
    )
    factory = stage_factory_of(worker_stages, config=dict(config))
    return run_there(factory, stages, videos, store, run, limits=options.limits)
