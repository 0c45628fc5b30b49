"""Choose for each arm whether its bones point towards the camera or away from it.

T frames, K = 14 joints of the stick body, L = 8 lengths, C = 4 candidates (two signs of two bones)

A bone of known length with a shorter picture leaves the image plane by a known amount, to
either side. World landmarks often show the wrong side of an arm that points at the camera. What
shoulders can do, the other arm and continuity decide.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.capture.monocular.body_chain import SIDES, ChainState, pose_chain, state_from_angles
from qevd_bio.capture.monocular.cheapest_path import cheapest_path
from qevd_bio.capture.monocular.config import ArmDepthConfig
from qevd_bio.capture.monocular.inverse_kinematics import inverse_kinematics
from qevd_bio.capture.monocular.stick_body import JOINT, LENGTH


def _crossings(start: FloatArray, sight: FloatArray, length: float) -> list[FloatArray]:
    """Points on lines of sight (T, 3) at a distance from a start (T, 3): the near, the far one."""
    along = _unit(sight)
    middle = np.sum(along * start, axis=-1)
    miss = np.sum(start**2, axis=-1) - middle**2
    half = np.sqrt(np.maximum(length**2 - miss, 0.0))
    return [(middle + sign * half)[:, None] * along for sign in (-1.0, 1.0)]


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))


def _strain(upper: FloatArray, lower: FloatArray, config: ArmDepthConfig) -> FloatArray:
    """Cost of bone directions (C, T, 3), in the thorax frame, that joints hardly reach."""
    behind = np.minimum(upper[..., 0] + config.farthest_back, 0.0) / config.back_sigma
    along = 1.0 + np.maximum(-upper[..., 1], -0.99)
    forwards = np.stack(
        [1.0 - upper[..., 0] ** 2 / along, upper[..., 0], -upper[..., 0] * upper[..., 2] / along],
        axis=-1,
    )
    across = lower - np.sum(lower * upper, axis=-1, keepdims=True) * upper
    fold = np.sum(across * forwards, axis=-1)
    against = np.minimum(fold - config.least_forwards, 0.0) / config.forwards_sigma
    most = config.most_strain
    return np.asarray(np.minimum(behind**2, 2.0 * most) + np.minimum(against**2, most))


def _candidates(shoulder: FloatArray, sight: FloatArray, lengths: FloatArray) -> FloatArray:
    """Places of elbow and wrist (C, T, 2, 3), given the lines of sight to them (T, 2, 3)."""
    upper, lower = (float(lengths[LENGTH[name]]) for name in ("upper_arm", "forearm"))
    return np.stack(
        [
            np.stack([elbow, wrist], axis=1)
            for elbow in _crossings(shoulder, sight[:, 0], upper)
            for wrist in _crossings(elbow, sight[:, 1], lower)
        ]
    )


def _jumps(places: FloatArray, seconds: FloatArray, config: ArmDepthConfig) -> FloatArray:
    """Price changes from one candidate to another in the next frame (C, C, T - 1)."""
    width = 2 * int(config.steady_s / 2.0 / float(np.median(seconds))) + 1
    steady = uniform_filter1d(places, width, axis=1)
    jump = steady[None, :, 1:, :, 2] - steady[:, None, :-1, :, 2]
    across = np.linalg.norm(np.diff(steady[..., :2], axis=1), axis=-1).min(axis=0)
    pace = np.maximum(seconds[1:], seconds[:-1])
    usual = config.speed_m_s * pace[:, None] + across
    squared = np.minimum((jump / usual) ** 2, config.most_jump)
    return np.asarray(squared.sum(axis=-1) * (30.0 * pace))


def choose_arms(
    state: ChainState,
    lengths_m: FloatArray,
    rays: FloatArray,
    world_m: FloatArray,
    seconds: FloatArray,
    sections: IntArray,
    config: ArmDepthConfig,
) -> ChainState:
    """Turn the arms of fitted postures to the likeliest of their mirror images in depth.

    The cheapest path through sixteen states a frame, four candidates for either arm. The same
    body with other arms is the start of a second fit.

    Parameters
    ----------
    state : ChainState
        A first fit of T frames.
    lengths_m : ndarray (L,)
        Bones; arms that are too short would hide the difference between the candidates.
    rays : ndarray (T, K, 2)
        Image landmarks as slopes.
    world_m : ndarray (T, K, 3)
        World landmarks.
    seconds : ndarray (T,)
        How long each frame stands for.
    sections : ndarray (T,) of int
        Uninterrupted stretches.
    """
    posed = pose_chain(state, lengths_m)
    sight = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], axis=-1)
    mirror = np.array([1.0, 1.0, -1.0])
    arms, costs, fees, directions = [], [], [], []
    for side in SIDES:
        names = [JOINT[f"{joint}_{side}"] for joint in ("shoulder", "elbow", "wrist")]
        shoulder = posed.joints_m[:, names[0]]
        places = _candidates(shoulder, sight[:, names[1:]], lengths_m)
        bones = np.diff(places, axis=2, prepend=np.tile(shoulder[:, None], (len(places), 1, 1, 1)))
        local = _unit(bones) @ posed.thorax
        stated = np.diff(world_m[:, names, 2], axis=1)
        error = config.world_sigma_m + config.world_sigma_share * np.abs(bones[..., 2])
        off = np.minimum(((bones[..., 2] - stated) / error) ** 2, config.most_strain).sum(axis=-1)
        strain = _strain(local[:, :, 0], local[:, :, 1], config)
        arms.append(places)
        costs.append(strain + config.world_share * off)
        fees.append(_jumps(places, seconds, config))
        directions.append(local if side == "l" else local * mirror)
    apart = np.sum((directions[0][:, None] - directions[1][None]) ** 2, axis=-1)
    unlike = np.minimum(apart / config.unlike**2, config.most_unlike).sum(axis=-1)
    cost = (costs[0][:, None] + costs[1][None] + unlike) * (30.0 * seconds)
    fee = fees[0][:, None, :, None] + fees[1][None, :, None, :]
    count, frames = len(costs[0]), len(seconds)
    fee[..., sections[1:] != sections[:-1]] = 0.0
    path = cheapest_path(
        cost.reshape(count**2, frames), fee.reshape(count**2, count**2, frames - 1)
    )
    joints = posed.joints_m.copy()
    for side, places, chosen in zip(SIDES, arms, (path // count, path % count), strict=True):
        joints[:, [JOINT[f"elbow_{side}"], JOINT[f"wrist_{side}"]]] = places[
            chosen, np.arange(frames)
        ]
    return _with_arms(state, posed.thorax, joints)


def _with_arms(state: ChainState, thorax: FloatArray, joints: FloatArray) -> ChainState:
    """Give postures the arms of other joints (T, K, 3) that hang on the same thorax."""
    other = state_from_angles(inverse_kinematics(joints), state.place_m)
    base = np.swapaxes(thorax, 1, 2) @ other.turns["pelvis"] @ other.turns["spine"]
    turns, hinges = dict(state.turns), dict(state.hinges_rad)
    for side in SIDES:
        turns[f"shoulder_{side}"] = base @ other.turns[f"shoulder_{side}"]
        hinges[f"elbow_{side}"] = other.hinges_rad[f"elbow_{side}"]
    return ChainState(state.place_m, turns, hinges)
