"""Which network makes the features: Stream-VLM's where it was imported, else the stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qevd_bio.choices import FeatureNetworkName, FeaturesChoice
from qevd_bio.errors import DataError
from qevd_bio.features.cnn3d import StreamingCnn
from qevd_bio.features.standin import STANDIN_FILE, STANDIN_LAYERS
from qevd_bio.weights.cnn3d_shapes import OFFICIAL_LAYERS
from qevd_bio.weights.contents import CNN3D
from qevd_bio.weights.store import WeightFolder
from qevd_bio.weights.tensor_file import DIGEST_KEY, read_layout, tensors_digest_of

NETWORK_TITLES: dict[FeatureNetworkName, str] = {
    "cnn3d": "Stream-VLM's 3D CNN, from weights the user imported",
    "standin": "stand-in of qevd_bio, trained on rendered people; NOT Stream-VLM's 3D CNN",
}
"""How every output names the network of its features."""


@dataclass(frozen=True, slots=True)
class FeatureNetwork:
    """A network by name and where its weights lie."""

    name: FeatureNetworkName
    weights: WeightFolder

    @property
    def title(self) -> str:
        """What outputs call the network."""
        return NETWORK_TITLES[self.name]

    def about(self, weights_sha256: str) -> dict[str, str]:
        """Name the network for outputs: its name, what it is, the digest of its weights."""
        return {"network": self.name, "made_by": self.title, "weights_sha256": weights_sha256}

    def digest(self) -> str:
        """Return the digest of the weights that the file's header records."""
        if self.name == "cnn3d":
            return self.weights.digest(CNN3D)
        return read_layout(STANDIN_FILE)[1][DIGEST_KEY]

    def load(self) -> tuple[StreamingCnn, str]:
        """Load the network on the CPU; also return the digest of the weights it holds.

        Raises
        ------
        EnvironmentProblem
            The weights were not imported.
        DataError
            The file is damaged.
        """
        if self.name == "cnn3d":
            weights = self.weights.load(CNN3D)
            return StreamingCnn.from_state(weights.tensors, OFFICIAL_LAYERS), weights.sha256
        return _checked_standin(STANDIN_FILE)


def load_standin(path: Path) -> StreamingCnn:
    """Load a stand-in, the shipped one or one that was trained just now.

    Raises
    ------
    DataError
        The file is absent, damaged, or of another network.
    """
    return _checked_standin(path)[0]


def _checked_standin(path: Path) -> tuple[StreamingCnn, str]:
    """Load a stand-in and the digest of the numbers that were loaded."""
    from safetensors.torch import load_file

    written = read_layout(path)[1].get(DIGEST_KEY)
    # copied out of the mapped file, in which they could still change
    tensors = {key: tensor.clone() for key, tensor in load_file(path).items()}
    digest = tensors_digest_of({key: tensor.numpy() for key, tensor in tensors.items()})
    if digest != written:
        raise DataError(
            "its numbers are not those that were trained",
            where=str(path),
            next_step="Reinstall qevd_bio; the wheel carries this file",
        )
    try:
        return StreamingCnn.from_state(tensors, STANDIN_LAYERS), digest
    except RuntimeError as error:
        raise DataError(
            f"is no stand-in of this version ({' '.join(str(error).split())[:200]})",
            where=str(path),
            next_step="Train it again with tools/train_feature_standin.py",
        ) from error


def feature_network(choice: FeaturesChoice, weights: WeightFolder) -> FeatureNetwork:
    """Choose a network; ``auto`` is the official one where it was imported, else the stand-in.

    Raises
    ------
    EnvironmentProblem, DataError
        The official network is asked for, or its file is there, and cannot be used.
    """
    has_official = weights.file(CNN3D).is_file()
    if choice == "cnn3d" or (choice == "auto" and has_official):
        weights.metadata(CNN3D)
        return FeatureNetwork("cnn3d", weights)
    return FeatureNetwork("standin", weights)
