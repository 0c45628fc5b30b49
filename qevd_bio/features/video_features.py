"""The features of one video file: turned upright, decoded, and run through a network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qevd_bio.arrays import FloatArray
from qevd_bio.capture.config import TurnConfig, VideoConfig
from qevd_bio.capture.footage import open_footage
from qevd_bio.choices import FeatureTurn
from qevd_bio.features.extract import FeatureExtractor, FeatureMaps
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.frame_progress import reported

OFFICIAL_SIDEWAYS_UP_TO_ID = 145
"""The official code turns videos with a number up to this, whatever they show."""

UNSCALED_PX = 1 << 20
_VIDEO = VideoConfig(longest_side_px=UNSCALED_PX)


def video_features(
    path: Path,
    time_s: FloatArray,
    *,
    video_id: str,
    extractor: FeatureExtractor,
    turn: FeatureTurn = "upright",
) -> tuple[FeatureMaps, dict[str, JsonValue]]:
    """Compute the features of a video and note how.

    Parameters
    ----------
    path : Path
        The video file.
    time_s : ndarray (T,)
        Time of each of its frames.
    video_id : str
        Its name without suffix: videos up to 0145 of QEVD are stored sideways.
    extractor : FeatureExtractor
        Computes them.
    turn : str
        ``upright``: as the person in the picture stands, as capture does. ``official``: by the
        id alone.

    Returns
    -------
    maps : FeatureMaps
        Of the frames that decode.
    notes : dict
        Turn, frames decoded, device.

    Raises
    ------
    VideoError
        The file cannot be decoded far enough, or is too short for one map.
    DataError
        The timestamps do not belong to this video.

    Notes
    -----
    A picture that was turned by a quarter is padded to a square, as the official code does.
    """
    config = replace(_VIDEO, turn=_turn_config(video_id, turn))
    footage = open_footage(path, time_s, video_id, config)
    sideways = footage.upright.turn_deg in (90, 270)
    frames = reported(footage.frames, len(time_s))
    maps = extractor.features(frames, footage.time_s, pad=sideways, where=video_id)
    footage.check_decoded(config)
    decoded = footage.frames.decoded
    return maps, {
        "turn": turn,
        "turn_deg": footage.upright.turn_deg,
        "turn_reason": footage.upright.reason,
        "padded_to_square": sideways,
        "frames_expected": len(time_s),
        "frames_decoded": decoded.frames_decoded,
        "video_complete": decoded.complete,
        "video_fault": decoded.reason,
        "maps": len(maps.time_s),
        "device": extractor.device,
        "carried_over": extractor.carry_over,
    }


def _turn_config(video_id: str, turn: FeatureTurn) -> TurnConfig:
    if turn == "upright":
        return TurnConfig()
    sideways = video_id.isdecimal() and int(video_id) <= OFFICIAL_SIDEWAYS_UP_TO_ID
    return TurnConfig(fixed_deg=90 if sideways else 0)
