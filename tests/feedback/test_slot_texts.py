"""The texts of a slot and when each is in force."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.feedback.slot_texts import context_at, slot_texts, slots_in_force

ROWS = [
    {"time_s": 0.25 * i, "is_refresh": i in (4, 6, 12), "motion_context": f"known at {i}"}
    for i in range(16)
]


def test_the_first_row_and_each_refresh_fill_the_slot():
    assert slot_texts(ROWS) == (
        (0.0, "known at 0"), (1.0, "known at 4"), (1.5, "known at 6"), (3.0, "known at 12"),
    )  # fmt: skip
    assert [slot.time_s for slot in slot_texts(ROWS, least_apart_s=1.0)] == [0.0, 1.0, 3.0]
    assert slot_texts([]) == ()


def test_a_slot_is_in_force_from_its_time_on_and_never_before():
    times_s = np.array([-0.1, 0.0, 0.99, 1.0, 1.49, 1.5, 2.9, 3.0, 99.0])
    assert slots_in_force(slot_texts(ROWS), times_s).tolist() == [-1, 0, 0, 1, 1, 2, 2, 3, 3]
    assert slots_in_force((), times_s).tolist() == [-1] * 9


@pytest.mark.parametrize(("time_s", "row"), [(-1.0, None), (0.0, 0), (0.9, 3), (1.0, 4), (9, 15)])
def test_the_context_at_a_time_is_the_newest_row_by_then(time_s, row):
    assert context_at(ROWS, time_s) == (None if row is None else ROWS[row])
