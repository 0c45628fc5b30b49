"""Latents of the VQ-VAE moved until the decoded motion does what a clinician asks for.

n motions, L frames, N coordinates, C = N + 1 channels

BIGE (Maheshwari et al., section 3.1): Adam on latents, with a proximity loss to the training
latents. Unlike there, the motion is low-passed and held within joint limits inside the loop, and
pulled towards itself with planted feet (`synthetic.planted`); and what a simulation of that
motion tells more than the surrogate is added to what the surrogate says until the next one, so
the surrogate only has to know which way to go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from qevd_bio.arrays import FloatArray
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.measures import MEASURES, SCALES, VASTI
from qevd_bio.generator.stick_body import centre_and_ankles
from qevd_bio.generator.surrogate import tensor_features
from qevd_bio.generator.surrogate_file import Surrogate
from qevd_bio.generator.vqvae import Vqvae

_SMOOTH = (0.06, 0.24, 0.4, 0.24, 0.06)

Replant = Callable[[FloatArray], FloatArray | None]
"""Coordinates (L, N) of one motion to the same with planted feet, or None."""

Judge = Callable[[FloatArray, float], Mapping[str, float] | None]
"""Coordinates (L, N) of a motion and its seconds to its measures by simulation, or None where it
cannot be believed."""


@dataclass(frozen=True, slots=True)
class Objective:
    """What one measure of the motion shall be: between `low` and `high`, in its unit."""

    measure: str
    low: float
    high: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"{self.measure!r} is no measure; there are {', '.join(MEASURES)}")
        ends = (self.low, self.high)
        if not self.low <= self.high or not all(map(math.isfinite, ends)):
            raise ValueError(f"{self.measure}: {self.low:g} to {self.high:g} is no range")
        if not 0.0 <= self.weight < math.inf:
            raise ValueError(f"{self.measure}: {self.weight:g} is no weight")


@dataclass(frozen=True, slots=True)
class GuidanceOptions:
    """Schedule; the paper's values are in brackets.

    steps (3000), of which the first and the last `cold` (a sixth) know proximity only; rate of
    Adam (not stated); weight of the proximity (.01) and of the planted motion, which is made
    anew every `replant` steps; share of each range at both ends that is not aimed at, because
    the surrogate errs (0).
    """

    steps: int = 360
    cold: float = 1.0 / 6.0
    rate: float = 0.03
    proximity: float = 0.01
    planted: float = 1.0
    replant: int = 40
    margin: float = 0.2


@dataclass(frozen=True, slots=True)
class Body:
    """Whose motions: joint limits (N, 2) in rad, leg in metres, mass in kg."""

    limits: FloatArray
    leg_m: float
    mass_kg: float


class Decoder:
    """Latents to coordinates, smooth and within limits, and to what is measured of them."""

    def __init__(
        self, network: Vqvae, shape: CycleShape, surrogate: Surrogate, body: Body
    ) -> None:
        self.network, self.shape, self.surrogate, self.body = network, shape, surrogate, body
        self._mean = torch.tensor(shape.mean, dtype=torch.float32)
        self._spread = torch.tensor(shape.spread, dtype=torch.float32)
        self._low = torch.tensor(body.limits[:, 0], dtype=torch.float32)
        self._high = torch.tensor(body.limits[:, 1], dtype=torch.float32)

    def motion(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return coordinates (n, L, N) and the seconds of a motion (n,)."""
        channels = self.network.decode(latents) * self._spread + self._mean
        duration_s = channels[..., -1].mean(dim=1).exp()
        kernel = torch.tensor(_SMOOTH).expand(channels.shape[2] - 1, 1, -1)
        rows = functional.pad(channels[..., :-1].transpose(1, 2), (2, 2), mode="replicate")
        low_passed = functional.conv1d(rows, kernel, groups=kernel.shape[0]).transpose(1, 2)
        return torch.minimum(torch.maximum(low_passed, self._low), self._high), duration_s

    def measured(self, q: Tensor, duration_s: Tensor) -> dict[str, Tensor]:
        """Return every measure (n,) of motions (n, L, N), activations by the surrogate."""
        step = (duration_s / (q.shape[1] - 1))[:, None, None]
        dq = torch.gradient(q, dim=1)[0] / step
        ddq = torch.gradient(dq, dim=1)[0] / step
        coordinates = self.shape.coordinates
        features = tensor_features(coordinates, q, dq, ddq, self.body.leg_m, self.body.mass_kg)
        columns = [self.surrogate.muscles.index(name) for name in VASTI]
        parts = {name: q[..., i] for i, name in enumerate(coordinates)}
        parts |= {f"{name} speed": dq[..., i] for i, name in enumerate(coordinates)}
        parts["vastus"] = self.surrogate.network(features)[..., columns]
        points = centre_and_ankles(coordinates, q, self.body.leg_m)
        parts |= {"centre": points[:, :, 0], "ankles": points[:, :, 1:], "step_s": step}
        return {name: compute(parts) for name, (_, compute) in MEASURES.items()}


