"""Flags: each limit from both sides."""

from __future__ import annotations

import pytest

from qevd_bio.body.plausible import DOUBTS, flags_of

USUAL = {"height_m": 1.78, "mass_kg": 73.2, "chest_m": 1.0, "waist_m": 0.83, "hip_m": 0.98}


@pytest.mark.parametrize(
    ("changed", "flags"),
    [
        pytest.param({}, (), id="usual"),
        pytest.param({"height_m": 1.2}, (), id="short"),
        pytest.param({"height_m": 1.199}, ("height_range",), id="too short"),
        pytest.param({"height_m": 2.3}, (), id="tall"),
        pytest.param({"height_m": 2.301}, ("height_range",), id="too tall"),
        pytest.param({"mass_kg": 24.9}, ("mass_range",), id="too light"),
        pytest.param({"mass_kg": 250.1}, ("mass_range",), id="too heavy"),
        pytest.param({"waist_m": 0.99}, (), id="waist wider than hip"),
        pytest.param({"waist_m": 1.01}, ("girth_order",), id="waist widest"),
        pytest.param(
            {"height_m": 0.9, "mass_kg": 9.0, "waist_m": 2.0},
            ("height_range", "mass_range", "girth_order"),
            id="all",
        ),
    ],
)
def test_flags(changed: dict[str, float], flags: tuple[str, ...]) -> None:
    assert flags_of(USUAL | changed) == flags


@pytest.mark.parametrize(
    ("given", "flagged"), [(1.87, False), (1.69, False), (1.9, True), (1.6, True)]
)
def test_a_known_height_contradicts(given: float, flagged: bool) -> None:
    assert (flags_of(USUAL, given_height_m=given) == ("height_contradicted",)) is flagged


def test_an_open_surface_makes_only_the_mass_doubtful() -> None:
    assert flags_of(USUAL, is_closed=False) == ("open_surface",)
    assert DOUBTS["open_surface"] == {"mass_kg"}
