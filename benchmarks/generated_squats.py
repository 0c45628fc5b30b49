"""Generated squats beside made ones: acceptance, surrogate against simulation, BIGE's tables.

    python -m benchmarks.generated_squats FOLDER PARTS --model MODEL.osim

FOLDER is of `qevd-bio references generate squat`, PARTS of `tools/label_motions.py`. There are two
reference rows: what the model itself does in PARTS, whatever is asked, and as many further squats
of it that do what is asked (`benchmarks.made_as_asked`), which are the like to compare with.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import numpy as np

from benchmarks.made_as_asked import made_as_asked
from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.generate import ATTEMPTS, REPORT
from qevd_bio.generator.guidance import Objective
from qevd_bio.generator.judging import Simulated, simulated_motion
from qevd_bio.motion.motion_sets import corrected_row, noise_floor, printed_row
from qevd_bio.muscles.prepared import PreparedModel, prepare
from tools.train_vqvae import HEADS, read_cycles


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


def rows_of(
    sets: Mapping[str, list[Simulated]], reference: list[Simulated], low: float, high: float
) -> list[str]:
    """Write tables 2 and 3 in both forms, everything against one reference set.

    Raises
    ------
    SystemExit
        There is no motion to compare with.
    """
    if not reference:
        raise SystemExit("no reference motions: PARTS holds none of the model itself")
    wanted = [one.motion for one in reference]
    lines = [
        f"noise floor of the fidelity: {noise_floor(wanted):.4f}", "",
        "| set, form | " + " | ".join(HEADS) + " |", "|" + "---|" * (len(HEADS) + 1),
    ]  # fmt: skip
    for name, chosen in sets.items():
        if not chosen:
            lines.append(f"| {name}: none was accepted |" + " |" * len(HEADS))
            continue
        for form, row_of in (("printed", printed_row), ("corrected", corrected_row)):
            cells = astuple(row_of([one.motion for one in chosen], wanted, low, high))
            lines.append(f"| {name}, {form} | " + " | ".join(f"{v:.3f}" for v in cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--most", type=int, default=60, help="motions of a reference row")
    parser.add_argument("--seed", type=int, default=12, help="of the squats that do as asked")
    parser.add_argument("--asked", type=Path, required=True, help="file that keeps these squats")
    args = parser.parse_args()
    report = json.loads((args.folder / REPORT).read_text(encoding="utf-8"))
    model = prepare(args.model, args.parts / "bodies")
    _, own = read_cycles(args.parts, model.body.coordinates)
    made = [simulated_motion(model, *one, report["passive_scale"]) for one in own[: args.most]]
    accepted = accepted_motions(args.folder, report, model)
    asked = [Objective(one["measure"], *one["target"]) for one in report["asked"]["objectives"]]
    like = made_as_asked(model, asked, args.most, args.seed, args.asked)
    ranges = {one.measure: (one.low, one.high) for one in asked}
    low, high = ranges.get("vastus_medialis", (0.0, 1.0))
    sets = {"reference": made, "reference, as asked": like, "guided, accepted": accepted}
    print("\n".join(objective_lines(report)))
    for name, reference in (("all", made), ("as asked", like)):
        print(f"\nAgainst the references, {name}\n")
        print("\n".join(rows_of(sets, reference, low, high)), flush=True)


if __name__ == "__main__":
    main()
