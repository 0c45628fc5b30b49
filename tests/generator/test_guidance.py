"""Guidance on sines: objectives are met, and what comes out is what was planted last."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qevd_bio.generator.attempts import spread_out
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.fit_surrogate import FitOptions, fit_frames
from qevd_bio.generator.guidance import (
    Body,
    Decoder,
    GuidanceOptions,
    Objective,
    guided,
    missed,
)
from qevd_bio.generator.measures import VASTI
from qevd_bio.generator.surrogate import frame_features
from qevd_bio.generator.surrogate_file import Surrogate
from qevd_bio.generator.vqvae import VqvaeOptions, fit_vqvae
from qevd_bio.skeleton import opensim_map

MOVED = (
    "pelvis_tilt", "pelvis_rotation", "pelvis_tx", "pelvis_ty", "pelvis_tz",
    *(f"{name}_{side}" for side in "rl" for name in ("hip_flexion", "knee_angle", "ankle_angle")),
)  # fmt: skip
COORDINATES = (*MOVED, *(name for name in opensim_map.COORDINATES if name not in MOVED))
KNEE = COORDINATES.index("knee_angle_r")
BODY = Body(np.tile([-2.5, 2.5], (len(COORDINATES), 1)), 0.8, 70.0)


def squat(depth_deg: float):
    time_s = np.arange(61) / 30.0
    down = np.deg2rad(depth_deg) * (0.5 - 0.5 * np.cos(np.pi * time_s))
    still = 0.0 * down
    leg = (down, down, 0.3 * down)
    moved = [-0.3 * down, still, still, 0.9 - 0.2 * down, still, *leg, *leg]
    q = np.stack(moved + [still] * (len(COORDINATES) - len(MOVED)), axis=1)
    return q, time_s


@pytest.fixture(scope="module")
def decoder():
    torch.set_num_threads(1)
    cycles = [squat(depth) for depth in np.linspace(50.0, 110.0, 32)]
    shape = CycleShape.of(COORDINATES, cycles)
    shaped = torch.tensor(np.stack([shape.shaped(*one) for one in cycles]), dtype=torch.float32)
    network = fit_vqvae(shaped, VqvaeOptions(width=16, codes=32, epochs=80, batch=16, rate=3e-3))
    q = np.concatenate([one for one, _ in cycles])
    features = frame_features(COORDINATES, q, 0 * q, 0 * q, 0.8, 70.0)
    activation = np.repeat(0.1 + 0.4 * q[:, [KNEE]], 2, axis=1)
    frames = fit_frames(features, activation, FitOptions(60, 256, 5e-3), width=24)
    found = Decoder(network, shape, Surrogate(frames, COORDINATES, VASTI, 1.0), BODY)
    return found, network.encode(shaped).detach()


def as_it_is(q):
    return q


def test_the_depth_asked_for_is_reached(decoder) -> None:
    machine, latents = decoder
    start = latents[[4, 28]]
    wanted = [Objective("depth", 80.0, 84.0)]
    _, _, found = guided(machine, start, wanted, as_it_is, GuidanceOptions(steps=120))
    with torch.no_grad():
        before = machine.measured(*machine.motion(start))["depth"].numpy()
    assert before[0] < 70.0 and before[1] > 95.0
    assert np.all(np.abs(found["depth"] - 82.0) < 4.0)


def test_the_activation_asked_for_is_reached_by_the_surrogate(decoder) -> None:
    machine, latents = decoder
    wanted = [Objective("vastus_medialis", 0.6, 0.65)]
    _, _, found = guided(machine, latents[[6]], wanted, as_it_is, GuidanceOptions(steps=120))
    assert 0.57 < found["vastus_medialis"][0] < 0.68


@pytest.mark.parametrize(
    ("measure", "factor"),
    [("com_speed", 0.7), ("com_acceleration", 0.6), ("sliding", 0.5), ("com_speed", 1.4)],
)
def test_centre_and_feet_become_as_slow_or_fast_as_asked(decoder, measure, factor) -> None:
    machine, latents = decoder
    start = latents[[20]]
    with torch.no_grad():
        before = float(machine.measured(*machine.motion(start))[measure])
    target = factor * before
    wanted = [Objective(measure, 0.98 * target, 1.02 * target)]
    options = GuidanceOptions(steps=120, planted=0.0)
    _, _, found = guided(machine, start, wanted, as_it_is, options)
    assert before > 0.05 and abs(found[measure][0] - target) < 0.25 * abs(before - target)


def test_what_a_simulation_tells_more_is_met_and_not_what_the_surrogate_says(decoder) -> None:
    """A judge that finds twelve degrees more depth, and one that believes nothing."""
    machine, latents = decoder

    def measured(q, seconds):
        one = torch.tensor(q[None], dtype=torch.float32)
        with torch.no_grad():
            found = machine.measured(one, torch.tensor([seconds]))
        return {name: float(value) for name, value in found.items()} | {
            "depth": float(found["depth"]) + 12.0
        }

    wanted = [Objective("depth", 80.0, 84.0)]
    options = GuidanceOptions(steps=120, replant=10)
    start = latents[[4, 28]]
    _, _, found = guided(machine, start, wanted, as_it_is, options, measured)
    assert np.all(np.abs(found["depth"] + 12.0 - 82.0) < 4.0)
    _, _, plain = guided(machine, start, wanted, as_it_is, options)
    _, _, unbelieved = guided(machine, start, wanted, as_it_is, options, lambda q, s: None)
    assert np.array_equal(plain["depth"], unbelieved["depth"])


def test_what_comes_out_is_what_was_planted(decoder) -> None:
    machine, latents = decoder

    def lifted(q):
        q = q.copy()
        q[:, COORDINATES.index("pelvis_ty")] = 0.77
        return q

    options = GuidanceOptions(steps=12, replant=4)
    q, duration_s, _ = guided(machine, latents[[3]], [Objective("depth", 60, 70)], lifted, options)
    assert np.allclose(q[0, :, COORDINATES.index("pelvis_ty")], 0.77)
    assert duration_s[0] == pytest.approx(2.0, abs=0.2)
    unchanged, _, _ = guided(
        machine, latents[[3]], [Objective("depth", 60, 70)], lambda q: None, options
    )
    assert np.isfinite(unchanged).all()


def test_joint_limits_hold_inside_the_loop(decoder) -> None:
    machine, latents = decoder
    narrow = Decoder(machine.network, machine.shape, machine.surrogate,
                     Body(np.tile([-1.0, 1.0], (len(COORDINATES), 1)), 0.8, 70.0))  # fmt: skip
    q, _, _ = guided(narrow, latents[[20]], [Objective("depth", 100, 110)], as_it_is,
                     GuidanceOptions(steps=20))  # fmt: skip
    assert np.abs(q).max() <= 1.0 + 1e-6


def test_a_miss_counts_by_its_distance_from_the_range() -> None:
    measured = {"depth": torch.tensor([70.0, 95.0, 120.0])}
    costs = missed(measured, [Objective("depth", 90.0, 100.0, 2.0)])
    assert costs.tolist() == [8.0, 0.0, 8.0]
    inner = missed(measured, [Objective("depth", 90.0, 100.0, 2.0)], margin=0.2)
    assert inner.tolist() == pytest.approx([2 * 2.2**2, 0.0, 2 * 2.2**2])


def test_starts_in_a_row_cover_what_is_not_asked_for_evenly() -> None:
    values = np.random.default_rng(3).normal(size=37)
    order = spread_out(np.arange(100, 137), values, np.random.default_rng(0), parts=4)
    assert sorted(order) == list(range(100, 137))
    ranks = np.argsort(np.argsort(values))[order - 100]
    for turn in range(8):
        rows = ranks[4 * turn : 4 * turn + 4]
        assert sorted(np.searchsorted([10, 19, 28], rows, "right")) == [0, 1, 2, 3]
    again = spread_out(np.arange(100, 137), values, np.random.default_rng(0), parts=4)
    other = spread_out(np.arange(100, 137), values, np.random.default_rng(1), parts=4)
    assert np.array_equal(order, again) and not np.array_equal(order, other)
