"""The last check before a release is published: what `verify` condemns is refused."""

from __future__ import annotations

from pathlib import Path

from qevd_bio.errors import DataError
from qevd_bio.verify.release import verify_release


def refuse_condemned(folder: Path) -> None:
    """Verify a complete release that is not yet renamed; `DataError` where anything is wrong."""
    verdict = verify_release(folder)
    if verdict.sound:
        return
    first, total = verdict.issues[0], verdict.counts.total()
    more = f", and {total - 1} more" if total > 1 else ""
    raise DataError(
        f"{first.kind}: {first.cause}{more}",
        where=first.where,
        next_step="Nothing was published; report this with the work folder",
    )
