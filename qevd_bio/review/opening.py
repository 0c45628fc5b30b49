"""A work folder or release, and the store of verdicts on its sentences."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.errors import UsageError
from qevd_bio.review.source import OpenedSource, open_source
from qevd_bio.verdicts.applied import REVIEW_FOLDER, STORE_FILE
from qevd_bio.verdicts.store import VerdictStore


def store_path(source: OpenedSource, folder: Path, given: Path | None) -> Path:
    """Find the file of the verdicts: the given one, else that of the work folder.

    Raises
    ------
    UsageError
        None is given for a release: nothing is written into a release.
    """
    if given is not None:
        return given
    if source.is_release:
        raise UsageError(
            "is a release, into which nothing is written",
            where=str(folder),
            next_step="Give --store FILE for the verdicts",
        )
    return folder / REVIEW_FOLDER / STORE_FILE


def open_verdicts(
    folder: Path, given: Path | None, *, make: bool = False
) -> tuple[OpenedSource, VerdictStore]:
    """Open a folder and its verdicts; `make` a store where there is none.

    Raises
    ------
    UsageError
        There is no store, and none is to be made; as for `store_path`.
    DataError
        As for `open_source` and `VerdictStore`.
    """
    source = open_source(folder)
    path = store_path(source, folder, given)
    if not make and not path.is_file():
        raise UsageError(
            "no verdict was given yet",
            where=str(path),
            next_step="Judge sentences with `qevd-bio review serve`, or name another --store",
        )
    return source, VerdictStore(path)
