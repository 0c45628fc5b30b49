"""The manifest, the list, and the result of a verification."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qevd_bio.assets import asset_path
from qevd_bio.errors import DataError, EnvironmentProblem
from qevd_bio.weights.contents import WEIGHT_NAMES
from qevd_bio.weights.importing import import_weights
from qevd_bio.weights.inventory import inventory, verify_weights
from qevd_bio.weights.manifest import load_offers
from qevd_bio.weights.store import WeightFolder, default_folder
from tests.weights.made_files import save_checkpoint, smpl, tiny_state, write


@pytest.fixture
def folder(tmp_path: Path) -> WeightFolder:
    return WeightFolder(tmp_path / "weights")


def test_the_manifest_offers_every_name_and_redistributes_none() -> None:
    offers = load_offers()
    assert tuple(offers) == WEIGHT_NAMES
    assert {offer.redistribution for offer in offers.values()} == {"no"}
    assert "1.1.1" in offers["skel_male"].obtain
    assert "non-commercial" in offers["skel_female"].licence


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda m: m["weights"][0].pop("licence"), "'licence' is a required property"),
        (lambda m: m["weights"][0].update(sha256="abc"), "weights/0/sha256"),
        (lambda m: m["weights"][0].update(redistribution="yes"), "'no' was expected"),
        (lambda m: m["weights"][1].update(page="ftp"), "weights/1/page"),
        (lambda m: m["weights"].pop(), "its names are not hsmr, skel_male"),
        (lambda m: m.update(schema_version=2), "1 was expected"),
    ],
)
def test_a_malformed_manifest_is_refused(tmp_path: Path, change: Any, cause: str) -> None:
    manifest = json.loads(asset_path("manifests", "weights.json").read_text(encoding="utf-8"))
    change(manifest)
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DataError, match=cause) as caught:
        load_offers(path)
    assert caught.value.where == str(path)


def body(seed: int, height_m: float) -> dict[str, Any]:
    held = smpl(seed)
    held["v_template"][:, 1] = np.linspace(0.0, height_m, len(held["v_template"]))
    return held


def test_what_is_there_is_listed_and_verified(tmp_path: Path, folder: WeightFolder) -> None:
    states = {entry.name: entry.state for entry in inventory(folder)}
    assert {states.pop(name) for name in WEIGHT_NAMES} == {"absent"}
    assert set(states.values()) == {"shipped"}
    assert verify_weights(folder) == []
    import_weights(save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state()), folder, any_size=True)
    import_weights(write(tmp_path / "SMPL_MALE.pkl", body(1, 1.75)), folder)
    import_weights(write(tmp_path / "SMPL_FEMALE.pkl", body(2, 1.65)), folder)
    entries = {entry.name: entry for entry in inventory(folder)}
    assert [n for n, e in entries.items() if e.state == "imported"] == folder.present()
    assert "NOT THE OFFICIAL SIZE" in entries["hsmr"].detail
    assert "https://skel.is.tue.mpg.de" in entries["skel_male"].detail
    verdicts = {verdict.name: verdict for verdict in verify_weights(folder)}
    assert all(not verdict.issues for verdict in verdicts.values())
    assert verdicts["hsmr"].notes == (
        "a network of another size than the official one, 16,8 attention heads (assumed)",
    )
    assert verdicts["smpl_male"].notes == ("average body 1.75 m tall",)


def test_two_bodies_that_look_swapped_are_noted(tmp_path: Path, folder: WeightFolder) -> None:
    import_weights(write(tmp_path / "SMPL_MALE.pkl", body(1, 1.62)), folder)
    import_weights(write(tmp_path / "SMPL_FEMALE.pkl", body(2, 1.76)), folder)
    for verdict in verify_weights(folder):
        assert not verdict.issues
        assert verdict.notes[1] == "smpl_female is taller than smpl_male: the two may be swapped"


def test_a_changed_number_is_an_issue(tmp_path: Path, folder: WeightFolder) -> None:
    import_weights(save_checkpoint(tmp_path / "hsmr.ckpt", tiny_state()), folder, any_size=True)
    import_weights(write(tmp_path / "SMPL_MALE.pkl", smpl()), folder)
    path = folder.file("hsmr")
    content = bytearray(path.read_bytes())
    content[-3] ^= 64
    path.write_bytes(content)
    faulty, sound = verify_weights(folder)
    assert faulty.name == "hsmr" and "not those that were imported" in faulty.issues[0]
    assert sound.name == "smpl_male" and not sound.issues
    path.write_bytes(content[:100])
    assert [entry.state for entry in inventory(folder)][:2] == ["damaged", "absent"]
    with pytest.raises(EnvironmentProblem, match="were not imported"):
        verify_weights(folder, ("skel_male",))


def test_arrays_share_memory_with_the_tensors(tmp_path: Path, folder: WeightFolder) -> None:
    import_weights(write(tmp_path / "SMPL_MALE.pkl", smpl()), folder)
    weights = folder.load("smpl_male")
    assert {tensor.dtype for tensor in weights.tensors.values()} == {torch.float64, torch.int32}
    arrays = weights.arrays()
    assert arrays["template"].ctypes.data == weights.tensors["template"].data_ptr()
    assert folder.digest("smpl_male") == weights.sha256


def test_the_folder_comes_from_the_environment_or_the_users_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEVD_BIO_WEIGHTS", str(tmp_path / "named"))
    assert default_folder() == tmp_path / "named"
    monkeypatch.setenv("QEVD_BIO_WEIGHTS", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_folder() == tmp_path / "data" / "qevd_bio" / "weights"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "share" / "qevd_bio" / "weights"
