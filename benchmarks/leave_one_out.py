"""What each value of the search for repetitions is worth, chosen with one data set left out.

Run ``python -m benchmarks.leave_one_out --data DIR --cache DIR``. Only the development half is
read. One value at a time is changed; a data set is scored by the value that is best on all others.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.counted_recordings import Recording, read_recordings
from benchmarks.repetitions import COUNTS_CUT_ONES, RULES, ours, scored
from qevd_bio.motion.repetitions import adaptive_smoothing, clearness, curve_choice, sets
from qevd_bio.motion.repetitions.cycles import COUNTED

VALUES: tuple[tuple[ModuleType, str, tuple[float, ...]], ...] = (
    (adaptive_smoothing, "PERIOD_SHARE", (0.07, 0.09, 0.11)),
    (clearness, "SWING_WEIGHT", (0.0, 0.25, 0.5)),
    (curve_choice, "DOUBT_SCALE", (0.1, 0.2, 0.4)),
    (curve_choice, "CLEAR", (0.06, 0.12, 0.24)),
    (sets, "FARTHEST", (1.8, 2.3, 2.8)),
)
Figures = dict[str, tuple[float, float, float]]


def figures(recordings: Sequence[Recording]) -> Figures:
    """Count every recording by its data set's convention: exact, off by one and MAE by set."""
    errors: dict[str, list[tuple[int, int]]] = {}
    for one in recordings:
        counted = "cut" if one.group in COUNTS_CUT_ONES else COUNTED
        error = scored(ours(one, RULES[str(one.rule_id)], counted), one).error
        errors.setdefault(one.group, []).append((abs(error), max(one.least, 1)))
    made = {}
    for group, pairs in sorted(errors.items()):
        off, least = np.array(pairs, dtype=float).T
        made[group] = (float(np.mean(off == 0)), float(np.mean(off <= 1)), _mae(off / least))
    return made


def _mae(shares: np.ndarray) -> float:
    return float(np.mean(np.minimum(shares, 1.0)))


def worth(found: Figures, without: str) -> float:
    """Add exact and off by one, less MAE, over the data sets but one."""
    return sum(sum(f[:2]) - f[2] for group, f in found.items() if group != without)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    options = parser.parse_args()
    half = [one for one in read_recordings(options.data, options.cache)
            if one.is_development and one.rule_id and one.group != "kinder_gator"]  # fmt: skip
    for module, name, values in VALUES:
        shipped, found = getattr(module, name), {}
        for value in values:
            setattr(module, name, value)
            found[value] = figures(half)
        setattr(module, name, shipped)
        print(f"\n### {name}, shipped {shipped:g}\n")
        print("| left out | " + " | ".join(f"{v:g}" for v in values) + " | chosen by the others |")
        print("|---" * (len(values) + 2) + "|")
        for group in found[shipped]:
            best = max(values, key=lambda value: worth(found[value], group))
            cells = ["{:.2f} / {:.2f} / {:.3f}".format(*found[value][group]) for value in values]
            print(f"| {group} | " + " | ".join(cells) + f" | {best:g} |", flush=True)


if __name__ == "__main__":
    main()
