"""Import end to end: the kept data, refusals, and no file after a refusal."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from qevd_bio.errors import DataError, QevdBioError, UsageError
from qevd_bio.weights.contents import WEIGHT_NAMES
from qevd_bio.weights.gender import gender_in_name
from qevd_bio.weights.importing import import_weights, name_of
from qevd_bio.weights.inventory import verify_weights
from qevd_bio.weights.store import METADATA_KEYS, WeightFolder
from qevd_bio.weights.tensor_file import write_tensors
from tests.hostile_pickles import gadgets
from tests.weights.made_files import (
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


@pytest.fixture
def folder(tmp_path: Path) -> WeightFolder:
    return WeightFolder(tmp_path / "weights")


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


QKV = "backbone.blocks.2.attn.qkv.weight"
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


def archive(path: Path, members: dict[str, bytes | tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                packed.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def link(name: str, to: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


INNER = "HSMR-ViTH-r1d1/checkpoints/hsmr.ckpt"


def test_the_archive_is_read_without_being_unpacked(tmp_path: Path, folder: WeightFolder) -> None:
    inner = save_checkpoint(tmp_path / "inner", tiny_state()).read_bytes()
    members = {"HSMR-ViTH-r1d1/.hydra/config.yaml": b"a: 1", INNER: inner}
    path = archive(tmp_path / "HSMR-ViTH-r1d1.tar.gz", members)
    made = import_weights(path, folder, any_size=True)
    assert [item.name for item in folder.path.iterdir()] == ["hsmr.safetensors"]
    assert made.metadata["source_file"] == "HSMR-ViTH-r1d1.tar.gz"
    assert made.metadata["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert torch.equal(folder.load("hsmr").tensors[QKV], tiny_state()[QKV])


ARCHIVES: dict[str, tuple[dict[str, Any], str]] = {
    "nothing of use": ({"a/b": b"x"}, "holds no checkpoints/hsmr.ckpt"),
    "traversal": ({"../../evil": b"x", INNER: b"x"}, "would leave its folder"),
    "absolute": ({"/checkpoints/hsmr.ckpt": b"x"}, "would leave its folder"),
    "traversal to the checkpoint": ({"a/../../checkpoints/hsmr.ckpt": b"x"}, "would leave"),
    "symbolic link": ({INNER: link(INNER, "/etc/passwd", tarfile.SYMTYPE)}, "is no file"),
    "hard link": ({INNER: link(INNER, "/etc/passwd", tarfile.LNKTYPE)}, "is no file"),
    "pipe": ({INNER: link(INNER, "", tarfile.FIFOTYPE)}, "is no file"),
    "no checkpoint inside": ({INNER: b"<html>log in</html>"}, "is a web page"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    members, cause = ARCHIVES[name]
    path = archive(tmp_path / "HSMR-ViTH-r1d1.tar.gz", members)
    before = {item for item in tmp_path.rglob("*") if folder.path not in (item, *item.parents)}
    with pytest.raises(DataError, match=cause) as caught:
        import_weights(path, folder)
    assert caught.value.where.startswith(str(path))
    assert not list(folder.path.iterdir())  # no leftovers either
    after = {item for item in tmp_path.rglob("*") if folder.path not in (item, *item.parents)}
    assert after == before


END = bytes(2 * tarfile.BLOCKSIZE)
"""Ends an archive. Headers are written as bytes: since Python 3.13 `addfile` wants the content."""


def test_an_archive_with_absurd_headers_costs_no_memory(
    tmp_path: Path, folder: WeightFolder
) -> None:
    path = tmp_path / "HSMR-ViTH-r1d1.tar.gz"
    for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE):
        info = tarfile.TarInfo("long")
        info.type, info.size = kind, 2**33
        path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + END))
        with pytest.raises(DataError, match="header of an absurd length"):
            import_weights(path, folder)
    info = tarfile.TarInfo("big")
    info.size = 2**35
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + END))
    with pytest.raises(DataError, match="more than a checkpoint can be"):
        import_weights(path, folder)


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"\x1f\x8b\x08\x00", b"not found"], ids=repr
)
def test_what_is_no_archive_is_reported(
    tmp_path: Path, folder: WeightFolder, content: bytes
) -> None:
    path = tmp_path / "HSMR-ViTH-r1d1.tar.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is no sound archive of HSMR") as caught:
        import_weights(path, folder)
    assert caught.value.where == str(path)


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


# the gender of the body


def test_a_female_file_given_for_male_is_refused_by_its_stored_gender(
    tmp_path: Path, folder: WeightFolder
) -> None:
    np.savez(tmp_path / "smpl_male.npz", **smpl(), gender=np.array("female"))
    with pytest.raises(DataError, match="its stored gender is female") as caught:
        import_weights(tmp_path / "smpl_male.npz", folder, gender_known=True)  # not overruled
    assert caught.value.where == str(tmp_path / "smpl_male.npz")
    assert not folder.path.exists()


def test_a_female_file_given_for_male_is_refused_by_its_name(
    tmp_path: Path, folder: WeightFolder
) -> None:
    path = write(tmp_path / "SMPL_FEMALE.pkl", smpl())
    with pytest.raises(UsageError, match="its name holds female") as caught:
        import_weights(path, folder, name="smpl_male")
    assert caught.value.where == str(path)
    assert "--gender-known" in caught.value.next_step
    assert not folder.path.exists()
    made = import_weights(path, folder, name="smpl_male", gender_known=True)
    assert made.metadata["evidence"] == "given by the user: male; file name: female"


def test_a_name_without_a_gender_has_to_be_confirmed(tmp_path: Path, folder: WeightFolder) -> None:
    path = write(tmp_path / "model.pkl", smpl())
    with pytest.raises(UsageError, match="its name holds no gender"):
        import_weights(path, folder, name="smpl_male")
    made = import_weights(path, folder, name="smpl_male", gender_known=True)
    assert made.metadata["evidence"].startswith("given by the user: male")


def test_the_same_body_is_not_taken_for_two(tmp_path: Path, folder: WeightFolder) -> None:
    import_weights(write(tmp_path / "SMPL_FEMALE.pkl", smpl()), folder)
    renamed = write(tmp_path / "SMPL_MALE.pkl", smpl(), 2, python2=True)
    with pytest.raises(DataError, match="holds the same numbers as smpl_female"):
        import_weights(renamed, folder)
    assert folder.present() == ["smpl_female"]
    import_weights(write(tmp_path / "SMPL_MALE.pkl", smpl(seed=1)), folder)
    import_weights(tmp_path / "SMPL_FEMALE.pkl", folder, replace=True)


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        ("SMPL_MALE.pkl", "male"),
        ("SMPL_FEMALE.pkl", "female"),
        ("SmplFemale.npz", "female"),
        ("basicmodel_m_lbs_10_207_0_v1.1.0.pkl", "male"),
        ("basicModel_f_lbs_10_207_0_v1.0.0.pkl", "female"),
        ("basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl", "neutral"),
        ("skel_female.pkl", "female"),
        ("female/model.npz", "female"),
        ("male/SMPL_FEMALE.pkl", "female"),
        ("m/model.npz", None),
        ("male_runs/model.npz", None),
        ("male_and_female.pkl", None),
        ("model.pkl", None),
        ("farm.pkl", None),
    ],
)
def test_genders_in_names(tmp_path: Path, name: str, gender: str | None) -> None:
    assert gender_in_name(tmp_path / "x" / name) == gender


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("hsmr.ckpt", "hsmr"),
        ("HSMR-ViTH-r1d1.tar.gz", "hsmr"),
        ("skel_male.pkl", "skel_male"),
        ("SMPL_NEUTRAL.pkl", "smpl_neutral"),
        ("basicModel_f_lbs_10_207_0_v1.0.0.pkl", "smpl_female"),
    ],
)
def test_names_of_files(tmp_path: Path, name: str, weights: str) -> None:
    assert name_of(tmp_path / name) == weights


@pytest.mark.parametrize("name", ["epoch=3.ckpt", "smpl.pkl", "skel_neutral.pkl", "SMPLX.npz"])
def test_a_name_that_shows_nothing_is_asked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="does not show what it is") as caught:
        name_of(tmp_path / "x" / name)
    assert "--as" in caught.value.next_step


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


# what lies in the folder


def spoiled_header(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    change(header)
    encoded = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(encoded)) + encoded + content[8 + length :])


STORED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut": (lambda p: p.write_bytes(p.read_bytes()[:-9]), "no sound safetensors file"),
    "longer": (lambda p: p.write_bytes(p.read_bytes() + b"x" * 8), "no sound safetensors file"),
    "empty": (lambda p: p.write_bytes(b""), "no header length"),
    "huge header": (lambda p: p.write_bytes(b"\xff" * 99), "no header length"),
    "no text": (lambda p: p.write_bytes(struct.pack("<Q", 8) + b"\xff" * 8), "is no text"),
    "no JSON": (lambda p: p.write_bytes(struct.pack("<Q", 8) + b"{" * 8), "malformed JSON"),
    "list": (lambda p: p.write_bytes(struct.pack("<Q", 2) + b"[]"), "is no mapping"),
    "one bit": (
        lambda p: p.write_bytes(p.read_bytes()[:-1] + bytes([p.read_bytes()[-1] ^ 1])),
        "not those that were imported",
    ),
    "other name": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(name="skel_male")),
        "its header holds skel_male",
    ),
    "other schema": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(schema_version="9")),
        "schema 9",
    ),
    "no licence": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].pop("licence")),
        "its header lacks licence",
    ),
    "no metadata": (
        lambda p: spoiled_header(p, lambda h: h.pop("__metadata__")),
        "its header lacks name, schema_version",
    ),
    "called official": (
        lambda p: spoiled_header(p, lambda h: h["__metadata__"].update(official_size="yes")),
        "is float32 (8,) instead of float32 (1280,)",
    ),
    "renamed tensor": (
        lambda p: spoiled_header(p, lambda h: h.update({"head.x": h.pop("head.init_cam")})),
        "lacks head.init_cam",
    ),
    "shape": (
        lambda p: spoiled_header(p, lambda h: h["head.init_cam"].update(shape=[3, 1])),
        "head.init_cam is float32 (3, 1)",
    ),
    "overlap": (
        lambda p: spoiled_header(p, lambda h: h["head.init_cam"].update(data_offsets=[0, 12])),
        "no sound safetensors file",
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_a_damaged_stored_file_is_refused(tmp_path: Path, folder: WeightFolder, name: str) -> None:
    spoil, cause = STORED[name]
    import_weights(save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state()), folder, any_size=True)
    spoil(folder.file("hsmr"))
    with pytest.raises(DataError, match=re.escape(cause)) as caught:
        folder.load("hsmr")
    assert caught.value.where == str(folder.file("hsmr"))
    assert "--replace" in caught.value.next_step or "Restore" in caught.value.next_step


def test_weights_that_are_not_there_are_reported(tmp_path: Path) -> None:
    folder = WeightFolder(tmp_path / "absent")
    assert folder.present() == []
    with pytest.raises(QevdBioError, match="were not imported") as caught:
        folder.load("skel_male")
    assert "weights import FILE --as skel_male" in caught.value.next_step
    with pytest.raises(UsageError, match="no weights named"):
        folder.load("../hsmr")
    assert not folder.path.exists()
