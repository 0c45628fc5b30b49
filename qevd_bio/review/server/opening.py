"""Opening a review: the sentences of a folder, and the store of verdicts on them."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qevd_bio.annotate.joint_review import JointReview
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.review.edit_check import edit_problems
from qevd_bio.review.opening import store_path
from qevd_bio.review.queue import ReviewState, queue_items
from qevd_bio.review.queue_settings import kept_settings
from qevd_bio.review.server.answers import Review
from qevd_bio.review.source import open_source
from qevd_bio.verdicts.store import VerdictStore

_LOCKED_S = 2.0
"""A page that waits longer for its answer seems dead; it asks again by itself."""


def open_review(
    folder: Path,
    *,
    data_root: Path | None = None,
    store: Path | None = None,
    joints: Path | None = None,
    **settings: Any,  # noqa: ANN401  the fields
) -> Review:
    """Open a work folder or release for review.

    Parameters
    ----------
    folder : Path
        The work folder or one version of a release.
    data_root : Path, optional
        Where the videos of a release are.
    store : Path, optional
        File of the verdicts; of a work folder ``review/verdicts.sqlite`` in it.
    joints : Path, optional
        Folder that `annotate joints` wrote; its joints are reviewed, too.
    **settings
        Fields of `QueueSettings`; None leaves what the store keeps.

    Raises
    ------
    UsageError, DataError
        As for `open_source`, `store_path`, `VerdictStore` and `JointReview`.
    """
    source = open_source(folder, data_root=data_root)
    opened = VerdictStore(store_path(source, folder, store), wait_s=_LOCKED_S)
    state = ReviewState(
        queue_items(source),
        opened,
        kept_settings(opened, **settings),
        partial(edit_problems, source),
    )
    return Review(source, state, None if joints is None else JointReview(joints))


def require_server() -> None:
    """Check that the packages of the extra `review` are installed.

    Raises
    ------
    EnvironmentProblem
        One is missing.
    """
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise EnvironmentProblem(
            f"{' and '.join(missing)} not installed",
            where="qevd-bio review serve",
            next_step="pip install 'qevd-bio[review]'",
        )
