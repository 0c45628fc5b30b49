"""Fitted paths against the geometry that they were sampled from."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.muscles.paths import fit_paths, path_lengths, powers_up_to
from tests.muscles.models import opened

RANGES = np.array([[-0.5, 2.0], [-0.4, 0.4], [-0.5, 2.0], [-1.0, 1.0]])


def triangles(q):
    """Three muscles: across coordinate 0, across 0 and 1, across 2; none across 3."""
    one = np.sqrt(0.4**2 + 0.05**2 + 2 * 0.4 * 0.05 * np.cos(q[:, 0]))
    two = 0.3 + 0.03 * np.sin(q[:, 0]) * np.cos(q[:, 1])
    three = np.sqrt(0.4**2 + 0.05**2 + 2 * 0.4 * 0.05 * np.cos(q[:, 2]))
    return np.stack([one, two, three], axis=1)


@pytest.fixture(scope="module")
def fitted():
    return fit_paths(triangles, RANGES, samples=200, held_out=50)


def test_lengths_and_moment_arms_are_those_of_the_geometry(fitted) -> None:
    q = np.random.default_rng(9).uniform(*RANGES.T, (40, 4))
    length, arm, outside = path_lengths(fitted, q)
    assert np.allclose(length, triangles(q), atol=1e-4)
    exact = 0.4 * 0.05 * np.sin(q[:, 0]) / triangles(q)[:, 0]
    assert np.allclose(arm[:, 0, 0], exact, atol=5e-4)
    assert np.allclose(arm[:, 1, 1], 0.03 * np.sin(q[:, 0]) * np.sin(q[:, 1]), atol=1e-3)
    assert np.all(outside < 1e-12)


def test_a_muscle_depends_on_the_coordinates_that_it_crosses_only(fitted) -> None:
    crossed = {tuple(g.coordinates): tuple(g.muscles) for g in fitted.groups}
    assert crossed == {(0,): (0,), (0, 1): (1,), (2,): (2,)}


def test_held_out_errors_are_told_and_are_true(fitted) -> None:
    q = np.random.default_rng(10).uniform(*RANGES.T, (400, 4))
    off = path_lengths(fitted, q)[0] - triangles(q)
    measured = np.sqrt((off**2).mean(axis=0))
    assert np.all(measured < 3 * fitted.length_error_m + 1e-6)
    assert np.all(fitted.arm_error_m < 5e-4) and not fitted.jump_share.any()


def test_beyond_the_ranges_the_nearest_pose_counts_and_is_told(fitted) -> None:
    q = np.array([[2.3, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 9.0]])
    length, _, outside = path_lengths(fitted, q)
    assert length[0, 0] == pytest.approx(length[1, 0])
    assert outside == pytest.approx([0.3, 0.0])


def test_same_seed_same_bytes() -> None:
    first, second = (fit_paths(triangles, RANGES, samples=80, held_out=20) for _ in range(2))
    for one, other in zip(first.groups, second.groups, strict=True):
        assert one.weights.tobytes() == other.weights.tobytes()


def test_powers_count_as_many_terms_as_a_polynomial_has() -> None:
    assert len(powers_up_to(4, 3)) == 35 and powers_up_to(4, 3).sum(axis=1).max() == 4


@pytest.mark.data
@pytest.mark.slow
def test_fitted_arms_are_opensims_own(shared_data) -> None:
    """OpenSim's solver for moment arms is another way than differences of lengths."""
    model = opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")
    import opensim

    fit = fit_paths(model.lengths_m, model.ranges, samples=600, held_out=60)
    other = opensim.Model(str(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim"))
    state = other.initSystem()
    q = np.tile(model.default, (1, 1))
    for name, angle in (("hip_flexion_r", 1.0), ("knee_angle_r", 1.2), ("ankle_angle_r", 0.3)):
        q[0, model.coordinates.index(name)] = angle
        other.getCoordinateSet().get(name).setValue(state, angle, True)
    other.realizePosition(state)
    arm = path_lengths(fit, q)[1][0]
    for muscle, name in (
        ("vasmed_r", "knee_angle_r"), ("soleus_r", "ankle_angle_r"), ("glmax2_r", "hip_flexion_r"),
        ("recfem_r", "hip_flexion_r"), ("bflh_r", "knee_angle_r"),
    ):  # fmt: skip
        coordinate = other.getCoordinateSet().get(name)
        theirs = other.getMuscles().get(muscle).computeMomentArm(state, coordinate)
        ours = arm[model.muscles.index(muscle), model.coordinates.index(name)]
        assert ours == pytest.approx(theirs, abs=2e-3), muscle
