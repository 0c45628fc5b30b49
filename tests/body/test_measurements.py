"""Measurements of whole bodies against SHAPY's own numbers and under movements of the body."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from qevd_bio.body.landmarks import read_landmarks
from qevd_bio.body.measurements import Bodies, measure
from qevd_bio.body.surface import surface_of
from qevd_bio.synthetic.body_mesh import load_body
from tests.body.open_body import open_bodies, open_builds

GOLDEN = Path(__file__).parents[1] / "golden" / "body"
GIRTHS = {"chest": "chest_m", "waist": "waist_m", "hips": "hip_m"}


@pytest.fixture(scope="module")
def golden() -> tuple[Bodies, tuple[str, ...], dict]:
    with np.load(GOLDEN / "bodies.npz", allow_pickle=False) as held:
        bodies = Bodies(
            held["vertices_m"].astype(np.float64),
            surface_of(held["faces"], held["vertices_m"].shape[1]),
            read_landmarks(GOLDEN / "landmarks.json"),
        )
        names = tuple(held["names"])
    return bodies, names, json.loads((GOLDEN / "reference_values.json").read_text())


@pytest.fixture
def bodies() -> Bodies:
    shares = np.array([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3], [0.0, 0.1, 0.9]])
    return open_bodies(shares)


def numbers(bodies: Bodies) -> dict[str, np.ndarray]:
    return asdict(measure(bodies))


def test_golden_bodies_measure_what_shapy_measures_and_not_less(golden) -> None:
    bodies, names, reference = golden
    found = numbers(bodies)
    for i, name in enumerate(names):
        official, exact = reference[name]["official"], reference[name]["exact"]
        assert found["height_m"][i] == pytest.approx(official["height"], abs=1e-4)
        assert found["mass_kg"][i] == pytest.approx(official["mass"], abs=1e-3)
        for key, column in GIRTHS.items():
            girth = found[column][i]
            assert official[key] <= girth <= official[key] + 5e-3
            assert girth == pytest.approx(exact[key], abs=1e-6)


def test_the_open_bodies_have_the_size_they_were_made_for() -> None:
    found = numbers(open_bodies(np.eye(3)))
    assert found["height_m"] == pytest.approx([1.78, 1.65, 1.76], abs=0.01)
    # Made with 980 kg/m3 in another pose, measured with 985.
    assert found["mass_kg"] == pytest.approx([74.0, 57.0, 95.0], rel=0.015)


@pytest.mark.parametrize("scale", [0.7, 1.31])
def test_a_scaled_body_scales_lengths_and_the_cube_of_mass(bodies: Bodies, scale: float) -> None:
    before, after = numbers(bodies), numbers(replace(bodies, vertices_m=scale * bodies.vertices_m))
    for name, value in before.items():
        power = 3 if name == "mass_kg" else 1
        np.testing.assert_allclose(after[name], scale**power * value, rtol=1e-12)


def test_a_turned_or_moved_body_measures_the_same(bodies: Bodies) -> None:
    before = numbers(bodies)
    half_a_turn = bodies.vertices_m * np.array([-1.0, 1.0, -1.0])
    c, s = np.cos(0.2), np.sin(0.2)
    turned = bodies.vertices_m @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    moved = bodies.vertices_m + np.array([5.0, -3.0, 11.0])
    for vertices in (half_a_turn, turned, moved):
        after = numbers(replace(bodies, vertices_m=vertices))
        for name, value in before.items():
            np.testing.assert_allclose(after[name], value, rtol=1e-9)


def test_many_bodies_measure_as_each_alone(bodies: Bodies) -> None:
    together = numbers(bodies)
    for i in range(len(bodies.vertices_m)):
        alone = numbers(replace(bodies, vertices_m=bodies.vertices_m[i : i + 1]))
        assert {name: value[0] for name, value in alone.items()} == {
            name: value[i] for name, value in together.items()
        }


def test_lowered_arms_are_refused() -> None:
    builds_m, surface, landmarks = open_builds()
    arms_half_down = load_body("man").vertices_m
    with pytest.raises(ValueError, match="body 1 is not in the T-pose"):
        measure(Bodies(np.stack([builds_m[0], arms_half_down]), surface, landmarks))


def test_a_body_upside_down_is_refused(bodies: Bodies) -> None:
    with pytest.raises(ValueError, match="head below its heel"):
        measure(replace(bodies, vertices_m=-bodies.vertices_m))


def test_landmarks_of_another_topology_are_refused(bodies: Bodies) -> None:
    with pytest.raises(ValueError, match="13718"):
        replace(bodies, landmarks=read_landmarks(GOLDEN / "landmarks.json"))
