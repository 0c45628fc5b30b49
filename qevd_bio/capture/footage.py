"""What every backend checks of a video before and after it looks at the pictures.

T frames
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qevd_bio.arrays import BoolArray, FloatArray, IntArray
from qevd_bio.capture.config import CaptureConfig
from qevd_bio.capture.person.upright import Upright, find_upright
from qevd_bio.capture.video.decode import Decoded, VideoHeader, sampled_frames
from qevd_bio.errors import DataError, VideoError

_SAMPLE_SIDE_PX = 480


def checked_times(time_s: FloatArray, video_id: str) -> FloatArray:
    """Return timestamps (T,) as float64; `DataError` where they do not increase strictly."""
    time_s = np.asarray(time_s, dtype=np.float64)
    if time_s.ndim != 1 or not np.all(np.isfinite(time_s)) or not np.all(np.diff(time_s) > 0):
        raise DataError(
            "the timestamps are not one strictly increasing series",
            where=video_id,
            next_step="Restore the timestamps file of this video",
        )
    return time_s


def check_header(header: VideoHeader, stamps: int, video_id: str) -> None:
    """Refuse timestamps that are not of this video before the work is done."""
    if header.frames is not None and header.frames != stamps:
        raise _stamps_error(stamps, f"the video's header claims {header.frames} frames", video_id)


def check_decoded(decoded: Decoded, stamps: int, video_id: str, config: CaptureConfig) -> None:
    """Refuse a video of which too few frames decode, or more than it has timestamps."""
    count = decoded.frames_decoded
    if count > stamps or (count < stamps and decoded.complete):
        raise _stamps_error(stamps, f"{count} frames decode", video_id)
    if count < config.salvage_share * stamps or count == 0:
        raise VideoError(
            f"only {count} of {stamps} frames decode ({decoded.reason})",
            where=video_id,
            next_step="Download or copy the video again",
        )


def _stamps_error(stamps: int, other: str, video_id: str) -> DataError:
    return DataError(
        f"there are {stamps} timestamps but {other}",
        where=video_id,
        next_step="Restore the video and its timestamps file: one stamp per frame",
    )


def upright_of(video_path: Path, video_id: str, config: CaptureConfig) -> Upright:
    """Decide the turn of a video from some of its frames, or take the configured one."""
    if config.turn_deg is not None:
        return find_upright([], video_id, config)
    images = sampled_frames(video_path, config.upright_samples, longest_side_px=_SAMPLE_SIDE_PX)
    return find_upright(images, video_id, config)


def footage_notes(
    upright: Upright,
    decoded: Decoded,
    *,
    valid: BoolArray,
    confidence: FloatArray,
    shot: IntArray,
    others: int,
) -> dict[str, int | float | str | bool]:
    """Tell of a whole video what was looked at and what was seen.

    Parameters
    ----------
    upright : Upright
        How the pictures were turned.
    decoded : Decoded
        How much of the video decodes.
    valid, confidence, shot : ndarray (T,)
        Of every timestamp.
    others : int
        Frames left out because they show somebody else.

    Returns
    -------
    dict
        Notes of the kinematics artifact that every backend gives.
    """
    return {
        "turn_deg": upright.turn_deg,
        "turn_reason": upright.reason,
        "frames_expected": len(valid),
        "frames_decoded": decoded.frames_decoded,
        "video_complete": decoded.complete,
        "video_fault": decoded.reason,
        "frames_valid": int(valid.sum()),
        "frames_of_others": others,
        "shots": int(shot[-1]) + 1,
        "mean_confidence": round(float(confidence.mean()), 4),
    }
