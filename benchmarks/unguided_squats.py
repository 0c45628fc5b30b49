"""Squats of the VQ-VAE before anything guides them, for the rows beside guided ones.

L frames, C channels
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qevd_bio.generator.attempts import Maker, drawn_starts
from qevd_bio.generator.guidance import Decoder, replanted
from qevd_bio.generator.judging import Simulated, simulated_motion
from qevd_bio.generator.vqvae import sampled_latents
from qevd_bio.synthetic.planted import planted
from tools.train_vqvae import RATE_HZ, Cycle


def unguided_sets(
    maker: Maker, held_out: list[Cycle], count: int, seed: int
) -> dict[str, list[Simulated]]:
    """Simulate `count` motions each of the ways in which the VQ-VAE makes them.

    Held-out motions that it rebuilds; sequences of drawn codes as its decoder leaves them, and
    after the steps that follow in the loop (low-pass, limits, feet that rest); and the starts of
    the request after these steps: what guidance begins with.
    """
    generator, decoder = maker.generator, maker.decoder()
    shaped = np.stack([generator.shape.shaped(*one) for one in held_out[:count]])
    with torch.no_grad():
        rebuilt = generator.network(torch.tensor(shaped, dtype=torch.float32))[0]
        latents = sampled_latents(generator.network, generator.starts, count, seed)
        samples = generator.network.decode(latents)
    starts = generator.latents()[torch.from_numpy(drawn_starts(maker, decoder)[:count])]
    return {
        "VQ-VAE, rebuilt": _as_decoded(maker, rebuilt),
        "VQ-VAE, samples": _as_decoded(maker, samples),
        "samples, smooth and planted": _prepared(maker, decoder, latents),
        "starts of the request, smooth and planted": _prepared(maker, decoder, starts),
    }


def shift_lines(maker: Maker, accepted: Sequence[Mapping[str, Any]]) -> list[str]:
    """Tell what accepted motions differ by from the training squats that they began as.

    `accepted` are rows of the folder's report. Both ends are measured alike (by the surrogate),
    and every motion is compared with its own start: squats differ by far more than guidance moves
    them.
    """
    decoder = maker.decoder()
    order = drawn_starts(maker, decoder)
    rows = order[[one["attempt"] % len(order) for one in accepted]]
    with torch.no_grad():
        found = decoder.measured(
            *decoder.motion(maker.generator.latents()[torch.from_numpy(rows)])
        )
    lines = [f"accepted against their own starts ({len(order)} starts do as asked)"]
    for name, before in found.items():
        moved = np.array([one["by_surrogate"][name] for one in accepted]) - before.numpy()
        error = moved.std() / np.sqrt(len(moved))
        lines.append(
            f"{name}: {float(before.mean()):.3g}, {moved.mean():+.3g} (standard error {error:.2g})"
        )
    return lines


def _as_decoded(maker: Maker, shaped: Tensor) -> list[Simulated]:
    """Simulate scaled channels (n, L, C) at the rate of a video, as BIGE's VQ-VAE is judged."""
    cycles = [maker.generator.shape.cycle(one.numpy().astype(np.float64), RATE_HZ)
              for one in shaped]  # fmt: skip
    return [simulated_motion(maker.model, *one, maker.surrogate.passive_scale) for one in cycles]


def _prepared(maker: Maker, decoder: Decoder, latents: Tensor) -> list[Simulated]:
    """Simulate what the loop makes of latents (n, l, d) without a step of guidance."""
    body, feet = maker.model.body, maker.model.actuators.foot_m
    with torch.no_grad():
        q, duration_s = decoder.motion(latents)
    q = replanted(q, lambda one: planted(body, feet, one))
    return [
        simulated_motion(
            maker.model, one.numpy().astype(np.float64), np.linspace(0.0, seconds, len(one)),
            maker.surrogate.passive_scale,
        )
        for one, seconds in zip(q, duration_s.tolist(), strict=True)
    ]  # fmt: skip
