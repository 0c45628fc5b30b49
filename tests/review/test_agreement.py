"""Krippendorff's alpha against published examples, and the interval of a share."""

from __future__ import annotations

import random

import pytest

from qevd_bio.review.agreement import krippendorff_alpha, share_interval


def units(*annotators: str) -> list[list[str]]:
    """Read one row an annotator, one letter a unit, a dot where there is no value."""
    return [[one for one in column if one != "."] for column in zip(*annotators, strict=True)]


KRIPPENDORFF_2011 = {
    "A, binary, two observers": (("0100000010", "1110010000"), 0.095),
    "B, nominal, two observers": (("aabbdcccedda", "babbbccceddd"), 0.692),
    "C, four observers, missing values": (
        ("123321412...", "1233224125.3", ".3332342251.", "12332441251."),
        0.743,
    ),
}
WIKIPEDIA = (".....34121133.3", "1.213343.......", "..21344.21133.4")


@pytest.mark.parametrize("name", KRIPPENDORFF_2011)
def test_the_examples_of_krippendorff(name: str) -> None:
    """K. Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011."""
    annotators, alpha = KRIPPENDORFF_2011[name]
    assert krippendorff_alpha(units(*annotators)) == pytest.approx(alpha, abs=5e-4)


def test_the_example_of_wikipedia() -> None:
    assert krippendorff_alpha(units(*WIKIPEDIA)) == pytest.approx(0.691, abs=5e-4)


def test_bounds_and_what_is_not_defined() -> None:
    assert krippendorff_alpha(units("ab", "ab")) == 1.0
    assert krippendorff_alpha([]) is None
    assert krippendorff_alpha(["a", "b"]) is None, "nobody judged twice"
    assert krippendorff_alpha(units("aaa", "aaa")) is None, "no variation"
    always = krippendorff_alpha(units("ab" * 500, "ba" * 500))
    assert always == pytest.approx(-1.0, abs=2e-3)


def test_chance_gives_about_zero() -> None:
    rng = random.Random(0)
    given = [[rng.choice("abc"), rng.choice("abc")] for _ in range(20_000)]
    assert krippendorff_alpha(given) == pytest.approx(0.0, abs=0.02)


def test_the_interval_is_wilsons() -> None:
    # Newcombe (1998), table I, method 3 (score without continuity correction)
    for count, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                    (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert share_interval(count, total) == pytest.approx((low, high), abs=5e-5)
    assert share_interval(0, 0) is None
