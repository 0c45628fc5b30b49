"""The motion around a sentence, or why it cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qevd_bio.errors import DataError
from qevd_bio.review.source import ReviewSource
from qevd_bio.views.motion_windows import MotionWindow


def window_of(source: ReviewSource, row: Mapping[str, Any]) -> tuple[MotionWindow | None, str]:
    """Read the motion around an utterance; else None and the cause, empty for no frame at all.

    A damaged or absent file costs the curves, never the sentence: an annotator who cannot be
    shown it could not even go on to the next.
    """
    try:
        return source.items.window(row), ""
    except DataError as error:
        return None, str(error)
