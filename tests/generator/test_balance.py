"""The load of both legs from angles, by hand and against the muscle model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from qevd_bio.generator.balance import BALANCE, balance_features
from qevd_bio.generator.surrogate import mirror_of
from qevd_bio.skeleton.opensim_map import COORDINATES as ANGLES
from qevd_bio.skeleton.opensim_map import TRANSLATIONS
from tests.muscles.models import opened

AT = {name: number for number, name in enumerate(BALANCE)}
COORDINATES = (*ANGLES, *TRANSLATIONS)
PELVIS = ["pelvis_tilt", "pelvis_list", "pelvis_rotation"]
LEG_M, MASS_KG, G_M_S2 = 0.81, 75.3, 9.80665


def posed(**degrees: float) -> np.ndarray:
    q = np.zeros(len(COORDINATES))
    for name, value in degrees.items():
        q[COORDINATES.index(name)] = np.deg2rad(value)
    return q


def squats(count: int, seed: int = 0) -> np.ndarray:
    """Bent legs that differ, a body that leans and turns (count, N)."""
    rng = np.random.default_rng(seed)
    q = np.deg2rad(rng.uniform(-15.0, 15.0, (count, len(COORDINATES))))
    for name in ("hip_flexion", "knee_angle", "elbow_flex", "arm_flex"):
        for side in "rl":
            column = COORDINATES.index(f"{name}_{side}")
            q[:, column] += np.deg2rad(rng.uniform(20.0, 70.0, count))
    return q


def moved(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Such poses with speeds and accelerations, gently."""
    rng = np.random.default_rng(seed + 100)
    return (squats(count, seed), 0.5 * rng.standard_normal((count, len(COORDINATES))),
            rng.standard_normal((count, len(COORDINATES))))  # fmt: skip


def balance(
    q: np.ndarray,
    dq: np.ndarray | None = None,
    ddq: np.ndarray | None = None,
    leg_m: float = LEG_M,
) -> np.ndarray:
    still = np.zeros_like(q)
    moving = (q, still if dq is None else dq, still if ddq is None else ddq)
    tensors = [torch.from_numpy(np.ascontiguousarray(one)) for one in moving]
    return balance_features(COORDINATES, *tensors, leg_m, MASS_KG).numpy()


def told(found: np.ndarray, name: str) -> np.ndarray:
    return found[..., AT[name]]


def test_an_upright_body_carries_its_weight_with_both_legs_alike() -> None:
    found = balance(posed())
    for name in ("rightward share", "rightward centre", "rightward pressure", "rightward rise",
                 "rightward step", "forward force", "rightward force"):  # fmt: skip
        assert told(found, name) == pytest.approx(0.0, abs=1e-9), name
    assert told(found, "upward force") == pytest.approx(1.0)
    assert told(found, "forward pressure") == pytest.approx(told(found, "forward centre"))
    assert told(found, "knee demand_r") == pytest.approx(told(found, "knee demand_l"))


def test_bent_knees_and_hips_that_lean_ask_more_of_muscles() -> None:
    upright = balance(posed())
    bends = (("hip_flexion", 85.0), ("knee_angle", 80.0), ("ankle_angle", 25.0))
    legs = {f"{name}_{side}": value for side in "rl" for name, value in bends}
    bent = balance(posed(**legs, pelvis_tilt=-30.0, lumbar_extension=-20.0))
    for name in ("knee demand_r", "hip demand_l"):
        assert told(bent, name) > told(upright, name) + 0.05
    # half of the weight through each foot, less than half a thigh behind the knee
    assert told(bent, "knee demand_r") < 0.25 * 0.41 / LEG_M


