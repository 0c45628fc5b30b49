"""A segment that lasts longer than the memory of the live search is counted to its end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qevd_bio.exercises import cycles_so_far
from qevd_bio.exercises.cycles_so_far import CyclesSoFar
from qevd_bio.exercises.load import load_rules
from qevd_bio.motion.growing_motion import frames_of, without_frames
from tests.exercises.performed import RULES, as_motion, performed
from tests.pipeline.sessions_made import LENGTHS_M, PERIOD_S, squats_motion

SQUATS = 12


def watched(rule: str, motion) -> CyclesSoFar:
    stream = CyclesSoFar(load_rules()[rule], None, without_frames(motion))
    for number, frame in enumerate(frames_of(motion, 0, len(motion.time_s))):
        stream.add(frame)
        if number % 3 == 0:
            stream.look()
    return stream


def test_no_repetition_is_counted_twice_when_its_beginning_is_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(cycles_so_far, "MEMORY_S", 4.6 * PERIOD_S)
    times_s = np.arange(0.0, (SQUATS + 0.5) * PERIOD_S, 0.1)
    stream = watched("squat", squats_motion(1.0, times_s))
    assert stream.count in (SQUATS, SQUATS + 1)
    assert stream.whole_count() in (SQUATS, SQUATS + 1)
    assert len(stream.finish()) < SQUATS


@pytest.mark.parametrize("name", ["squat", "bird_dog"])
def test_the_count_is_that_of_a_long_memory(monkeypatch, name: str) -> None:
    motion = as_motion(performed(RULES[name], 10, noise_deg=0.5, seed=2))
    motion = replace(motion, segment_lengths_m=LENGTHS_M)
    whole = watched(name, motion).whole_count()
    monkeypatch.setattr(cycles_so_far, "MEMORY_S", float(motion.time_s[-1]) * 0.4)
    assert watched(name, motion).whole_count() == whole
