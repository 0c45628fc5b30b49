"""Splitting the videos between machines that share only the work folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from qevd_bio.errors import UsageError


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `count` parts of the videos."""

    number: int
    count: int

    def videos(self, video_ids: Iterable[str]) -> tuple[str, ...]:
        """Pick the videos of this part, in the given order.

        A video's part follows from its id alone, so videos that come or go move no other.
        """
        return tuple(video for video in video_ids if _place(video) % self.count == self.number - 1)

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def shard_named(text: str) -> Shard:
    """Read ``2/8``: the second of eight parts.

    Raises
    ------
    UsageError
        The text names no part.
    """
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if match and 1 <= int(match[1]) <= int(match[2]):
        return Shard(int(match[1]), int(match[2]))
    raise UsageError(
        "is no part of a whole", where=f"shard {text}", next_step="Give 1/8 to 8/8, for example"
    )


def _place(video_id: str) -> int:
    return int.from_bytes(hashlib.sha256(video_id.encode()).digest()[:8], "big")