def test_legs_that_swing_out_show_where_the_trunk_is() -> None:
    """Both legs apart; then as if the pelvis had moved to the right, whose leg takes more."""
    apart = balance(posed(hip_adduction_r=-10.0, hip_adduction_l=-10.0))
    assert told(apart, "stance width") > 2 * (0.077 + LEG_M * np.sin(np.deg2rad(10.0))) - 1e-9
    right = balance(posed(hip_adduction_r=5.0, hip_adduction_l=-5.0))
    assert told(right, "rightward centre") > 0.03
    share = told(right, "rightward pressure") / told(right, "stance width")
    assert told(right, "rightward share") == pytest.approx(share, rel=0.05)
    assert told(right, "knee demand_r") > told(right, "knee demand_l")


def test_trunk_and_arms_move_the_weight_to_where_they_go() -> None:
    upright = balance(posed())
    for lean in ({"lumbar_extension": -20.0}, {"arm_flex_r": 90.0, "arm_flex_l": 90.0}):
        assert told(balance(posed(**lean)), "forward centre") > (
            told(upright, "forward centre") + 0.01)  # fmt: skip
    assert told(balance(posed(lumbar_bending=10.0)), "rightward centre") > 0.01
    assert told(balance(posed(arm_add_l=-90.0)), "rightward centre") < -0.01
    lifted = balance(posed(hip_flexion_r=60.0, knee_angle_r=60.0))
    assert told(lifted, "rightward rise") == pytest.approx(0.41 * 0.5)


def test_a_body_that_is_pushed_pushes_the_ground() -> None:
    """Upwards with a fifth of gravity; forward, with the pressure so far behind its weight."""
    up, ahead = np.zeros(len(COORDINATES)), np.zeros(len(COORDINATES))
    up[COORDINATES.index("pelvis_ty")] = ahead[COORDINATES.index("pelvis_tx")] = 0.2 * G_M_S2
    assert told(balance(posed(), ddq=up), "upward force") == pytest.approx(1.2)
    still, found = balance(posed()), balance(posed(), ddq=ahead)
    assert told(found, "forward force") == pytest.approx(0.2)
    behind = (told(found, "forward centre") - told(found, "forward pressure")) / 0.2
    assert 0.85 < behind < 1.15, "the height of the centre of mass"
    assert told(found, "rightward pressure") == pytest.approx(told(still, "rightward pressure"))


def test_feet_that_roll_change_only_what_tells_of_feet() -> None:
    q = squats(20)
    rolled = q.copy()
    rolled[:, COORDINATES.index("mtp_angle_r")] += 0.5
    assert np.array_equal(balance(q), balance(rolled)), "toes carry no mass here"
    rolled[:, COORDINATES.index("subtalar_angle_r")] += np.deg2rad(10.0)
    off = np.abs(balance(rolled) - balance(q)).max(axis=0)
    assert off[AT["sole roll_r"]] > 0.1 > 0.03 > off[AT["knee demand_r"]]


def test_a_mirror_turns_what_has_a_side_and_nothing_else() -> None:
    q, dq, ddq = moved(30)
    whose, signs = mirror_of(COORDINATES)
    turned = balance(*((one[:, whose] * signs) for one in (q, dq, ddq)))
    from_, sides = mirror_of(BALANCE)
    assert np.allclose(turned, balance(q, dq, ddq)[:, from_] * sides)
    assert (sides < 0).sum() == 6 and (from_ != np.arange(len(BALANCE))).sum() == 12


def test_heading_and_place_do_not_count_however_the_pelvis_leans() -> None:
    q = squats(30)
    columns = [COORDINATES.index(name) for name in PELVIS]
    turn = Rotation.from_euler("y", 70.0, degrees=True)
    elsewhere = q + 3.0 * np.array([name.startswith("pelvis_t") for name in COORDINATES])
    elsewhere[:, columns] = (turn * Rotation.from_euler("ZXY", q[:, columns])).as_euler("ZXY")
    assert np.allclose(balance(elsewhere), balance(q))


