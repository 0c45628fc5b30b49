"""Joints of a SKEL file against numbers of the official implementation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from qevd_bio.errors import DataError
from qevd_bio.skeleton.dofs import JOINT_INDEX, N_DOFS, PARENTS
from qevd_bio.skeleton.kinematics import forward_kinematics
from qevd_bio.skeleton.skel_model import SkelModel, posed_joints

GOLDEN = Path(__file__).parents[1] / "golden" / "skel"
WITHIN_M = 5e-6


@pytest.fixture(scope="module")
def levels() -> dict[str, np.ndarray]:
    with np.load(GOLDEN / "skel_synthetic_joint_level.npz") as held:
        return dict(held)


def cases(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as held:
        return {key: held[key].astype(np.float64) for key in held}


def model_of(levels: dict[str, np.ndarray], rows: slice = slice(None)) -> SkelModel:
    """Recover the synthetic file's joints and shape directions from 11 or more of its bodies."""
    known = cases("skel_mixed")
    betas = np.column_stack([known["betas"], np.ones(len(known["betas"]))])[rows]
    rest = known["joints_tpose"].reshape(-1, 72)[rows]
    fitted = np.linalg.lstsq(betas, rest, rcond=None)[0]
    return SkelModel(
        joints_m=fitted[10].reshape(24, 3),
        joints_by_beta_m=np.moveaxis(fitted[:10].reshape(10, 24, 3), 0, -1),
        per_joint_rot=levels["per_joint_rot"],
        apose_rel_transfo=levels["apose_rel_transfo"],
    )


@pytest.mark.parametrize("name", ["skel_onehot", "skel_mixed"])
def test_a_body_for_each_frame_matches_the_official_implementation(
    name: str, levels: dict[str, np.ndarray]
) -> None:
    known = cases(name)
    joints, bones = posed_joints(model_of(levels), known["q"], known["joints_tpose"])
    assert np.abs(joints + known["trans"][:, None] - known["joints"]).max() < WITHIN_M
    assert np.abs(bones - known["joints_ori"]).max() < WITHIN_M


def test_joints_at_rest_follow_the_shape(levels: dict[str, np.ndarray]) -> None:
    known, model = cases("skel_mixed"), model_of(levels, slice(11))
    rest = model.rest_joints(known["betas"][11:])
    assert np.abs(rest - known["joints_tpose"][11:]).max() < WITHIN_M


def test_from_shape_to_posed_joints(levels: dict[str, np.ndarray]) -> None:
    known, model = cases("skel_mixed"), model_of(levels)
    joints, _ = posed_joints(model, known["q"], model.rest_joints(known["betas"]))
    assert np.abs(joints + known["trans"][:, None] - known["joints"]).max() < WITHIN_M


def test_one_person_posed_alone_is_the_same_as_in_a_batch(levels: dict[str, np.ndarray]) -> None:
    model = model_of(levels)
    q = np.random.default_rng(3).normal(size=(9, N_DOFS))
    betas = np.linspace(-2, 2, 10)
    together, _ = posed_joints(model, q, np.tile(model.rest_joints(betas), (9, 1, 1)))
    alone, _ = forward_kinematics(q, model.skeleton(betas))
    assert np.allclose(together, alone, rtol=0, atol=1e-12)


def file_of(levels: dict[str, np.ndarray]) -> dict[str, Any]:
    """Make a file in which four vertices around each joint carry it."""
    model, rng = model_of(levels), np.random.default_rng(5)
    around = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) * 0.02
    more = np.zeros((96, 3, 4))
    return {
        "skin_template_v": (model.joints_m[:, None] + around).reshape(96, 3),
        "shapedirs": np.concatenate(
            [np.repeat(model.joints_by_beta_m, 4, axis=0), more + rng.normal(size=more.shape)], 2
        ),
        "J_regressor_osim": sparse.coo_matrix(np.kron(np.eye(24), np.full((1, 4), 0.25))),
        **levels,
    }


