"""The gender of an imported body: in its file, in its name, given by the user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.errors import DataError, UsageError
from qevd_bio.weights.gender import gender_in_name
from qevd_bio.weights.importing import import_weights, name_of
from qevd_bio.weights.store import WeightFolder
from tests.weights.made_files import smpl, write


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
