"""Motions tried, batch by batch: guided, simulated, judged, and kept in files.

B motions of a batch, L frames, N coordinates, M muscles
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from qevd_bio.arrays import FloatArray, IntArray
from qevd_bio.errors import DataError
from qevd_bio.exercises.rule import Rule
from qevd_bio.files.atomic import atomic_path
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.guidance import Body, Decoder, GuidanceOptions, guided, missed
from qevd_bio.generator.judging import Simulated, reasons_against, simulated_motion
from qevd_bio.generator.made_reference import reference_of
from qevd_bio.generator.objectives_file import Asked
from qevd_bio.generator.surrogate_file import Surrogate
from qevd_bio.generator.vqvae_file import CycleGenerator
from qevd_bio.muscles.prepared import PreparedModel
from qevd_bio.synthetic.labelled_motions import leg_length_m
from qevd_bio.synthetic.planted import planted

MOTION = "motion-"
"""How the folders of accepted motions begin."""

BATCH = 8
"""Motions that are guided together; nothing in one depends on the others."""

_LEAST = 1.0 / 16.0
"""Share of the starts of which one is drawn, where fewer meet the objectives as they are."""

_SEEDS = 2**63
"""Seeds that torch takes."""

VERSION = 2
"""Raised with every change of code that changes what is tried: kept batches of others are not
taken."""

_ARRAYS = ("q", "duration_s", "activations", "told", "request")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One motion and what became of it.

    Attributes
    ----------
    number : int
        From 0.
    q, time_s : ndarray (L, N), (L,)
        rad and metres; seconds.
    activations : ndarray (L, M)
        As simulated.
    by_surrogate, by_simulation : dict of str to float
        The measures.
    reasons : tuple of str
        Why it is rejected; empty where it is accepted.
    """

    number: int
    q: FloatArray
    time_s: FloatArray
    activations: FloatArray
    by_surrogate: dict[str, float]
    by_simulation: dict[str, float]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Maker:
    """All that motions are made with.

    Attributes
    ----------
    model : PreparedModel
        Whose body moves.
    rule : Rule
        Of the exercise.
    generator : CycleGenerator
        The VQ-VAE.
    surrogate : Surrogate
        It guides and does not decide.
    asked : Asked
        The objectives.
    seed : int
        Of the starts that are drawn.
    options : GuidanceOptions
        The schedule.
    """

    model: PreparedModel
    rule: Rule
    generator: CycleGenerator
    surrogate: Surrogate
    asked: Asked
    seed: int
    options: GuidanceOptions

    def decoder(self) -> Decoder:
        """Return what turns latents into measured motions of this body."""
        body = self.model.body
        free = np.array([-np.inf, np.inf])
        limits = np.where(body.rotational[:, None], body.ranges, free)
        person = Body(limits, leg_length_m(self.model), body.mass_kg)
        return Decoder(self.generator.network, self.generator.shape, self.surrogate, person)


def motion_name(one: Attempt) -> str:
    """Name the folder of an accepted motion."""
    return f"{MOTION}{one.number:03}"


def attempts(maker: Maker, folder: Path, request: str) -> Iterator[list[Attempt]]:
    """Yield batch after batch without end; those that the folder keeps are not made again.

    Raises
    ------
    DataError
        The folder keeps batches of another request.
    """
    decoder = maker.decoder()
    order = drawn_starts(maker, decoder)
    number = 0
    while True:
        path = folder / f"{number:03}.npz"
        if not path.is_file():
            rows = order[(number * BATCH + np.arange(BATCH)) % len(order)]
            _keep(path, request, _made(maker, decoder, rows, number * BATCH))
        yield _kept(path, request, number * BATCH)
        number += 1


