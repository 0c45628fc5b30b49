"""Beside the other stages, on request: video to visual features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qevd_bio.capture.backend import SourceVideo, digests
from qevd_bio.capture.config import TurnConfig
from qevd_bio.capture.detector.networks import detector_identity
from qevd_bio.choices import Device, FeaturesChoice, FeatureTurn
from qevd_bio.engine.stage import Resources, Stage
from qevd_bio.errors import EnvironmentProblem
from qevd_bio.files.strict_json import JsonValue
from qevd_bio.qevd.load import require_times_s
from qevd_bio.stages.sessions import Sessions
from qevd_bio.tables import features as features_table
from qevd_bio.tables.parquet import schema_sha256
from qevd_bio.weights.store import WeightFolder, default_folder

if TYPE_CHECKING:
    from qevd_bio.features.extract import FeatureExtractor
    from qevd_bio.features.networks import FeatureNetwork

FEATURES = "features"


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """What visual features a run is asked for.

    Attributes
    ----------
    network : str
        ``cnn3d``, ``standin``, or ``auto``: the first where it was imported, else the second.
    turn : str
        As in `qevd_bio.features.video_features.video_features`.
    device : str or None
        Where the network runs, which is no part of the identity; None: on a GPU where torch sees
        one when a worker starts.
    weights : Path or None
        Folder of imported weights; None: the user's own.
    """

    network: FeaturesChoice = "auto"
    turn: FeatureTurn = "upright"
    device: Device | None = None
    weights: Path | None = None


@dataclass(slots=True)
class _Loaded:
    """What is loaded once for all videos of a worker."""

    extractor: FeatureExtractor | None = None
    weights_sha256: str = ""


@dataclass(frozen=True)
class FeaturesStage(Stage):
    """Compute the visual features of each video.

    Attributes
    ----------
    sessions : Sessions
        The source data.
    network : FeatureNetwork
        What computes them; every output names it.
    turn, device
        As in `FeatureOptions`.
    """

    sessions: Sessions
    network: FeatureNetwork
    turn: FeatureTurn = "upright"
    device: Device | None = None
    name: str = FEATURES
    version: int = 1
    writes: str = FEATURES
    schema_digest: str = schema_sha256(features_table.SCHEMA)
    _loaded: _Loaded = field(default_factory=_Loaded, init=False, repr=False, compare=False)

    @classmethod
    def from_options(cls, sessions: Sessions, options: FeatureOptions) -> FeaturesStage:
        """Choose the network; torch is imported only here.

        Raises
        ------
        EnvironmentProblem, DataError
            The network's weights cannot be used.
        """
        from qevd_bio.features.networks import feature_network

        folder = WeightFolder(options.weights or default_folder())
        network = feature_network(options.network, folder)
        return cls(sessions, network, options.turn, options.device)

    @property
    def resources(self) -> Resources:
        """A GPU for each worker where one is asked for."""
        return Resources(gpus=1 if self.device == "cuda" else 0)

    def depends(self, video_id: str) -> Mapping[str, str]:
        """Name network and weights, the video, its frame times, packages, and what finds up."""
        source = self._source(video_id)
        video = source.present_file()
        return {
            "network": self.network.name,
            "weights": self.network.digest(),
            **digests([self.turn], (video,), ("av", "torch")),
            **source.times_digest(),
            **(detector_identity(TurnConfig().detector_model) if self.turn == "upright" else {}),
        }

    def setup(self) -> None:
        """Load the network onto its device."""
        import torch

        from qevd_bio.features.extract import FeatureExtractor

        sees_gpu = torch.cuda.is_available()
        if self.device == "cuda" and not sees_gpu:
            raise EnvironmentProblem(
                "torch sees no GPU here",
                where="--features-device cuda",
                next_step="Run where a GPU is, or leave the option out",
            )
        device: Device = self.device or ("cuda" if sees_gpu else "cpu")
        network, self._loaded.weights_sha256 = self.network.load()
        self._loaded.extractor = FeatureExtractor(network.to(device), device)

    def loaded(self) -> Mapping[str, str]:
        """Name the weights of the network that was loaded."""
        return {"weights": self._loaded.weights_sha256}

    def process(
        self, video_id: str, inputs: Mapping[str, Path], out: Path
    ) -> Mapping[str, JsonValue]:
        """Compute and write the features of one video; the notes name the network."""
        from qevd_bio.features.video_features import video_features

        extractor = self._loaded.extractor
        if extractor is None:
            raise RuntimeError("the stage was not set up")
        source = self._source(video_id)
        maps, notes = video_features(
            source.file,
            require_times_s(self.sessions.by_id[video_id].record),
            video_id=source.video_id,
            extractor=extractor,
            turn=self.turn,
        )
        about = {**self.network.about(self._loaded.weights_sha256), **notes}
        features_table.write_features(out, video_id, maps.values, maps.time_s, about)
        return about

    def teardown(self) -> None:
        """Release the network."""
        self._loaded.extractor = None

    def _source(self, video_id: str) -> SourceVideo:
        record = self.sessions.by_id[video_id].record
        return SourceVideo(
            record.video_id,
            record.video_file,
            record.timestamps_file,
            times_sha256=record.times_sha256,
        )
