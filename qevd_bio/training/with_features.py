"""Videos that a training leaves out because they have no visual features."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from qevd_bio.errors import DataError

_LOG = logging.getLogger(__name__)
LEFT_OUT = "videos without features"
"""Under this name the description of a training lists them."""
_MOST_NAMED = 10


class _OfVideo(Protocol):
    @property
    def video_id(self) -> str: ...


S = TypeVar("S", bound=_OfVideo)


def with_features(
    segments: Sequence[S], has_features: Callable[[str], bool]
) -> tuple[list[S], tuple[str, ...]]:
    """Keep the segments of videos that have features; one bad video costs only itself.

    Parameters
    ----------
    segments : sequence of segments
        Each with its ``video_id``.
    has_features : callable
        Tells it of a video.

    Returns
    -------
    kept : list of segments
    left_out : tuple of str
        Videos without features, in order of their ids; a warning names them.

    Raises
    ------
    DataError
        There are segments, and no video has features.
    """
    left_out = tuple(sorted({s.video_id for s in segments if not has_features(s.video_id)}))
    kept = [one for one in segments if one.video_id not in left_out]
    if segments and not kept:
        raise DataError(
            "no video has features",
            where=f"{len(left_out)} videos of the release",
            next_step="Run `qevd-bio run` with --features auto; `qevd-bio failed` says why not",
        )
    if left_out:
        more = f" and {len(left_out) - _MOST_NAMED} more" * (len(left_out) > _MOST_NAMED)
        _LOG.warning(
            "left out, without features: video %s%s; `qevd-bio failed` says why, and "
            "`qevd-bio run` with --features auto tries again",
            ", ".join(left_out[:_MOST_NAMED]),
            more,
        )
    return kept, left_out
