"""Muscle forces against a closed form, and against OpenSim's own equilibrium."""

from __future__ import annotations

import numpy as np
import pytest

from qevd_bio.muscles.hill import Curve, balanced_force, force_table, tangent
from tests.muscles.made_muscles import two_muscles


def balance(muscles, activation, length, speed=0.0, passive_scale=1.0):
    shape = (1, len(muscles.names))
    return balanced_force(
        muscles, np.full(shape, activation), np.full(shape, length), np.full(shape, speed),
        passive_scale,
    )[0]  # fmt: skip


def test_a_curve_is_straight_between_its_points_and_beyond_them() -> None:
    curve = Curve(0.0, 0.5, np.array([[0.0, 1.0, 4.0], [2.0, 2.0, 2.0]]))
    x = np.array([[0.25, 0.3], [1.5, -1.0]])
    assert np.allclose(curve.at(x), [[0.5, 2.0], [7.0, 2.0]])


def test_force_is_what_the_closed_form_of_the_made_muscle_says() -> None:
    """Flat active curve, straight tendon: force a F0, no matter how long."""
    muscles = two_muscles()
    for activation in (0.1, 0.5, 1.0):
        assert balance(muscles, activation, 0.31)[0] == pytest.approx(1000 * activation, rel=1e-3)


def test_a_slack_muscle_pulls_with_nothing() -> None:
    assert balance(two_muscles(), 1.0, 0.05) == pytest.approx(0.0, abs=1e-6)


def test_pennation_takes_the_cosine_of_the_force() -> None:
    """Fibres of length l and width w pull with the share sqrt(1 - w^2 / l^2) of their force."""
    muscles = two_muscles()
    force = balance(muscles, 0.5, 0.30)[1]
    width = muscles.fibre_m[1] * np.sin(muscles.pennation_rad[1])
    tendon = muscles.tendon_m[1] * (1.0 + 0.04 * force / muscles.strongest_n[1])
    fibre = np.hypot(0.30 - tendon, width)
    assert force == pytest.approx(500.0 * np.sqrt(1 - (width / fibre) ** 2), rel=1e-3)


def test_passive_scale_scales_passive_force_only() -> None:
    muscles = two_muscles()
    none, whole = (balance(muscles, 0.0, 0.36, passive_scale=scale)[0] for scale in (0.0, 1.0))
    assert none == pytest.approx(0.0, abs=1.0) and whole > 50.0


def test_shortening_weakens_and_lengthening_strengthens() -> None:
    muscles = two_muscles()
    short, still, long = (balance(muscles, 0.5, 0.31, speed)[0] for speed in (-0.3, 0.0, 0.3))
    assert short < 0.8 * still and long > 1.1 * still


def test_the_tangent_goes_through_the_table() -> None:
    knots = np.array([0.0, 0.5, 1.0])
    table = np.array([[0.0, 10.0, 30.0]])
    force, slope = tangent(table, knots, np.array([0.75]))
    assert (force[0], slope[0]) == (20.0, 40.0)
    muscles = two_muscles()
    made = force_table(muscles, knots, np.full((1, 2), 0.31), np.zeros((1, 2)), 1.0)
    assert made.shape == (1, 2, 3) and np.allclose(made[0, 0], [0, 500, 1000], atol=2.0)


@pytest.mark.parametrize("field", ["strongest_n", "fibre_m"])
def test_muscles_of_no_strength_or_length_are_refused(field) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match=field):
        replace(two_muscles(), **{field: np.array([1.0, 0.0])})


@pytest.mark.data
def test_force_is_that_of_opensims_muscles_in_balance(shared_data) -> None:
    """OpenSim balances fibre and tendon at a standstill; so do we, at the same length."""
    pytest.importorskip("opensim", reason='needs the extra: pip install "qevd-bio[muscles]"')
    import opensim

    from qevd_bio.muscles.opensim_model import OpensimModel

    path = shared_data / "opencap_opensim" / "LaiUhlrich2022.osim"
    ours = OpensimModel(path)
    muscles = ours.hill()
    model = opensim.Model(str(path))
    state = model.initSystem()
    for name in ("soleus_r", "vasmed_r", "recfem_l", "gaslat_l", "tibant_r", "glmax2_l"):
        muscle, place = model.getMuscles().get(name), muscles.names.index(name)
        for activation in (0.05, 0.4, 0.9):
            muscle.setActivation(state, activation)
            model.realizePosition(state)
            muscle.computeEquilibrium(state)
            model.realizeDynamics(state)
            theirs = muscle.getTendonForce(state)
            length = np.full((1, 80), muscle.getLength(state))
            found = balanced_force(muscles, np.full(80, activation), length, 0 * length, 1.0)
            assert found[0, place] == pytest.approx(theirs, rel=0.02, abs=2.0), name
