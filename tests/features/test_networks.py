"""Which network is chosen, and that the shipped one is what the manifest says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.features import networks
from qevd_bio.features.networks import feature_network, load_standin
from qevd_bio.features.standin import STANDIN_FILE, STANDIN_LAYERS
from qevd_bio.weights.cnn3d_shapes import OFFICIAL_LAYERS, cnn_shapes
from qevd_bio.weights.inventory import inventory
from qevd_bio.weights.manifest import load_shipped
from qevd_bio.weights.store import SCHEMA_VERSION, WeightFolder
from qevd_bio.weights.tensor_file import write_tensors
from tests.features.cnn3d_weights import weights_from_names


@pytest.fixture
def folder(tmp_path: Path) -> WeightFolder:
    return WeightFolder(tmp_path / "weights")


def import_official(folder: WeightFolder) -> None:
    metadata = dict.fromkeys(
        ("source_file", "source_sha256", "licence", "converter_version", "evidence"), "made"
    )
    tensors = {k: np.zeros(v, np.float32) for k, v in cnn_shapes(OFFICIAL_LAYERS).items()}
    known = {"name": "cnn3d", "schema_version": SCHEMA_VERSION, "official_size": "yes"}
    write_tensors(folder.file("cnn3d"), tensors, metadata | known)


def test_auto_is_the_stand_in_until_the_official_network_is_there(folder: WeightFolder) -> None:
    standin = feature_network("auto", folder)
    assert standin.name == "standin"
    assert "NOT Stream-VLM" in standin.about(standin.digest())["made_by"]
    with pytest.raises(EnvironmentProblem, match="were not imported"):
        feature_network("cnn3d", folder)
    import_official(folder)
    official = feature_network("auto", folder)
    assert (official.name, feature_network("standin", folder).name) == ("cnn3d", "standin")
    network, digest = official.load()
    assert digest == official.digest() != standin.digest() == standin.load()[1]
    assert network(torch.zeros(4, 3, 32, 32))[0].shape == (1, 1280, 1, 1)


def test_a_damaged_official_file_is_no_reason_for_the_stand_in(folder: WeightFolder) -> None:
    import_official(folder)
    file = folder.file("cnn3d")
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(DataError):
        feature_network("auto", folder)


def test_the_shipped_stand_in_is_the_one_of_the_manifest(folder: WeightFolder) -> None:
    entry = load_shipped()["features_standin"]
    assert entry.file == STANDIN_FILE.relative_to(Path(networks.__file__).parents[2]).as_posix()
    assert STANDIN_FILE.stat().st_size == entry.n_bytes < 5_000_000
    assert feature_network("standin", folder).digest() == entry.tensors_sha256
    network = load_standin(STANDIN_FILE)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert 100_000 < count < 1_000_000
    assert ("features_standin", "shipped") in [(e.name, e.state) for e in inventory(folder)]
    out, _ = network(torch.rand(8, 3, 224, 160))
    assert out.shape == (2, 1280, 7, 5) and 0 <= float(out.min()) <= float(out.max()) <= 6
    assert float(out.std()) > 0.01, "it was trained"


def test_a_changed_or_other_stand_in_is_refused(tmp_path: Path) -> None:
    changed = tmp_path / "standin.safetensors"
    content = bytearray(STANDIN_FILE.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(bytes(content))
    with pytest.raises(DataError, match="not those that were trained"):
        load_standin(changed)
    layers = replace(STANDIN_LAYERS, stem_channels=8)
    tensors = {k: v.numpy() for k, v in weights_from_names(cnn_shapes(layers)).items()}
    write_tensors(changed, tensors, {})
    with pytest.raises(DataError, match="no stand-in of this version"):
        load_standin(changed)
