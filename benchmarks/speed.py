"""How long everything from q to findings takes: 223 workouts of 6,000 frames, two processes.

Run ``python -m benchmarks.speed``; needs no recordings.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from qevd_bio.exercises.checking import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import load_rules
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX

EXERCISES = ("squat", "pushup", "jumping_jack", "walking_lunges", "plank")
RATE_HZ = 30.0
PERIOD_S = 2.4
RULES = load_rules()


def workout(frames: int, seed: int) -> Motion:
    """Perform the five references one after the other with two degrees of noise."""
    each = frames // len(EXERCISES)
    pieces = []
    for name in EXERCISES:
        reference = build_reference(RULES[name])
        phase = np.arange(each) / RATE_HZ / PERIOD_S % 1.0
        grid = np.linspace(0, 1, len(reference))
        pieces.append(np.stack([np.interp(phase, grid, c) for c in reference.T], axis=1))
    q = np.concatenate(pieces)
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    q += np.deg2rad(2.0) * np.random.default_rng(seed).standard_normal(q.shape)
    return Motion(
        q=q,
        time_s=np.arange(len(q)) / RATE_HZ,
        confidence=np.full(len(q), 0.9),
        valid=np.ones(len(q), dtype=bool),
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(2.0)),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={},
    )


def analyse(motion: Motion) -> tuple[int, int, float]:
    """Return cycles, findings and CPU seconds; a process loads the rules once."""
    rules, skeleton = RULES, generic_skeleton()
    each = len(motion.time_s) // len(EXERCISES)
    cycles = findings = 0
    began = time.process_time()
    for i, name in enumerate(EXERCISES):
        found = segment_cycles(motion, rules[name], i * each, (i + 1) * each, skeleton).cycles
        checked = segment_findings(motion, rules[name], [c.cycle for c in found], skeleton)
        cycles += len(found)
        findings += sum(map(len, checked))
    return cycles, findings, time.process_time() - began


def one(seed: int) -> tuple[int, int, float]:
    return analyse(workout(6000, seed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workouts", type=int, default=223)
    workouts = parser.parse_args().workouts
    analyse(workout(1500, 0))
    print("| frames | CPU seconds | ms per 1,000 frames |\n|---|---|---|")
    for frames in (1500, 3000, 6000, 12000, 24000):
        seconds = min(analyse(workout(frames, seed))[2] for seed in range(3))
        print(f"| {frames} | {seconds:.3f} | {1e6 * seconds / frames:.1f} |")
    with ProcessPoolExecutor(2) as pool:
        results = list(pool.map(one, range(workouts), chunksize=8))
    cycles, findings, seconds = (sum(column) for column in zip(*results, strict=True))
    print(
        f"\n{workouts} workouts of 6,000 frames, 2 processes on {os.cpu_count()} cores: "
        f"{seconds / 2:.1f} CPU seconds a process, {cycles} cycles, {findings} findings."
    )


if __name__ == "__main__":
    main()
