"""Files of features: those of the store, and those in the layout of Stream-VLM's code.

T frames, L feature maps

Official layout: ``<split folder>/efficientnet_features/long_range_videos/<id>_features.npy``,
float32 (L, 1280, 7, 5), beside ``<id>_timestamps.npy``, float64 (L,), in seconds on the clock of
the feedback.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from qevd_bio.arrays import Float16Array, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.features.cnn3d import HIGHEST
from qevd_bio.features.extract import FeatureMaps
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.restricted_numpy import load_npy
from qevd_bio.tables.features import MAP_SHAPE, read_features

OFFICIAL_FOLDER = Path("efficientnet_features", "long_range_videos")
FEATURES_SUFFIX, TIMES_SUFFIX = "_features.npy", "_timestamps.npy"

SAME_TIME_S = 1e-6
"""Times on the clock of the feedback (1.6e9 s) are spaced by 2.4e-7 s in float64."""


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """Features of one video as a file holds them.

    Attributes
    ----------
    values : ndarray (L, 1280, 7, 5)
        float16 in [0, 6].
    time_s : ndarray (L,)
        Time of the last of the four frames of each map.
    about : dict
        The network that made them and how the video was turned; empty for the official layout,
        which does not hold it.
    """

    values: Float16Array
    time_s: FloatArray
    about: dict[str, Any] = field(default_factory=dict)


def load_features(
    file: Path, video_id: str, frame_times_s: FloatArray | None = None
) -> tuple[Float16Array, FloatArray]:
    """Load values (L, 1280, 7, 5) and times (L,) of a video, checked by `read_video_features`."""
    found = read_video_features(file, video_id, frame_times_s)
    return found.values, found.time_s


def read_video_features(
    file: Path, video_id: str, frame_times_s: FloatArray | None = None
) -> VideoFeatures:
    """Read the features of a video and refuse those of another.

    Parameters
    ----------
    file : Path
        An artifact of the stage `features`, or ``<id>_features.npy`` of the official layout.
    video_id : str
        The video that is meant.
    frame_times_s : ndarray (T,), optional
        Times of its frames. With them a file that was renamed is found out, too: each map ends
        with one of these frames.

    Raises
    ------
    DataError
        The file is absent or damaged, or holds features of another video.
    """
    if file.suffix == ".npy":
        found = _read_official(file, video_id)
    else:
        owner, values, time_s, about = read_features(file)
        if owner != video_id:
            raise _of_another(file, f"holds features of video {owner}, not of {video_id}")
        found = VideoFeatures(values, time_s, about)
    _check(found, file)
    if frame_times_s is not None:
        _check_times(found.time_s, frame_times_s, file, video_id)
    return found


def official_files(folder: Path, video_id: str) -> tuple[Path, Path]:
    """Name the files of features and times of a video below a split folder."""
    home = folder / OFFICIAL_FOLDER
    return home / f"{video_id}{FEATURES_SUFFIX}", home / f"{video_id}{TIMES_SUFFIX}"


def write_official(folder: Path, video_id: str, maps: FeatureMaps | VideoFeatures) -> Path:
    """Write the features of a video in the official layout; return the file of the values."""
    features, times = official_files(folder, video_id)
    for file, array in ((features, maps.values.astype(np.float32)), (times, maps.time_s)):
        with atomic_path(file) as temporary, temporary.open("xb") as opened:
            np.save(opened, array, allow_pickle=False)
    return features


def _read_official(file: Path, video_id: str) -> VideoFeatures:
    if file.name != f"{video_id}{FEATURES_SUFFIX}":
        raise _of_another(file, f"is not named {video_id}{FEATURES_SUFFIX}")
    values = load_npy(file)
    time_s = load_npy(file.with_name(f"{video_id}{TIMES_SUFFIX}"))
    if values.dtype not in (np.float32, np.float16) or time_s.dtype != np.float64:
        raise _unusable(file, f"holds {values.dtype} with times of {time_s.dtype}")
    if values.shape != (len(time_s), *MAP_SHAPE):
        raise _unusable(file, f"holds maps of shape {values.shape} for times {time_s.shape}")
    return VideoFeatures(values.astype(np.float16), time_s)


def _check(found: VideoFeatures, file: Path) -> None:
    values, time_s = found.values, found.time_s
    if len(time_s) == 0 or not np.all(np.diff(time_s) > 0) or not np.isfinite(time_s).all():
        raise _unusable(file, "holds times that are not one strictly increasing series")
    if not (values.min() >= 0 and values.max() <= HIGHEST):
        raise _unusable(file, f"holds values that are not within 0 and {HIGHEST:g}")


def _check_times(time_s: FloatArray, frame_times_s: FloatArray, file: Path, video_id: str) -> None:
    ends = np.concatenate([[-np.inf], frame_times_s, [np.inf]])  # a video may have no frame
    place = np.searchsorted(ends, time_s)
    near = np.minimum(time_s - ends[place - 1], ends[place] - time_s)
    strange = int((near > SAME_TIME_S).sum())
    if strange:
        raise _of_another(
            file,
            f"holds features of another video than {video_id}: {strange} of {len(time_s)} times "
            "are those of no frame of it",
        )


def _of_another(file: Path, cause: str) -> DataError:
    return DataError(
        cause, where=str(file), next_step="Name the features of this video, or make them again"
    )


def _unusable(file: Path, cause: str) -> DataError:
    return DataError(cause, where=str(file), next_step="Make the features again")
