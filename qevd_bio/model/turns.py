"""Whose turn it is while a coach watches: the rules of the generation loop.

Two modes. ``official`` behaves as the published loop: no frame is skipped while a feedback is
spoken, and the last frame is never looked at. ``fixed`` skips the frames that pass, ends a
feedback that grows too long, begins none at the frame of another, and looks at all frames.
"""

from __future__ import annotations

from qevd_bio.choices import SpeakingMode
from qevd_bio.model.coach_tokenizer import SpecialTokens
from qevd_bio.model.layout import LayoutConfig

ENDLESS_TOKENS = 4096
"""The published loop may speak for ever; ours gives a video up after so many tokens at a frame."""


class Turns:
    """Turns what the model prefers into what it may emit, and counts frames.

    Parameters
    ----------
    n_frames : int
        Frames of the exercise.
    tokens : SpecialTokens
        The action tokens.
    mode : str
        ``official`` or ``fixed``.
    most_tokens : int
        Longest feedback, its end included, in the fixed mode.
    layout : LayoutConfig
        Speed of speech in the fixed mode.

    Attributes
    ----------
    frame : int
        Index of the frame that the newest ``<vision>`` looks at.
    speaking : bool
        Whether a feedback has begun and not ended.
    waits_for : int
        Frames that must follow the one that is looked at.
    ended : str
        Empty while it goes on; then ``video`` or ``endless feedback``.
    """

    def __init__(
        self,
        n_frames: int,
        tokens: SpecialTokens,
        mode: SpeakingMode,
        *,
        most_tokens: int = 128,
        layout: LayoutConfig | None = None,
    ) -> None:
        self._n_frames = n_frames
        self._tokens = tokens
        self._mode = mode
        self._most_tokens = most_tokens
        self._layout = layout or LayoutConfig()
        self._spoken = 0
        self._since_frame = 0
        self._skipped = 0
        self._pausing = False
        self.frame = 0
        self.speaking = False
        # The published loop stops when the last frame becomes visible.
        self.waits_for = 1 if mode == "official" else 0
        self.ended = "" if n_frames > self.waits_for else "video"

    def forced(self, preferred: int) -> int:
        """Return the token that is emitted where the model prefers another or the same."""
        vision, begin, end = self._tokens.numbers()
        if not self.speaking:
            return begin if preferred == begin and not self._pausing else vision
        full = self._mode == "fixed" and self._spoken + 1 >= self._most_tokens
        return end if full or preferred in (vision, begin) else preferred

    def emit(self, token: int) -> None:
        """Take note of an emitted token; it must be one that `forced` returns."""
        if token == self._tokens.vision:
            self.frame += 1 + self._skipped
            self._skipped = self._since_frame = 0
            self._pausing = False
            self.ended = "video" if self.frame >= self._n_frames - self.waits_for else ""
            return
        self._since_frame += 1
        if self._since_frame >= ENDLESS_TOKENS:
            self.ended = "endless feedback"
        if token == self._tokens.begin:
            self.speaking, self._spoken = True, 0
            return
        self._spoken += 1
        if token == self._tokens.end:
            self.speaking = False
            if self._mode == "fixed":
                self._pausing = True
                self._skipped = self._layout.spoken_frames(self._spoken)