@pytest.mark.parametrize("regressor", [sparse.coo_matrix, sparse.coo_array, np.asarray])
def test_reads_a_file_whatever_its_regressor_is_stored_as(
    regressor: Any, levels: dict[str, np.ndarray]
) -> None:
    held, known = file_of(levels), cases("skel_mixed")
    held["J_regressor_osim"] = regressor(held["J_regressor_osim"].toarray())
    model = SkelModel.from_file(held, "skel_male.pkl")
    joints, _ = posed_joints(model, known["q"], model.rest_joints(known["betas"]))
    assert np.abs(joints + known["trans"][:, None] - known["joints"]).max() < WITHIN_M


def test_an_imported_file_gives_the_same_model(levels: dict[str, np.ndarray]) -> None:
    held = file_of(levels)
    stored = {
        "template": held["skin_template_v"],
        "shapedirs": held["shapedirs"][:, :, :10],
        "J_regressor_osim": held["J_regressor_osim"].toarray(),
        "kintree": np.asarray(held["osim_kintree_table"]).astype(np.int32),
        "per_joint_rot": held["per_joint_rot"],
        "apose_rel_transfo": held["apose_rel_transfo"],
        "faces": np.zeros((4, 3), np.int32),
    }
    one = SkelModel.from_file(held, "skel_male.pkl")
    other = SkelModel.from_weights(stored, "skel_male")
    for name in ("joints_m", "joints_by_beta_m", "per_joint_rot", "apose_rel_transfo"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name))


def broken(name: str) -> Any:
    changes = {
        "a tree of another model": ("osim_kintree_table", lambda v: np.roll(v, 1, axis=1)),
        "too few shape numbers": ("shapedirs", lambda v: v[..., :9]),
        "another template's regressor": ("J_regressor_osim", lambda v: v.toarray()[:, :90]),
        "no number": ("skin_template_v", lambda v: np.where(v > 0, v, np.nan)),
        "bones of 25 joints": ("per_joint_rot", lambda v: np.concatenate([v, v[:1]])),
    }
    return changes[name]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("a tree of another model", "osim_kintree_table: is not SKEL's tree"),
        ("too few shape numbers", r"shapedirs: has shape \(96, 3, 9\)"),
        ("another template's regressor", r"J_regressor_osim: has shape \(24, 90\)"),
        ("no number", "skin_template_v: holds numbers that are not finite"),
        ("bones of 25 joints", r"per_joint_rot: has shape \(25, 3, 3\)"),
    ],
)
def test_refuses_a_file_that_does_not_fit(
    change: str, told: str, levels: dict[str, np.ndarray]
) -> None:
    held = file_of(levels)
    name, made = broken(change)
    held[name] = made(held[name])
    with pytest.raises(DataError, match=told):
        SkelModel.from_file(held, "skel_male.pkl")


def test_names_what_a_file_lacks(levels: dict[str, np.ndarray]) -> None:
    held = file_of(levels)
    del held["apose_rel_transfo"]
    with pytest.raises(DataError, match=r"skel_male.pkl: apose_rel_transfo: is missing"):
        SkelModel.from_file(held, "skel_male.pkl")


def test_nan_stays_below_its_joint(levels: dict[str, np.ndarray]) -> None:
    model, q = model_of(levels), np.zeros((1, N_DOFS))
    q[0, 6] = np.nan  # the right knee
    joints, _ = posed_joints(model, q, model.joints_m[None])
    below = {JOINT_INDEX[name] for name in ("talus_r", "calcn_r", "toes_r")}
    assert {int(j) for j in np.flatnonzero(np.isnan(joints[0]).any(axis=1))} == below
    assert PARENTS[min(below)] == JOINT_INDEX["tibia_r"]


@pytest.mark.parametrize("shape", [(24, 3), (2, 24, 3), (3, 23, 3)])
def test_refuses_rest_joints_that_do_not_fit_the_frames(
    shape: tuple[int, ...], levels: dict[str, np.ndarray]
) -> None:
    with pytest.raises(ValueError, match="needs"):
        posed_joints(model_of(levels), np.zeros((3, N_DOFS)), np.zeros(shape))
