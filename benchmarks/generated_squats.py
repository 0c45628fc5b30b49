"""Generated squats beside made ones: acceptance, surrogate against simulation, BIGE's tables.

    python -m benchmarks.generated_squats FOLDER PARTS --model MODEL.osim

FOLDER is of `qevd-bio references generate squat`, PARTS of `tools/label_motions.py`; what the
model itself does there is the reference row.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import astuple
from pathlib import Path

import numpy as np

from qevd_bio.files.restricted_numpy import load_npz
from qevd_bio.generator.generate import ATTEMPTS, REPORT
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
        lines.append(
            f"{name}: in range by surrogate {shares[0]:.0%}, by simulation {shares[1]:.0%}; "
            f"apart in the accepted {np.mean(apart):.3f}"
        )
    return lines


def rows_of(report: dict, accepted: list[Simulated], made: list[Simulated]) -> list[str]:
    """Write tables 2 and 3 in both forms."""
    objectives = report["asked"]["objectives"]
    ranges = {one["measure"]: one["target"] for one in objectives}
    low, high = ranges.get("vastus_medialis", (0.0, 1.0))
    as_asked = [
        one for one in made if all(a <= one.measured[name] <= b for name, (a, b) in ranges.items())
    ]
    reference = [one.motion for one in made]
    lines = [
        f"noise floor of the fidelity: {noise_floor(reference):.4f}; {len(as_asked)} of "
        f"{len(made)} references do what is asked for", "",
        "| set, form | " + " | ".join(HEADS) + " |", "|" + "---|" * (len(HEADS) + 1),
    ]  # fmt: skip
    sets = {"reference": made, "reference, as asked": as_asked, "guided, accepted": accepted}
    for name, chosen in sets.items():
        for form, row_of in (("printed", printed_row), ("corrected", corrected_row)):
            if chosen:
                cells = astuple(row_of([one.motion for one in chosen], reference, low, high))
                lines.append(f"| {name}, {form} | " + " | ".join(f"{v:.3f}" for v in cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--most", type=int, default=60, help="motions of the reference row")
    args = parser.parse_args()
    report = json.loads((args.folder / REPORT).read_text(encoding="utf-8"))
    model = prepare(args.model, args.parts / "bodies")
    _, own = read_cycles(args.parts, model.body.coordinates)
    made = [simulated_motion(model, *one, report["passive_scale"]) for one in own[: args.most]]
    accepted = accepted_motions(args.folder, report, model)
    print("\n".join([*objective_lines(report), "", *rows_of(report, accepted, made)]))


if __name__ == "__main__":
    main()
