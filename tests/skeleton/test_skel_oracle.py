"""Joints of SKEL bodies against numbers of the official implementation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qevd_bio.skeleton.dofs import N_DOFS
from qevd_bio.skeleton.kinematics import forward_kinematics
from tests.skeleton.skel_oracle import SkelModel, posed_joints

GOLDEN = Path(__file__).parents[1] / "golden" / "skel"
WITHIN_M = 5e-6


def cases(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as held:
        return {key: held[key].astype(np.float64) for key in held}


@pytest.fixture(scope="module")
def model() -> SkelModel:
    return model_of(slice(None))


def model_of(rows: slice) -> SkelModel:
    """Recover the synthetic file's joints and shape directions from 11 or more of its bodies."""
    known = cases("skel_mixed")
    betas = np.column_stack([known["betas"], np.ones(len(known["betas"]))])[rows]
    rest = known["joints_tpose"].reshape(-1, 72)[rows]
    fitted = np.linalg.lstsq(betas, rest, rcond=None)[0]
    with np.load(GOLDEN / "skel_synthetic_joint_level.npz") as held:
        return SkelModel(
            joints_m=fitted[10].reshape(24, 3),
            joints_by_beta_m=np.moveaxis(fitted[:10].reshape(10, 24, 3), 0, -1),
            per_joint_rot=held["per_joint_rot"],
            apose_rel_transfo=held["apose_rel_transfo"],
        )


@pytest.mark.parametrize("name", ["skel_onehot", "skel_mixed"])
def test_a_body_for_each_frame_matches_the_official_implementation(
    name: str, model: SkelModel
) -> None:
    known = cases(name)
    joints, bones = posed_joints(model, known["q"], known["joints_tpose"])
    assert np.abs(joints + known["trans"][:, None] - known["joints"]).max() < WITHIN_M
    assert np.abs(bones - known["joints_ori"]).max() < WITHIN_M


def test_joints_at_rest_follow_the_shape() -> None:
    known = cases("skel_mixed")
    rest = model_of(slice(11)).rest_joints(known["betas"][11:])
    assert np.abs(rest - known["joints_tpose"][11:]).max() < WITHIN_M


def test_from_shape_to_posed_joints(model: SkelModel) -> None:
    known = cases("skel_mixed")
    joints, _ = posed_joints(model, known["q"], model.rest_joints(known["betas"]))
    assert np.abs(joints + known["trans"][:, None] - known["joints"]).max() < WITHIN_M


def test_one_person_posed_alone_is_the_same_as_in_a_batch(model: SkelModel) -> None:
    q = np.random.default_rng(3).normal(size=(9, N_DOFS))
    rest = model.rest_joints(np.linspace(-2, 2, 10))
    together, _ = posed_joints(model, q, np.tile(rest, (9, 1, 1)))
    alone, _ = forward_kinematics(q, model.skeleton(rest))
    assert np.allclose(together, alone, rtol=0, atol=1e-12)
