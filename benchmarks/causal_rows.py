"""What an annotation costs that knows only its past, and how it differs from hindsight.

Run ``python -m benchmarks.causal_rows``; needs no recordings. Made-up workouts of
`benchmarks.speed` with an utterance every six seconds: CPU of the search of whole segments, CPU of
the searches up to each utterance, and whether both give the same repetition.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from benchmarks.speed import RATE_HZ, Workout, workout
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.cycle_until import cycle_until
from qevd_bio.motion.repetitions.cycles import Cycle
from qevd_bio.skeleton.bodies import generic_skeleton

EVERY_S = 6.0
SAME_S = 0.3
"""Key frames nearer than this are those of one repetition."""


def compare(done: Workout, counts: Counter[str]) -> tuple[float, float]:
    """Count utterances by outcome; return the CPU seconds in hindsight and up to them."""
    motion, skeleton = done.motion, generic_skeleton()
    each = len(motion.time_s) // len(done.rules)
    whole_s = so_far_s = 0.0
    for i, rule in enumerate(done.rules):
        start, stop = i * each, (i + 1) * each
        began = time.process_time()
        found = segment_cycles(motion, rule, start, stop, skeleton).cycles
        cycles = [one.cycle for one in found]
        segment_findings(motion, rule, cycles, skeleton, frame_start=start)
        whole_s += time.process_time() - began
        for frame in range(start + int(2 * RATE_HZ), stop, int(EVERY_S * RATE_HZ)):
            began = time.process_time()
            scored = cycle_until(motion, rule, start, frame, skeleton).scored
            so_far_s += time.process_time() - began
            counts["utterances"] += 1
            if rule.kind != "hold":
                counts[outcome(scored.cycle if scored else None, cycles, frame)] += 1
    return whole_s, so_far_s


def outcome(known: Cycle | None, cycles: list[Cycle], frame: int) -> str:
    """Name how the cycle known at a frame compares with those of the whole segment."""
    due = next((one for one in reversed(cycles) if one.end <= frame), None)
    if known is None or due is None:
        return "none in both" if known is due else "one of the two has none"
    if abs(known.key_s - due.key_s) < SAME_S:
        return "the last one completed"
    near = any(abs(known.key_s - one.key_s) < SAME_S for one in cycles)
    return "another one, nearly over" if near and known.key > due.key else "another one"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workouts", type=int, default=223)
    number = parser.parse_args().workouts
    counts: Counter[str] = Counter()
    taken = [compare(workout(6000, seed), counts) for seed in range(number)]
    whole_s, so_far_s = (sum(one[i] for one in taken) for i in (0, 1))
    spoken = counts.pop("utterances")
    print(
        f"{number} workouts: {whole_s / number:.2f} CPU s each for whole segments, "
        f"{so_far_s / number:.2f} for {spoken / number:.0f} utterances "
        f"({1e3 * so_far_s / spoken:.1f} ms each)"
    )
    every = sum(counts.values())
    for name, count in counts.most_common():
        print(f"{name}: {count} of {every} ({100 * count / every:.1f} %)")


if __name__ == "__main__":
    main()
