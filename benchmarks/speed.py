"""How long everything from q to findings takes: 223 workouts of 6,000 frames, two processes.

A workout is five exercises drawn from all rules, done at their usual tempo with alternating
sides, two degrees of noise, angles wrapped and some frames without a person. The time holds
what the stages ``cycles`` and ``findings`` compute: angles made continuous, measures, cycles or
holds, posture, smoothed rotations, likeness to the reference built from the rule, noise of each
measure, findings. It leaves out making the motion, tables on disk and the start of a process.

Run ``python -m benchmarks.speed``; needs no recordings.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from qevd_bio.arrays import FloatArray
from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.exercises.references import build_reference
from qevd_bio.exercises.rule import Rule
from qevd_bio.motion.angles import wrap_angle
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from qevd_bio.skeleton.dofs import DOF_INDEX, mirror_q

EXERCISES_EACH = 5
RATE_HZ = 30.0
UNSEEN_SHARE = 0.01
RULES = load_rules()


@dataclass(frozen=True, slots=True)
class Workout:
    """A motion and the rules of its equally long segments."""

    motion: Motion
    rules: tuple[Rule, ...]


def performed(rule: Rule, frames: int) -> FloatArray:
    """Repeat a reference at the middle of the rule's tempo, every other time mirrored."""
    reference = build_reference(rule)
    period_s = math.sqrt(rule.tempo.shortest_s * rule.tempo.longest_s)
    turns = np.arange(frames) / RATE_HZ / period_s
    grid = np.linspace(0, 1, len(reference))
    q = np.stack([np.interp(turns % 1.0, grid, curve) for curve in reference.T], axis=1)
    if rule.kind == "alternating":
        other = turns.astype(int) % 2 == 1
        q[other] = mirror_q(q[other])
    return q


def workout(frames: int, seed: int) -> Workout:
    """Do five exercises one after the other."""
    rng = np.random.default_rng(seed)
    names = rng.choice(sorted(RULES), EXERCISES_EACH, replace=False)
    rules = tuple(RULES[name] for name in names)
    q = np.concatenate([performed(rule, frames // EXERCISES_EACH) for rule in rules])
    q[:, DOF_INDEX["pelvis_tilt"]] += np.pi
    q = wrap_angle(q + np.deg2rad(2.0) * rng.standard_normal(q.shape))
    found = rng.random(len(q)) >= UNSEEN_SHARE
    motion = Motion(
        q=q,
        time_s=np.arange(len(q)) / RATE_HZ,
        confidence=np.where(found, 0.9, 0.0),
        valid=found,
        observed=np.ones(46, dtype=bool),
        sigma_rad=np.full(46, np.deg2rad(2.0)),
        gravity=np.array([0.0, 1.0, 0.0]),
        gravity_source="camera",
        backend="made",
        betas=None,
        segment_lengths_m={},
    )
    return Workout(motion, rules)


def analyse(done: Workout) -> tuple[int, int, float]:
    """Return cycles, findings and CPU seconds; a process loads the rules once."""
    motion, skeleton = done.motion, generic_skeleton()
    each = len(motion.time_s) // len(done.rules)
    cycles = findings = 0
    began = time.process_time()
    for i, rule in enumerate(done.rules):
        found = segment_cycles(motion, rule, i * each, (i + 1) * each, skeleton).cycles
        checked = segment_findings(
            motion, rule, [c.cycle for c in found], skeleton, frame_start=i * each
        )
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
        # the least of three runs: the machine may be shared
        runs = [[analyse(workout(frames, seed))[2] for seed in range(5)] for _ in range(3)]
        seconds = float(np.min(runs, axis=0).mean())
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
