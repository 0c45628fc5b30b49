"""When two cells of a row agree."""

from __future__ import annotations

import math

import pytest

from qevd_bio.verify.row_differences import same


@pytest.mark.parametrize(
    ("own", "due", "agree"),
    [
        (90.0, 90.0 + 5e-5, True),
        (90.0, 90.0 + 5e-4, False),
        (0.01, 0.01 + 5e-7, True),
        (9.1e5, 9.1e5 + 0.9, False),
        (9.1e5, 9.1e5 + 5e-4, True),
        (1.69e9, 1.69e9 + 1e-3, False),
        (math.inf, math.inf, True),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        ("a", "a", True),
    ],
)
def test_numbers_agree_up_to_rounding_and_clocks_to_a_millisecond_or_exactly(
    own: object, due: object, agree: bool
) -> None:
    assert same(own, due) is agree
