"""The video file of a sentence, and its timeline."""

from __future__ import annotations

from qevd_bio.errors import VideoError
from qevd_bio.review.source import ReviewSource
from qevd_bio.verdicts.item_key import ItemKey
from qevd_bio.views.media_timeline import MediaTimeline, media_timeline

MIME_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
"""By ending of the file; browsers decide by the content."""


def timeline_of(source: ReviewSource, key: ItemKey) -> MediaTimeline | None:
    """Read the timeline of an item's video; None where it is absent or cannot be read."""
    path = source.media(key)
    if path is None:
        return None
    try:
        return media_timeline(path)
    except VideoError:
        # an unreadable video is shown as absent: its sentences can still be judged by the curves
        return None
