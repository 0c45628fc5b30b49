"""What annotators review: a work folder or a release, opened for reading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from qevd_bio.errors import DataError, UsageError
from qevd_bio.pipeline.pipeline import WORK_FILE, reopen_pipeline
from qevd_bio.released.contents import MANIFEST_FILE
from qevd_bio.review.reviewed_video import ReviewedVideo
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.views.item_source import ItemSource
from qevd_bio.views.release_items import release_items
from qevd_bio.views.work_items import work_items


class ReviewSource(Protocol):
    """Sentences to judge, with what can be shown of them."""

    @property
    def name(self) -> str:
        """The folder."""
        ...

    @property
    def is_release(self) -> bool:
        """Whether it is a release, into which nothing may be written."""
        ...

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the annotation rows as plain values, with their `split`."""
        ...

    def row(self, key: ItemKey) -> dict[str, Any]:
        """Return one of them; `DataError` where there is none."""
        ...

    def media(self, key: ItemKey) -> Path | None:
        """Find the video file, inside the data root; None where it is absent."""
        ...

    def videos(self) -> Mapping[str, ReviewedVideo]:
        """Describe the captures, by video."""
        ...

    @property
    def items(self) -> ItemSource:
        """Where motion, cycles and rules are read from."""
        ...


class OpenedSource:
    """A `ReviewSource` over the utterances of a folder."""

    def __init__(self, items: ItemSource) -> None:
        self._items = items

    @property
    def name(self) -> str:
        """The folder."""
        return self._items.name

    @property
    def is_release(self) -> bool:
        """Whether it is a release, into which nothing may be written."""
        return self._items.is_release

    @property
    def items(self) -> ItemSource:
        """Where motion, cycles and rules are read from."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def keys(self) -> Iterator[ItemKey]:
        """Yield the key of every sentence."""
        return (ItemKey(*place) for place in self._items.places())

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the annotation rows as plain values, with their `split`."""
        return self._items.rows(columns)

    def row(self, key: ItemKey) -> dict[str, Any]:
        """Return one of them; `DataError` where there is none."""
        return self._items.row(key.video_id, key.feedback_index)

    def media(self, key: ItemKey) -> Path | None:
        """Find the video file, inside the data root; None where it is absent."""
        return self._items.media_file(key.video_id)

    def videos(self) -> Mapping[str, ReviewedVideo]:
        """Describe the captures, by video."""
        return self._videos

    @cached_property
    def _videos(self) -> dict[str, ReviewedVideo]:
        return {
            video: ReviewedVideo(backend, self._items.concerns(video))
            for video, backend in self._items.backends().items()
        }


def open_source(path: Path, *, data_root: Path | None = None) -> OpenedSource:
    """Open a work folder or a release.

    Parameters
    ----------
    path : Path
        The folder.
    data_root : Path, optional
        Where the videos of a release are. A work folder knows its own.

    Returns
    -------
    OpenedSource
        With the rows as they are now.

    Raises
    ------
    DataError
        The folder is neither, has no sentence, or cannot be read; or a work folder was made
        from other source data.
    """
    try:
        if (path / WORK_FILE).is_file():
            pipeline = reopen_pipeline(path)
            _check_root(path, pipeline.config.data_root, data_root)
            return OpenedSource(work_items(pipeline))
        if (path / MANIFEST_FILE).is_file():
            return OpenedSource(release_items(path, data_root))
    except UsageError as error:
        raise DataError(error.message, where=error.where, next_step=error.next_step) from error
    raise DataError(
        f"is neither a work folder (it has no {WORK_FILE}) nor a release (no {MANIFEST_FILE})",
        where=str(path),
        next_step="Give the folder of `qevd-bio run --work`, or of one version of a release",
    )


def _check_root(path: Path, own: Path, given: Path | None) -> None:
    if given is not None and given.resolve() != own.resolve():
        raise DataError(
            f"was made from {own}, not from {given}",
            where=str(path),
            next_step="Leave --data-root out: a work folder knows its source",
        )
