"""What the queue asks of a video besides its rows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReviewedVideo:
    """The backend that captured a video, and what gives reason to look at the capture."""

    backend: str
    concerns: tuple[str, ...] = ()
