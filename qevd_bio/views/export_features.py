"""Features in the layout that Stream-VLM's code reads, from the store or in the official way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qevd_bio.features.extract import FeatureExtractor
from qevd_bio.features.feature_files import read_video_features, write_official
from qevd_bio.features.networks import feature_network
from qevd_bio.features.video_features import video_features
from qevd_bio.pipeline.pipeline import Pipeline
from qevd_bio.qevd.layout import SPLIT_FOLDERS
from qevd_bio.qevd.load import require_times_s
from qevd_bio.stages.features import FEATURES, FeatureOptions
from qevd_bio.weights.store import WeightFolder, default_folder

Written = Callable[[str], None]


def export_features(pipeline: Pipeline, videos: Sequence[str], folder: Path) -> list[Path]:
    """Write the finished features of some videos in the official layout.

    Parameters
    ----------
    pipeline : Pipeline
        Of a work folder; videos without features are left out.
    videos : sequence of str
        Which.
    folder : Path
        Becomes a data root: a folder a split.

    Returns
    -------
    list of Path
        The files of values; empty where no features are finished.
    """
    artifacts = pipeline.artifacts()
    written = []
    for video in videos:
        if FEATURES in artifacts[video]:
            record = pipeline.sessions.by_id[video].record
            found = read_video_features(artifacts[video][FEATURES], video, record.times_s)
            written.append(
                write_official(folder / SPLIT_FOLDERS[record.split], record.video_id, found)
            )
    return written


def export_carried_over(
    pipeline: Pipeline, videos: Sequence[str], folder: Path, on_video: Written = lambda _: None
) -> list[Path]:
    """Compute features as the official extractor does, each video after the one before it.

    Parameters
    ----------
    pipeline : Pipeline
        Names the videos and the network.
    videos : sequence of str
        Which; taken by file name, train before test. The official order is that of a directory
        listing, so official files are not to be had again to the bit.
    folder : Path
        As in `export_features`.
    on_video : callable
        Gets the id of each video when it is written.

    Returns
    -------
    list of Path
        The files of values.

    Notes
    -----
    Turns go by the id. The network's state is kept all along; frames that wait for their group
    are dropped before the test videos, as in the official code.
    """
    options = pipeline.config.features or FeatureOptions()
    weights = WeightFolder(options.weights or default_folder())
    network, _ = feature_network(options.network, weights).load()
    extractor = FeatureExtractor(network, carry_over=True)
    records = [pipeline.sessions.by_id[video].record for video in videos]
    written, split = [], None
    for record in sorted(records, key=lambda one: (one.split != "train", one.video_id)):
        if record.split != split:
            extractor.drop_waiting()
            split = record.split
        maps, _ = video_features(
            record.video_file,
            require_times_s(record),
            video_id=record.video_id,
            extractor=extractor,
            turn="official",
        )
        written.append(write_official(folder / SPLIT_FOLDERS[record.split], record.video_id, maps))
        on_video(record.unit_id)
    return written
