"""Running units one after the other in this process."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from qevd_bio.engine.events import RunSummary, Tally
from qevd_bio.engine.execute.interrupts import raised_interrupts
from qevd_bio.engine.execute.unit_run import UnitRunner
from qevd_bio.engine.stage import Stage, check_stages, check_videos
from qevd_bio.engine.store import Store


def run_local(
    stages: Sequence[Stage],
    video_ids: Sequence[str],
    store: Store,
    tally: Tally,
    *,
    run_id: str = "",
) -> RunSummary:
    """Bring every unit up to date, video by video.

    Parameters
    ----------
    stages : sequence of Stage
        Every stage after the ones it reads from. One is set up before its first unit that
        must run, and torn down at the end.
    video_ids : sequence of str
        The videos, in the order they are worked on.
    store : Store
        Where results lie and go.
    tally : Tally
        Counts each unit's start and end and passes it on.
    run_id : str
        Names the run in the records of its units.

    Returns
    -------
    RunSummary
        Counts over all units, and the failures.

    Raises
    ------
    DataError, UsageError
        The stages do not fit together, or video ids cannot be used.
    EnvironmentProblem
        The store takes no records any more.
    KeyboardInterrupt
        The user or a scheduler wants it to stop; the unit in progress is lost.
    Exception
        Whatever a stage's `setup` raises: no unit of it could run.

    Notes
    -----
    A failed unit is recorded and the others go on; units that read its artifact are reported
    as skipped. Failed units run again with the next call, up to `MAX_ATTEMPTS` times.
    """
    check_stages(stages)
    check_videos(video_ids)
    with raised_interrupts(), closing(UnitRunner(stages, store, run_id)) as runner:
        for video_id in video_ids:
            runner.run_video(video_id, tally.add)
    return tally.summary()