def test_crossed_ankles_do_not_turn_forward_into_back() -> None:
    """Legs that cross from one degree to the next: only the share jumps, at its bound."""
    near, crossed = (
        balance(posed(hip_adduction_r=inward, hip_adduction_l=inward, lumbar_extension=-20.0))
        for inward in (5.0, 6.5)
    )
    assert told(near, "stance width") > 0.0 > told(crossed, "stance width")
    assert np.abs(near - crossed)[[AT["forward centre"], AT["forward pressure"]]].max() < 0.01


def test_a_larger_body_has_larger_distances_and_the_same_share() -> None:
    small, large = balance(squats(20)), balance(squats(20), leg_m=1.2 * LEG_M)
    for name in ("rightward centre", "forward pressure", "stance width", "rightward rise"):
        assert np.allclose(told(large, name), 1.2 * told(small, name))
    for name in ("rightward share", "knee demand_r", "hip demand_l"):
        assert np.allclose(told(large, name), told(small, name))


def test_soles_in_one_place_leave_it_finite() -> None:
    inward = brentq(
        lambda at: told(balance(posed(hip_adduction_r=at, hip_adduction_l=at)), "stance width"),
        3.0, 9.0, xtol=1e-14,
    )  # fmt: skip
    together = posed(hip_adduction_r=inward, hip_adduction_l=inward)
    assert abs(told(balance(together), "stance width")) < 1e-15
    q = torch.from_numpy(together)
    still = torch.zeros_like(q)
    found = balance_features(COORDINATES, q.requires_grad_(True), still, still, LEG_M, MASS_KG)
    found.sum().backward()
    assert torch.isfinite(found).all()
    assert q.grad is not None and torch.isfinite(q.grad).all()


def test_its_gradient_is_that_of_differences() -> None:
    moving = [torch.from_numpy(one).requires_grad_(True) for one in moved(2)]
    assert torch.autograd.gradcheck(
        lambda *at: balance_features(COORDINATES, *at, 0.85, MASS_KG), moving, atol=1e-4
    )


def test_a_coordinate_that_is_lacking_is_named() -> None:
    names = [name for name in COORDINATES if name != "elbow_flex_l"]
    none = torch.zeros(2, len(names))
    with pytest.raises(ValueError, match="elbow_flex_l"):
        balance_features(names, none, none, none, LEG_M, MASS_KG)


@pytest.mark.data
def test_the_ground_pushes_as_the_model_asks(shared_data) -> None:
    """Force and centre of pressure of the model itself, by its inverse dynamics."""
    model = opened(shared_data / "opencap_opensim" / "LaiUhlrich2022.osim")
    place = [COORDINATES.index(name) for name in model.coordinates]
    q, dq, ddq = moved(12)
    found = balance(q, dq, ddq)
    at = model.dynamics(*(one[:, place] for one in (q, dq, ddq)), ("calcn_r", "calcn_l"))
    weight_n = model.mass_kg * G_M_S2
    rows = [model.coordinates.index(name) for name in TRANSLATIONS]
    force = at.forces[:, rows] / weight_n
    assert np.abs(told(found, "upward force") - force[:, 1]).max() < 0.02
    level = np.linalg.norm(force[:, [0, 2]], axis=1)
    ours = np.hypot(told(found, "forward force"), told(found, "rightward force"))
    assert np.abs(ours - level).max() < 0.02
    soles = at.origins_m + at.turns @ np.array([0.1, -0.03, 0.0])
    across = soles[:, 0] - soles[:, 1]
    step = np.hypot(told(found, "stance width"), told(found, "rightward step"))
    # the model's knee rolls: up to 2 cm at each ankle
    assert np.abs(step - np.linalg.norm(across[:, [0, 2]], axis=1)).max() < 0.06
    centre = at.centre_m - soles.mean(axis=1)
    away = np.hypot(told(found, "forward centre"), told(found, "rightward centre"))
    assert np.abs(away - np.linalg.norm(centre[:, [0, 2]], axis=1)).max() < 0.04
