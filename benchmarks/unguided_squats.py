"""Squats of the VQ-VAE before anything guides them, for the rows beside guided ones.

    python -m benchmarks.unguided_squats FOLDER --model MODEL.osim

tells of FOLDER, which is of `qevd-bio references generate squat`, how many of its attempts do as
asked, and how many of the starts of these attempts would, smooth and with planted feet.

L frames, C channels
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qevd_bio.exercises.load import load_rules
from qevd_bio.files.digest import sha256_file
from qevd_bio.generator.attempts import Maker, drawn_starts
from qevd_bio.generator.generate import OBJECTIVES, REPORT, shipped_weights
from qevd_bio.generator.guidance import Decoder, GuidanceOptions, missed, replanted
from qevd_bio.generator.judging import Simulated, reasons_against, simulated_motion
from qevd_bio.generator.made_reference import reference_of
from qevd_bio.generator.objectives_file import read_objectives
from qevd_bio.generator.surrogate_file import load_surrogate
from qevd_bio.generator.vqvae import sampled_latents
from qevd_bio.generator.vqvae_file import load_vqvae
from qevd_bio.muscles.prepared import PreparedModel, prepare
from qevd_bio.stages.activations import FITS
from qevd_bio.synthetic.planted import planted
from qevd_bio.weights.store import default_folder
from tools.train_vqvae import RATE_HZ, Cycle


def maker_of(folder: Path, report: Mapping[str, Any], model: PreparedModel) -> Maker:
    """Gather what a folder was made with: the weights that ship.

    Raises
    ------
    SystemExit
        It was made with others.
    """
    asked = read_objectives(folder / OBJECTIVES)
    files = {what: shipped_weights(asked.exercise, what) for what in ("surrogate", "vqvae")}
    for what, path in files.items():
        if sha256_file(path) != report[f"{what}_sha256"]:
            raise SystemExit(f"{folder} was not made with {path.name}; generate it again")
    return Maker(
        model,
        load_rules()[asked.exercise],
        load_vqvae(files["vqvae"]),
        load_surrogate(files["surrogate"]),
        asked,
        report["seed"],
        GuidanceOptions(steps=report["steps"]),
    )


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


def start_lines(maker: Maker, report: Mapping[str, Any]) -> list[str]:
    """Compare the attempts of a folder with their own starts, by all that accepts a motion."""
    decoder = maker.decoder()
    order = drawn_starts(maker, decoder)
    rows = order[np.arange(report["tried"]) % len(order)]
    starts = _prepared(maker, decoder, maker.generator.latents()[torch.from_numpy(rows)])
    meet = [_accepted(maker, one) for one in starts]
    with torch.no_grad():
        found = decoder.measured(*decoder.motion(maker.generator.latents()))
    met = missed(found, maker.asked.objectives) == 0.0
    return [
        f"training squats that do as asked by the surrogate: {int(met.sum())} of {len(met)}",
        f"guided: {len(report['accepted'])} of {report['tried']} accepted",
        f"their starts, smooth and planted: {sum(meet)} of {len(meet)}",
    ]


def _accepted(maker: Maker, one: Simulated) -> bool:
    motion, coordinates = one.motion, maker.model.body.coordinates
    reference = reference_of(maker.rule, coordinates, motion.coordinates, motion.time_s)
    return not isinstance(reference, str) and not reasons_against(one, maker.asked.objectives)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = json.loads((args.folder / REPORT).read_text(encoding="utf-8"))
    maker = maker_of(args.folder, report, prepare(args.model, default_folder() / FITS))
    print("\n".join(start_lines(maker, report)))


if __name__ == "__main__":
    main()
