"""Import end to end: the kept data, refusals, and no file after a refusal."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from qevd_bio.errors import DataError, UsageError
from qevd_bio.weights.contents import WEIGHT_NAMES
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.inventory import verify_weights
from qevd_bio.weights.store import METADATA_KEYS, WeightFolder
from qevd_bio.weights.tensor_file import write_tensors
from tests.hostile_pickles import gadgets
from tests.weights.made_files import (
    QKV,
    official_state,
    save_checkpoint,
    skel,
    smpl,
    tiny_state,
    write,
    write_ending_in,
)

EXTRA = {
    "skel_model.shapedirs": torch.ones(2, 3),
    "skel_model.joints_dict.0.nb_dof": torch.tensor(3),
}


def test_a_checkpoint_is_converted_tensor_for_tensor(tmp_path: Path, folder: WeightFolder) -> None:
    state = tiny_state()
    path = save_checkpoint(tmp_path / "hsmr.ckpt", state | EXTRA)
    made = import_weights(path, folder, any_size=True)
    assert made.file == folder.path / "hsmr.safetensors"
    assert [item.name for item in folder.path.iterdir()] == ["hsmr.safetensors"]
    with safe_open(made.file, framework="pt") as held:  # a second reader than the store
        assert set(held.keys()) == set(state)  # so nothing of skel_model is kept
        for key, tensor in state.items():
            assert torch.equal(held.get_tensor(key), tensor)
        content = held.metadata()
    assert content["name"] == "hsmr"
    assert content["source_file"] == "hsmr.ckpt"
    assert content["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert content["official_size"] == "no"
    assert "Redistribution: no" in content["licence"]
    assert b"skel_model" not in made.file.read_bytes()


def test_the_same_file_gives_the_same_bytes(tmp_path: Path, folder: WeightFolder) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    first = import_weights(path, folder, any_size=True)
    content = first.file.read_bytes()
    again = import_weights(path, folder, any_size=True, replace=True)
    assert again.file.read_bytes() == content
    other = path.rename(tmp_path / "renamed.ckpt")
    renamed = import_weights(other, folder, name="hsmr", any_size=True, replace=True)
    assert renamed.sha256 == first.sha256  # the numbers' digest does not hang on a file name
    assert renamed.file.read_bytes() != content


def test_weights_are_replaced_on_purpose_only(tmp_path: Path, folder: WeightFolder) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    made = import_weights(path, folder, any_size=True)
    before = made.file.read_bytes()
    save_checkpoint(path, tiny_state(seed=1))
    with pytest.raises(UsageError, match="imported before") as caught:
        import_weights(path, folder, any_size=True)
    assert "--replace" in caught.value.next_step
    assert made.file.read_bytes() == before
    import_weights(path, folder, any_size=True, replace=True)
    assert made.file.read_bytes() != before


def without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: tensor for name, tensor in state.items() if name != key}


HEAD = "head.transformer.transformer.layers.1.1.fn.to_kv.weight"
STATE_FAULTS: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any]], str]] = {
    "backbone key missing": (lambda s: without(s, QKV), f"lacks {QKV}."),
    "head key missing": (lambda s: without(s, HEAD), f"lacks {HEAD}."),
    "first key missing": (lambda s: without(s, "backbone.pos_embed"), "lacks backbone.pos_embed"),
    "two missing": (
        lambda s: without(without(s, QKV), HEAD),
        f"lacks {QKV}, lacks {HEAD}.",
    ),
    "key too many": (
        lambda s: s | {"discriminator.weight": torch.ones(2)},
        "holds unknown discriminator.weight.",
    ),
    "block too many": (
        lambda s: s | {"backbone.blocks.99.norm1.bias": torch.ones(2)},
        "holds unknown backbone.blocks.99.norm1.bias",
    ),
    "other prefix": (
        lambda s: {f"model.{key}": tensor for key, tensor in s.items()},
        "holds unknown model.",
    ),
    "wrong shape": (
        lambda s: s | {QKV: torch.ones(24, 7)},
        f"{QKV} is float32 (24, 7) instead of",
    ),
    "turned": (lambda s: s | {HEAD: s[HEAD].T}, f"{HEAD} is float32"),
    "wrong type": (lambda s: s | {QKV: s[QKV].half()}, f"{QKV} is float16"),
    "bfloat16": (lambda s: s | {QKV: s[QKV].bfloat16()}, f"{QKV} is bfloat16"),
}


@pytest.mark.parametrize("size", ["tiny", "official"])
@pytest.mark.parametrize("name", STATE_FAULTS)
def test_a_faulty_state_dict_is_refused_by_name(
    tmp_path: Path, folder: WeightFolder, name: str, size: str
) -> None:
    change, cause = STATE_FAULTS[name]
    state = tiny_state() if size == "tiny" else official_state()
    path = save_checkpoint(tmp_path / "hsmr.ckpt", change(state) | EXTRA)
    with pytest.raises(DataError, match=re.escape(cause)) as caught:
        import_weights(path, folder, any_size=size == "tiny")
    assert caught.value.where == str(path)
    assert caught.value.next_step
    assert not folder.file("hsmr").exists()


def test_another_size_is_taken_on_purpose_only(tmp_path: Path, folder: WeightFolder) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    with pytest.raises(DataError, match=r"another size \(width 8, 3 blocks, 2 layers\)") as caught:
        import_weights(path, folder)
    assert "--allow-other-size" in caught.value.next_step
    assert not folder.path.exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(
    tmp_path: Path, folder: WeightFolder, value: float
) -> None:
    state = tiny_state()
    state[QKV][3, 1] = value
    path = save_checkpoint(tmp_path / "hsmr.ckpt", state)
    with pytest.raises(DataError, match=rf"NaN or inf in {QKV}"):
        import_weights(path, folder, any_size=True)
    assert not folder.path.exists()


def test_attention_heads_are_kept_beside_numbers_that_do_not_show_them(
    tmp_path: Path, folder: WeightFolder
) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    assumed = import_weights(path, folder, any_size=True)
    assert folder.load("hsmr").heads() == (16, 8)
    given = import_weights(path, folder, any_size=True, replace=True, heads=(4, 2))
    assert folder.load("hsmr").heads() == (4, 2)
    assert given.sha256 == assumed.sha256
    assert verify_weights(folder)[0].notes[0].endswith("4,2 attention heads (given at import)")


@pytest.mark.parametrize(
    ("heads", "cause"),
    [
        ((3, 2), "8 numbers of the backbone do not split into 3 heads"),
        ((4, 4), "6 numbers of the head do not split into 4 heads"),
        ((0, 2), "do not split into 0 heads"),
        ((4, -2), "do not split into -2 heads"),
    ],
)
def test_attention_heads_that_do_not_fit_are_refused(
    tmp_path: Path, folder: WeightFolder, heads: tuple[int, int], cause: str
) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    with pytest.raises(UsageError, match=cause):
        import_weights(path, folder, any_size=True, heads=heads)
    assert not folder.path.exists()


def test_a_body_has_no_attention_heads(tmp_path: Path, folder: WeightFolder) -> None:
    with pytest.raises(UsageError, match="has no attention heads"):
        import_weights(write(tmp_path / "skel_male.pkl", skel()), folder, heads=(4, 2))


@pytest.mark.parametrize("word", ["", "4", "4,0", "4,2,1", "a,b", "4,99999"])
def test_a_header_with_other_words_for_heads_is_damaged(folder: WeightFolder, word: str) -> None:
    folder.path.mkdir()
    content = dict.fromkeys(METADATA_KEYS, "made up") | {
        "name": "hsmr", "schema_version": "1", "official_size": "no", "attention_heads": word,
    }  # fmt: skip
    arrays = {key: tensor.numpy() for key, tensor in tiny_state().items()}
    write_tensors(folder.file("hsmr"), arrays, content)
    with pytest.raises(DataError, match="attention_heads"):
        folder.load("hsmr")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_cut_checkpoint_is_refused(tmp_path: Path, folder: WeightFolder, share: float) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match="is no sound torch checkpoint"):
        import_weights(path, folder, any_size=True)
    assert not folder.path.exists()


@pytest.mark.parametrize("name", [n for n in WEIGHT_NAMES if n.startswith("s")])
def test_bodies_are_converted(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    content = skel() if name.startswith("skel") else smpl()
    made = import_weights(write(tmp_path / f"{name}.pkl", content), folder)
    weights = folder.load(name)
    template = content["skin_template_v" if name.startswith("skel") else "v_template"]
    np.testing.assert_array_equal(weights.arrays()["template"], template)
    assert weights.sha256 == made.sha256
    assert len(weights.tensors) == (7 if name.startswith("skel") else 3)
    assert weights.metadata["evidence"] == f"file name: {name.split('_')[1]}"


@pytest.mark.parametrize("name", gadgets(Path("x")))
def test_a_malicious_body_is_refused(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    canary = tmp_path / "ran"
    path = write_ending_in(tmp_path / "skel_male.pkl", skel(), "extra", gadgets(canary)[name])
    with pytest.raises(DataError, match="is no sound body model"):
        import_weights(path, folder)
    assert not canary.exists() and not folder.path.exists()


def test_unknown_weights_and_absent_files_are_reported(
    tmp_path: Path, folder: WeightFolder
) -> None:
    with pytest.raises(UsageError, match="no weights named 'smplx'"):
        import_weights(tmp_path / "a", folder, name="smplx")
    for name in ("hsmr.ckpt", "hsmr.tar.gz", "skel_male.pkl", "smpl_male.npz"):
        with pytest.raises(DataError, match="cannot be read"):
            import_weights(tmp_path / name, folder)


def test_a_failing_disk_leaves_what_was_there(
    tmp_path: Path, folder: WeightFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state())
    made = import_weights(path, folder, any_size=True)
    before = made.file.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        import_weights(path, folder, any_size=True, replace=True)
    assert made.file.read_bytes() == before
    assert [item.name for item in folder.path.iterdir()] == ["hsmr.safetensors"]