def drawn_starts(maker: Maker, decoder: Decoder) -> IntArray:
    """Choose the training motions that do what is asked, or nearly, and put them into an order."""
    latents = maker.generator.latents()
    objectives = maker.asked.objectives
    with torch.no_grad():
        found = decoder.measured(*decoder.motion(latents))
        costs = missed(found, objectives).numpy()
    count = max(BATCH, round(_LEAST * len(costs)), int((costs == 0.0).sum()))
    nearest = np.argsort(costs, kind="stable")[:count]
    free = [values.numpy() for name, values in found.items()
            if name not in {one.measure for one in objectives}]  # fmt: skip
    rng = np.random.default_rng(maker.seed)
    return spread_out(nearest, free[0][nearest], rng) if free else rng.permutation(nearest)


def spread_out(
    numbers: IntArray, values: FloatArray, rng: np.random.Generator, parts: int = BATCH
) -> IntArray:
    """Order numbers by chance, such that each `parts` in a row cover the values (n,) evenly.

    So what is not asked for is as it is in training motions, and not as a few of them have it.
    """
    layers = [rng.permutation(one) for one in np.array_split(numbers[np.argsort(values)], parts)]
    rounds = [
        rng.permutation(np.array([layer[turn] for layer in layers if turn < len(layer)]))
        for turn in range(max(len(layer) for layer in layers))
    ]
    return np.concatenate(rounds)


def _made(maker: Maker, decoder: Decoder, rows: IntArray, first: int) -> list[Attempt]:
    body, feet = maker.model.body, maker.model.actuators.foot_m
    start: Tensor = maker.generator.latents()[torch.from_numpy(rows)]
    # starts that are drawn again and again begin elsewhere each time
    shaken = torch.Generator().manual_seed((maker.seed * 100_003 + first) % _SEEDS)
    start = start + 0.05 * start.std() * torch.randn(start.shape, generator=shaken)
    objectives = maker.asked.objectives

    def simulated(q: FloatArray, seconds: float) -> Simulated:
        time_s = np.linspace(0.0, seconds, len(q))
        return simulated_motion(maker.model, q, time_s, maker.surrogate.passive_scale)

    def judge(q: FloatArray, seconds: float) -> dict[str, float] | None:
        one = simulated(q, seconds)
        return None if one.doubts else one.measured

    q, duration_s, found = guided(
        decoder, start, objectives, lambda one: planted(body, feet, one), maker.options, judge
    )
    done = []
    for row in range(len(q)):
        told = {name: float(values[row]) for name, values in found.items()}
        one = simulated(q[row], float(duration_s[row]))
        time_s = one.motion.time_s
        reasons = reasons_against(one, objectives)
        reference = reference_of(maker.rule, body.coordinates, q[row], time_s)
        if isinstance(reference, str):
            reasons.append(f"no reference of its rule: {reference}")
        done.append(Attempt(first + row, q[row], time_s, one.activations, told, one.measured,
                            tuple(reasons)))  # fmt: skip
    return done


def _keep(path: Path, request: str, batch: list[Attempt]) -> None:
    told = [[one.by_surrogate, one.by_simulation, one.reasons] for one in batch]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            allow_pickle=False,
            q=np.stack([one.q for one in batch]),
            duration_s=np.array([one.time_s[-1] for one in batch]),
            activations=np.stack([one.activations for one in batch]),
            told=np.array(json.dumps(told)),
            request=np.array(request),
        )


def _kept(path: Path, request: str, first: int) -> list[Attempt]:
    found = load_npz(path, _ARRAYS)
    if set(found) != set(_ARRAYS) or str(found["request"]) != request:
        raise DataError(
            "was made for other objectives, another seed, model, rule or weights, or by another "
            "version of this program",
            where=str(path),
            next_step="Name another --out, or delete this folder",
        )
    told = json.loads(str(found["told"]))
    return [
        Attempt(first + row, q, np.linspace(0.0, float(duration_s), len(q)), activations,
                told[row][0], told[row][1], tuple(told[row][2]))
        for row, (q, duration_s, activations) in enumerate(
            zip(found["q"], found["duration_s"], found["activations"], strict=True)
        )
    ]  # fmt: skip
