"""Checks and notes of a video that all backends share, apart from the pictures.

T timestamps, F frames decoded
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.captured import Notes
from qevd_bio.capture.config import VideoConfig
from qevd_bio.capture.expected import ExpectedExercise
from qevd_bio.capture.person.upright import Upright, find_upright
from qevd_bio.capture.video.decode import FrameStream, probe, sampled_frames
from qevd_bio.errors import DataError, VideoError

S = TypeVar("S", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Footage:
    """A video with its timestamps (T,) in seconds, ready to be read once.

    `frames` are turned and scaled.
    """

    video_id: str
    time_s: FloatArray
    upright: Upright
    frames: FrameStream

    def check_decoded(self, config: VideoConfig) -> None:
        """Refuse a video of which too few frames decode, or more than it has timestamps."""
        decoded, stamps = self.frames.decoded, len(self.time_s)
        count = decoded.frames_decoded
        if count > stamps or (count < stamps and decoded.complete):
            raise _stamps_error(stamps, f"{count} frames decode", self.video_id)
        if count < config.salvage_share * stamps or count == 0:
            raise VideoError(
                f"only {count} of {stamps} frames decode ({decoded.reason})",
                where=self.video_id,
                next_step="Download or copy the video again",
            )

    def padded(self, values: NDArray[S], fill: float) -> NDArray[S]:
        """Fill up values of decoded frames (F, ...) to all timestamps (T, ...)."""
        missing = (len(self.time_s) - len(values), *values.shape[1:])
        return np.concatenate([values, np.full(missing, fill, dtype=values.dtype)])

    def notes(
        self, valid: BoolArray, confidence: FloatArray, shot: IntArray, others: BoolArray
    ) -> Notes:
        """Summarise a whole video.

        `valid` and `confidence` are of every timestamp (T,); `shot` and `others`, frames that show
        somebody else, of those decoded (F,).
        """
        decoded = self.frames.decoded
        shown_as = str(self.frames.display)
        return {
            **({"display": shown_as} if shown_as else {}),
            "turn_deg": self.upright.turn_deg,
            "turn_reason": self.upright.reason,
            "frames_expected": len(valid),
            "frames_decoded": decoded.frames_decoded,
            "video_complete": decoded.complete,
            "video_fault": decoded.reason,
            "frames_valid": int(valid.sum()),
            "frames_of_others": int(others.sum()),
            "shots": int(shot[-1]) + 1,
            "mean_confidence": round(float(confidence.mean()), 4),
        }


def open_footage(
    path: Path,
    time_s: FloatArray,
    video_id: str,
    config: VideoConfig,
    exercises: Sequence[ExpectedExercise] = (),
) -> Footage:
    """Check a video and its timestamps, and decide how it is turned.

    The exercises are those that the video's record names.

    Raises
    ------
    VideoError
        The file is no video.
    DataError
        The timestamps do not increase strictly, or the header claims another number of frames.
    """
    time_s = np.asarray(time_s, dtype=np.float64)
    if time_s.ndim != 1 or not np.all(np.isfinite(time_s)) or not np.all(np.diff(time_s) > 0):
        raise DataError(
            "the timestamps are not one strictly increasing series",
            where=video_id,
            next_step="Restore the timestamps file of this video",
        )
    claimed = probe(path).frames
    if claimed is not None and claimed != len(time_s):
        other = f"the video's header claims {claimed} frames"
        raise _stamps_error(len(time_s), other, video_id)
    turn = config.turn
    samples = sampled_frames(path, turn.samples, longest_side_px=turn.sample_side_px)
    upright = find_upright(samples, video_id, config, exercises)
    frames = FrameStream(path, longest_side_px=config.longest_side_px, turn_deg=upright.turn_deg)
    return Footage(video_id, time_s, upright, frames)


def _stamps_error(stamps: int, other: str, video_id: str) -> DataError:
    return DataError(
        f"there are {stamps} timestamps but {other}",
        where=video_id,
        next_step="Restore the video and its timestamps file: one stamp per frame",
    )
