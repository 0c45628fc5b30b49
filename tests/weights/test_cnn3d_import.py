"""Import of the 3D CNN: the spellings of its keys that occur, and everything else refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from qevd_bio.errors import DataError, QevdBioError
from qevd_bio.features.cnn3d import StreamingCnn
from qevd_bio.weights.cnn3d_shapes import OFFICIAL_LAYERS, cnn_shapes, official_keys
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.inventory import verify_weights
from qevd_bio.weights.store import WeightFolder
from tests.features.cnn3d_weights import weights_from_names

SHAPES = cnn_shapes(OFFICIAL_LAYERS)
CLASSIFIER = {"2.1.weight": (3031, 1280), "2.1.bias": (3031,)}
PREFIXES = ("", "0.", "features.", "module.", "module.0.", "module.features.")


def spelled(prefix: str, **more: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}{name}": shape for name, shape in SHAPES.items()} | more


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("classifier", [{}, CLASSIFIER, {"module.2.1.bias": (7,)}])
def test_prefixes_and_classifiers_do_not_matter(
    prefix: str, classifier: dict[str, tuple[int, ...]]
) -> None:
    keys = official_keys(spelled(prefix) | classifier, where="x")
    assert keys == {name: f"{prefix}{name}" for name in SHAPES}


def test_named_tensors_may_come_in_any_order() -> None:
    turned = dict(reversed(spelled("0.").items()))
    assert official_keys(turned, where="x")["cnn.0.0.bias"] == "0.cnn.0.0.bias"


def test_other_names_are_paired_by_order_where_every_shape_agrees() -> None:
    other = {f"backbone.layer{n}": shape for n, shape in enumerate(SHAPES.values())}
    keys = official_keys(other | CLASSIFIER, where="x")
    assert list(keys) == list(SHAPES) and list(keys.values()) == list(other)


FAULTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "one missing": lambda s: {k: v for k, v in s.items() if k != "cnn.7.conv.2.bias"},
    "one too many": lambda s: s | {"cnn.32.0.bias": (1280,)},
    "one twice": lambda s: s | {"0.cnn.0.0.bias": (32,)},
    "one renamed and moved": lambda s: {
        k: v for k, v in s.items() if k != "cnn.0.0.bias"
    } | {"stem.bias": (32,)},
    "no name and no order": lambda s: {f"x{n}": v for n, v in enumerate(reversed(s.values()))},
    "other names, other shape": lambda s: {
        f"x{n}": (33,) if n == 1 else v for n, v in enumerate(s.values())
    },
    "empty": lambda s: {},
    "classifier only": lambda s: dict(CLASSIFIER),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_everything_else_is_refused_by_name(fault: str) -> None:
    with pytest.raises(DataError, match="is not Stream-VLM's 3D CNN") as caught:
        official_keys(FAULTS[fault](spelled("")), where="some.checkpoint")
    assert caught.value.where == "some.checkpoint"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return weights_from_names()


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def test_an_import_is_loaded_strictly_and_is_what_the_file_held(
    tmp_path: Path, state: dict[str, torch.Tensor]
) -> None:
    flat = {f"module.0.{k}": v for k, v in state.items()} | {"module.2.1.bias": torch.zeros(5)}
    source = saved(tmp_path / "efficientnet4Lite_1.8.3.checkpoint", flat)
    folder = WeightFolder(tmp_path / "weights")
    made = import_weights(source, folder)
    assert made.name == "cnn3d"
    weights = folder.load("cnn3d")
    assert set(weights.tensors) == set(state)
    assert all(torch.equal(weights.tensors[k], v) for k, v in state.items())
    network = StreamingCnn.from_state(weights.tensors)
    assert sum(p.numel() for p in network.parameters()) == 14_410_376
    assert verify_weights(folder)[0].issues == ()
    nested = saved(tmp_path / "nested.checkpoint", {"state_dict": flat})
    again = import_weights(nested, folder, name="cnn3d", replace=True)
    assert again.sha256 == made.sha256


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("cnn.3.conv.0.0.weight", torch.zeros(192, 32, 1, 1), "instead of float32"),
        ("cnn.3.conv.2.bias", torch.zeros(32).half(), "is float16"),
        ("cnn.31.0.bias", torch.full((1280,), torch.nan), "cnn.31.0.bias holds NaN"),
        ("cnn.31.0.bias", "text", "no sound torch checkpoint"),
    ],
)
def test_other_shapes_types_and_broken_numbers_are_refused(
    tmp_path: Path, state: dict[str, torch.Tensor], key: str, value: object, cause: str
) -> None:
    source = saved(tmp_path / "cnn3d.checkpoint", {**state, key: value})
    with pytest.raises(DataError, match=cause):
        import_weights(source, WeightFolder(tmp_path / "weights"))
    assert not (tmp_path / "weights").exists()


@pytest.mark.parametrize("cut", [0, 10, 5000, 1_000_000])
def test_a_cut_file_is_refused(tmp_path: Path, state: dict[str, torch.Tensor], cut: int) -> None:
    source = saved(tmp_path / "cnn3d.checkpoint", state)
    source.write_bytes(source.read_bytes()[:cut])
    with pytest.raises(QevdBioError):
        import_weights(source, WeightFolder(tmp_path / "weights"))
    assert not (tmp_path / "weights").exists()
