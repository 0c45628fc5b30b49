"""SKEL and SMPL files: every layout read to the same arrays, every fault refused by name."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from qevd_bio.errors import DataError
from qevd_bio.skeleton.dofs import PARENTS
from qevd_bio.weights.body_files import read_skel, read_smpl
from tests.hostile_pickles import gadgets, text
from tests.weights.made_files import (
    Chumpy,
    F,
    J,
    NewMatrix,
    OldMatrix,
    Select,
    V,
    matrix,
    skel,
    smpl,
    write,
    write_ending_in,
)

WAYS = {
    "protocol 0 of Python 2": (0, True),
    "protocol 2 of Python 2": (2, True),
    "protocol 2": (2, False),
    "protocol 4": (4, False),
    "protocol 5": (5, False),
}


@pytest.mark.parametrize("way", WAYS)
def test_smpl_of_every_protocol(tmp_path: Path, way: str) -> None:
    protocol, python2 = WAYS[way]
    model = smpl()
    held = model | {
        "v_template": Chumpy(model["v_template"]),
        "shapedirs": Chumpy(model["shapedirs"]),
        "J_regressor": sparse.csc_matrix(np.eye(3)),
    }
    arrays, gender = read_smpl(write(tmp_path / "a.pkl", held, protocol, python2=python2))
    np.testing.assert_array_equal(arrays["template"], model["v_template"])
    np.testing.assert_array_equal(arrays["shapedirs"], model["shapedirs"])
    np.testing.assert_array_equal(arrays["faces"], model["f"])
    assert {key: (a.shape, a.dtype.name) for key, a in arrays.items()} == {
        "template": ((V, 3), "float64"),
        "shapedirs": ((V, 3, 10), "float64"),
        "faces": ((F, 3), "int32"),
    }
    assert gender is None


def test_smpl_npz_and_its_stored_gender(tmp_path: Path) -> None:
    model = smpl(n_shapes=16)
    np.savez(tmp_path / "model.npz", **model, gender=np.array("female"))
    arrays, gender = read_smpl(tmp_path / "model.npz")
    np.testing.assert_array_equal(arrays["template"], model["v_template"])
    np.testing.assert_array_equal(arrays["shapedirs"], model["shapedirs"][:, :, :10])
    np.testing.assert_array_equal(arrays["faces"], model["f"])
    assert gender == "female"


def test_a_selection_of_chumpy_is_taken(tmp_path: Path) -> None:
    model = smpl()
    many = np.random.default_rng(5).normal(size=(V, 3, 14))
    chosen = np.arange(many.size).reshape(V, 3, 14)[:, :, 2:12].ravel()
    model["shapedirs"] = Select(Chumpy(many), chosen, (V, 3, 10))
    arrays, _ = read_smpl(write(tmp_path / "a.pkl", model, 2, python2=True))
    np.testing.assert_array_equal(arrays["shapedirs"], many[:, :, 2:12])


@pytest.mark.parametrize("kind", [OldMatrix, NewMatrix, sparse.coo_matrix])
@pytest.mark.parametrize("way", WAYS)
def test_skel_with_each_layout_of_scipy(tmp_path: Path, kind: Any, way: str) -> None:
    protocol, python2 = WAYS[way]
    model = skel(regressor=kind(matrix()))
    stand_ins = kind is not sparse.coo_matrix
    if not stand_ins:
        del model["skin_weights"]
    path = write(tmp_path / "a.pkl", model, protocol, python2=python2, stand_ins=stand_ins)
    arrays, _ = read_skel(path)
    np.testing.assert_array_equal(arrays["J_regressor_osim"], matrix().toarray())
    np.testing.assert_array_equal(arrays["template"], model["skin_template_v"])
    np.testing.assert_array_equal(arrays["shapedirs"], model["shapedirs"][:, :, :10])
    np.testing.assert_array_equal(arrays["per_joint_rot"], model["per_joint_rot"])
    np.testing.assert_array_equal(arrays["apose_rel_transfo"], model["apose_rel_transfo"])
    assert arrays["kintree"].tolist() == [list(PARENTS), list(range(J))]
    assert arrays["kintree"].dtype == arrays["faces"].dtype == np.int32


def test_a_dense_fortran_or_big_endian_array_is_read(tmp_path: Path) -> None:
    model = skel(regressor=np.asfortranarray(matrix().toarray()))
    model["skin_template_v"] = model["skin_template_v"].astype(">f4")
    arrays, _ = read_skel(write(tmp_path / "a.pkl", model))
    np.testing.assert_array_equal(arrays["J_regressor_osim"], matrix().toarray())
    np.testing.assert_array_equal(arrays["template"], model["skin_template_v"].astype(float))


def nan(array: np.ndarray) -> np.ndarray:
    changed = array.astype(float)
    changed.reshape(-1)[7] = np.nan
    return changed


def swapped(tree: np.ndarray) -> np.ndarray:
    changed = tree.copy()
    changed[0, 6] = 5
    return changed


def outside(model: Any) -> OldMatrix:
    old = OldMatrix(matrix())
    old.col = old.col.copy()
    old.col[3] = V
    return old


def huge(model: Any) -> OldMatrix:
    old = OldMatrix(matrix())
    old._shape = (J, 10**12)
    return old


SKEL_FAULTS: dict[str, tuple[Any, str]] = {
    "older version": ({"version": "1.1.0"}, "is of SKEL version '1.1.0', not '1.1.1'"),
    "no version": ({"version": None}, "is of SKEL version none that is text"),
    "no template": ({"skin_template_v": ...}, "is no SKEL model: lacks skin_template_v"),
    "no rotations": ({"per_joint_rot": ...}, "lacks per_joint_rot"),
    "NaN": ({"shapedirs": nan}, "'shapedirs' with 1 NaN or inf"),
    "shape": ({"shapedirs": lambda a: a[:, :, :9]}, "'shapedirs' of shape (6890, 3, 9)"),
    "vertices": ({"skin_template_v": lambda a: a[:-1]}, "of shape (6889, 3)"),
    "faces": ({"skin_template_f": lambda a: a + 1}, "point outside of 6890 vertices"),
    "negative faces": ({"skin_template_f": lambda a: a - 1}, "point outside of 6890 vertices"),
    "half faces": ({"skin_template_f": lambda a: a + 0.5}, "no whole numbers"),
    "parents": ({"osim_kintree_table": swapped}, "other joints or parents than SKEL's"),
    "text": ({"per_joint_rot": "none"}, "holds no sound 'per_joint_rot'"),
    "words": ({"per_joint_rot": np.full((J, 3, 3), "a")}, "that are no numbers"),
    "place outside": ({"J_regressor_osim": outside}, "places outside of it"),
    "huge matrix": ({"J_regressor_osim": huge}, "a matrix of another shape than (24, 6890)"),
    "empty chumpy": ({"skin_template_v": Chumpy(None)}, "holds no sound 'skin_template_v'"),
}


@pytest.mark.parametrize("name", SKEL_FAULTS)
def test_a_faulty_skel_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    changes, cause = SKEL_FAULTS[name]
    model = skel()
    for key, change in changes.items():
        if change is ...:
            del model[key]
        else:
            model[key] = change(model[key]) if callable(change) else change
    path = write(tmp_path / "skel_male.pkl", model)
    with pytest.raises(DataError, match=re.escape(cause)) as caught:
        read_skel(path)
    assert caught.value.where == str(path)
    assert caught.value.next_step.startswith("Download")


def test_the_file_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no SKEL model: lacks version"):
        read_skel(write(tmp_path / "a.pkl", smpl()))
    with pytest.raises(DataError, match="lacks v_template, f"):
        read_smpl(write(tmp_path / "b.pkl", skel()))


NOT_MODELS = {
    "web page": (b"<!DOCTYPE html><html>Log in</html>", "is a web page"),
    "text": (b"Please register first.\n", "is text that begins 'Please register"),
    "empty": (b"", "is empty"),
    "zip": (b"PK\x03\x04" + bytes(50), "is a zip file"),
    "list": (b"]N a.".replace(b" ", b""), "it holds no mapping"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
}


@pytest.mark.parametrize("name", NOT_MODELS)
@pytest.mark.parametrize("read", [read_skel, read_smpl])
def test_what_is_no_model_is_reported(tmp_path: Path, read: Any, name: str) -> None:
    content, cause = NOT_MODELS[name]
    path = tmp_path / "skel_male.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=cause) as caught:
        read(path)
    assert caught.value.where == str(path)


def test_an_absent_file_is_reported(tmp_path: Path) -> None:
    for read in (read_skel, read_smpl):
        with pytest.raises(DataError, match="cannot be read"):
            read(tmp_path / "absent.pkl")


@pytest.mark.parametrize("length", [1, 1000, 200_000, -1000, -1])
def test_a_cut_file_is_refused(tmp_path: Path, length: int) -> None:
    path = write(tmp_path / "skel_male.pkl", skel())
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="is no sound body model"):
        read_skel(path)


@pytest.mark.parametrize("name", gadgets(Path("x")))
@pytest.mark.parametrize("read", [read_skel, read_smpl])
def test_a_gadget_is_refused_and_not_run(tmp_path: Path, read: Any, name: str) -> None:
    canary, path = tmp_path / "ran", tmp_path / "model.pkl"
    write_ending_in(path, skel() | smpl(), "extra", gadgets(canary)[name])
    cause = r"is no sound body model .*(is refused|no name|not made)"
    with pytest.raises(DataError, match=cause) as caught:
        read(path)
    assert caught.value.where == str(path)
    assert not canary.exists()


def test_a_gadget_in_place_of_an_array_is_refused(tmp_path: Path) -> None:
    """Allowed names of model files, called in a way that is not allowed."""
    calls = (
        b"cnumpy\nndarray\n(K\x01" + text("O") + b"C\x08AAAAAAAAtR",
        b"cchumpy.ch\nCh\n)R",
        b"cscipy.sparse.coo\ncoo_matrix\n(" + text("/etc/passwd") + b"tR",
        b"c_codecs\nencode\n(" + text("x") + text("rot13") + b"tR",
        b"cnumpy\ndtype\n" + text("f8") + b"\x85R",
    )
    for call in calls:
        path = write_ending_in(tmp_path / "a.pkl", smpl(), "f", call)
        with pytest.raises(DataError, match="holds no sound 'f'"):
            read_smpl(path)


def test_bombs_are_refused(tmp_path: Path) -> None:
    laughs = b"K\x01" + b"2\x86" * 200  # a pair of pairs of pairs ...
    steps = b"N0" * 1_000_001
    for bomb, cause in (
        (laughs, "repeats itself"),
        (b"K\x01" + b"\x85" * 300, "nested too deeply"),
        (steps + b"N", "takes more than 2000000 steps"),
    ):
        path = write_ending_in(tmp_path / "a.pkl", smpl(), "f", bomb)
        with pytest.raises(DataError, match=cause):
            read_smpl(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    head = np.lib.format.magic(1, 0)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("v_template.npy", "w") as member,
    ):
        member.write(head)
        for _ in range(300):
            member.write(bytes(1_000_000))
    assert path.stat().st_size < 3_000_000
    with pytest.raises(DataError, match=r"v_template\.npy unpacks to 300000008 bytes"):
        read_smpl(path)


def test_an_npz_of_objects_is_refused(tmp_path: Path) -> None:
    model: dict[str, Any] = smpl() | {"v_template": np.array([{}], dtype=object)}
    np.savez(tmp_path / "model.npz", **model)
    with pytest.raises(DataError, match=r"no sound \.npz"):
        read_smpl(tmp_path / "model.npz")
