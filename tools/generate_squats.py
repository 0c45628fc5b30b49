"""Squats that do what a clinician asks for, accepted by simulation only.

    python tools/generate_squats.py OBJECTIVES.json OUT --model MODEL.osim --parts PARTS
        --surrogate FILE [--n 20] [--seed 0] [--steps 360] [--epochs 120]

PARTS is of `tools/label_motions.py`; the VQ-VAE is trained on the squats of its
scaled bodies. OUT gets each accepted motion as a reference of 46 SKEL angles and as a .mot, and
`generated.json`: what was asked, what each motion does by surrogate and by simulation, and why
others were rejected.
"""

from __future__ import annotations

import argparse
import io
import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np
import torch

from qevd_bio.files.atomic import write_bytes_atomic, write_text_atomic
from qevd_bio.files.digest import sha256_file
from qevd_bio.files.opensim_mot import write_mot
from qevd_bio.generator.cycle_shape import CycleShape
from qevd_bio.generator.guidance import (
    Body,
    Decoder,
    GuidanceOptions,
    Objective,
    guided,
)
from qevd_bio.generator.objectives_file import read_objectives
from qevd_bio.generator.surrogate_file import load_surrogate
from qevd_bio.generator.vqvae import VqvaeOptions, fit_vqvae, sampled
from qevd_bio.motion.motion_sets import SetMotion, corrected_row, noise_floor, printed_row
from qevd_bio.muscles.prepared import PreparedModel, prepare
from qevd_bio.muscles.simulate import Options
from qevd_bio.skeleton.opensim_map import from_opensim
from qevd_bio.synthetic.labelled_squats import leg_length_m
from qevd_bio.synthetic.planted import planted
from tools.train_vqvae import HEADS, RATE_HZ, Cycle, read_cycles, set_motion

POINTS = 101
DOWN = np.array([0.0, 1.0, 0.0])
MISSED = "by simulation, {measure} is {value:.3g}, asked for is {low:g} to {high:g}"


@dataclass(frozen=True)
class Judged:
    """A generated motion and what became of it."""

    cycle: Cycle
    motion: SetMotion
    by_surrogate: dict[str, float]
    by_simulation: dict[str, float]
    reasons: tuple[str, ...]


def by_simulation(motion: SetMotion, model: PreparedModel) -> dict[str, float]:
    """Measure what the objectives are about, of the simulated motion."""
    knees = [model.body.coordinates.index(f"knee_angle_{side}") for side in "rl"]
    flexions = motion.coordinates[:, [c for pair in motion.pairs for c in pair]]
    speed = np.abs(np.gradient(flexions, motion.time_s, axis=0)).mean()
    apart = [np.abs(motion.coordinates[:, a] - motion.coordinates[:, b]).mean()
             for a, b in motion.pairs]  # fmt: skip
    return {
        "depth": float(np.rad2deg(motion.coordinates[:, knees].mean(axis=1).max())),
        "vastus_medialis": float(motion.activation.max()),
        "tilt": float(motion.tilt_deg.min()),
        "asymmetry": float(np.rad2deg(np.mean(apart))),
        "angular_speed": float(np.rad2deg(speed)),
    }


def judge(
    model: PreparedModel,
    cycle: Cycle,
    surrogate: dict[str, float],
    objectives: tuple[Objective, ...],
    options: Options,
) -> Judged:
    """Simulate a motion and say why it is rejected; no reason where it is accepted."""
    motion, believed = set_motion(model, cycle, options)
    found = by_simulation(motion, model)
    reasons = [] if believed else ["by simulation, no body can do it"]
    reasons += [
        MISSED.format(measure=one.measure, value=found[one.measure], low=one.low, high=one.high)
        for one in objectives
        if not one.low <= found[one.measure] <= one.high
    ]
    return Judged(cycle, motion, surrogate, found, tuple(reasons))


def write_reference(folder: Path, number: int, one: Judged, coordinates: tuple[str, ...]) -> str:
    """Write 101 rows of SKEL angles, as references are, and the motion as a .mot."""
    q, time_s = one.cycle
    columns = dict(zip(coordinates, q.T, strict=True))
    angles, _ = from_opensim(columns, DOWN)
    share = np.linspace(0.0, 1.0, POINTS)
    even = [np.interp(share, time_s / time_s[-1], column) for column in angles.T]
    buffer = io.BytesIO()
    np.save(buffer, np.stack(even, axis=1), allow_pickle=False)
    name = f"squat-{number:03}"
    write_bytes_atomic(folder / f"{name}.npy", buffer.getvalue())
    degrees = {n: c if n.startswith("pelvis_t") and n[-2] == "t" else np.rad2deg(c)
               for n, c in columns.items()}  # fmt: skip
    write_mot(folder / f"{name}.mot", time_s, degrees)
    return name