def missed(
    measured: Mapping[str, Tensor], objectives: Sequence[Objective], margin: float = 0.0
) -> Tensor:
    """Return the weighted squared misses (n,) of the inner ranges, in scales of the measures."""
    total = torch.zeros(len(next(iter(measured.values()))))
    for one in objectives:
        value = measured[one.measure]
        spare = margin * (one.high - one.low)
        above, below = value - (one.high - spare), (one.low + spare) - value
        off = functional.relu(above) + functional.relu(below)
        total = total + one.weight * (off / SCALES[one.measure]).square()
    return total


def guided(
    decoder: Decoder,
    start: Tensor,
    objectives: Sequence[Objective],
    replant: Replant,
    options: GuidanceOptions,
    judge: Judge | None = None,
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
    """Move latents (n, l, d) of encoded training motions until objectives are met.

    Parameters
    ----------
    decoder : Decoder
        Latents to motions and their measures.
    start : Tensor (n, l, d)
        Where the latents begin.
    objectives : sequence of Objective
        What is asked for.
    replant : callable
        Plants the feet of a motion.
    options : GuidanceOptions
        The schedule.
    judge : callable or None
        Simulates a planted motion; None: the surrogate is believed.

    Returns
    -------
    q : ndarray (n, L, N)
        With planted feet where they can be planted.
    duration_s : ndarray (n,)
        Seconds of each motion.
    measured : dict of str to ndarray (n,)
        What the surrogate says of these motions.

    Notes
    -----
    `replant` and `judge` are not differentiable: the motion is pulled towards what the one last
    gave, and what the other told more stays added.
    """
    latents = start.clone().requires_grad_(True)
    near = start.clone()
    optimiser = torch.optim.Adam([latents], lr=options.rate)
    first, last = options.cold * options.steps, (1.0 - options.cold) * options.steps
    wanted: Tensor | None = None
    more: dict[str, Tensor] = {}
    for step in range(options.steps):
        warm = first <= step < last
        q, duration_s = decoder.motion(latents)
        found = decoder.measured(q, duration_s) if warm else {}
        if warm and (step - math.ceil(first)) % options.replant == 0:
            wanted = replanted(q, replant)
            if judge is not None:
                asked = {one.measure: found[one.measure].detach() for one in objectives}
                more = _told_more(judge, wanted, duration_s, asked, more)
        loss = options.proximity * (latents - near).square().mean(dim=(1, 2)).sum()
        if wanted is not None:
            loss = loss + options.planted * (q - wanted).square().mean(dim=(1, 2)).sum()
        if warm:
            believed = {name: value + more.get(name, 0.0) for name, value in found.items()}
            loss = loss + missed(believed, objectives, options.margin).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        q, duration_s = decoder.motion(latents)
        final = replanted(q, replant)
        told = decoder.measured(final, duration_s)
    return (
        np.asarray(final.numpy(), dtype=np.float64),
        np.asarray(duration_s.numpy(), dtype=np.float64),
        {name: np.asarray(value.numpy(), dtype=np.float64) for name, value in told.items()},
    )


def replanted(q: Tensor, replant: Replant) -> Tensor:
    """Plant the feet of motions (n, L, N); those without such a pose stay as they are."""
    planted = q.detach().clone()
    for row in range(len(q)):
        found = replant(np.asarray(planted[row].numpy(), dtype=np.float64))
        if found is not None:
            planted[row] = torch.tensor(found, dtype=torch.float32)
    return planted


def _told_more(
    judge: Judge,
    planted: Tensor,
    duration_s: Tensor,
    found: Mapping[str, Tensor],
    before: Mapping[str, Tensor],
) -> dict[str, Tensor]:
    """Return what the judge tells of planted motions (n, L, N) more than was found (n,).

    Of motions that cannot be believed it is what it was before.
    """
    more = {name: before[name].clone() if name in before else torch.zeros_like(value)
            for name, value in found.items()}  # fmt: skip
    for row, seconds in enumerate(duration_s.tolist()):
        told = judge(np.asarray(planted[row].numpy(), dtype=np.float64), seconds)
        if told is not None:
            for name, value in found.items():
                more[name][row] = told[name] - value[row]
    return more
