"""From the head's 24 x 6 numbers to 46 angles.

B crops, D = 46 DoF, J = 24 joints of 6 numbers r0..r5

A joint with one DoF is given by (cos, -sin), a hand by its two angles themselves, a joint with
three by the first two rows of its rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from qevd_bio.skeleton.dofs import DOFS, JOINT_NAMES, N_DOFS, N_JOINTS, joint_dofs

NUMBERS_PER_JOINT = 6
N_NUMBERS = N_JOINTS * NUMBERS_PER_JOINT


@dataclass(frozen=True, slots=True)
class _Decoding:
    """Which numbers make which angle, as index tensors on one device.

    hinges, hands and balls are the joints with one, two and three DoFs. entries (5, balls) are
    places in the flattened rotations of all balls: y and x of the first angle, the sine of the
    second, y and x of the third; signs (5, balls) their factors. order (46,) is where each DoF
    stands among the angles of hinges, hands and balls one after the other.
    """

    hinges: Tensor
    hands: Tensor
    balls: Tensor
    entries: Tensor
    signs: Tensor
    order: Tensor


@cache
def _decoding(device: torch.device) -> _Decoding:
    of_count: dict[int, list[int]] = {1: [], 2: [], 3: []}
    for joint, name in enumerate(JOINT_NAMES):
        of_count[len(joint_dofs(name))].append(joint)
    entries: list[list[int]] = []
    signs: list[list[float]] = []
    for place, joint in enumerate(of_count[3]):
        axes = [DOFS[i].axis for i in joint_dofs(JOINT_NAMES[joint])]
        a, b, c = (max(range(3), key=lambda k: abs(axis[k])) for axis in axes)
        s1, s2, s3 = (sum(axis) for axis in axes)
        even = 1.0 if b == (a + 1) % 3 else -1.0
        cells = [(c, b), (c, c), (c, a), (b, a), (a, a)]
        entries.append([9 * place + 3 * row + column for row, column in cells])
        signs.append([s1 * even, 1.0, -s2 * even, s3 * even, 1.0])
    decoded = [
        dof for count in (1, 2, 3) for j in of_count[count] for dof in joint_dofs(JOINT_NAMES[j])
    ]

    def on_device(values: object, dtype: torch.dtype = torch.int64) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)

    return _Decoding(
        hinges=on_device(of_count[1]),
        hands=on_device(of_count[2]),
        balls=on_device(of_count[3]),
        entries=on_device(entries).T.contiguous(),
        signs=on_device(signs, torch.float32).T.contiguous(),
        order=on_device([decoded.index(dof) for dof in range(N_DOFS)]),
    )


def angles(numbers: Tensor) -> Tensor:
    """Turn the head's numbers into angles.

    Parameters
    ----------
    numbers : Tensor (B, 144)
        Six for each joint, in SKEL's order; any floating type.

    Returns
    -------
    Tensor (B, 46)
        Angles in rad, float32, SKEL order. The hands' are unbounded; the middle angle of three
        lies in [-pi/2, pi/2], all others in [-pi, pi].

    Notes
    -----
    Finite numbers give finite angles, at gimbal lock, too: the sine is clamped. NaN stays NaN in
    its own joint; infinity may pass unseen, so look at the numbers themselves. Source: HSMR
    (2025); rows made orthonormal after Zhou et al. (2019).
    """
    if numbers.ndim != 2 or numbers.shape[1] != N_NUMBERS:
        raise ValueError(f"numbers have shape {tuple(numbers.shape)}, need (B, {N_NUMBERS})")
    decoding = _decoding(numbers.device)
    joints = numbers.float().reshape(len(numbers), N_JOINTS, NUMBERS_PER_JOINT)
    hinges = joints.index_select(1, decoding.hinges)
    hands = joints.index_select(1, decoding.hands)[..., :2]
    rotations = _rotations(joints.index_select(1, decoding.balls)).flatten(1)
    cells = rotations[:, decoding.entries] * decoding.signs
    first = torch.atan2(cells[:, 0], cells[:, 1])
    second = torch.asin(cells[:, 2].clamp(-1.0, 1.0))
    third = torch.atan2(cells[:, 3], cells[:, 4])
    decoded = [
        torch.atan2(-hinges[..., 1], hinges[..., 0]),
        hands.flatten(1),
        torch.stack([first, second, third], dim=2).flatten(1),
    ]
    return torch.cat(decoded, dim=1).index_select(1, decoding.order)


def _rotations(rows: Tensor) -> Tensor:
    """Make two rows of three numbers each into rotation matrices (B, joints, 3, 3)."""
    first = functional.normalize(rows[..., :3], dim=-1)
    second = rows[..., 3:]
    second = second - (first * second).sum(dim=-1, keepdim=True) * first
    second = functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-2)