def generate(
    args: argparse.Namespace, model: PreparedModel, objectives: tuple[Objective, ...]
) -> tuple[list[Judged], dict[str, list[Cycle]], list[Cycle]]:
    """Train the VQ-VAE, guide its latents, judge; also return other sets and the reference."""
    body = model.body
    scaled, own = read_cycles(args.parts, body.coordinates)
    shape = CycleShape.of(body.coordinates, scaled)
    shaped = torch.tensor(np.stack([shape.shaped(*one) for one in scaled]), dtype=torch.float32)
    train = shaped
    options = VqvaeOptions(width=args.width, epochs=args.epochs, batch=32, seed=args.seed)
    network = fit_vqvae(train, options)
    limits = np.where(body.rotational[:, None], body.ranges, np.array([-np.inf, np.inf]))
    decoder = Decoder(network, shape, load_surrogate(args.surrogate),
                      Body(limits, leg_length_m(model), body.mass_kg))  # fmt: skip
    rows = torch.randperm(len(train), generator=torch.Generator().manual_seed(args.seed))[: args.n]
    with torch.no_grad():
        start = network.encode(train[rows])
        unguided = [shape.cycle(one.astype(np.float64), RATE_HZ)
                    for one in sampled(network, train, args.n, args.seed).numpy()]  # fmt: skip
    q, duration_s, found = guided(
        decoder, start, objectives, lambda one: planted(body, model.actuators.foot_m, one),
        GuidanceOptions(steps=args.steps),
    )  # fmt: skip
    judged = []
    for row in range(len(q)):
        time_s = np.linspace(0.0, duration_s[row], len(q[row]))
        own = {name: float(values[row]) for name, values in found.items()}
        judged.append(judge(model, (q[row], time_s), own, objectives, Options(1.0, floor_m=0.0)))
    sets = {"VQ-VAE": unguided, "trained on": [scaled[int(row)] for row in rows]}
    return judged, sets, own


def main() -> None:
    """Generate, write, print the rows of both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("objectives", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--surrogate", type=Path, required=True)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=360)
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--width", type=int, default=96)
    args = parser.parse_args()
    torch.set_num_threads(1)
    objectives = read_objectives(args.objectives)
    model = prepare(args.model, args.parts / "bodies")
    judged, sets, others = generate(args, model, objectives)
    accepted = [one for one in judged if not one.reasons]
    names = [write_reference(args.out, i, one, model.body.coordinates)
             for i, one in enumerate(accepted)]  # fmt: skip
    provenance = {
        "schema_version": 1,
        "objectives": [asdict(one) for one in objectives],
        "model_sha256": model.sha256,
        "surrogate_sha256": sha256_file(args.surrogate),
        "seed": args.seed,
        "steps": args.steps,
        "accepted": [{"name": name, "by_surrogate": one.by_surrogate,
                      "by_simulation": one.by_simulation}
                     for name, one in zip(names, accepted, strict=True)],
        "rejected": [{"reasons": list(one.reasons), "by_surrogate": one.by_surrogate,
                      "by_simulation": one.by_simulation}
                     for one in judged if one.reasons],
    }  # fmt: skip
    write_text_atomic(args.out / "generated.json", json.dumps(provenance, indent=2) + "\n")
    print(f"{len(accepted)} of {len(judged)} accepted")
    for one in objectives:
        inside = np.mean([one.low <= got.by_surrogate[one.measure] <= one.high for got in judged])
        truly = np.mean([one.low <= got.by_simulation[one.measure] <= one.high for got in judged])
        apart = [abs(got.by_surrogate[one.measure] - got.by_simulation[one.measure])
                 for got in accepted or judged]  # fmt: skip
        print(f"{one.measure}: in range by surrogate {inside:.0%}, by simulation {truly:.0%}; "
              f"apart {np.mean(apart):.3f}")  # fmt: skip
    _print_rows(model, accepted, sets, others, objectives)


def _print_rows(
    model: PreparedModel,
    accepted: list[Judged],
    sets: dict[str, list[Cycle]],
    others: list[Cycle],
    objectives: tuple[Objective, ...],
) -> None:
    options = Options(1.0, floor_m=0.0)
    reference = [set_motion(model, one, options)[0] for one in others[:40]]
    wanted = next((one for one in objectives if one.measure == "vastus_medialis"), None)
    low, high = (wanted.low, wanted.high) if wanted else (0.0, 1.0)
    print(f"noise floor of the fidelity: {noise_floor(reference):.4f}\n")
    print("| set, form | " + " | ".join(HEADS) + " |\n|" + "---|" * (len(HEADS) + 1))
    as_asked = [
        one for one in reference
        if all(o.low <= by_simulation(one, model)[o.measure] <= o.high for o in objectives)
    ]  # fmt: skip
    print(f"<!-- {len(as_asked)} of {len(reference)} references do what is asked for -->")
    measured = {"reference": reference, "reference, as asked": as_asked,
                "guided, accepted": [one.motion for one in accepted]}  # fmt: skip
    measured |= {name: [set_motion(model, one, options)[0] for one in chosen]
                 for name, chosen in sets.items()}  # fmt: skip
    for name, motions in measured.items():
        for form, row_of in (("printed", printed_row), ("corrected", corrected_row)):
            if motions:
                cells = astuple(row_of(motions, reference, low, high))
                print(f"| {name}, {form} | " + " | ".join(f"{v:.3f}" for v in cells) + " |")


if __name__ == "__main__":
    main()
