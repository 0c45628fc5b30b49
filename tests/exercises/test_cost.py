"""The cost of analysis: a constant number of plain array operations a frame.

Seconds differ from machine to machine and with what else it does; the ratio of two costs taken
in turns hardly does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from qevd_bio.exercises.check_cycles import segment_findings
from qevd_bio.exercises.cycle_search import segment_cycles
from qevd_bio.exercises.load import load_rules
from qevd_bio.motion.record import Motion
from qevd_bio.skeleton.bodies import generic_skeleton
from tests.exercises.performed import as_motion, performed

RULES = load_rules()
SKELETON = generic_skeleton()
EXERCISES = ("squat", "pushup", "jumping_jack", "walking_lunges", "plank")
MOST = 3.0
"""Times the yardstick; 1.2 when this was written, 4.7 when matrices were multiplied one by one."""


def analyse(motions: dict[str, Motion]) -> None:
    for name, motion in motions.items():
        rule = RULES[name]
        found = segment_cycles(motion, rule, 0, len(motion.time_s), SKELETON).cycles
        assert segment_findings(motion, rule, [item.cycle for item in found], SKELETON)


def yardstick(frames: int) -> None:
    """Work that does not change: long arrays and many short ones, as analysis has both."""
    curves = np.linspace(0.0, 9.0, 46 * frames).reshape(46, frames)
    for _ in range(8):
        np.sqrt(np.sin(curves) ** 2 + np.cos(curves) ** 2).sum()
    short = np.linspace(9.0, 0.0, 50)
    for _ in range(frames):
        np.sort(short).mean()


def least_costs_s(*works: Callable[[], None]) -> list[float]:
    """CPU seconds of each work, the least of several turns."""
    costs = []
    for _ in range(5):
        began = [time.process_time()]
        for work in works:
            work()
            began.append(time.process_time())
        costs.append(np.diff(began))
    return [float(cost) for cost in np.min(costs, axis=0)]


@pytest.mark.slow
def test_the_cost_of_a_frame_stays_what_it_is() -> None:
    short, long = (
        {name: as_motion(performed(RULES[name], n, noise_deg=2.0)) for name in EXERCISES}
        for n in (6, 24)
    )
    few, many = (sum(len(motion.q) for motion in work.values()) for work in (short, long))
    analyse(short)
    cost_few, cost_many, measure = least_costs_s(
        lambda: analyse(short), lambda: analyse(long), lambda: yardstick(many)
    )
    assert cost_many / measure < MOST
    assert cost_many / many < 1.25 * cost_few / few
