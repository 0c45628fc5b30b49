"""The name of one sentence to judge."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

_DIGITS = 24


@dataclass(frozen=True, slots=True, order=True)
class ItemKey:
    """One utterance of a video: the key of a row of `annotations`."""

    video_id: str
    feedback_index: int

    def item_id(self) -> str:
        """Name the item for clients: 24 hexadecimal digits, the same on every machine."""
        name = f"{self.video_id}\0{self.feedback_index}"
        return hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]
