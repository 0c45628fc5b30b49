"""The head's numbers to angles: official numbers, forward kinematics, gimbal lock, the mirror."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from qevd_bio.capture.hsmr.rotations import angles
from qevd_bio.skeleton.dofs import DOF_INDEX, JOINT_INDEX, JOINT_NAMES, joint_dofs
from qevd_bio.skeleton.kinematics import joint_rotations
from tests.capture.hsmr_tiny import golden

BALLS = [name for name in JOINT_NAMES if len(joint_dofs(name)) == 3]
MIDDLE = [joint_dofs(name)[1] for name in BALLS]
HANDS = [dof for name in ("hand_r", "hand_l") for dof in joint_dofs(name)]


def numbers_of(q: np.ndarray) -> torch.Tensor:
    """Encode poses in the same way as the head, by way of forward kinematics in float64."""
    turns = joint_rotations(q)
    numbers = np.zeros((len(q), 24, 6))
    for joint, name in enumerate(JOINT_NAMES):
        dofs = joint_dofs(name)
        if len(dofs) == 3:
            numbers[:, joint] = turns[:, joint, :2].reshape(-1, 6)
        elif len(dofs) == 2:
            numbers[:, joint, :2] = q[:, dofs]
        else:
            numbers[:, joint, :2] = np.column_stack(
                [np.cos(q[:, dofs[0]]), -np.sin(q[:, dofs[0]])]
            )
    return torch.from_numpy(numbers.reshape(-1, 144)).float()


def poses(count: int, seed: int = 1) -> np.ndarray:
    """Draw poses within the range of the head."""
    q = np.random.default_rng(seed).uniform(-np.pi, np.pi, (count, 46))
    q[:, MIDDLE] /= 2.0
    return q


@pytest.mark.parametrize(("given_", "wanted"), [("rep", "q_from_rep"), ("rep_from_q", "q_back")])
def test_matches_the_official_implementation(given_: str, wanted: str) -> None:
    known = golden("rotations")
    got = angles(torch.from_numpy(known[given_]).flatten(1)).numpy()
    assert np.abs(got - known[wanted]).max() < 1e-6


def test_undoes_forward_kinematics() -> None:
    q = poses(2000)
    q[:, MIDDLE] *= 0.9  # the sine's inverse loses digits towards gimbal lock
    assert np.abs(angles(numbers_of(q)).numpy() - q).max() < 5e-6


def test_a_million_random_joints_give_finite_angles_in_range() -> None:
    generator = torch.Generator().manual_seed(7)
    for _ in range(5):
        q = angles(torch.randn(20_000, 144, generator=generator))
        assert bool(torch.isfinite(q).all())
        assert q[:, MIDDLE].abs().max() <= np.float32(np.pi / 2)
        others = [i for i in range(46) if i not in MIDDLE and i not in HANDS]
        assert q[:, others].abs().max() <= np.float32(np.pi)


@pytest.mark.parametrize("lock", [np.pi / 2, -np.pi / 2], ids=["up", "down"])
@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-4])
def test_gimbal_lock_keeps_the_rotation_and_never_gives_nan(lock: float, noise: float) -> None:
    q = poses(4000, seed=2)
    q[:, MIDDLE] = lock
    balls = [JOINT_INDEX[name] for name in BALLS]
    generator = torch.Generator().manual_seed(3)
    numbers = numbers_of(q).reshape(-1, 24, 2, 3)
    numbers[:, balls] *= 0.5 + torch.rand(4000, len(balls), 2, 1, generator=generator)
    numbers[:, balls] += noise * torch.randn(4000, len(balls), 2, 3, generator=generator)
    got = angles(numbers.flatten(1)).numpy()
    assert np.isfinite(got).all()
    apart = joint_rotations(got.astype(np.float64))[:, balls] - joint_rotations(q)[:, balls]
    assert np.abs(apart).max() < 1e-3 + 20 * noise
    if noise:  # else the rows are exact, and their sines, too
        assert sines_beyond_one(numbers[:, balls]) > 100, "the clamp had nothing to do"


def sines_beyond_one(rows: torch.Tensor) -> int:
    """Count entries that rounding puts beyond 1 when rows are made orthonormal."""
    first = functional.normalize(rows[..., 0, :], dim=-1)
    along = (first * rows[..., 1, :]).sum(-1, keepdim=True)
    second = functional.normalize(rows[..., 1, :] - along * first, dim=-1)
    turns = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)
    return int((turns.abs() > 1.0).sum())


@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e3, 1e15])
def test_length_of_the_numbers_does_not_matter(scale: float) -> None:
    q = poses(50, seed=3) * 0.9
    numbers = numbers_of(q).reshape(-1, 24, 6)
    scaled = numbers * scale
    hands = [JOINT_INDEX["hand_r"], JOINT_INDEX["hand_l"]]
    scaled[:, hands] = numbers[:, hands]
    got = angles(scaled.flatten(1)).numpy()
    if scale < 1e-10:  # as good as nothing: no direction is left, but neither is NaN
        assert np.isfinite(got).all()
    else:
        assert np.abs(got - q).max() < 1e-5


@pytest.mark.parametrize(
    "row",
    [[0.0] * 6, [1, 2, 3, 1, 2, 3], [1, 2, 3, -2, -4, -6], [0, 0, 0, 1, 0, 0]],
    ids=["nothing", "equal rows", "opposite rows", "no first row"],
)
def test_rows_without_a_rotation_give_finite_angles(row: list[float]) -> None:
    assert bool(torch.isfinite(angles(torch.tensor(row * 24).float()[None])).all())


@pytest.mark.parametrize(
    ("joint", "numbers", "wanted"),
    [
        ("tibia_r", [0.0, -2.0, 9, 9, 9, 9], {"knee_angle_r": np.pi / 2}),
        ("radius_l", [-3.0, 0.0, 9, 9, 9, 9], {"pro_sup_l": -np.pi}),
        ("hand_l", [4.0, -5.0, 9, 9, 9, 9], {"wrist_flexion_l": 4, "wrist_deviation_l": -5}),
        ("pelvis", [0, 1, 0, -1, 0, 0], {"pelvis_tilt": -np.pi / 2, "pelvis_list": 0}),
        ("femur_l", [1, 0, 0, 0, 0, 1], {"hip_adduction_l": np.pi / 2}),
    ],
)
def test_one_joint_by_hand(joint: str, numbers: list[float], wanted: dict[str, float]) -> None:
    rep = torch.tensor([1.0, 0, 0, 0, 1, 0]).repeat(24, 1)
    rep[JOINT_INDEX[joint]] = torch.tensor(numbers).float()
    hands = [JOINT_INDEX["hand_r"], JOINT_INDEX["hand_l"]]
    rep[[i for i in hands if JOINT_NAMES[i] != joint]] = 0.0
    q = angles(rep.reshape(1, 144))[0].numpy()
    for name, value in wanted.items():
        assert q[DOF_INDEX[name]] == pytest.approx(value, abs=1e-6)
    others = [i for i in range(46) if i not in joint_dofs(joint)]
    assert np.abs(q[others]).max() == 0.0


def test_nan_stays_in_its_joint() -> None:
    numbers = numbers_of(poses(1))
    numbers[0, 6 * JOINT_INDEX["thorax"]] = torch.nan
    bad = np.flatnonzero(np.isnan(angles(numbers)[0].numpy()))
    assert set(bad) <= set(joint_dofs("thorax"))
    assert len(bad) > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_computes_in_single_precision_whatever_comes(dtype: torch.dtype) -> None:
    numbers = numbers_of(poses(20)).to(dtype)
    got = angles(numbers)
    assert got.dtype == torch.float32
    assert torch.equal(got, angles(numbers.float()))


@pytest.mark.parametrize("shape", [(144,), (2, 143), (2, 24, 6)])
def test_refuses_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="need"):
        angles(torch.zeros(shape))
