"""What a stage is: one step of the pipeline from video to data set, one video at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.files.path_containment import plain_name
from qevd_bio.files.strict_json import JsonValue

RESERVED_NAMES = frozenset({"runs", "published", "slurm"})


@dataclass(frozen=True, slots=True)
class Resources:
    """What one unit of a stage occupies while it runs."""

    cpus: int = 1
    gpus: int = 0


class Skip(Exception):
    """Raised by a stage that has nothing to do for a video, on purpose, with the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stage(ABC):
    """One step of the work.

    Attributes
    ----------
    name : str
        Names the folder of the stage's units.
    version : int
        Raised by hand whenever the stage's output would change.
    reads : tuple of str
        Artifacts of earlier stages, by the names under `writes` there.
    writes : str
        The artifact this stage makes.
    schema_digest : str
        Digest of the columns that the artifact has. It is part of the identity, so a changed
        table is made again even if nobody raised `version`.
    resources : Resources
        What one unit occupies.
    units_in_hand : int
        Units that `process` and `depends` may be called for at the same time, each in a thread
        of its own. More than 1 is for a stage that shares a device between its units.
    """

    name: str
    version: int
    reads: tuple[str, ...] = ()
    writes: str
    schema_digest: str

    @property
    def resources(self) -> Resources:
        """One CPU, unless a stage needs more."""
        return Resources()

    @property
    def units_in_hand(self) -> int:
        """One unit after the other, unless a stage can take several at once."""
        return 1

    @abstractmethod
    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name everything else that decides the output: not the artifacts read, not the schema.

        Returns
        -------
        mapping of str to str
            Digests by name: ``config``, ``video:0001.mp4``, ``rule:squat``... An error
            raised here counts as the failure of this one unit.
        """

    def setup(self) -> None:  # noqa: B027  most stages need none
        """Load what all units share; called once, before the first unit that must run."""

    def loaded(self) -> Mapping[str, str]:
        """Name what `setup` loaded from files that may change: digests, as in `depends`.

        An empty digest is of something that was absent, and that `depends` does not name.

        An artifact whose identity names other digests is not kept.
        """
        return {}

    @abstractmethod
    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Make the artifact of one video.

        Files are read by `qevd_bio.files.input_file`: an artifact made from bytes that `depends`
        does not name is not kept.

        Parameters
        ----------
        video_id : str
            The unit of work.
        inputs : mapping of str to Path
            The artifact files named in `reads`.
        out : Path
            Where the artifact must be written; renamed into place afterwards.

        Returns
        -------
        mapping of str to JsonValue
            Notes kept in the unit's record, not in the artifact.

        Raises
        ------
        Skip
            There is nothing to do for this video, on purpose.
        """

    def teardown(self) -> None:  # noqa: B027  most stages need none
        """Release what `setup` loaded."""


def check_stages(stages: Sequence[Stage]) -> None:
    """Check that stages fit together in the order given.

    Raises
    ------
    DataError
        A stage's name cannot name a folder.
    UsageError
        A name or artifact is given twice or reserved, or a stage reads what no earlier
        stage writes.
    """
    names: set[str] = set()
    written: set[str] = set()
    for stage in stages:
        where = f"stage {stage.name}"
        plain_name(stage.name, where="stage name")
        missing = sorted(set(stage.reads) - written)
        if stage.name in names or stage.name in RESERVED_NAMES:
            cause, next_step = "name is taken", "Rename the stage"
        elif stage.writes in written:
            cause, next_step = f"'{stage.writes}' is written already", "Rename what it writes"
        elif missing:
            cause = f"reads '{missing[0]}', which no earlier stage writes"
            next_step = "Give the stages in the order they depend on each other"
        else:
            names.add(stage.name)
            written.add(stage.writes)
            continue
        raise UsageError(cause, where=where, next_step=next_step)


def check_videos(video_ids: Sequence[str]) -> None:
    """Check that video ids can name folders and are all different.

    Raises
    ------
    DataError
        An id cannot name a folder.
    UsageError
        An id is given twice.
    """
    checked: set[str] = set()
    for video_id in video_ids:
        plain_name(video_id, where="video id")
        if video_id in checked:
            raise UsageError("given twice", where=video_id, next_step="Name each video once")
        checked.add(video_id)
