"""Find the frames in which the camera cuts or one shot fades into the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from qevd_bio.arrays import Float32Array
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.video.decode import RgbImage

_TILES = 24
_FADE_FRAMES = (8, 16, 32, 64)
"""Spans over which two pictures are compared to find a slow fade."""
_STEADY_FRAMES = 5
"""After a fade so many frames, the last included, hardly differ in most of their tiles."""
_UNSTEADY_FRAMES = 12
"""So long after its fast part a fade is over even if the new shot itself moves a lot."""
_SETTLING_FRAMES = 30
"""A fade's rest, of which no part is large, begins no other fade for so long."""
_MOST_FADE_FRAMES = 150
"""A change of the whole picture that takes longer is no fade."""
_FLAT = 8.0
"""Standard deviation of colours (0..255) below which a picture shows nothing."""


@dataclass(frozen=True, slots=True)
class ShotFrame:
    """One frame of a video.

    Attributes
    ----------
    image : ndarray (H, W, 3)
        The picture, RGB.
    begins : bool
        Whether a new shot begins with it; never with the first frame.
    mixed_before : int
        How many frames before it show both shots, where it begins one.
    """

    image: RgbImage
    begins: bool = False
    mixed_before: int = 0


def shot_frames(frames: Iterable[RgbImage], config: VideoConfig) -> Iterator[ShotFrame]:
    """Mark the frames of a video that begin a shot; one frame is held back."""
    finder = CutFinder(config)
    held: RgbImage | None = None
    for image in frames:
        if held is not None:
            yield finder.judged(held, _thumbnail(image))
        held = image
    if held is not None:
        yield finder.judged(held, None)


class Change(NamedTuple):
    """How much a thumbnail changes: the mean of its tiles, and what most of them change by.

    Movement changes some tiles, a fade nearly all that are not black.
    """

    mean: float
    most: float


@dataclass(slots=True)
class CutFinder:
    """Separate cuts and fades from movement, one frame after the other.

    A cut changes the whole picture at once: the mean change of a 24 x 24 thumbnail must be
    large by itself and against the median of the last changes. On the real clips at hand cuts
    change it by 50 to 140 levels, movement by at most 15. A fade changes it in steps; between
    its ends every picture is a mixture of both. A change that leads back to the same scene, as
    a flash or a lamp, is neither. No shot begins with an empty picture, so a fade through black
    is one.
    """

    config: VideoConfig
    _now: Float32Array | None = None
    _change: Change = field(default_factory=lambda: Change(0.0, 0.0))
    _usual: deque[Change] = field(init=False)
    _history: deque[Float32Array] = field(init=False)
    _before: Float32Array | None = None
    _frames: int = 0
    _peak: float = 0.0
    _fast: int = 0
    _settling: int = 0

    def __post_init__(self) -> None:
        self._usual = deque(maxlen=self.config.cut_memory_frames + _FADE_FRAMES[-1])
        self._history = deque(maxlen=_FADE_FRAMES[-1] + 1)

    def judged(self, image: RgbImage, following: Float32Array | None) -> ShotFrame:
        """Judge a frame by those before it and the thumbnail of the next (None at the end)."""
        now = _thumbnail(image) if self._now is None else self._now
        before = self._history[-1] if self._history else now
        if following is not None and following.shape != now.shape:
            following = None
        change = self._change
        next_change = _change(now, now if following is None else following)
        self._history.append(now)
        self._now, self._change = following, next_change
        if self._before is None:
            self._start(before, change)
        if self._before is None:
            self._usual.append(change)
            return ShotFrame(image)
        return self._in_change(image, self._before, now, change, next_change)

    def _usual_change(self) -> Change:
        last = list(self._usual)[-self.config.cut_memory_frames :]
        return Change(*np.median(last, axis=0)) if last else Change(0.0, 0.0)

    def _start(self, before: Float32Array, change: Change) -> None:
        """Notice that the whole picture begins to change, or has begun to fade."""
        least, ratio = self.config.cut_difference, self.config.cut_ratio
        self._frames, self._peak, self._fast = 0, 0.0, 0
        if change.mean > least and change.mean > ratio * (self._usual_change().mean + 0.5):
            self._before = before
            return
        self._settling = max(0, self._settling - 1)
        frames = 0 if self._settling else _fade_length(self._history, self.config)
        if frames:
            self._before, self._frames = self._history[-1 - frames], frames - 1
            for _ in range(min(frames, len(self._usual))):
                self._usual.pop()

    def _in_change(
        self,
        image: RgbImage,
        before: Float32Array,
        now: Float32Array,
        change: Change,
        next_change: Change,
    ) -> ShotFrame:
        """Wait until the picture is calm again, and compare it with the one before."""
        self._frames += 1
        self._peak = max(self._peak, change.most)
        if change.most >= 0.5 * self._peak:
            self._fast = self._frames
        calm = next_change.most <= max(0.25 * self._peak, 2.0 * self._usual_change().most + 0.4)
        calm = calm and (self._frames == 1 or self._is_steady(now))
        calm = calm or self._frames - self._fast > _UNSTEADY_FRAMES
        is_long = self._frames > _MOST_FADE_FRAMES
        if not is_long and (not calm or float(now.std()) < _FLAT):
            return ShotFrame(image)
        mixed, self._before = self._frames - 1, None
        if is_long or not _is_other_scene(before, now, self.config):
            # what lies between, as a flash, is no picture to compare with
            self._history.clear()
            self._history.append(now)
            return ShotFrame(image)
        self._settling = _SETTLING_FRAMES if mixed else 0
        self._usual.clear()
        self._history.clear()
        self._history.append(now)
        return ShotFrame(image, begins=True, mixed_before=mixed)

    def _is_steady(self, now: Float32Array) -> bool:
        """Whether no slow fade went on in the last frames."""
        change = _change(self._history[-min(_STEADY_FRAMES, len(self._history))], now).most
        return change <= max(self._peak, 3.0 * self._usual_change().most + 1.0)


