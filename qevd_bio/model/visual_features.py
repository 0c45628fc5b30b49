"""Visual features of a work folder's videos, all of one network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from qevd_bio.arrays import Float16Array, FloatArray
from qevd_bio.errors import DataError
from qevd_bio.features.feature_files import VideoFeatures, read_video_features
from qevd_bio.pipeline.pipeline import Pipeline, reopen_pipeline
from qevd_bio.stages.features import FEATURES


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """Where the features of some videos lie.

    Attributes
    ----------
    files : mapping of str to Path
        By video id.
    frame_times_s : mapping of str to ndarray (T,)
        Times of the frames of each video whose times are known.
    """

    files: Mapping[str, Path]
    frame_times_s: Mapping[str, FloatArray]

    def has(self, video_id: str) -> bool:
        """Return whether a video has features."""
        return video_id in self.files

    def read(self, video_id: str) -> VideoFeatures:
        """Read the features of one video with what is known of them.

        Raises
        ------
        DataError
            There are none, or the file is damaged or of another video.
        """
        if video_id not in self.files:
            raise DataError(
                "has no features",
                where=f"video {video_id}",
                next_step=(
                    "Run `qevd-bio run` with --features auto; where the stage failed for this "
                    "video, publish a release without it"
                ),
            )
        times = self.frame_times_s.get(video_id)
        return read_video_features(self.files[video_id], video_id, times)

    def load(self, video_id: str) -> tuple[Float16Array, FloatArray]:
        """Load values (L, 1280, 7, 5) of float16 and times (L,) in seconds of one video."""
        found = self.read(video_id)
        return found.values, found.time_s


def features_of_work(work: Path | Pipeline) -> FeatureSource:
    """Find the finished features of a work folder or an open pipeline.

    Raises
    ------
    DataError
        The folder holds no run, or its last run asked for no features.
    """
    pipeline = work if isinstance(work, Pipeline) else reopen_pipeline(work)
    if pipeline.config.features is None:
        raise DataError(
            "its last run asked for no features",
            where=str(pipeline.store.root),
            next_step="Run `qevd-bio run` with --features auto first",
        )
    files = {
        video: artifacts[FEATURES]
        for video, artifacts in pipeline.artifacts().items()
        if FEATURES in artifacts
    }
    records = {video: pipeline.sessions.by_id[video].record for video in files}
    times = {video: one.times_s for video, one in records.items() if one.times_s is not None}
    return FeatureSource(files, times)


def check_network(found: VideoFeatures, weights_sha256: str, *, where: str) -> None:
    """Refuse features of another network than a model was trained on.

    Parameters
    ----------
    found : VideoFeatures
        Of one video.
    weights_sha256 : str
        The network's, as `VideoFeatures.about` names it.
    where : str
        The video, for the error.

    Raises
    ------
    DataError
        They are of another network, or nothing is known of theirs.
    """
    other = found.about.get("weights_sha256")
    if other != weights_sha256:
        maker = found.about.get("made_by", "an unknown network")
        raise DataError(
            f"its features were made by {maker} ({str(other)[:12]}), not by the network of the "
            f"model ({weights_sha256[:12]})",
            where=where,
            next_step="Make the features with the same network, or train on these",
        )
