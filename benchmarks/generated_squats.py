"""Generated squats beside made ones: acceptance, surrogate against simulation, BIGE's tables.

    python -m benchmarks.generated_squats FOLDER PARTS --model MODEL.osim --asked FILE --plain 24

FOLDER is of `qevd-bio references generate squat`, PARTS of `tools/label_motions.py`. There are two
reference rows: what the model itself does in PARTS, whatever is asked, and as many further squats
of it that do what is asked (`benchmarks.made_as_asked`), which are the like to compare with.
`--plain` adds what the VQ-VAE makes without guidance (`benchmarks.unguided_squats`). All motions
are placed and headed as they begin.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np

from benchmarks.made_as_asked import made_as_asked
from benchmarks.unguided_squats import maker_of, shift_lines, unguided_sets
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.cycle_shape import placed
from qevd_bio.generator.generate import ATTEMPTS, REPORT
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.judging import Simulated, reasons_against, simulated_motion
from qevd_bio.motion.motion_sets import corrected_row, noise_floor, printed_row
from qevd_bio.muscles.prepared import PreparedModel, prepare
from tools.train_vqvae import read_cycles

HEADS = ("fidelity", "diversity", "penetration, cm", "floating, cm", "sliding, m/s", "tilt",
         "asymmetry", "angular speed", "COM speed", "COM acceleration", "constraint", "believed",
         "as asked")  # fmt: skip


def accepted_motions(folder: Path, report: dict, model: PreparedModel) -> list[Simulated]:
    """Simulate the accepted motions of a folder again."""
    numbers = {one["attempt"] for one in report["accepted"]}
    found = []
    for path in sorted((folder / ATTEMPTS).glob("*.npz")):
        batch = load_npz(path, ("q", "duration_s"))
        for row, (q, duration_s) in enumerate(zip(batch["q"], batch["duration_s"], strict=True)):
            if int(path.stem) * len(batch["q"]) + row in numbers:
                time_s = np.linspace(0.0, float(duration_s), len(q))
                found.append(simulated_motion(model, q, time_s, report["passive_scale"]))
    return found


def objective_lines(report: dict) -> list[str]:
    """Tell for each objective the shares in range, and how far surrogate and simulation differ."""
    tried = [*report["accepted"], *report["rejected"]]
    lines = [f"{len(report['accepted'])} of {report['tried']} accepted", ""]
    for one in report["asked"]["objectives"]:
        name, (low, high) = one["measure"], one["target"]
        shares = [np.mean([got[by][name] is not None and low <= got[by][name] <= high
                            for got in tried])
                  for by in ("by_surrogate", "by_simulation")]  # fmt: skip
        apart = [abs(got["by_surrogate"][name] - got["by_simulation"][name])
                 for got in report["accepted"]]  # fmt: skip
        told = f"apart in the accepted {np.mean(apart):.3f}" if apart else "none was accepted"
        lines.append(
            f"{name}: in range by surrogate {shares[0]:.0%}, by simulation {shares[1]:.0%}; {told}"
        )
    return lines


def as_they_begin(motions: list[Simulated], coordinates: Sequence[str]) -> list[Simulated]:
    """Place and head every motion as it begins: where in a room somebody stands is no property."""
    return [
        replace(one, motion=replace(
            one.motion, coordinates=placed(coordinates, one.motion.coordinates)
        ))
        for one in motions
    ]  # fmt: skip


def left_over_lines(accepted: list[Simulated]) -> list[str]:
    """Tell what nothing makes in accepted motions: the largest frame, and the 95th percentiles."""
    if not accepted:
        return []
    worst = np.max([one.left_over.max(axis=0) for one in accepted], axis=0)
    high = np.max([np.percentile(one.left_over, 95.0, axis=0) for one in accepted], axis=0)
    every = np.percentile(np.concatenate([one.left_over for one in accepted]), 95.0, axis=0)
    heads = ("reserve of a joint, Nm", "force on the pelvis, N", "moment on the pelvis, Nm")
    return ["", *(
        f"{head}: 95 % of all frames {among:.2f}, 95th percentile of the worst motion {p95:.2f}, "
        f"largest {most:.2f}"
        for head, among, p95, most in zip(heads, every, high, worst, strict=True)
    )]  # fmt: skip


def spread_lines(sets: Mapping[str, list[Simulated]]) -> list[str]:
    """Tell means of tilt (at the peak) and asymmetry with their standard errors."""
    lines = [""]
    for name, motions in sets.items():
        known = [one for one in motions if np.isfinite(one.activations).all()]
        tilt = [one.motion.tilt_deg[one.motion.activation.argmax()] for one in known]
        apart = [one.measured["asymmetry"] for one in known]
        told = [f"{np.mean(v):.2f} (standard error {np.std(v) / np.sqrt(len(v)):.2f})"
                for v in (tilt, apart) if v]  # fmt: skip
        lines.append(f"{name}, {len(motions)}: tilt, asymmetry {', '.join(told)}")
    return lines


def rows_of(
    sets: Mapping[str, list[Simulated]],
    reference: list[Simulated],
    objectives: Sequence[Objective],
) -> list[str]:
    """Write tables 2 and 3 in both forms, everything against one reference set.

    The last columns: the share that can be believed, and that also meets every objective.

    Raises
    ------
    SystemExit
        There is no motion to compare with.
    """
    if not reference:
        raise SystemExit("no reference motions: PARTS holds none of the model itself")
    wanted = [one.motion for one in reference]
    ranges = {one.measure: (one.low, one.high) for one in objectives}
    low, high = ranges.get("vastus_medialis", (0.0, 1.0))
    lines = [
        f"noise floor of the fidelity: {noise_floor(wanted):.4f}", "",
        "| set, form | " + " | ".join(HEADS) + " |", "|" + "---|" * (len(HEADS) + 1),
    ]  # fmt: skip
    for name, chosen in sets.items():
        known = [one for one in chosen if np.isfinite(one.activations).all()]
        if not known:
            why = "none could be simulated" if chosen else "none was accepted"
            lines.append(f"| {name}: {why} |" + " |" * len(HEADS))
            continue
        shares = (f"{np.mean([not one.doubts for one in chosen]):.0%}",
                  f"{np.mean([not reasons_against(one, objectives) for one in chosen]):.0%}",
                  )  # fmt: skip
        for form, row_of in (("printed", printed_row), ("corrected", corrected_row)):
            cells = astuple(row_of([one.motion for one in known], wanted, low, high))
            told = [*(f"{value:.3f}" for value in cells), *shares]
            lines.append(f"| {name} ({len(chosen)}), {form} | " + " | ".join(told) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--most", type=int, default=60, help="reference motions (of each seed)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[12, 13],
                        help="of the squats that do as asked")  # fmt: skip
    parser.add_argument("--plain", type=int, default=0, help="unguided motions of each kind")
    parser.add_argument("--asked", type=Path, required=True, help="file that keeps these squats")
    args = parser.parse_args()
    report = json.loads((args.folder / REPORT).read_text(encoding="utf-8"))
    model = prepare(args.model, args.parts / "bodies")
    _, own = read_cycles(args.parts, model.body.coordinates)
    made = [simulated_motion(model, *one, report["passive_scale"]) for one in own[: args.most]]
    accepted = accepted_motions(args.folder, report, model)
    asked = [Objective(one["measure"], *one["target"]) for one in report["asked"]["objectives"]]
    like = [
        one
        for seed in args.seeds
        for one in made_as_asked(
            model, asked, args.most, seed, args.asked.with_stem(f"{args.asked.stem}-{seed}")
        )
    ]
    sets = {"reference": made, "reference, as asked": like}
    if args.plain:
        maker = maker_of(args.folder, report, model)
        sets |= unguided_sets(maker, own, args.plain, report["seed"])
    sets["guided, accepted"] = accepted
    lines = [*objective_lines(report), *left_over_lines(accepted), *spread_lines(sets)]
    if args.plain and accepted:
        lines += ["", *shift_lines(maker, report["accepted"])]
    print("\n".join(lines))
    sets = {name: as_they_begin(some, model.body.coordinates) for name, some in sets.items()}
    for name, own_name in (("all", "reference"), ("as asked", "reference, as asked")):
        print(f"\nAgainst the references, {name}\n")
        print("\n".join(rows_of(sets, sets[own_name], asked)), flush=True)


if __name__ == "__main__":
    main()
