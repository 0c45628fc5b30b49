"""Filters in the address of the page."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qevd_bio.errors import UsageError
from qevd_bio.review.filters import Filters


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"status": "any"},
        {"status": "kept,unsupported", "kind": "corrective", "order": "random"},
        {"exercise": "squat,lunge_jumps", "verdict": "open,stale,rejected"},
        {"annotator": "Zoë B.", "disagreement": "yes", "passed": "yes"},
        {"q": "knees & <b>"},
    ],
)
def test_an_address_gives_its_filters_back(query: dict[str, str]) -> None:
    assert Filters.from_query(query).to_query() == query


@pytest.mark.parametrize(
    "query",
    [
        {"exercize": "squat"},
        {"status": "rewriten"},
        {"status": "kept,"},
        {"verdict": "undone"},
        {"order": "certainty,time"},
        {"disagreement": "no"},
        {"annotator": "ann,bob"},
        {"annotator": "../x"},
        {"exercise": "a\nb"},
        {"finding": "<script>"},
        {"q": "x" * 201},
        {"split": "dev"},
    ],
)
def test_an_unknown_parameter_or_value_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="filter"):
        Filters.from_query(query)


def test_a_mistyped_value_is_answered_with_the_one_that_exists() -> None:
    with pytest.raises(UsageError, match="Did you mean 'rewritten'"):
        Filters.from_query({"status": "rewriten"})


NAMES = st.sampled_from(["status", "exercise", "verdict", "q", "annotator", "order", "x"])
VALUES = st.sampled_from(["kept", "any", "squat", "a,b", "", ",", "time", "x\0", "\ud800"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, VALUES | st.text(max_size=9), max_size=4))
def test_any_address_is_read_or_refused(query: dict[str, str]) -> None:
    try:
        found = Filters.from_query(query)
    except UsageError:
        return
    assert Filters.from_query(found.to_query()) == found