def _change(before: Float32Array, now: Float32Array) -> Change:
    tiles = np.abs(now - before).ravel()
    place = round(0.7 * (len(tiles) - 1))
    return Change(float(tiles.mean()), float(np.partition(tiles, place)[place]))


def _is_other_scene(before: Float32Array, now: Float32Array, config: VideoConfig) -> bool:
    """Whether two thumbnails differ in more than brightness."""
    if float(np.abs(now - before).mean()) <= config.cut_difference:
        return False
    return _likeness(before, now) < config.same_scene


def _likeness(one: Float32Array, other: Float32Array) -> float:
    """Correlation of two thumbnails; 0 where one shows nothing."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / scale if scale > 0.0 else 0.0


def _fade_length(history: deque[Float32Array], config: VideoConfig) -> int:
    """Count the frames of a fade that ends or is under way with the last picture; 0 for none.

    Every picture between the ends of a fade is the same mixture of both all over.
    """
    for frames in _FADE_FRAMES:
        if len(history) <= frames:
            return 0
        first, last = history[-1 - frames], history[-1]
        if not _is_other_scene(first, last, config):
            continue
        whole = last - first
        shares, rests = [], []
        for quarter in (1, 2, 3):
            part = history[-1 - frames + quarter * frames // 4] - first
            shares.append(float((part * whole).sum() / (whole * whole).sum()))
            rests.append(float(np.abs(part - shares[-1] * whole).mean() / np.abs(whole).mean()))
        steps = np.diff([0.0, *shares, 1.0])
        if max(rests) < config.fade_rest and steps.min() > -0.05:
            return frames
    return 0


def _thumbnail(image: RgbImage) -> Float32Array:
    """Mean colours of 24 x 24 tiles, from every fourth pixel or so."""
    step = max(1, min(image.shape[:2]) // (4 * _TILES))
    sparse = image[::step, ::step]
    height, width = (side // _TILES for side in sparse.shape[:2])
    if height == 0 or width == 0:
        return sparse.astype(np.float32)
    tiles = sparse[: height * _TILES, : width * _TILES]
    tiles = tiles.reshape(_TILES, height, _TILES, width, 3)
    return np.asarray(tiles.mean(axis=(1, 3), dtype=np.float32))
